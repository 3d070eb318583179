package task

import (
	"fmt"
	"time"

	"github.com/turgo-stream/turgo/host/plan"
)

// BreakerError tells that failures of a step were no exception any more.
type BreakerError struct {
	UID           string
	Failed, Units int // in the window
	Ratio         float64
	Window        time.Duration
	Last          error
}

func (e *BreakerError) Error() string {
	return fmt.Sprintf("%s failed at %d of %d records within %v, more than the ratio of %v that its on_failure allows; the last time: %v",
		e.UID, e.Failed, e.Units, e.Window, e.Ratio, e.Last)
}

// Unwrap gives the last failure.
func (e *BreakerError) Unwrap() error { return e.Last }

// Fatal tells that a restart meets the same records again.
func (e *BreakerError) Fatal() bool { return true }

// breaker counts the units of a step in windows of processing time, and trips
// where too many of them fail. Its zero value with a rule is ready.
type breaker struct {
	rule          plan.Breaker
	beganMS       int64
	units, failed int
	last          error
}

// count counts units that were handled, well or not.
func (b *breaker) count(nowMS int64, units int) (tripped bool) {
	b.turn(nowMS)
	b.units += units
	return b.tripped()
}

// fail counts one of them as failed.
func (b *breaker) fail(nowMS int64, err error) (tripped bool) {
	if b.rule.FailureRatio == 0 {
		return false
	}
	b.turn(nowMS)
	b.failed++
	b.last = err
	return b.tripped()
}

// turn begins a new window where the old one is over.
func (b *breaker) turn(nowMS int64) {
	if nowMS-b.beganMS >= b.rule.Window.Milliseconds() {
		b.restart(nowMS)
	}
}

func (b *breaker) restart(nowMS int64) {
	b.beganMS, b.units, b.failed, b.last = nowMS, 0, 0, nil
}

func (b *breaker) tripped() bool {
	return b.failed > 0 && b.units >= b.rule.MinimumRecords && float64(b.failed) > b.rule.FailureRatio*float64(b.units)
}

func (b *breaker) err(uid string) *BreakerError {
	return &BreakerError{UID: uid, Failed: b.failed, Units: b.units, Ratio: b.rule.FailureRatio, Window: b.rule.Window, Last: b.last}
}

// trip does what a step's breaker says.
func (t *Task) trip(s *step, nowMS int64) {
	err := s.breaker.err(s.UID)
	if s.OnFailure.Breaker.Action != plan.BreakerPause {
		t.fail(err)
		return
	}
	t.pausedUntilMS = max(t.pausedUntilMS, nowMS+s.OnFailure.Breaker.Pause.Milliseconds())
	t.pausedBy = s
	s.breaker.restart(nowMS)
	s.failures.pausedUntilMS.Store(t.pausedUntilMS)
	t.config.Listener.Paused(t.config.ID, t.pausedUntilMS, err)
}

// paused reports whether a breaker holds the task. A barrier passes all the
// same where it can be reached without taking records.
func (t *Task) paused(nowMS int64) bool {
	if t.pausedBy == nil {
		return false
	}
	if nowMS < t.pausedUntilMS {
		return true
	}
	s := t.pausedBy
	t.pausedBy, t.pausedUntilMS = nil, 0
	s.breaker.restart(nowMS)
	s.failures.pausedUntilMS.Store(0)
	t.config.Listener.Resumed(t.config.ID, s.UID)
	return false
}
