// Package task runs one subtask: a source, a chain of operators, a sink. Its
// Step does one bounded piece of work and never blocks; whoever calls it owns
// the task. The real runtime calls it from one goroutine, simulation in seeded order.
package task

import "github.com/turgo-stream/turgo/abi/record"

// Operator is one operator instance of a chain. It belongs to the task's
// goroutine. Each call is atomic: where it returns an error, none of its
// effects on state, timers or output took place.
type Operator interface {
	// Process handles one batch of one input. Output batches are valid until the
	// next call.
	Process(input int, batch record.Batch, times Times) ([]Output, error)
	// Fire handles a bounded slice of the timers that are due; more tells that
	// others are due still.
	Fire(times Times) (outputs []Output, more bool, err error)
	// NextProcessingTimer is when Fire has to be called next for processing time,
	// in milliseconds since the epoch; found is false where no timer waits.
	NextProcessingTimer() (timestamp int64, found bool, err error)
	Close() error
}

// Output is one batch for one output of an operator.
type Output struct {
	Index int
	Batch record.Batch
}

// Times is what an operator may know of time: both stand still during a call.
type Times struct {
	Watermark      int64 // milliseconds since the epoch
	ProcessingTime int64 // milliseconds since the epoch
}
