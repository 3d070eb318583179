package wasm

import (
	"fmt"
	"io"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

const mapNoReserve = unix.MAP_NORESERVE

// image is the snapshot's file.
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

// mapOver replaces memory by the image.
func (i *image) mapOver(over []byte) error { return mapPrivate(i.fd, over) }

func (i *image) close() {
	if i.fd > 0 {
		_ = unix.Close(i.fd) // nothing is lost: the file is memory
		i.fd = 0
	}
}

// Where few pages have changed, they are written over: a page that is dropped
// costs a fault when it is next touched, which takes several times as long. The
// pages stay with the process, so their number is bounded.
const (
	changedPagesMax = 1024
	changedSpansMax = 256
)

// changes is what the system tells of pages, and where it writes that to.
type changes struct {
	argument scanArgument
	spans    [changedSpansMax]scanSpan
}

// scanArgument is struct pm_scan_arg of Linux, scanSpan its struct page_region.
type scanArgument struct {
	size, flags, start, end, walkEnd, vector, vectorLength, pagesMax uint64
	inverted, all, any, returned                                     uint64
}

type scanSpan struct{ start, end, categories uint64 }

// Numbers of Linux's PAGEMAP_SCAN, which version 6.7 has first.
const (
	pagemapScan     = 0xc0606610
	pageIsFile      = 1 << 2
	pageIsPresent   = 1 << 3
	pageIsSwapped   = 1 << 4
	pageIsZeroFrame = 1 << 5
)

// pagemap is this process's file of that name, -1 where there is none.
var pagemap = sync.OnceValue(func() int {
	fd, err := unix.Open("/proc/self/pagemap", os.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
})

// changed finds the pages that are neither those of the image nor untouched. It
// reports false where the system cannot tell, or where they are many.
func (m *memory) changed() ([]scanSpan, bool) {
	fd := pagemap()
	if fd < 0 {
		return nil, false
	}
	base := uint64(uintptr(unsafe.Pointer(&m.reserved[0])))
	a := &m.changes.argument
	*a = scanArgument{
		size: uint64(unsafe.Sizeof(*a)), start: base, end: base + m.accessible,
		vector: uint64(uintptr(unsafe.Pointer(&m.changes.spans[0]))), vectorLength: changedSpansMax, pagesMax: changedPagesMax,
		inverted: pageIsFile | pageIsZeroFrame, all: pageIsFile | pageIsZeroFrame, any: pageIsPresent | pageIsSwapped, returned: pageIsPresent,
	}
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), pagemapScan, uintptr(unsafe.Pointer(a)))
	if errno != 0 || a.walkEnd < a.end {
		return nil, false
	}
	return m.changes.spans[:n], true
}

// rewind makes the content that of the image, and what lies behind it zero.
func (m *memory) rewind() error {
	spans, known := m.changed()
	if !known {
		// The private pages go, so that those of the file show again.
		return unix.Madvise(m.reserved[:m.accessible], unix.MADV_DONTNEED)
	}
	base := uint64(uintptr(unsafe.Pointer(&m.reserved[0])))
	for _, s := range spans {
		start, end := s.start-base, s.end-base
		if end > m.snapshot {
			clear(m.reserved[max(start, m.snapshot):end])
		}
		for end = min(end, m.snapshot); start < end; {
			n, err := unix.Pread(m.image.fd, m.reserved[start:end], int64(start))
			if err == nil && n == 0 {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				return fmt.Errorf("the snapshot of a guest's memory: %w", err)
			}
			start += uint64(n)
		}
	}
	return nil
}
