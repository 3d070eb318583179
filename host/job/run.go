package job

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/plan"
	"github.com/turgo-stream/turgo/host/task"
)

// statusInterval is the time between two readings of a running job.
const statusInterval = time.Second

// Config is a job to run.
type Config struct {
	Plan    *plan.Plan
	Store   checkpoint.Store
	Runtime Runtime
	Logger  *slog.Logger
	// Stop, when closed, ends the run with a last checkpoint. Cancelling the
	// context ends it at once; what was not committed is repeated by the next run.
	Stop <-chan struct{}
	// OnStatus hears once a second, and at each change of state, what the job is at.
	OnStatus func(Status)

	AcceptDuplicatesFrom  checkpoint.Epoch
	AllowNonRestoredState bool
	// Observe hears of each Point that the job reaches; nil = nobody.
	Observe func(Point)
}

// Run runs a job until it has finished, was stopped, or failed for good. It
// restarts after failures as the plan says.
func Run(ctx context.Context, config Config) (Status, error) {
	r := &run{config: config, started: time.Now(), status: Status{Job: config.Plan.Job, State: Starting, LagRecords: -1}}
	err := r.attempts(ctx)
	if err != nil && ctx.Err() == nil {
		r.status.State = Failed
	}
	r.report()
	return r.status, err
}

// run is a job over all its attempts.
type run struct {
	config  Config
	started time.Time
	status  Status
	earlier totals // of ended attempts

	failedEarlier []StepFailures // in ended attempts
	last          totals         // of the last report
	lastAt        time.Time
}

// totals are record counts over all sources and sinks.
type totals struct{ in, out int64 }

func (r *run) attempts(ctx context.Context) error {
	delays := newDelays(r.config.Plan.Restart)
	for first := true; ; first = false {
		begun := time.Now()
		outcome, err := r.attempt(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && (first || fatal(err)):
			return err
		case err != nil:
			outcome = &Outcome{State: Failed, Err: err, Restart: true}
		}
		if outcome.State != Failed {
			r.status.State = outcome.State
			return nil
		}
		r.status.Failure = outcome.Err.Error()
		delay, again := delays.next(time.Since(begun))
		if !outcome.Restart {
			return outcome.Err
		}
		if !again {
			return fmt.Errorf("job: gave up after %d restarts: %w", r.config.Plan.Restart.AttemptsMax, outcome.Err)
		}
		r.config.Logger.Error("attempt failed, the job restarts", "delay", delay, "reason", outcome.Err)
		r.status.State = Restarting
		r.status.Restarts++
		r.report()
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-r.config.Stop:
			return fmt.Errorf("job: stopped while it waited to restart after: %w", outcome.Err)
		}
	}
}

// attempt runs the tasks once, from the newest checkpoint.
func (r *run) attempt(ctx context.Context) (*Outcome, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := &workers{}
	defer workers.stop()
	woken := make(chan struct{}, 1)
	hostname, _ := os.Hostname() // empty where the system has none: it only names the leader
	a, err := Begin(ctx, AttemptConfig{
		Plan: r.config.Plan, Store: r.config.Store, Runtime: r.config.Runtime, Logger: r.config.Logger,
		Now: time.Now, NewWorker: workers.start, Wake: wake(woken),
		AcceptDuplicatesFrom: r.config.AcceptDuplicatesFrom, AllowNonRestoredState: r.config.AllowNonRestoredState,
		Observe: r.config.Observe, Host: hostname, PID: os.Getpid(),
	})
	if err != nil {
		return nil, err
	}
	r.status.Attempt = a.Number()
	r.status.State = Running
	r.report()
	var tasks sync.WaitGroup
	for i, t := range a.Tasks() {
		tasks.Go(func() {
			if err := runTask(ctx, t, a.Woken(i)); err != nil {
				a.TaskFailed(err)
			}
		})
	}
	outcome := r.lead(ctx, a, woken)
	r.count(a)
	r.earlier, r.failedEarlier = r.last, ended(r.status.Failures)
	cancel()
	tasks.Wait()
	workers.stop()
	if err := a.Close(); err != nil {
		r.config.Logger.Warn("attempt closed with an error", "reason", err)
	}
	return outcome, nil
}

// lead steps the attempt until its outcome is there.
func (r *run) lead(ctx context.Context, a *Attempt, woken <-chan struct{}) *Outcome {
	status := time.NewTicker(statusInterval)
	defer status.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	stop := r.config.Stop
	for {
		worked, outcome := a.Step()
		if outcome != nil {
			r.measure(a)
			return outcome
		}
		deadline := a.Deadline()
		if worked {
			deadline = 0 // at once, but a stop is heard in between
		}
		resetTimer(timer, deadline)
		select {
		case <-woken:
		case <-timer.C:
		case <-status.C:
			r.measure(a)
			r.report()
		case <-stop:
			stop = nil
			r.status.State = Stopping
			a.Stop()
		case <-ctx.Done():
			return &Outcome{State: Failed, Err: context.Cause(ctx)}
		}
	}
}

// runTask steps one task until it fails or the context ends.
func runTask(ctx context.Context, t *task.Task, woken <-chan struct{}) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		worked, err := t.Step()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if worked {
			continue
		}
		resetTimer(timer, t.Deadline())
		select {
		case <-woken:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return nil
}

func resetTimer(timer *time.Timer, deadlineMS int64) {
	if deadlineMS == task.Never {
		timer.Reset(time.Hour)
		return
	}
	timer.Reset(max(0, time.Until(time.UnixMilli(deadlineMS))))
}

// count adds up the records of all tasks.
func (r *run) count(a *Attempt) {
	r.last = r.earlier
	r.status.Tasks = r.status.Tasks[:0]
	r.status.LagRecords = -1
	failures := failuresOf(r.failedEarlier)
	for _, t := range a.Tasks() {
		s := t.Stats()
		failures.add(s.Failures)
		r.status.Tasks = append(r.status.Tasks, TaskStatus{Task: t.ID().String(), RecordsIn: s.RecordsIn, RecordsOut: s.RecordsOut})
		if t.IsSource() {
			r.last.in += s.RecordsIn
			if s.LagRecords >= 0 {
				r.status.LagRecords = max(r.status.LagRecords, 0) + s.LagRecords
			}
		}
		if t.IsSink() {
			r.last.out += s.RecordsOut
		}
	}
	r.status.Failures = failures
}

// measure reads the attempt's counters into the status.
func (r *run) measure(a *Attempt) {
	before := r.last
	r.count(a)
	now := time.Now()
	since := r.lastAt
	if since.IsZero() {
		since = r.started
	}
	if seconds := now.Sub(since).Seconds(); seconds > 0 {
		r.status.RecordsInPerSecond = float64(r.last.in-before.in) / seconds
		r.status.RecordsOutPerSecond = float64(r.last.out-before.out) / seconds
	}
	r.lastAt = now
	r.status.RecordsIn, r.status.RecordsOut = r.last.in, r.last.out
	r.status.WatermarkMS = a.watermark()
	s := a.Status()
	if m := s.Completed; m != nil {
		r.status.Checkpoint = &CheckpointStatus{Epoch: uint64(m.Epoch), Bytes: m.Bytes, DurationMS: m.DurationMS, Taken: time.UnixMilli(m.TakenMS).UTC()}
	}
	r.status.DeadLetters = a.letters.waiting()
	r.status.CheckpointFailure = ""
	if s.LastFailure != nil {
		r.status.CheckpointFailure = s.LastFailure.Error()
	}
}

func (r *run) report() {
	r.status.UptimeMS = time.Since(r.started).Milliseconds()
	if r.config.OnStatus != nil {
		status := r.status
		status.Tasks = append([]TaskStatus(nil), r.status.Tasks...)
		status.Failures = append([]StepFailures(nil), r.status.Failures...)
		r.config.OnStatus(status)
	}
}
