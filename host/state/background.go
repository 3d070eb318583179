package state

import (
	"context"
	"errors"
	"sync"
)

// ErrClosed tells that the Backend was closed while work for it ran.
var ErrClosed = errors.New("state: closed")

// background is the work beside the task: writes, merges, prefetching. Close
// cuts it off and waits for its end, since it uses what Close takes away.
type background struct {
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
	cut     []context.CancelCauseFunc
}

// enter gives the context of one piece of work, and what ends it.
func (b *background) enter(ctx context.Context) (context.Context, func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, nil, ErrClosed
	}
	ctx, cancel := context.WithCancelCause(ctx)
	b.cut = append(b.cut, cancel)
	number := len(b.cut) - 1
	b.running.Add(1)
	return ctx, func() {
		cancel(nil)
		b.mu.Lock()
		b.cut[number] = nil
		for len(b.cut) > 0 && b.cut[len(b.cut)-1] == nil {
			b.cut = b.cut[:len(b.cut)-1]
		}
		b.mu.Unlock()
		b.running.Done()
	}, nil
}

func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	for _, cancel := range b.cut {
		if cancel != nil {
			cancel(ErrClosed)
		}
	}
	b.mu.Unlock()
	b.running.Wait()
}
