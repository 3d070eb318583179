//go:build wasm

package hostcall

import "unsafe"

// Host is the host. It has no state: a module has one host.
type Host struct{}

//go:wasmimport turgo_v1 emit
//go:noescape
func emit(output uint32, data unsafe.Pointer, length uint32)

//go:wasmimport turgo_v1 fail
//go:noescape
func fail(code uint32, text unsafe.Pointer, length uint32)

//go:wasmimport turgo_v1 state_get
//go:noescape
func stateGet(state uint32, buffer unsafe.Pointer, capacity uint32) int64

//go:wasmimport turgo_v1 state_put
//go:noescape
func statePut(state uint32, data unsafe.Pointer, length uint32)

//go:wasmimport turgo_v1 state_clear
func stateClear(state uint32)

//go:wasmimport turgo_v1 list_append
//go:noescape
func listAppend(state uint32, data unsafe.Pointer, length uint32)

//go:wasmimport turgo_v1 list_read
//go:noescape
func listRead(state uint32, from int64, buffer unsafe.Pointer, capacity uint32) int64

//go:wasmimport turgo_v1 map_get
//go:noescape
func mapGet(state uint32, key unsafe.Pointer, keyLength uint32, buffer unsafe.Pointer, capacity uint32) int64

//go:wasmimport turgo_v1 map_put
//go:noescape
func mapPut(state uint32, key unsafe.Pointer, keyLength uint32, data unsafe.Pointer, length uint32)

//go:wasmimport turgo_v1 map_delete
//go:noescape
func mapDelete(state uint32, key unsafe.Pointer, keyLength uint32)

//go:wasmimport turgo_v1 map_scan
//go:noescape
func mapScan(state uint32, after unsafe.Pointer, afterLength uint32, buffer unsafe.Pointer, capacity uint32) int64

//go:wasmimport turgo_v1 timer_set
func timerSet(timer uint32, timestamp int64)

//go:wasmimport turgo_v1 timer_delete
func timerDelete(timer uint32, timestamp int64)

//go:wasmimport turgo_v1 log
//go:noescape
func log(level uint32, text unsafe.Pointer, length uint32)

//go:wasmimport turgo_v1 metric
func metric(metric uint32, value int64)

// NoKey is the after length that makes MapScan start at the first entry.
const noKey = 0xffffffff

func address(data []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(data)) }

func addressOf(text string) unsafe.Pointer { return unsafe.Pointer(unsafe.StringData(text)) }

// Emit emits a whole batch.
func (Host) Emit(output uint32, batch []byte) { emit(output, address(batch), uint32(len(batch))) }

// Fail fails the record in hand.
func (Host) Fail(code uint32, text string) { fail(code, addressOf(text), uint32(len(text))) }

// StateGet reads a value into a buffer: version<<32 | length, or -1. This and
// StatePut take addresses, so that they are little enough to be inlined.
func (Host) StateGet(state uint32, buffer unsafe.Pointer, capacity uint32) int64 {
	return stateGet(state, buffer, capacity)
}

// StatePut writes a value.
func (Host) StatePut(state uint32, data unsafe.Pointer, length uint32) {
	statePut(state, data, length)
}

// StateClear removes a value, list or map.
func (Host) StateClear(state uint32) { stateClear(state) }

// ListAppend appends an element.
func (Host) ListAppend(state uint32, data []byte) {
	listAppend(state, address(data), uint32(len(data)))
}

// ListRead reads elements after a cursor: count<<32 | bytes.
func (Host) ListRead(state uint32, from uint64, buffer []byte) int64 {
	return listRead(state, int64(from), address(buffer), uint32(cap(buffer)))
}

// MapGet reads one entry: version<<32 | length, or -1.
func (Host) MapGet(state uint32, key, buffer []byte) int64 {
	return mapGet(state, address(key), uint32(len(key)), address(buffer), uint32(cap(buffer)))
}

// MapPut writes one entry.
func (Host) MapPut(state uint32, key, data []byte) {
	mapPut(state, address(key), uint32(len(key)), address(data), uint32(len(data)))
}

// MapDelete removes one entry.
func (Host) MapDelete(state uint32, key []byte) { mapDelete(state, address(key), uint32(len(key))) }

// MapScan reads entries after a key, or from the first: count<<32 | bytes.
func (Host) MapScan(state uint32, after []byte, first bool, buffer []byte) int64 {
	length := uint32(len(after))
	if first {
		length = noKey
	}
	return mapScan(state, address(after), length, address(buffer), uint32(cap(buffer)))
}

// TimerSet sets a timer for the key in hand.
func (Host) TimerSet(timer uint32, timestamp int64) { timerSet(timer, timestamp) }

// TimerDelete removes a timer of the key in hand.
func (Host) TimerDelete(timer uint32, timestamp int64) { timerDelete(timer, timestamp) }

// Log writes a line to the operator's log.
func (Host) Log(level uint32, text string) { log(level, addressOf(text), uint32(len(text))) }

// Metric adds to a counter or sets a gauge.
func (Host) Metric(index uint32, value int64) { metric(index, value) }
