package turgo

import "unsafe"

// argument is the buffer that turgo_buffer lends to the host. It outlives the
// instance that lends it: the host may keep it until it asks for another.
type argument struct {
	bytes []byte
	// Where the buffer starts, and how far from there 16 bytes may be read at once.
	argumentStart  uintptr
	argumentLength int
}

// lend returns a buffer of at least length bytes for the host to write into.
func (a *argument) lend(length int) []byte {
	if need := length + slack; need > len(a.bytes) || (len(a.bytes) > keepLength && need <= keepLength) {
		a.bytes = make([]byte, max(need, initialLength))
		a.argumentStart = uintptr(unsafe.Pointer(unsafe.SliceData(a.bytes)))
		a.argumentLength = len(a.bytes) - slack
	}
	return a.bytes
}
