package task

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/exchange"
	"github.com/turgo-stream/turgo/host/plan"
)

// LingerMS is how long a record waits for others before its batch is sent on.
const LingerMS = 5

// Never is a deadline that does not come.
const Never = math.MaxInt64

// Config is everything that a task is made of. The task owns what it names.
type Config struct {
	ID    checkpoint.TaskID
	Steps []Step
	// Inbox is nil where the first step is a source.
	Inbox  *exchange.Inbox
	Source *SourceConfig // of the first step
	Sink   *SinkConfig   // of the last step
	State  State         // nil where no operator keeps state
	// Letters keeps what the operators cannot handle, SinkLetters what the sink
	// refuses; nil where there is none.
	Letters     Letters
	SinkLetters Letters
	// Parallelism is the number of subtasks of the task's vertex.
	Parallelism int

	// NowMS is the processing time in milliseconds since the epoch.
	NowMS func() int64
	// NewWorker makes a worker that posts to the task's mailbox.
	NewWorker func(name string, mailbox *Mailbox) Worker
	// Listener hears what the task has to say, on the task's goroutine.
	Listener Listener
	// Wake is called when there may be work for Step. It never blocks.
	Wake func()
	// Context ends what workers wait for.
	Context context.Context
}

// Step is one step of the chain.
type Step struct {
	UID      string
	Operator Operator // nil for a source and a sink
	// ProcessingTimers tells that the operator declares timers on processing time.
	ProcessingTimers bool
	// OnFailure says what becomes of records that the step cannot handle.
	OnFailure plan.OnFailure
	// Module and Entry are the digest of the operator's module and its name there.
	Module, Entry string
	// Routes says for each output where its batches go.
	Routes [][]Route
	// DeadLetters are the readers of its letters as records.
	DeadLetters []*exchange.Outbox
}

// Route is one way out of a step: the next step of the chain, or an outbox.
type Route struct {
	Chained bool
	Input   int // of the next step
	Outbox  *exchange.Outbox
}

// Listener hears of a task.
type Listener interface {
	// BarrierTaken tells that a source task sent the barrier. Each barrier is
	// answered once, in their order, by Acknowledged or Declined.
	BarrierTaken(task checkpoint.TaskID, epoch checkpoint.Epoch)
	Acknowledged(epoch checkpoint.Epoch, snapshot checkpoint.TaskSnapshot)
	Declined(epoch checkpoint.Epoch, task checkpoint.TaskID, committables []checkpoint.Committable, err error)
	// Ended tells that the task's input has ended and its output is sent.
	Ended(task checkpoint.TaskID)
	// SplitsWanted asks for up to count more splits of a source.
	SplitsWanted(task checkpoint.TaskID, source string, count int)
	// Paused tells that a breaker holds the task until a processing time, in
	// milliseconds since the epoch, and Resumed that it goes on.
	Paused(task checkpoint.TaskID, untilMS int64, reason *BreakerError)
	Resumed(task checkpoint.TaskID, uid string)
}

// State is the keyed state of the task. Its methods are called on the task's
// goroutine, but for the functions that they return, which run on a worker.
type State interface {
	// Freeze sets aside what changed since the last freeze, and returns the work
	// that makes it durable.
	Freeze() (write func(context.Context) error, err error)
	// Settle tells how the write ended. What failed is part of the next freeze.
	Settle(err error)
	// Tables are all tables that hold the state as of the last settled freeze.
	Tables() []checkpoint.Table
	// Merge returns the work of merging some tables, or nil where nothing is to
	// be merged. The task calls done when the work has ended. A failed merge
	// changes nothing.
	Merge() (merge func(context.Context) (done func()))
	// Prefetch returns the work that brings near what was restored, or nil where
	// nothing was. It runs beside the task; an error fails the task.
	Prefetch() (prefetch func(context.Context) error)
	Close() error
}

// Task is one subtask of one vertex.
type Task struct {
	config  Config
	steps   []step
	outs    []*exchange.Outbox
	source  *source
	sink    *sink
	mailbox *Mailbox
	writes  Worker // of the state
	merges  Worker // of the state's tables
	letters letters

	resubmits resubmissions

	watermark int64 // of the input
	firing    firing
	trigger   []checkpoint.Epoch // barriers that a source has to send
	aborted   checkpoint.Epoch   // all epochs up to this one that did not complete
	snapshot  *snapshot          // under way
	declined  []declined         // barriers to answer after the snapshot under way
	merging   bool
	final     bool // after the final barrier was asked for
	ended     bool
	idle      bool
	lingerMS  int64 // when records began to wait in an outbox; Never = none do
	failure   error

	places        []exchange.Run // of the batch that the inbox gave
	backlogged    int            // batches in the backlogs of all steps
	pausedBy      *step          // whose breaker holds the task; nil = none does
	pausedUntilMS int64

	counters counters
}

// step is a Step with the time that has reached it.
type step struct {
	Step
	index     int
	watermark int64
	timerMS   int64 // next processing timer
	emit      func(output int, batch record.Batch)

	current  part    // what the operator handles now
	came     came    // where its records came into the job
	backlog  []piece // what it has to handle before anything else
	records  isolation
	timers   isolation
	breaker  breaker
	failures *failureCounters
}

// firing is the advance of a watermark through the chain, a slice of timers at
// a time: step by step, since what a step fires comes before the watermark for the next.
type firing struct {
	active bool
	step   int
	target int64
	// late tells that it fires what was set behind the last watermark. No barrier
	// comes in between: the last one would leave timers that nothing fires.
	late bool
}

// snapshot is a checkpoint of this task under way.
type snapshot struct {
	epoch      checkpoint.Epoch
	waiting    int // parts that are not durable yet
	splits     []checkpoint.SplitPosition
	discovered bool // see source
	committed  []checkpoint.Committable
	err        error // why the task declines
}

// failed notes the first reason to decline.
func (s *snapshot) failed(err error) {
	if s.err == nil {
		s.err = err
	}
}

// declined is a barrier for which the task saves nothing.
type declined struct {
	epoch  checkpoint.Epoch
	reason error
}

type counters struct {
	in, out, lag, watermark atomic.Int64
}

// Stats is a reading of a task's counters.
type Stats struct {
	RecordsIn   int64
	RecordsOut  int64
	LagRecords  int64 // -1 = unknown
	WatermarkMS int64
	Failures    []FailureStats // of the steps that could not handle something
}

// New builds a task. Nothing runs until Step is called.
func New(config Config) *Task {
	t := &Task{config: config, watermark: abi.WatermarkMin, lingerMS: Never}
	t.counters.watermark.Store(abi.WatermarkMin)
	t.mailbox = NewMailbox(config.Wake)
	for i, s := range config.Steps {
		t.steps = append(t.steps, step{Step: s, index: i, watermark: abi.WatermarkMin, timerMS: Never,
			records: isolation{hint: -1}, timers: isolation{hint: -1}, breaker: breaker{rule: s.OnFailure.Breaker}, failures: &failureCounters{}})
		if s.ProcessingTimers {
			t.steps[i].timerMS = math.MinInt64 // overdue timers of a restored state fire at once
		}
		t.outs = append(t.outs, s.DeadLetters...)
		for _, routes := range s.Routes {
			for _, r := range routes {
				if r.Outbox != nil {
					t.outs = append(t.outs, r.Outbox)
				}
			}
		}
	}
	for i := range t.steps {
		t.steps[i].emit = func(output int, batch record.Batch) { t.emit(i, output, batch) }
	}
	if config.Source != nil {
		t.source = newSource(config.Context, *config.Source, config.NewWorker("source", t.mailbox), config.NowMS)
	}
	if config.Sink != nil {
		t.sink = &sink{ctx: config.Context, config: *config.Sink, worker: config.NewWorker("sink", t.mailbox), refuse: t.failRefused}
	}
	if config.Letters != nil || config.SinkLetters != nil {
		t.letters = letters{steps: config.Letters, sink: config.SinkLetters, worker: config.NewWorker("letters", t.mailbox)}
	}
	if config.State != nil {
		t.writes = config.NewWorker("state", t.mailbox)
		t.merges = config.NewWorker("merge", t.mailbox)
		t.prefetch()
	}
	return t
}

// ID names the task.
func (t *Task) ID() checkpoint.TaskID { return t.config.ID }

// IsSource reports whether the task begins with a source, so that barriers start here.
func (t *Task) IsSource() bool { return t.source != nil }

// IsSink reports whether the task ends in a sink.
func (t *Task) IsSink() bool { return t.sink != nil }

// Stats reads the counters, from any goroutine.
func (t *Task) Stats() Stats {
	stats := Stats{
		RecordsIn: t.counters.in.Load(), RecordsOut: t.counters.out.Load(),
		LagRecords: t.counters.lag.Load(), WatermarkMS: t.counters.watermark.Load(),
	}
	for i := range t.steps {
		if f := t.steps[i].failures; f.failed.Load() > 0 {
			stats.Failures = append(stats.Failures, FailureStats{UID: t.steps[i].UID, Failed: f.failed.Load(),
				DeadLettered: f.deadLettered.Load(), Dropped: f.dropped.Load(), PausedUntilMS: f.pausedUntilMS.Load()})
		}
	}
	return stats
}

// Trigger asks a source task for the barrier of an epoch, from any goroutine.
// After a final one it reads nothing more.
func (t *Task) Trigger(epoch checkpoint.Epoch, final bool) {
	t.mailbox.Post(func() {
		t.trigger = append(t.trigger, epoch)
		t.final = t.final || final
	})
}

// Abort tells that an epoch will not complete, from any goroutine.
func (t *Task) Abort(epoch checkpoint.Epoch) {
	t.mailbox.Post(func() { t.aborted = max(t.aborted, epoch) })
}

// Complete tells that an epoch is durable, from any goroutine.
func (t *Task) Complete(epoch checkpoint.Epoch) {
	t.mailbox.Post(func() {
		t.letters.all(func(keeper Letters) { keeper.Complete(epoch) })
		t.merge()
	})
}

// Assign hands splits to the source, from any goroutine: what was discovered,
// which may be none. noMore says that no others will come.
func (t *Task) Assign(assignments []connectors.Assignment, noMore bool) {
	t.mailbox.Post(func() {
		t.source.discovered = true
		t.source.assign(assignments, noMore)
	})
}

// Close releases what the task holds, after its workers have stopped.
func (t *Task) Close() error {
	var first error
	keep := func(err error) {
		if first == nil {
			first = err
		}
	}
	for i := range t.steps {
		if op := t.steps[i].Operator; op != nil {
			keep(op.Close())
		}
	}
	if t.source != nil {
		keep(t.source.close())
	}
	if t.sink != nil {
		keep(t.sink.close())
	}
	if t.config.State != nil {
		keep(t.config.State.Close())
	}
	return first
}

// fail keeps the first failure; Step returns it.
func (t *Task) fail(err error) {
	if t.failure == nil && err != nil {
		t.failure = fmt.Errorf("task: %s/%d: %w", t.config.ID.Vertex, t.config.ID.Subtask, err)
	}
}
