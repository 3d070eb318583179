package turgo

import (
	"math"
	"unsafe"

	"github.com/turgo-stream/turgo/guest-sdk/go/internal/hostcall"
)

// Watermarks before any and at the end of a bounded input. An event timer at
// WatermarkMax fires when all input has been read.
const (
	WatermarkMin = math.MinInt64
	WatermarkMax = math.MaxInt64
)

// instance is one open operator. A Wasm module has one at a time.
type instance struct {
	control     control
	batch       Batch
	host        hostcall.Host
	declaration Declaration
	operator    Operator
	argument
	collector collector
}

func newInstance(host hostcall.Host, create func() Operator) *instance {
	i := &instance{host: host}
	i.control.hand = noHand
	i.control.watermark = WatermarkMin
	i.batch.instance = i
	i.batch.base, i.batch.fixed = unsafe.Pointer(&placeholder), fixedLength
	i.declaration.instance = i
	if create != nil {
		i.operator = create()
		i.operator.Declare(&i.declaration)
		i.declaration.finish()
	}
	return i
}

// open prepares the operator and reports whether it accepts.
func (i *instance) open(request []byte) bool {
	context, err := newContext(i, request)
	if err == nil {
		if opener, ok := i.operator.(Opener); ok {
			err = opener.Open(context)
		} else {
			err = context.Config.Err()
		}
	}
	if err != nil {
		i.host.Fail(0, err.Error())
		return false
	}
	return true
}

// process handles one batch of one input: 0 = success.
func (i *instance) process(input uint32, data []byte) int32 {
	return i.run(i.declaration.inputs[input].process, data)
}

// timers handles fired timers of one declaration: 0 = success.
func (i *instance) timers(timer uint32, data []byte) int32 {
	return i.run(i.declaration.timers[timer].fire, data)
}

// aggregate handles the groups of a batch: 0 = success.
func (i *instance) aggregate(aggregation uint32, data []byte) int32 {
	a := i.declaration.aggregations[aggregation]
	groups := load32(unsafe.Pointer(unsafe.SliceData(data)), 12)
	records := data[(groups+7)&^7:]
	status := i.run(func(*Batch) { a.run(records) }, data)
	a.flush()
	return status
}

func (i *instance) run(handle func(*Batch), data []byte) int32 {
	i.batch.start(data)
	handle(&i.batch)
	for _, o := range i.declaration.outputs {
		o.flush()
	}
	i.collector.called(len(data))
	return 0
}

func (i *instance) close() {
	if closer, ok := i.operator.(Closer); ok {
		closer.Close()
	}
}
