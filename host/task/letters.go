package task

import (
	"context"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/letter"
)

// Letters keeps what the task's steps could not handle until a checkpoint holds
// it. Its methods are called on the task's goroutine, but for the functions that
// Freeze and Ahead return, which run on a worker.
type Letters interface {
	// Add keeps a letter and, where it is new, gives it its ID. It holds on to
	// nothing: what the letter names may be used again.
	Add(l *letter.Letter) error
	// Answer notes that a resubmission took effect.
	Answer(a letter.Answer)
	// Room reports whether there is room for what one more call may add. Where
	// there is none, the task waits; it is woken when there is.
	Room() bool
	// Freeze sets aside what was added since the last freeze, and returns the work
	// that makes it durable; nil where there is nothing.
	Freeze(epoch checkpoint.Epoch) (write func(context.Context) error)
	// Ahead returns the work of writing before the barrier where there is much to
	// write, or nil.
	Ahead() (write func(context.Context) error)
	// Settle tells how the oldest write ended that was not settled. What failed is
	// part of the next freeze.
	Settle(err error)
	// Segments are those written up to the last settled freeze that no completed
	// checkpoint is known to hold. They go into the snapshot of an epoch.
	Segments(epoch checkpoint.Epoch) []checkpoint.LetterSegment
	// Complete tells that the checkpoint of an epoch is durable.
	Complete(epoch checkpoint.Epoch)
}

// letters are the keepers of a task, and the worker that writes for them. What
// the sink refuses has a keeper of its own: its writes are behind the barrier
// only when the sink has prepared, while the steps go on at once.
type letters struct {
	steps  Letters // nil = none
	sink   Letters // nil = none
	worker Worker
}

func (l *letters) all(visit func(Letters)) {
	if l.steps != nil {
		visit(l.steps)
	}
	if l.sink != nil {
		visit(l.sink)
	}
}

func (l *letters) room() bool {
	return (l.steps == nil || l.steps.Room()) && (l.sink == nil || l.sink.Room())
}

// ahead writes before the barrier where a keeper has much to write.
func (l *letters) ahead(ctx context.Context) {
	l.all(func(keeper Letters) {
		if write := keeper.Ahead(); write != nil {
			l.submit(ctx, keeper, write, func(error) {})
		}
	})
}

// freeze makes durable what a keeper has, as part of a snapshot.
func (t *Task) freezeLetters(s *snapshot, keeper Letters) {
	if keeper == nil {
		return
	}
	write := keeper.Freeze(s.epoch)
	if write == nil {
		return
	}
	s.waiting++
	t.letters.submit(t.config.Context, keeper, write, func(err error) {
		s.failed(err)
		t.part(s)
	})
}

func (l *letters) submit(ctx context.Context, keeper Letters, write func(context.Context) error, done func(error)) {
	l.worker.Submit(func() func() {
		err := write(ctx)
		return func() {
			keeper.Settle(err)
			done(err)
		}
	})
}

// segments are what a snapshot names.
func (l *letters) segments(epoch checkpoint.Epoch) []checkpoint.LetterSegment {
	var segments []checkpoint.LetterSegment
	l.all(func(keeper Letters) { segments = append(segments, keeper.Segments(epoch)...) })
	return segments
}
