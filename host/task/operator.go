// Package task runs one subtask: a source, a chain of operators, a sink. Its
// Step does one bounded piece of work and never blocks; whoever calls it owns
// the task. The real runtime calls it from one goroutine, simulation in seeded order.
package task

import (
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/letter"
)

// Operator is one operator instance of a chain. It belongs to the task's
// goroutine. Each call is atomic: where it returns an error, none of its
// effects on state, timers or output took place. After a success, emit is
// called for each batch of output in order, which is valid during emit only.
// Times are in milliseconds since the epoch and stand still during a call.
//
// An error that is the fault of the operator's own code or of a record has a
// method Failure() (letter.Failure, bool), see blamable.
type Operator interface {
	// Process handles one batch of one input.
	Process(input int, batch record.Batch, watermark, processingTime int64, emit func(output int, batch record.Batch)) error
	// Fire handles a bounded slice of the timers that are due, at most limit of
	// them. fired tells how many it took, also where it failed; more tells that
	// others are due still.
	Fire(limit int, watermark, processingTime int64, emit func(output int, batch record.Batch)) (fired int, more bool, err error)
	// Failures are the records or timers of the last call that the operator failed
	// by itself: it handled all others. They are valid until the next call.
	Failures() []letter.Failure
	// DropTimer removes the timer that Fire would take first.
	DropTimer(watermark, processingTime int64) error
	// Brief asks that the calls from now on take a part of their time limit at most.
	Brief(brief bool)
	// NextProcessingTimer is when Fire has to be called next for processing time;
	// found is false where no timer waits.
	NextProcessingTimer() (timestamp int64, found bool, err error)
	Close() error
}

// blamable is an error that a record or timer may be to blame for. ok is false
// where none can be.
type blamable interface {
	error
	Failure() (failure letter.Failure, ok bool)
}
