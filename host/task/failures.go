package task

import (
	"fmt"
	"sync/atomic"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/exchange"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/plan"
)

// failureCounters count what a step could not handle. They may be read from
// any goroutine.
type failureCounters struct {
	failed, deadLettered, dropped atomic.Int64
	pausedUntilMS                 atomic.Int64
}

// FailureStats is a reading of what a step could not handle.
type FailureStats struct {
	UID          string
	Failed       int64 // records and timers
	DeadLettered int64 // of those failed
	Dropped      int64 // of those failed
	// PausedUntilMS is the processing time until which the step's breaker holds
	// the task; 0 = it does not.
	PausedUntilMS int64
}

// stepError says in which step something failed that no record is to blame for.
func stepError(s *step, err error) error { return fmt.Errorf("operator %s: %w", s.UID, err) }

// recordAt walks to a record of a batch.
func recordAt(batch record.Batch, index int) record.View {
	records := batch.Records()
	for range index + 1 {
		records.Next()
	}
	return records.Record()
}

// blameRecord treats the one record of a call that failed.
func (t *Task) blameRecord(s *step, p part, err error, nowMS int64) {
	failure, _ := failureOf(err)
	failure.Index = 0
	t.count(s, 1, nowMS)
	t.failRecord(s, p, recordAt(p.batch, 0), failure, err, nowMS)
}

// failRecords treats the records that an operator failed by itself.
func (t *Task) failRecords(s *step, p part, failures []letter.Failure, nowMS int64) {
	records := p.batch.Records()
	at := -1
	for i := range failures {
		f := &failures[i]
		if f.Index < 0 || f.Index >= p.batch.Count() {
			t.fail(stepError(s, fmt.Errorf("task: it failed record %d of a batch of %d", f.Index, p.batch.Count())))
			return
		}
		if f.Index <= at {
			records, at = p.batch.Records(), -1
		}
		for ; at < f.Index; at++ {
			records.Next()
		}
		t.failRecord(s, p, records.Record(), *f, &failedError{f.Error}, nowMS)
	}
}

// failedError is why an operator failed a record by itself.
type failedError struct{ cause letter.Error }

func (e *failedError) Error() string { return causeText(e.cause) }

// Fatal tells that a restart meets the record again.
func (e *failedError) Fatal() bool { return true }

func (t *Task) failRecord(s *step, p part, view record.View, failure letter.Failure, err error, nowMS int64) {
	place := t.placeOf(s, p, failure.Index, view)
	switch t.policy(s) {
	case plan.DeadLetterOnFailure:
		l := t.newLetter(s, letter.Record, view, failure.Error, nowMS)
		l.Input, l.Place = p.input, place
		l.State, l.StateIncomplete, l.Seed = failure.State, failure.StateIncomplete, failure.Seed
		t.keep(s, l)
	case plan.StopOnFailure:
		t.fail(blamed(s, view, failure, place, err))
		return
	}
	t.failed(s, err, nowMS)
}

// blameTimer treats the timer that comes first, which failed alone.
func (t *Task) blameTimer(s *step, failure letter.Failure, err error, nowMS int64) {
	t.failTimer(s, failure, err, nowMS)
	if t.failure == nil {
		if err := s.Operator.DropTimer(s.watermark, nowMS); err != nil {
			t.fail(stepError(s, err))
		}
	}
}

// failTimer treats a timer.
func (t *Task) failTimer(s *step, failure letter.Failure, err error, nowMS int64) {
	var view record.View
	if failure.Fired.Count() == 1 {
		view = recordAt(failure.Fired, 0)
	} else {
		t.fail(stepError(s, fmt.Errorf("it does not tell which timer failed: %w", err)))
		return
	}
	switch t.policy(s) {
	case plan.DeadLetterOnFailure:
		l := t.newLetter(s, letter.Timer, view, failure.Error, nowMS)
		l.Timer = failure.Timer
		l.State, l.StateIncomplete, l.Seed = failure.State, failure.StateIncomplete, failure.Seed
		t.keep(s, l)
	case plan.StopOnFailure:
		b := blamed(s, view, failure, letter.Place{}, err)
		b.Timer = true
		t.fail(b)
		return
	}
	t.failed(s, err, nowMS)
}

// policy is what becomes of what a step cannot handle.
func (t *Task) policy(s *step) plan.FailurePolicy {
	if s.OnFailure.Policy == "" {
		return plan.StopOnFailure
	}
	return s.OnFailure.Policy
}

// newLetter makes a letter of a record at which a step failed.
func (t *Task) newLetter(s *step, kind letter.Kind, view record.View, cause letter.Error, nowMS int64) *letter.Letter {
	var b record.Builder
	b.AppendView(view, 0)
	cause.Reason = cause.Reason[:min(len(cause.Reason), letter.ReasonBytesMax)]
	cause.Stack = cause.Stack[:min(len(cause.Stack), letter.StackBytesMax)]
	return &letter.Letter{
		UID: s.UID, Kind: kind, Record: b.Finish(), Module: s.Module, Entry: s.Entry, Error: cause, Attempts: 1,
		FirstMS: nowMS, LastMS: nowMS, Watermark: s.watermark, ProcessingTimeMS: nowMS,
		Subtask: t.config.ID.Subtask, Parallelism: t.config.Parallelism,
	}
}

// send1 keeps a letter.
func (t *Task) keep(s *step, l *letter.Letter) {
	keeper := t.keeperOf(s)
	if keeper == nil {
		t.fail(stepError(s, errNoKeeper))
		return
	}
	if err := keeper.Add(l); err != nil {
		t.fail(stepError(s, err))
		return
	}
	s.failures.deadLettered.Add(1)
	t.emitLetter(s, l)
}

// emitLetter sends a letter as a record to those who read the dead letters.
func (t *Task) emitLetter(s *step, l *letter.Letter) {
	if len(s.DeadLetters) == 0 {
		return
	}
	var b record.Builder
	batch, err := l.AsRecord(&b)
	if err != nil {
		t.fail(stepError(s, err))
		return
	}
	for _, out := range s.DeadLetters {
		if err := out.Add(batch, exchange.Trace{}); err != nil {
			t.fail(stepError(s, err))
		}
	}
}

// failed counts a unit that was treated, and looks at the breaker.
func (t *Task) failed(s *step, err error, nowMS int64) {
	s.failures.failed.Add(1)
	if t.policy(s) == plan.DropOnFailure {
		s.failures.dropped.Add(1)
	}
	if s.breaker.fail(nowMS, err) {
		t.trip(s, nowMS)
	}
}

// count counts the units of a call.
func (t *Task) count(s *step, units int, nowMS int64) {
	if s.OnFailure.Breaker.FailureRatio > 0 && s.breaker.count(nowMS, units) {
		t.trip(s, nowMS)
	}
}

// fire fires one slice of a step's timers and reports whether the step has to
// be visited again.
func (t *Task) fire(s *step, nowMS int64) bool {
	limit := s.timers.try(timersMax)
	s.Operator.Brief(s.timers.brief(limit))
	fired, more, err := s.Operator.Fire(limit, s.watermark, nowMS, s.emit)
	s.Operator.Brief(false)
	if err != nil {
		if t.search(s, &s.timers, fired, err) && t.failure == nil {
			failure, _ := failureOf(err)
			t.count(s, 1, nowMS)
			t.blameTimer(s, failure, err, nowMS)
			t.refreshTimer(s)
		}
		return true
	}
	if fired == 0 {
		s.timers = isolation{slice: s.timers.slice, distance: s.timers.distance, hint: -1}
	} else {
		s.timers.succeeded(fired)
		t.count(s, fired, nowMS)
	}
	for _, f := range s.Operator.Failures() {
		t.failTimer(s, f, &failedError{f.Error}, nowMS)
	}
	t.refreshTimer(s)
	return more || t.failure != nil
}

// timersMax is the limit of timers that bounds nothing.
const timersMax = 1 << 30
