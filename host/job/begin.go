package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/plan"
	"github.com/turgo-stream/turgo/host/task"
)

// cleanUpTimeout bounds how long a sink may clean up after lost attempts.
const cleanUpTimeout = 5 * time.Minute

// recovered is what a decision says, by task.
type recovered struct {
	decision checkpoint.Decision
	finished map[string][]string // split ids by source uid
	byTask   map[checkpoint.TaskID]checkpoint.TaskSnapshot
}

// Begin reads the log, decides what to start from, claims the job, and builds
// the attempt. From the claim on, no other host can commit anything.
func Begin(ctx context.Context, config AttemptConfig) (*Attempt, error) {
	ctx, cancel := context.WithCancel(ctx)
	a := &Attempt{
		config: config, ctx: ctx, cancel: cancel,
		byID:    map[checkpoint.TaskID]*task.Task{},
		sources: map[string]*sourceStep{},
		sinks:   map[string]*sinkStep{},
	}
	a.mailbox = task.NewMailbox(config.Wake)
	if err := a.begin(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *Attempt) begin(ctx context.Context) error {
	log, err := checkpoint.OpenLog(ctx, a.config.Store)
	if err != nil {
		return err
	}
	a.log = log
	contents := log.Contents()
	options := checkpoint.Options{AcceptDuplicatesFrom: a.config.AcceptDuplicatesFrom, AllowDroppedState: a.config.AllowNonRestoredState}
	facts := a.facts()
	a.letters = newLetterBox(a)
	decision, err := a.decide(ctx, contents, facts, options)
	if err != nil {
		return err
	}
	if decision.Kind == checkpoint.AlreadyFinished {
		a.outcome = &Outcome{State: Finished, Epoch: decision.Manifest.Epoch}
		a.coordinator = checkpoint.NewCoordinator(checkpoint.CoordinatorConfig{}, checkpoint.Recovered{Manifest: decision.Manifest})
		return nil
	}
	a.number, a.jobUUID = decision.Attempt, decision.JobUUID
	if a.jobUUID == "" {
		a.jobUUID = uuid.NewString()
	}
	// What a sink guarantees decides whether a damaged checkpoint may be passed
	// over, so sinks open first. Opening changes nothing outside.
	if facts.SinksIdempotent, err = a.openSinks(ctx); err != nil {
		return err
	}
	if facts.SinksIdempotent {
		if decision, err = a.decide(ctx, contents, facts, options); err != nil {
			return err
		}
	}
	if decision.Kind == checkpoint.Refuse {
		return decision.Err
	}
	for _, warning := range decision.Warnings {
		a.config.Logger.Warn(warning)
	}
	return a.start(ctx, decision)
}

// decide says what to start from. A job whose input has ended runs once more
// where letters are to be tried again.
func (a *Attempt) decide(ctx context.Context, contents checkpoint.Contents, facts checkpoint.Facts, options checkpoint.Options) (checkpoint.Decision, error) {
	decision := checkpoint.Decide(contents, facts, options)
	open, err := a.letters.restore(ctx, decision.Manifest)
	if err == nil && open && decision.Manifest.Ended {
		options.Reopen = true
		decision = checkpoint.Decide(contents, facts, options)
	}
	return decision, err
}

// start claims the job and builds what runs it.
func (a *Attempt) start(ctx context.Context, decision checkpoint.Decision) error {
	rest, err := a.log.Recovered(ctx, decision)
	if err != nil {
		return err
	}
	claim := &checkpoint.Claim{
		Format: checkpoint.Format, Job: a.config.Plan.Job, JobUUID: a.jobUUID, Attempt: a.number,
		TakenMS: a.nowMS(), Host: a.config.Host, PID: a.config.PID, AcceptDuplicatesFrom: decision.AcceptedDuplicatesFrom,
	}
	if _, err := a.log.Append(ctx, checkpoint.Entry{Claim: claim}); err != nil {
		return fmt.Errorf("job: claim the job: %w", err)
	}
	a.recovered = newRecovered(decision, rest.FinishedSplits)
	if err := a.cleanUp(ctx, decision.Pending); err != nil {
		return err
	}
	if err := a.openSources(ctx); err != nil {
		return err
	}
	a.manifests = a.config.NewWorker("manifests", a.mailbox)
	a.deletes = a.config.NewWorker("deletes", a.mailbox)
	a.letters.worker = a.config.NewWorker("letters", a.mailbox)
	if err := (&builder{attempt: a, plan: a.config.Plan}).build(ctx); err != nil {
		return err
	}
	a.coordinator = checkpoint.NewCoordinator(a.coordinatorConfig(decision), rest)
	a.letters.holdEnd()
	return nil
}

func newRecovered(decision checkpoint.Decision, finished map[string][]string) *recovered {
	r := &recovered{decision: decision, finished: finished, byTask: map[checkpoint.TaskID]checkpoint.TaskSnapshot{}}
	for _, snapshot := range decision.Tasks {
		r.byTask[snapshot.Task] = snapshot
	}
	return r
}

func (a *Attempt) coordinatorConfig(decision checkpoint.Decision) checkpoint.CoordinatorConfig {
	p := a.config.Plan
	config := checkpoint.CoordinatorConfig{
		Job: p.Job, JobUUID: a.jobUUID, Attempt: a.number, MaxParallelism: p.MaxParallelism, Operators: decision.Operators,
		Interval: p.Checkpoint.Interval, MinPause: p.Checkpoint.MinimumPause, Timeout: p.Checkpoint.Timeout,
		TolerableFailures: p.Checkpoint.TolerableFailures, Retain: p.Checkpoint.Retained,
	}
	for _, t := range a.tasks {
		config.Tasks = append(config.Tasks, t.ID())
		if t.IsSource() {
			config.SourceTasks = append(config.SourceTasks, t.ID())
		}
	}
	return config
}

// facts tells recovery about the plan.
func (a *Attempt) facts() checkpoint.Facts {
	p := a.config.Plan
	facts := checkpoint.Facts{Job: p.Job, MaxParallelism: p.MaxParallelism}
	for i := range p.Vertices {
		v := &p.Vertices[i]
		vertex := checkpoint.VertexFacts{UID: v.UID, Parallelism: v.Parallelism}
		for j := range v.Chain {
			step := &v.Chain[j]
			switch step.Kind {
			case plan.Source:
				vertex.Source = step.UID
			case plan.Sink:
				facts.Sinks = append(facts.Sinks, step.UID)
			case plan.Operator:
				vertex.Operators = append(vertex.Operators, step.UID)
				facts.Operators = append(facts.Operators, operatorInfo(step, a.config.Runtime.Module(step)))
			}
		}
		facts.Vertices = append(facts.Vertices, vertex)
	}
	return facts
}

func operatorInfo(step *plan.ChainedStep, module string) checkpoint.OperatorInfo {
	info := checkpoint.OperatorInfo{UID: step.UID, Operator: step.Entry, Module: module}
	for _, s := range step.Description.States {
		info.States = append(info.States, stateInfo(s))
	}
	for _, t := range step.Description.Timers {
		info.Timers = append(info.Timers, checkpoint.TimerInfo{Name: t.Name, Domain: t.Domain})
	}
	return info
}

func stateInfo(s abi.StateDescription) checkpoint.StateInfo {
	return checkpoint.StateInfo{Name: s.Name, Kind: s.Kind, SchemaVersion: s.SchemaVersion, TimeToLiveMS: s.TimeToLiveMS}
}

// connectorConfig is what a step's connector gets to know.
func (a *Attempt) connectorConfig(step *plan.ChainedStep) connectors.Config {
	p := a.config.Plan
	return connectors.Config{
		Job: p.Job, JobUUID: a.jobUUID, UID: step.UID, Attempt: a.number, Parallelism: step.Parallelism,
		BaseDir: p.BaseDir, Settings: json.RawMessage(step.Config),
	}
}

// openSinks opens all sinks and reports whether each of them is idempotent.
func (a *Attempt) openSinks(ctx context.Context) (idempotent bool, err error) {
	idempotent = true
	for _, step := range a.config.Plan.Steps() {
		if step.Kind != plan.Sink {
			continue
		}
		sink, guarantee, err := a.config.Runtime.Sink(ctx, step, a.connectorConfig(step))
		if err != nil {
			return false, fmt.Errorf("job: sink %s: %w", step.UID, err)
		}
		a.sinks[step.UID] = &sinkStep{sink: sink, worker: a.config.NewWorker("commit "+step.UID, a.mailbox)}
		idempotent = idempotent && guarantee == connectors.Idempotent
	}
	return idempotent, nil
}

// cleanUp lets each sink drop what lost attempts prepared and no manifest names.
func (a *Attempt) cleanUp(ctx context.Context, pending []checkpoint.Committable) error {
	ctx, cancel := context.WithTimeout(ctx, cleanUpTimeout)
	defer cancel()
	for uid, s := range a.sinks {
		var keep []connectors.Committable
		for _, c := range pending {
			if c.Sink == uid {
				keep = append(keep, connectors.Committable{ID: c.ID, Data: c.Data})
			}
		}
		if err := s.sink.CleanUp(ctx, keep); err != nil {
			return fmt.Errorf("job: sink %s: clean up after earlier attempts: %w", uid, err)
		}
	}
	return nil
}

func (a *Attempt) openSources(ctx context.Context) error {
	for i := range a.config.Plan.Vertices {
		v := &a.config.Plan.Vertices[i]
		step := &v.Chain[0]
		if step.Kind != plan.Source {
			continue
		}
		config := a.connectorConfig(step)
		config.Restored = a.recovered.decision.Manifest.Discovered(step.UID)
		source, err := a.config.Runtime.Source(ctx, step, config)
		if err != nil {
			return fmt.Errorf("job: source %s: %w", step.UID, err)
		}
		s := &sourceStep{source: source, worker: a.config.NewWorker("source "+step.UID, a.mailbox)}
		a.sources[step.UID] = s
		known := a.recovered.finished[step.UID]
		for subtask := range v.Parallelism {
			var restored []connectors.Assignment
			for _, p := range a.recovered.byTask[taskID(v, subtask)].Splits[step.UID] {
				known = append(known, p.ID)
				restored = append(restored, connectors.Assignment{Split: connectors.Split{ID: p.ID, Data: p.Data}, Position: p.Position})
			}
			s.restored = append(s.restored, restored)
		}
		s.enumerator = newEnumerator(step.UID, source, v.Parallelism, known)
		for subtask, restored := range s.restored {
			s.enumerator.eagerHeld[subtask] = len(restored)
		}
		if a.recovered.decision.InputEnded {
			s.enumerator.close()
		}
		s.enumerator.worker = a.config.NewWorker("discover "+step.UID, a.mailbox)
		s.enumerator.ctx, s.enumerator.nowMS = a.ctx, a.nowMS
		s.enumerator.fail = func(err error) { a.fail(err, !fatal(err)) }
		s.enumerator.assignTo = func(subtask int, assignments []connectors.Assignment, noMore bool) {
			a.byID[taskID(v, subtask)].Assign(assignments, noMore)
		}
	}
	return nil
}

// Number is the attempt's number; it rises with every start of the job.
func (a *Attempt) Number() uint64 { return a.number }

// Close releases everything, after the tasks and workers have stopped.
func (a *Attempt) Close() error {
	a.cancel()
	var errs []error
	for _, t := range a.tasks {
		errs = append(errs, t.Close())
	}
	for _, s := range a.sources {
		errs = append(errs, s.source.Close())
	}
	for _, s := range a.sinks {
		errs = append(errs, s.sink.Close())
	}
	return errors.Join(errs...)
}

// watermark is the smallest of all tasks, nil where one has none yet.
func (a *Attempt) watermark() *int64 {
	var smallest *int64
	for _, t := range a.tasks {
		w := t.Stats().WatermarkMS
		if w == abi.WatermarkMin {
			return nil
		}
		if smallest == nil || w < *smallest {
			smallest = &w
		}
	}
	return smallest
}
