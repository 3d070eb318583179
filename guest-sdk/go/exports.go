//go:build wasm

package turgo

import (
	"unsafe"

	"github.com/turgo-stream/turgo/guest-sdk/go/internal/hostcall"
)

var host hostcall.Host

// current is the module's instance. Before turgo_open it is one that only
// lends buffers.
var current = newInstance(host, nil)

var description []byte

//go:wasmexport turgo_describe
func exportDescribe() int64 {
	if description == nil {
		description = describe(host, registered)
	}
	return int64(uint64(uintptr(unsafe.Pointer(unsafe.SliceData(description))))<<32 | uint64(len(description)))
}

//go:wasmexport turgo_buffer
func exportBuffer(length uint32) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(current.lend(int(length))))
}

//go:wasmexport turgo_open
func exportOpen(operator uint32, pointer unsafe.Pointer, length uint32) unsafe.Pointer {
	request := unsafe.Slice((*byte)(pointer), length)
	if int(operator) >= len(registered) {
		host.Fail(0, "turgo: the module has no such operator")
		return nil
	}
	next := newInstance(host, registered[operator].create)
	next.argument = current.argument
	if !next.open(request) {
		return nil
	}
	current = next
	return unsafe.Pointer(&current.control)
}

//go:wasmexport turgo_process
func exportProcess(input uint32, pointer unsafe.Pointer, length uint32) int32 {
	return current.process(input, unsafe.Slice((*byte)(pointer), length))
}

//go:wasmexport turgo_timers
func exportTimers(timer uint32, pointer unsafe.Pointer, length uint32) int32 {
	return current.timers(timer, unsafe.Slice((*byte)(pointer), length))
}

//go:wasmexport turgo_aggregate
func exportAggregate(aggregation uint32, pointer unsafe.Pointer, length uint32) int32 {
	return current.aggregate(aggregation, unsafe.Slice((*byte)(pointer), length))
}

//go:wasmexport turgo_close
func exportClose() { current.close() }
