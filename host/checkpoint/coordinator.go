package checkpoint

import (
	"errors"
	"fmt"
	"time"
)

// CoordinatorConfig is what a coordinator knows of its job. Zero values of
// limits and times get the defaults that withDefaults names.
type CoordinatorConfig struct {
	Job            string
	JobUUID        string
	Attempt        uint64
	MaxParallelism int
	// Tasks are all tasks of the job; each answers each barrier. SourceTasks are
	// those of them that have splits.
	Tasks       []TaskID
	SourceTasks []TaskID
	Operators   []OperatorInfo

	Interval time.Duration // between starts of checkpoints; 0 = only a last one
	MinPause time.Duration // from the end of one to the start of the next
	Timeout  time.Duration // after which an incomplete one is aborted; default 10 minutes
	// TolerableFailures is how many checkpoints in a row may fail before the job
	// does; negative = any number. A full or read-only store is not counted: the
	// job goes on without checkpoints.
	TolerableFailures int
	// MaxUnconfirmedEpochs is how many epochs may wait for their commit; at that
	// number no new checkpoint starts. Default 3.
	MaxUnconfirmedEpochs int
	Retain               int           // checkpoints to keep; default 3
	CommitRetryMin       time.Duration // first delay of a repeated commit; default 100 ms
	CommitRetryMax       time.Duration // default 30 s
}

func (c CoordinatorConfig) withDefaults() CoordinatorConfig {
	if c.Timeout <= 0 {
		c.Timeout = 10 * time.Minute
	}
	if c.MaxUnconfirmedEpochs <= 0 {
		c.MaxUnconfirmedEpochs = 3
	}
	if c.Retain <= 0 {
		c.Retain = 3
	}
	if c.CommitRetryMin <= 0 {
		c.CommitRetryMin = 100 * time.Millisecond
	}
	if c.CommitRetryMax <= 0 {
		c.CommitRetryMax = 30 * time.Second
	}
	return c
}

// Recovered is what a new coordinator takes over from the log. The zero value
// is a fresh start. Decision.Recovered makes it.
type Recovered struct {
	// Manifest is what the job resumes from; nil for a fresh start.
	Manifest *Manifest
	// InputEnded tells that the job reads nothing any more. Reopened tells that its
	// tasks run nevertheless, though Manifest says that they have ended.
	InputEnded, Reopened bool
	// Retained are the log's checkpoints, oldest first, Manifest among them.
	Retained []*Manifest
	// FinishedSplits are all finished splits by source uid, those in objects too.
	FinishedSplits map[string][]string
	// LastEpoch is the highest epoch that any attempt may have completed.
	LastEpoch Epoch
	// FirstNumber is the lowest number in the log.
	FirstNumber uint64
	// Orphans are objects of lost attempts that no retained checkpoint names.
	Orphans []string
}

// phase is what the coordinator is doing about checkpoints.
type phase int

const (
	idle       phase = iota
	collecting       // a barrier is on its way
	writing          // a manifest is being appended
	dead             // the run is over, one way or the other
)

// ending tells how the run is meant to end.
type ending int

const (
	endless   ending = iota
	stopping         // StopRequested
	finishing        // all input has ended
)

// Coordinator decides when a checkpoint is taken, complete, committed and
// deleted. It has no goroutine, no clock and does no I/O: the driver gives
// events to Step and carries out the actions.
type Coordinator struct {
	config CoordinatorConfig
	now    time.Time
	began  bool

	phase  phase
	ending ending
	epoch  Epoch // the last one used
	// current is the checkpoint that is being collected or written.
	current     inProgress
	lastStart   time.Time
	lastEnd     time.Time
	failures    int // in a row
	lastFailure error

	tasks       map[TaskID]bool // all; true = ended
	endedTasks  int
	sourceTasks map[TaskID]bool

	base      *Manifest // newest durable
	finalDone bool      // base comes from a final barrier
	// inputEnded is what all manifests say that follow.
	inputEnded bool
	commits    commitQueue
	splits     finishedSplits
	letters    letterSegments
	objects    retention
}

// inProgress is one checkpoint from its barrier to its manifest.
type inProgress struct {
	epoch     Epoch
	final     bool
	started   time.Time
	snapshots map[TaskID]TaskSnapshot
	barriers  map[TaskID]bool // source tasks that passed the barrier
	ended     bool            // all input had ended before the barrier was sent
	manifest  *Manifest
}

// NewCoordinator makes the coordinator of one attempt. The attempt's claim must
// be in the log already.
func NewCoordinator(config CoordinatorConfig, recovered Recovered) *Coordinator {
	c := &Coordinator{
		config:      config.withDefaults(),
		epoch:       recovered.LastEpoch,
		tasks:       make(map[TaskID]bool, len(config.Tasks)),
		sourceTasks: make(map[TaskID]bool, len(config.SourceTasks)),
		base:        recovered.Manifest,
	}
	for _, id := range config.Tasks {
		c.tasks[id] = false
	}
	for _, id := range config.SourceTasks {
		c.sourceTasks[id] = true
	}
	c.inputEnded = recovered.InputEnded
	c.commits = newCommitQueue(c.config.CommitRetryMin, c.config.CommitRetryMax)
	c.splits = newFinishedSplits(c.config.Attempt)
	c.letters = newLetterSegments(recovered.Manifest)
	c.objects = newRetention(c.config.Retain, recovered)
	if m := recovered.Manifest; m != nil {
		c.epoch = max(c.epoch, m.Epoch)
		c.commits.recover(m.Pending)
		c.splits.recover(m.Sources, recovered.FinishedSplits)
		if m.Ended && !recovered.Reopened {
			c.ending, c.finalDone = finishing, true
		}
	}
	return c
}

// Step handles one event and tells what to do now. Time never goes back: an
// earlier now counts as the latest one seen.
func (c *Coordinator) Step(now time.Time, event Event) []Action {
	if c.phase == dead {
		return nil
	}
	if now.After(c.now) {
		c.now = now
	}
	var actions []Action
	if !c.began {
		c.began = true
		c.lastStart, c.lastEnd = c.now, c.now
		actions = c.objects.deleteOrphans(actions)
	}
	switch e := event.(type) {
	case Tick:
	case BarrierTaken:
		if c.phase == collecting && e.Epoch == c.current.epoch && c.sourceTasks[e.Task] {
			c.current.barriers[e.Task] = true
		}
	case TaskAcknowledged:
		actions = c.acknowledged(actions, e)
	case TaskDeclined:
		actions = c.declined(actions, e)
	case TaskEnded:
		c.taskEnded(e.Task)
	case ManifestDurable:
		actions = c.manifestDurable(actions, e)
	case ManifestFailed:
		actions = c.manifestFailed(actions, e)
	case CommitResults:
		actions = c.commitResults(actions, e)
	case LettersSwapped:
		c.letters.swap(e)
		c.objects.listed(c.epoch, e.CommandNames)
	case StopRequested:
		if c.ending == endless {
			c.ending = stopping
		}
	default:
		panic(fmt.Sprintf("checkpoint: coordinator got an unknown event %T", event))
	}
	return c.proceed(actions)
}

// proceed does what has become due.
func (c *Coordinator) proceed(actions []Action) []Action {
	if c.phase == collecting && !c.now.Before(c.current.started.Add(c.config.Timeout)) {
		actions = c.abort(actions, fmt.Errorf("checkpoint: epoch %d: timed out after %v: %s", c.current.epoch, c.config.Timeout, c.missing()))
	}
	if c.phase != dead {
		actions = c.commits.due(c.now, actions)
	}
	if c.phase == idle {
		actions = c.start(actions)
	}
	return actions
}

// start begins a checkpoint, or the closing manifest, or ends the run, where
// one of these is due.
func (c *Coordinator) start(actions []Action) []Action {
	if c.finalDone {
		return c.closeRun(actions)
	}
	due, ok := c.nextStart()
	if !ok || c.now.Before(due) {
		return actions
	}
	c.epoch++
	c.lastStart = c.now
	c.phase = collecting
	c.current = inProgress{
		epoch: c.epoch, final: c.ending != endless, started: c.now,
		ended:     c.ending == finishing,
		snapshots: make(map[TaskID]TaskSnapshot, len(c.tasks)),
		barriers:  make(map[TaskID]bool, len(c.sourceTasks)),
	}
	actions = append(actions, TriggerBarrier{Epoch: c.epoch, Final: c.current.final})
	if len(c.tasks) == 0 {
		actions = c.write(actions)
	}
	return actions
}

// nextStart is when the next checkpoint may start; false = not before an event.
func (c *Coordinator) nextStart() (time.Time, bool) {
	if c.commits.unconfirmedEpochs() >= c.config.MaxUnconfirmedEpochs {
		return time.Time{}, false
	}
	pause := c.lastEnd.Add(c.pause())
	if c.ending != endless {
		return pause, true
	}
	if c.config.Interval <= 0 {
		return time.Time{}, false
	}
	if next := c.lastStart.Add(c.config.Interval); next.After(pause) {
		return next, true
	}
	return pause, true
}

// pause is the least time between two checkpoints. A last one does not wait for
// the pause that the user set, but repeated failures are spaced.
func (c *Coordinator) pause() time.Duration {
	if c.ending == endless {
		return c.config.MinPause
	}
	if c.lastFailure == nil {
		return 0
	}
	return max(time.Second, c.config.MinPause)
}

func (c *Coordinator) acknowledged(actions []Action, e TaskAcknowledged) []Action {
	task := e.Snapshot.Task
	if _, known := c.tasks[task]; !known {
		return actions
	}
	// What follows is kept where the epoch was aborted too: the task handed it
	// over and goes on from there.
	c.commits.prepared(e.Epoch, e.Snapshot.Committables)
	c.splits.finish(e.Snapshot.Splits)
	c.objects.listed(e.Epoch, tableNames(e.Snapshot.Tables))
	c.objects.listed(e.Epoch, segmentNames(e.Snapshot.Letters))
	if c.phase != collecting || e.Epoch != c.current.epoch {
		return actions
	}
	if _, twice := c.current.snapshots[task]; twice {
		return actions
	}
	snapshot := e.Snapshot
	snapshot.Committables = nil
	snapshot.Splits = unfinishedSplits(snapshot.Splits)
	c.current.snapshots[task] = snapshot
	if len(c.current.snapshots) == len(c.tasks) {
		actions = c.write(actions)
	}
	return actions
}

func (c *Coordinator) declined(actions []Action, e TaskDeclined) []Action {
	if _, known := c.tasks[e.Task]; !known {
		return actions
	}
	c.commits.prepared(e.Epoch, e.Committables)
	if c.phase != collecting || e.Epoch != c.current.epoch {
		return actions
	}
	return c.abort(actions, fmt.Errorf("checkpoint: epoch %d: task %s: %w", e.Epoch, e.Task, e.Err))
}

func (c *Coordinator) taskEnded(task TaskID) {
	if ended, known := c.tasks[task]; known && !ended {
		c.tasks[task] = true
		c.endedTasks++
	}
	// Behind the last checkpoint of a stop, an end comes too late: what is emitted
	// at it is in no checkpoint, and the next run does it again.
	if c.endedTasks == len(c.tasks) && len(c.tasks) > 0 && !c.finalDone {
		c.ending = finishing
	}
}

// abort gives up the current checkpoint; the job goes on unless too many failed.
func (c *Coordinator) abort(actions []Action, err error) []Action {
	epoch := c.current.epoch
	c.phase = idle
	c.lastEnd = c.now
	c.lastFailure = err
	actions = append(actions, AbortEpoch{Epoch: epoch, Err: err})
	if errors.Is(err, ErrFull) || errors.Is(err, ErrReadOnly) {
		return actions
	}
	c.failures++
	if c.config.TolerableFailures >= 0 && c.failures > c.config.TolerableFailures {
		return c.fail(actions, fmt.Errorf("checkpoint: %d in a row failed, %d are tolerated: %w", c.failures, c.config.TolerableFailures, err), true)
	}
	return actions
}

func (c *Coordinator) fail(actions []Action, err error, restart bool) []Action {
	c.phase = dead
	return append(actions, FailJob{Err: err, Restart: restart})
}
