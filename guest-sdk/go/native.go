//go:build !wasm

package turgo

import (
	"github.com/turgo-stream/turgo/guest-sdk/go/internal/bridge"
	"github.com/turgo-stream/turgo/guest-sdk/go/internal/hostcall"
)

func init() {
	bridge.Open = func(create func() any, calls hostcall.Calls, request []byte) (bridge.Instance, bool) {
		i := newInstance(hostcall.Host{Calls: calls}, operatorOf(create))
		return native{i}, i.open(request)
	}
	bridge.Describe = func(name string, create func() any) []byte {
		return describe(hostcall.Host{}, []registration{{name: name, create: operatorOf(create)}})
	}
}

func operatorOf(create func() any) func() Operator {
	return func() Operator { return create().(Operator) }
}

// native is an instance as the test kit drives it.
type native struct{ *instance }

func (n native) Lend(length int) []byte { return n.lend(length) }

func (n native) Process(input, length int) int32 {
	return n.process(uint32(input), n.argument.bytes[:length])
}

func (n native) Timers(timer, length int) int32 {
	return n.timers(uint32(timer), n.argument.bytes[:length])
}

func (n native) Aggregate(aggregation, length int) int32 {
	return n.aggregate(uint32(aggregation), n.argument.bytes[:length])
}

func (n native) Close() { n.close() }

func (n native) Hand() uint32 { return n.control.hand }

func (n native) Times(watermark, processingTime int64) {
	n.control.watermark, n.control.processingTime = watermark, processingTime
	n.control.hand = noHand
}
