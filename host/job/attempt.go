package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/plan"
	"github.com/turgo-stream/turgo/host/task"
)

// AttemptConfig is what one attempt of a job is made of.
type AttemptConfig struct {
	Plan    *plan.Plan
	Store   checkpoint.Store
	Runtime Runtime
	Logger  *slog.Logger
	// Now, NewWorker and Wake are the seams for simulation. Wake is called when
	// there may be work for Step.
	Now       func() time.Time
	NewWorker func(name string, mailbox *task.Mailbox) task.Worker
	Wake      func()
	// AcceptDuplicatesFrom resumes from this epoch in spite of a damaged newer
	// checkpoint; 0 = never.
	AcceptDuplicatesFrom checkpoint.Epoch
	// AllowNonRestoredState drops state of operators that the plan has no more.
	AllowNonRestoredState bool
	// Observe hears of each Point that the attempt reaches, before it goes on; nil = nobody.
	Observe func(Point)
	// Host and PID tell other hosts who leads.
	Host string
	PID  int
}

// Outcome is how an attempt ended.
type Outcome struct {
	State   State // Finished, Stopped or Failed
	Epoch   checkpoint.Epoch
	Err     error
	Restart bool // another attempt may do better
}

// Attempt is one run of all tasks from a checkpoint on. It belongs to one
// goroutine, which calls Step; the tasks belong to others.
type Attempt struct {
	config  AttemptConfig
	ctx     context.Context
	cancel  context.CancelFunc
	number  uint64
	jobUUID string

	log         *checkpoint.Log
	recovered   *recovered
	coordinator *checkpoint.Coordinator
	mailbox     *task.Mailbox
	tasks       []*task.Task
	wakes       []chan struct{}
	byID        map[checkpoint.TaskID]*task.Task
	sources     map[string]*sourceStep
	sinks       map[string]*sinkStep
	letters     *letterBox
	manifests   task.Worker
	deletes     task.Worker
	garbage     []string // to be deleted; the worker's own
	ticked      bool
	outcome     *Outcome
}

// sourceStep is a source shared by the tasks of its step.
type sourceStep struct {
	source     connectors.Source
	enumerator *enumerator
	worker     task.Worker
	restored   [][]connectors.Assignment // by subtask
}

// sinkStep is a sink shared by the tasks of its step.
type sinkStep struct {
	sink   connectors.Sink
	worker task.Worker
}

// add takes a task that was built.
func (a *Attempt) add(t *task.Task, wake chan struct{}) {
	a.tasks = append(a.tasks, t)
	a.wakes = append(a.wakes, wake)
	a.byID[t.ID()] = t
}

// Tasks are the tasks, for whoever steps them.
func (a *Attempt) Tasks() []*task.Task { return a.tasks }

// Woken is the channel that tells of work for task i.
func (a *Attempt) Woken(i int) <-chan struct{} { return a.wakes[i] }

func (a *Attempt) nowMS() int64 { return a.config.Now().UnixMilli() }

// Step does what is due and reports whether there was anything. Once the
// outcome is there, the attempt only waits to be closed.
func (a *Attempt) Step() (worked bool, outcome *Outcome) {
	if a.outcome != nil {
		return false, a.outcome
	}
	worked = a.mailbox.Run()
	if next, ok := a.coordinator.NextTick(); !a.ticked || ok && !a.config.Now().Before(next) {
		a.ticked = true
		a.event(checkpoint.Tick{})
		worked = true
	}
	worked = a.letters.tick() || worked
	// A split handed out while a barrier is on its way to the source tasks could
	// be in two snapshots or in none.
	held := a.coordinator.AssignmentsHeld()
	for _, s := range a.sources {
		s.enumerator.tick()
		if !held {
			s.enumerator.serve()
		}
	}
	return worked, a.outcome
}

// Deadline is when Step has work even if nobody wakes it, in milliseconds since
// the epoch, or task.Never.
func (a *Attempt) Deadline() int64 {
	deadline := int64(task.Never)
	if next, ok := a.coordinator.NextTick(); ok {
		deadline = next.UnixMilli() + 1
	}
	deadline = min(deadline, a.letters.deadline())
	for _, s := range a.sources {
		deadline = min(deadline, s.enumerator.deadline())
	}
	return deadline
}

// Stop asks for a last checkpoint and the end of the run, from any goroutine.
func (a *Attempt) Stop() {
	a.mailbox.Post(func() { a.event(checkpoint.StopRequested{}) })
}

// TaskFailed tells that a task's Step gave an error, from any goroutine.
func (a *Attempt) TaskFailed(err error) {
	a.mailbox.Post(func() { a.fail(err, !fatal(err)) })
}

// fatal reports whether an error is one that a restart would meet again: the
// guest's fault, or a config's.
func fatal(err error) bool {
	var f interface{ Fatal() bool }
	return errors.As(err, &f) && f.Fatal()
}

func (a *Attempt) fail(err error, restart bool) {
	if a.outcome == nil {
		a.outcome = &Outcome{State: Failed, Err: err, Restart: restart}
	}
}

// Status tells what the coordinator is at; on the attempt's goroutine.
func (a *Attempt) Status() checkpoint.Status { return a.coordinator.Status() }

// event gives one event to the coordinator and carries out its actions.
func (a *Attempt) event(e checkpoint.Event) {
	for _, action := range a.coordinator.Step(a.config.Now(), e) {
		a.do(action)
	}
}

func (a *Attempt) do(action checkpoint.Action) {
	switch act := action.(type) {
	case checkpoint.TriggerBarrier:
		a.reached(BeforePrepare)
		for _, t := range a.tasks {
			if t.IsSource() {
				t.Trigger(act.Epoch, act.Final)
			}
		}
	case checkpoint.AbortEpoch:
		a.config.Logger.Warn("checkpoint aborted, the job goes on", "epoch", act.Epoch, "reason", act.Err)
		for _, t := range a.tasks {
			t.Abort(act.Epoch)
		}
	case checkpoint.WriteManifest:
		a.writeManifest(act)
	case checkpoint.Commit:
		a.commit(act)
	case checkpoint.NotifyComplete:
		a.notifyComplete(act)
	case checkpoint.DeleteObjects:
		a.deleteObjects(act.Names)
	case checkpoint.JobFinished:
		a.outcome = &Outcome{State: Finished, Epoch: act.Epoch}
	case checkpoint.JobStopped:
		a.outcome = &Outcome{State: Stopped, Epoch: act.Epoch}
	case checkpoint.FailJob:
		a.fail(act.Err, act.Restart)
	default:
		panic(fmt.Sprintf("job: unknown action %T", action))
	}
}

func (a *Attempt) writeManifest(act checkpoint.WriteManifest) {
	a.reached(AfterPrepare)
	if err := a.letters.full(act.Manifest); err != nil {
		a.fail(err, false)
		return
	}
	a.manifests.Submit(func() func() {
		number, err := a.log.Append(a.ctx, checkpoint.Entry{Checkpoint: act.Manifest, Attachments: act.Attachments})
		return func() {
			if err != nil {
				a.event(checkpoint.ManifestFailed{Epoch: act.Manifest.Epoch, Err: err})
				return
			}
			a.reached(AfterManifest)
			a.event(checkpoint.ManifestDurable{Epoch: act.Manifest.Epoch, Number: number})
		}
	})
}

func (a *Attempt) commit(act checkpoint.Commit) {
	s := a.sinks[act.Sink]
	if s == nil {
		a.fail(fmt.Errorf("job: the checkpoint holds prepared output of sink %s, which the job does not have: put the sink back until it is committed", act.Sink), false)
		return
	}
	s.worker.Submit(func() func() {
		results, err := a.commitEach(s.sink, act.Committables)
		return func() { a.event(checkpoint.CommitResults{Sink: act.Sink, Results: results, Err: err}) }
	})
}

// commitEach commits one by one, so that what one error leaves unknown is one
// committable. It runs on a worker.
func (a *Attempt) commitEach(sink connectors.Sink, committables []checkpoint.Committable) ([]connectors.CommitResult, error) {
	var results []connectors.CommitResult
	for i, c := range committables {
		result, err := sink.Commit(a.ctx, []connectors.Committable{{ID: c.ID, Data: c.Data}})
		if err != nil {
			return results, err
		}
		results = append(results, result...)
		if i == 0 && len(committables) > 1 {
			a.reached(InCommits)
		}
	}
	a.reached(AfterCommits)
	return results, nil
}

func (a *Attempt) notifyComplete(act checkpoint.NotifyComplete) {
	for _, t := range a.tasks {
		t.Complete(act.Epoch)
	}
	for uid, s := range a.sources {
		positions := make([]connectors.Assignment, len(act.Positions[uid]))
		for i, p := range act.Positions[uid] {
			positions[i] = connectors.Assignment{Split: connectors.Split{ID: p.ID, Data: p.Data}, Position: p.Position}
		}
		s.worker.Submit(func() func() {
			if err := s.source.CheckpointComplete(a.ctx, uint64(act.Epoch), positions); err != nil && a.ctx.Err() == nil {
				a.config.Logger.Warn("source did not take note of a checkpoint", "source", uid, "epoch", act.Epoch, "reason", err)
			}
			return nil
		})
	}
}

// deleteObjects deletes what no checkpoint needs, in order: a manifest goes
// before what it names. What cannot be deleted now holds up the rest until the
// next time; what is left at the end, the next start finds.
func (a *Attempt) deleteObjects(names []string) {
	a.deletes.Submit(func() func() {
		a.garbage = append(a.garbage, names...)
		for len(a.garbage) > 0 {
			if err := a.config.Store.Delete(a.ctx, a.garbage[0]); err != nil {
				if a.ctx.Err() == nil {
					a.config.Logger.Warn("object not deleted", "object", a.garbage[0], "reason", err)
				}
				break
			}
			a.garbage = a.garbage[1:]
		}
		return nil
	})
}
