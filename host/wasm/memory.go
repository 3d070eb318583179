package wasm

import (
	"fmt"
	"unsafe"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sys/unix"
)

// memory is the linear memory of one instance: address space that is reserved
// once and made accessible as it grows, so it never moves and is not part of
// the Go heap. It implements wazero's allocator and memory.
type memory struct {
	reserved []byte
	bytes    []byte // what the guest has now
	refused  uint64 // the size that was asked for and not granted, 0 = none
	failure  error  // why the machine did not give what the limit allows
	snapshot uint64 // size when the snapshot was taken
	image    image
	shrinks  bool // the next Reallocate goes back to the snapshot's size
	// accessible is how much may be read and written, though the guest, whose
	// bounds are checked, has less where its memory has shrunk.
	accessible uint64
	changes    changes
}

// newMemory reserves address space for all that a guest may ever have.
func newMemory(limit uint64) (*memory, error) {
	reserved, err := unix.Mmap(-1, 0, int(limit), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|mapNoReserve)
	if err != nil {
		return nil, fmt.Errorf("wasm: reserving %d bytes of address space for a guest: %w", limit, err)
	}
	return &memory{reserved: reserved}, nil
}

// Allocate is what wazero calls for the one memory of a module.
func (m *memory) Allocate(_, _ uint64) experimental.LinearMemory { return m }

// Reallocate makes the memory size bytes long, or returns nil.
func (m *memory) Reallocate(size uint64) []byte {
	if m.shrinks {
		m.bytes = m.reserved[:m.snapshot:m.snapshot]
		return m.bytes
	}
	if size > uint64(len(m.reserved)) {
		m.refused = size
		return nil
	}
	if size > m.accessible {
		if err := unix.Mprotect(m.reserved[m.accessible:size], unix.PROT_READ|unix.PROT_WRITE); err != nil {
			m.failure = fmt.Errorf("wasm: no memory for a guest: %d bytes of the %d that it may have: %w", size, len(m.reserved), err)
			return nil
		}
		m.accessible = size
	}
	m.bytes = m.reserved[:size:size]
	return m.bytes
}

// lack tells that the machine had no memory for the guest since it was asked
// last: no fault of the guest, and not to be repeated elsewhere.
func (m *memory) lack() error {
	if m.failure == nil {
		return nil
	}
	err := &hostFault{m.failure}
	m.failure = nil
	return err
}

// Free returns the address space.
func (m *memory) Free() {
	if m.reserved != nil {
		_ = unix.Munmap(m.reserved) // fails only for what is not mapped
	}
	m.reserved, m.bytes = nil, nil
	m.image.close()
}

// takeSnapshot makes the memory a private mapping of a copy of its present
// content, to which restore goes back.
func (m *memory) takeSnapshot() error {
	if len(m.bytes) == 0 {
		return nil
	}
	if err := m.image.create(len(m.bytes)); err != nil {
		return fmt.Errorf("wasm: snapshot of a guest's memory: %w", err)
	}
	if err := m.image.write(m.bytes); err != nil {
		return fmt.Errorf("wasm: snapshot of a guest's memory: %w", err)
	}
	if err := m.image.mapOver(m.bytes); err != nil {
		return fmt.Errorf("wasm: snapshot of a guest's memory: %w", err)
	}
	m.snapshot = uint64(len(m.bytes))
	return nil
}

// restore goes back to the snapshot, and reports whether it could.
func (m *memory) restore(guest api.Memory) (bool, error) {
	if !m.shrink(guest) {
		return false, nil
	}
	return true, m.rewind()
}

// shrink takes back what the memory has grown by since the snapshot, and
// reports whether it could. WebAssembly knows no way to shrink, but wazero takes
// the size that its allocator gives, where its host asks for a page more. What
// lies behind the size is out of the guest's reach again, and rewind makes it
// zero.
func (m *memory) shrink(guest api.Memory) bool {
	size := uint64(len(m.bytes))
	if m.snapshot == 0 || size < m.snapshot {
		return false
	}
	if size == m.snapshot {
		return true
	}
	m.shrinks = true
	_, shrunk := guest.Grow(1)
	m.shrinks = false
	return shrunk && uint64(len(m.bytes)) == m.snapshot && uint64(guest.Size()) == m.snapshot
}

// mapPrivate maps a file over existing memory.
func mapPrivate(fd int, over []byte) error {
	_, err := unix.MmapPtr(fd, 0, unsafe.Pointer(&over[0]), uintptr(len(over)),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED)
	return err
}

// writeSparse writes the content to a new file, leaving out what is zero.
func writeSparse(fd int, content []byte) error {
	const chunk = 1 << 14
	for offset := 0; offset < len(content); offset += chunk {
		part := content[offset:min(offset+chunk, len(content))]
		if isZero(part) {
			continue
		}
		for written := 0; written < len(part); {
			n, err := unix.Pwrite(fd, part[written:], int64(offset+written))
			if err != nil {
				return err
			}
			written += n
		}
	}
	return nil
}

func isZero(b []byte) bool {
	words := unsafe.Slice((*uint64)(unsafe.Pointer(&b[0])), len(b)/8)
	for _, w := range words {
		if w != 0 {
			return false
		}
	}
	return true
}
