package job_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/turgo-stream/turgo/host/checkpoint/memstore"
	"github.com/turgo-stream/turgo/host/job"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func never() error { return nil }

func TestABoundedJobFinishesAndStaysFinished(t *testing.T) {
	w := &world{source: &numbers{splits: 5, count: 1000}, ledger: newLedger(), fail: never}
	store := memstore.New()
	for range 2 {
		status, err := run(t.Context(), w, newPlan(t, 2), store, nil)
		if err != nil || status.State != job.Finished {
			t.Fatalf("state %s, error %v", status.State, err)
		}
		w.expectEachOnce(t)
	}
}

func TestAnEmptyInputFinishes(t *testing.T) {
	w := &world{source: &numbers{}, ledger: newLedger(), fail: never}
	status, err := run(t.Context(), w, newPlan(t, 2), memstore.New(), nil)
	if err != nil || status.State != job.Finished {
		t.Fatalf("state %s, error %v", status.State, err)
	}
}

// TestAFailingOperatorRestartsTheJob fails some batches once: each restart
// begins at a checkpoint, and no record is lost or doubled.
func TestAFailingOperatorRestartsTheJob(t *testing.T) {
	var batches atomic.Int64
	w := &world{source: &numbers{splits: 4, count: 500, pause: time.Millisecond}, ledger: newLedger(), fail: func() error {
		if batches.Add(1)%40 == 0 {
			return errors.New("told to fail")
		}
		return nil
	}}
	p := newPlan(t, 2)
	p.Restart.AttemptsMax = 1000
	status, err := run(t.Context(), w, p, memstore.New(), nil)
	if err != nil || status.State != job.Finished {
		t.Fatalf("state %s, error %v", status.State, err)
	}
	if status.Restarts == 0 {
		t.Error("nothing failed, the test shows nothing")
	}
	w.expectEachOnce(t)
}

func TestAJobThatAlwaysFailsGivesUp(t *testing.T) {
	w := &world{source: &numbers{splits: 1, count: 10}, ledger: newLedger(), fail: func() error { return errors.New("told to fail") }}
	p := newPlan(t, 1)
	p.Restart.AttemptsMax = 2
	status, err := run(t.Context(), w, p, memstore.New(), nil)
	if err == nil || !strings.Contains(err.Error(), "gave up after 2 restarts") || !strings.Contains(err.Error(), "told to fail") {
		t.Fatalf("got error %v", err)
	}
	if status.State != job.Failed || status.Restarts != 2 {
		t.Errorf("state %s after %d restarts", status.State, status.Restarts)
	}
}

type fatalError struct{ error }

func (fatalError) Fatal() bool { return true }

func TestAFatalFailureDoesNotRestart(t *testing.T) {
	w := &world{source: &numbers{splits: 1, count: 10}, ledger: newLedger(), fail: func() error { return fatalError{errors.New("for good")} }}
	status, err := run(t.Context(), w, newPlan(t, 1), memstore.New(), nil)
	if err == nil || status.Restarts != 0 {
		t.Fatalf("%d restarts, error %v", status.Restarts, err)
	}
}

// TestStopAndResume stops a job again and again; each time it goes on from its
// last checkpoint, at another parallelism.
func TestStopAndResume(t *testing.T) {
	w := &world{source: &numbers{splits: 3, count: 600, pause: time.Millisecond}, ledger: newLedger(), fail: never}
	store := memstore.New()
	parallelisms := []int{2, 3, 1}
	for runs := 0; ; runs++ {
		stop := make(chan struct{})
		timer := time.AfterFunc(30*time.Millisecond, func() { close(stop) })
		status, err := run(t.Context(), w, newPlan(t, parallelisms[runs%3]), store, func(c *job.Config) { c.Stop = stop })
		timer.Stop()
		if err != nil {
			t.Fatal(err)
		}
		if status.State == job.Finished {
			if runs == 0 {
				t.Error("the job was never stopped, the test shows nothing")
			}
			break
		}
		if status.State != job.Stopped {
			t.Fatalf("state %s", status.State)
		}
	}
	w.expectEachOnce(t)
}

// TestACrashAtEachPoint ends the run at once when it reaches a point, as if the
// process died there, and starts it again until it finishes.
func TestACrashAtEachPoint(t *testing.T) {
	for _, point := range job.Points {
		if point == job.InResubmission {
			continue // this job has no letters: simulation crashes there, and turgo's tests
		}
		t.Run(string(point), func(t *testing.T) {
			w := &world{source: &numbers{splits: 4, count: 300, pause: time.Millisecond}, ledger: newLedger(), fail: never}
			store := memstore.New()
			crashes := 0
			for {
				ctx, crash := context.WithCancel(t.Context())
				var reached atomic.Int64
				allowed := int64(2)
				if crashes >= 5 {
					allowed = 1 << 40
				}
				status, err := run(ctx, w, newPlan(t, 2), store, func(c *job.Config) {
					c.Observe = func(p job.Point) {
						if p == point && reached.Add(1) >= allowed {
							crash()
						}
					}
				})
				crash()
				if err == nil {
					if status.State != job.Finished {
						t.Fatalf("state %s", status.State)
					}
					break
				}
				if !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				crashes++
			}
			if crashes == 0 {
				t.Error("the point was never reached, the test shows nothing")
			}
			w.expectEachOnce(t)
		})
	}
}
