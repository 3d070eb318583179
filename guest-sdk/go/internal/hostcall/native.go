//go:build !wasm

package hostcall

import "unsafe"

// Calls is what the imports do, for a native stand-in of the host.
type Calls interface {
	Emit(output uint32, batch []byte)
	Fail(code uint32, text string)
	StateGet(state uint32, buffer []byte) int64
	StatePut(state uint32, data []byte)
	StateClear(state uint32)
	ListAppend(state uint32, data []byte)
	ListRead(state uint32, from uint64, buffer []byte) int64
	MapGet(state uint32, key, buffer []byte) int64
	MapPut(state uint32, key, data []byte)
	MapDelete(state uint32, key []byte)
	MapScan(state uint32, after []byte, first bool, buffer []byte) int64
	TimerSet(timer uint32, timestamp int64)
	TimerDelete(timer uint32, timestamp int64)
	Log(level uint32, text string)
	Metric(index uint32, value int64)
}

// Host is the stand-in. Buffers are read into up to their capacity, as in Wasm.
type Host struct{ Calls }

// StateGet reads a value into a buffer.
func (h Host) StateGet(state uint32, buffer unsafe.Pointer, capacity uint32) int64 {
	return h.Calls.StateGet(state, unsafe.Slice((*byte)(buffer), capacity)[:0])
}

// StatePut writes a value.
func (h Host) StatePut(state uint32, data unsafe.Pointer, length uint32) {
	h.Calls.StatePut(state, unsafe.Slice((*byte)(data), length))
}
