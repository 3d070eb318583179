//go:build unix && !linux

package wasm

import (
	"os"

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

// restore maps the image again.
func (m *memory) restore() error { return m.image.mapOver(m.bytes) }
