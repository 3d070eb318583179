//go:build !wasm

// Package bridge lets the test kit reach an operator's instance natively, past
// the public API of the SDK.
package bridge

import "github.com/turgo-stream/turgo/guest-sdk/go/internal/hostcall"

// Instance is one open operator, with what the exports of a module do.
type Instance interface {
	// Lend is turgo_buffer.
	Lend(length int) []byte
	// Process, Timers and Aggregate take what the host wrote into the lent buffer.
	Process(input, length int) int32
	Timers(timer, length int) int32
	Aggregate(aggregation, length int) int32
	Close()
	// Hand is the control block's index of the record in hand.
	Hand() uint32
	// Times sets the control block's watermark and processing time.
	Times(watermark, processingTime int64)
}

// The SDK sets these.
var (
	// Open opens an operator; create makes a turgo.Operator.
	Open func(create func() any, calls hostcall.Calls, request []byte) (instance Instance, accepted bool)
	// Describe is turgo_describe of a module with one operator.
	Describe func(name string, create func() any) []byte
)
