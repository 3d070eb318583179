//go:build unix && !linux

package wasm

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const mapNoReserve = unix.MAP_NORESERVE

// image is the snapshot's file, without a name.
type image struct{ file *os.File }

func (i *image) create(size int) error {
	file, err := os.CreateTemp("", "turgo-snapshot-*")
	if err != nil {
		return err
	}
	i.file = file
	if err := os.Remove(file.Name()); err != nil {
		return err
	}
	return file.Truncate(int64(size))
}

func (i *image) write(content []byte) error { return writeSparse(int(i.file.Fd()), content) }

func (i *image) mapOver(over []byte) error { return mapPrivate(int(i.file.Fd()), over) }

func (i *image) close() {
	if i.file != nil {
		_ = i.file.Close() // the file has no name and nobody reads it again
		i.file = nil
	}
}

// changes is nothing: the system does not tell which pages have changed.
type changes struct{}

// rewind maps the image again, and nothing behind it.
func (m *memory) rewind() error {
	if err := m.image.mapOver(m.bytes); err != nil || m.accessible == m.snapshot {
		return err
	}
	behind := m.reserved[m.snapshot:m.accessible]
	m.accessible = m.snapshot
	_, err := unix.MmapPtr(-1, 0, unsafe.Pointer(&behind[0]), uintptr(len(behind)), unix.PROT_NONE,
		unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_FIXED|mapNoReserve)
	return err
}
