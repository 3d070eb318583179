package kafka

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// slotsKept is how many slots a writer goes round. At least three are needed,
	// as the ledger frees one two checkpoints after its commit; with more of them a
	// transaction can be committed again for longer, so that a job can go back to one
	// of its older checkpoints.
	slotsKept = 6
	// slotsMax bounds the slots of a writer. The coordinator starts no checkpoint
	// while three wait for their commit, and the ledger frees slots within three more
	// rounds, so that more are in use only if checkpoint after checkpoint is aborted
	// behind this sink. Nothing that could be waited for frees them then.
	slotsMax = 32

	readyWaitMin = 100 * time.Millisecond
	readyWaitMax = 5 * time.Second
)

// slotPool gives a writer one slot after the other and makes the next one ready
// ahead, off the writer's path.
type slotPool struct {
	sink    *sink
	subtask int
	ctx     context.Context
	cancel  context.CancelFunc
	group   sync.WaitGroup
	changed chan struct{} // capacity 1: something of what follows did

	mutex  sync.Mutex
	all    []*slot
	free   []*slot // may be used again; the longest free first
	ready  []*slot
	making int // slots that are being made ready
	err    error
}

func newSlotPool(sink *sink, subtask int) *slotPool {
	p := &slotPool{sink: sink, subtask: subtask, changed: make(chan struct{}, 1)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.mutex.Lock()
	p.ahead()
	p.mutex.Unlock()
	return p
}

// exhaustedError says that all slots of a writer hold output which no checkpoint
// has taken up.
type exhaustedError struct {
	Topic   string
	Subtask int
}

func (e *exhaustedError) Error() string {
	return fmt.Sprintf("kafka: topic %s, subtask %d: %d transactions are prepared and wait for their checkpoints, which were aborted one after the other; the job goes back to its last checkpoint. See why checkpoints fail",
		e.Topic, e.Subtask, slotsMax)
}

// Retryable is true: a new attempt begins without them.
func (e *exhaustedError) Retryable() bool { return true }

// take waits for a slot that is ready, while another is made so behind it.
func (p *slotPool) take(ctx context.Context) (*slot, error) {
	for {
		s, err := p.tryTake()
		if s != nil || err != nil {
			return s, err
		}
		select {
		case <-p.changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-p.ctx.Done():
			return nil, p.ctx.Err()
		}
	}
}

func (p *slotPool) tryTake() (*slot, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.err != nil {
		return nil, p.err
	}
	if len(p.ready) > 0 {
		s := p.ready[0]
		p.ready = p.ready[1:]
		p.ahead()
		return s, nil
	}
	if p.making == 0 {
		return nil, &exhaustedError{Topic: p.sink.settings.Topic, Subtask: p.subtask}
	}
	return nil, nil
}

// ahead makes sure that a slot is ready or being made so, where there is one.
// The mutex is held.
func (p *slotPool) ahead() {
	if len(p.ready)+p.making > 0 || p.ctx.Err() != nil {
		return
	}
	var s *slot
	switch {
	case len(p.free) > 0 && len(p.all) >= p.sink.kept:
		s, p.free = p.free[0], p.free[1:]
	case len(p.all) < slotsMax:
		name := transactionName{
			Prefix: p.sink.settings.TransactionalIDPrefix, JobUUID: p.sink.config.JobUUID, UID: p.sink.config.UID,
			Attempt: p.sink.config.Attempt, Subtask: p.subtask, Slot: len(p.all),
		}
		s = &slot{sink: p.sink, subtask: p.subtask, id: name.String()}
		p.all = append(p.all, s)
	default:
		return
	}
	p.making++
	p.group.Go(func() { p.made(s, p.prime(s)) })
}

// prime tries until the slot is ready, the broker refuses, or the pool is closed.
func (p *slotPool) prime(s *slot) error {
	for wait := readyWaitMin; ; wait = min(2*wait, readyWaitMax) {
		err := s.ready(p.ctx)
		if err == nil || p.ctx.Err() != nil {
			return err
		}
		if classify(err) != retryable {
			return s.explain(err)
		}
		p.sink.rare.warn("kafka: a transaction cannot begin yet; trying again", "step", p.sink.config.UID,
			"topic", p.sink.settings.Topic, "transactional_id", s.id, "reason", err)
		if err := pause(p.ctx, wait); err != nil {
			return err
		}
	}
}

func (p *slotPool) made(s *slot, err error) {
	p.mutex.Lock()
	p.making--
	if err == nil {
		p.ready = append(p.ready, s)
	} else if p.err == nil {
		p.err = err
	}
	p.mutex.Unlock()
	p.signal()
}

func (p *slotPool) signal() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// release takes back a slot whose commit is recorded.
func (p *slotPool) release(s *slot) {
	p.mutex.Lock()
	p.free = append(p.free, s)
	p.ahead()
	p.mutex.Unlock()
	p.signal()
}

// close ends all clients. Prepared transactions stay as they are at the broker.
func (p *slotPool) close() {
	p.mutex.Lock()
	p.cancel() // from here on nothing is begun
	p.mutex.Unlock()
	p.group.Wait()
	for _, s := range p.all {
		p.sink.ledger.drop(s)
		if s.client != nil {
			s.client.Close()
		}
	}
}
