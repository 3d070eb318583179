// Package task runs one subtask: a source, a chain of operators, a sink. Its
// Step does one bounded piece of work and never blocks; whoever calls it owns
// the task. The real runtime calls it from one goroutine, simulation in seeded order.
package task

import "github.com/turgo-stream/turgo/abi/record"

// Operator is one operator instance of a chain. It belongs to the task's
// goroutine. Each call is atomic: where it returns an error, none of its
// effects on state, timers or output took place. After a success, emit is
// called for each batch of output in order, which is valid during emit only.
// Times are in milliseconds since the epoch and stand still during a call.
type Operator interface {
	// Process handles one batch of one input.
	Process(input int, batch record.Batch, watermark, processingTime int64, emit func(output int, batch record.Batch)) error
	// Fire handles a bounded slice of the timers that are due; more tells that
	// others are due still.
	Fire(watermark, processingTime int64, emit func(output int, batch record.Batch)) (more bool, err error)
	// NextProcessingTimer is when Fire has to be called next for processing time;
	// found is false where no timer waits.
	NextProcessingTimer() (timestamp int64, found bool, err error)
	Close() error
}
