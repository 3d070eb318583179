package task

import (
	"context"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/letter"
)

// Letters keeps what the task's steps could not handle until a checkpoint holds
// it. Its methods are called on the task's goroutine, but for the function that
// Freeze returns, which runs on a worker.
type Letters interface {
	// Add keeps a letter and, where it is new, gives it its ID. It copies nothing:
	// the letter is the keeper's from now on.
	Add(l *letter.Letter) error
	// Answer notes that a resubmission took effect.
	Answer(a letter.Answer)
	// Room reports whether there is room for what one more call may add. Where
	// there is none, the task waits; Wake is called when there is.
	Room() bool
	// Freeze sets aside what was added since the last freeze, and returns the work
	// that makes it durable; nil where there is nothing.
	Freeze() (write func(context.Context) error)
	// Settle tells how the write ended. What failed is part of the next freeze.
	Settle(err error)
	// Segments are those written up to the last settled freeze that no completed
	// checkpoint is known to hold.
	Segments() []checkpoint.LetterSegment
	// Complete tells that the checkpoint of an epoch is durable.
	Complete(epoch checkpoint.Epoch)
}
