package wasm

import "golang.org/x/sys/unix"

const mapNoReserve = unix.MAP_NORESERVE

// image is the snapshot's file, which lives as long as its mapping.
type image struct{ fd int }

func (i *image) create(size int) error {
	fd, err := unix.MemfdCreate("turgo-snapshot", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	i.fd = fd
	return unix.Ftruncate(fd, int64(size))
}

func (i *image) write(content []byte) error { return writeSparse(i.fd, content) }

// mapOver replaces memory by the image. The mapping keeps the file alive.
func (i *image) mapOver(over []byte) error {
	err := mapPrivate(i.fd, over)
	i.close()
	return err
}

func (i *image) close() {
	if i.fd > 0 {
		_ = unix.Close(i.fd) // nothing is lost: the file is memory
		i.fd = 0
	}
}

// dropChanges drops the private pages, so that those of the file show again.
func (m *memory) dropChanges() error { return unix.Madvise(m.bytes, unix.MADV_DONTNEED) }

// giveBack returns memory to the system and keeps its addresses.
func giveBack(behind []byte) error {
	if err := unix.Madvise(behind, unix.MADV_DONTNEED); err != nil {
		return err
	}
	return unix.Mprotect(behind, unix.PROT_NONE)
}
