package task

import (
	"errors"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/exchange"
)

// Why a task declines a barrier.
var (
	errSnapshotUnderWay = errors.New("task: the snapshot of an earlier epoch is still being written")
	errEpochAborted     = errors.New("task: the epoch was aborted before its barrier arrived")
)

func epochOf(e exchange.Element) checkpoint.Epoch { return checkpoint.Epoch(e.Value) }

// barrier passes a barrier on and begins the task's snapshot. The task stands
// still for this function only; the rest happens on workers.
func (t *Task) barrier(epoch checkpoint.Epoch) {
	t.send(exchange.Element{Kind: exchange.Barrier, Value: int64(epoch)})
	if t.source != nil {
		t.config.Listener.BarrierTaken(t.config.ID, epoch)
	}
	switch {
	case t.snapshot != nil:
		t.declined = append(t.declined, declined{epoch, errSnapshotUnderWay})
		return
	case epoch <= t.aborted:
		t.config.Listener.Declined(epoch, t.config.ID, nil, errEpochAborted)
		return
	}
	s := &snapshot{epoch: epoch, waiting: 1}
	t.snapshot = s
	if t.source != nil {
		s.splits, s.discovered = t.source.positions(), t.source.discovered
	}
	if t.sink != nil {
		s.waiting++
		tries := len(t.sink.tries)
		t.sink.prepare(epoch, func(committables []checkpoint.Committable) {
			s.committed = committables
			t.answerTries(tries)
			// All that was written before the barrier is answered by now, and nothing
			// that comes after it is.
			t.freezeLetters(s, t.letters.sink)
			t.part(s)
		})
	}
	t.freezeLetters(s, t.letters.steps)
	if t.config.State != nil {
		s.waiting++
		t.freeze(s)
	}
	t.part(s)
}

// freeze sets the changed state aside and writes it on a worker.
func (t *Task) freeze(s *snapshot) {
	write, err := t.config.State.Freeze()
	if err != nil {
		t.fail(err)
		return
	}
	t.writes.Submit(func() func() {
		err := write(t.config.Context)
		return func() {
			t.config.State.Settle(err)
			s.failed(err)
			t.part(s)
		}
	})
}

// part counts down the parts of a snapshot; the last one reports it.
func (t *Task) part(s *snapshot) {
	s.waiting--
	if s.waiting > 0 {
		return
	}
	t.snapshot = nil
	t.report(s)
	for _, d := range t.declined {
		t.config.Listener.Declined(d.epoch, t.config.ID, nil, d.reason)
	}
	t.declined = t.declined[:0]
}

// report tells the listener how a snapshot ended.
func (t *Task) report(s *snapshot) {
	if s.err != nil {
		t.config.Listener.Declined(s.epoch, t.config.ID, s.committed, s.err)
		return
	}
	saved := checkpoint.TaskSnapshot{Task: t.config.ID, Committables: s.committed, Letters: t.letters.segments(s.epoch)}
	if t.source != nil {
		t.source.acknowledged(s.splits)
		if s.discovered {
			saved.Splits = map[string][]checkpoint.SplitPosition{t.source.config.UID: s.splits}
		}
	}
	if t.config.State != nil {
		saved.Tables = t.config.State.Tables()
	}
	t.config.Listener.Acknowledged(s.epoch, saved)
}

// merge merges tables of the state, one merge at a time.
func (t *Task) merge() {
	if t.config.State == nil || t.merging {
		return
	}
	work := t.config.State.Merge()
	if work == nil {
		return
	}
	t.merging = true
	t.merges.Submit(func() func() {
		done := work(t.config.Context)
		return func() {
			t.merging = false
			done()
		}
	})
}

// prefetch brings near what was restored, while the task works already.
func (t *Task) prefetch() {
	work := t.config.State.Prefetch()
	if work == nil {
		return
	}
	t.config.NewWorker("prefetch", t.mailbox).Submit(func() func() {
		err := work(t.config.Context)
		return func() { t.fail(err) }
	})
}
