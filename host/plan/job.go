// Package plan turns a job, a plain Go struct of which the YAML file is one
// reader, into validated, chained, parallel task specs.
package plan

import (
	"encoding/json"
	"math"
	"time"
)

// Job is what a user asks for: steps, and how they connect. Fields left at
// their zero value get their default when the job is built.
type Job struct {
	Name string
	// BaseDir is the folder that relative paths of the job start from.
	BaseDir string
	// Parallelism is the number of subtasks of each step that does not say its
	// own. Default: 1.
	Parallelism int
	// MaxParallelism is the number of key groups, fixed at the job's first start.
	// Default: 128.
	MaxParallelism int
	Checkpoint     Checkpoint
	Restart        Restart
	State          State
	DeadLetters    DeadLetters
	Flow           []Step

	// text is the file that the job was read from, for the place of an error.
	text *text
}

// None and Unlimited are the values of counts whose zero value means the default.
const (
	None      = -1
	Unlimited = math.MaxInt32
)

// Checkpoint says when checkpoints are taken, and where they are kept.
type Checkpoint struct {
	// Store is a folder. Default: "checkpoints/NAME" in BaseDir.
	Store string
	// Interval is the time from one checkpoint's start to the next. Default: 10s.
	Interval time.Duration
	// Timeout aborts a checkpoint that is not complete by then. Default: 10m.
	Timeout time.Duration
	// MinimumPause is the least time from one checkpoint's end to the next one's
	// start. Default: 0.
	MinimumPause time.Duration
	// Retained is the number of complete checkpoints that are kept. Default: 3.
	Retained int
	// TolerableFailures is the number of checkpoints that may fail in a row before
	// the job restarts; None and Unlimited are allowed. Default: 10. In a Plan,
	// None has become 0.
	TolerableFailures int
}

// Restart says how a job comes back after a failure: by exponential delay.
type Restart struct {
	// DelayInitial is the delay of the first restart. Default: 1s.
	DelayInitial time.Duration
	// DelayMax bounds the delay. Default: 1m.
	DelayMax time.Duration
	// Multiplier is the ratio of a delay to the one before. Default: 2.
	Multiplier float64
	// AttemptsMax is the number of restarts in a row before the job fails; None
	// and Unlimited are allowed. Default: 10. In a Plan, None has become 0.
	AttemptsMax int
	// ResetAfter is the time without a failure after which delay and attempts
	// start again. Default: 10m.
	ResetAfter time.Duration
}

// State says where keyed state lives between checkpoints.
type State struct {
	// Directory holds the local databases, a cache of the checkpoint store.
	// Default: a temporary folder. It is emptied at each start.
	Directory string
	// Cache bounds the write-back cache of one subtask, in bytes. Default: 64 MiB.
	Cache int64
}

// StepKind tells sources, operators and sinks apart.
type StepKind string

// The kinds of steps.
const (
	Source   StepKind = "source"
	Operator StepKind = "operator"
	Sink     StepKind = "sink"
)

// Step is one step of the flow.
type Step struct {
	Kind StepKind
	// UID names the step for ever: its state, positions and output are found
	// again under it.
	UID string
	// Parallelism is the number of subtasks. Default: the job's.
	Parallelism int
	// Inputs are the edges into the step; sources have none.
	Inputs []Input
	// Config is the step's own, a JSON object. Default: {}.
	Config json.RawMessage
	// OnFailure says what becomes of records that the step cannot handle.
	OnFailure OnFailure

	// Connector and Placement belong to sources and sinks.
	Connector string
	Placement Placement
	// Watermark belongs to sources.
	Watermark Watermark

	// Module is the path of the operator's Wasm module, Entry the operator's name
	// in it. Default of Entry: the uid.
	Module string
	Entry  string
	Limits Limits
}

// Placement is where a connector runs.
type Placement string

// The placements.
const (
	InProcess Placement = "process" // a process of its own, the default
	InHost    Placement = "host"    // within the host; built-in connectors only
)

// Input is one edge into a step.
type Input struct {
	// From is the uid of the step that the records come from.
	From string
	// Output names that step's output. It may be left out where there is one only.
	Output string
	// To names the input that the records go to. Where no edge of a step has it,
	// the edges belong to the step's inputs in order.
	To string
	// Edge is how records are spread over subtasks. Default: Forward where the
	// parallelism of both steps is equal, else Rebalance.
	Edge EdgeKind
}

// EdgeKind is how the records of an edge are spread over subtasks.
type EdgeKind string

// The kinds of edges.
const (
	Forward   EdgeKind = "forward"   // subtask n to subtask n
	Key       EdgeKind = "key"       // by the key group of the record's key
	Rebalance EdgeKind = "rebalance" // batches in turn
	Broadcast EdgeKind = "broadcast" // each record to all subtasks
)

// WatermarkStrategy is how a source's watermark follows its timestamps.
type WatermarkStrategy string

// The watermark strategies.
const (
	NoWatermark        WatermarkStrategy = "none" // none but the end of input
	MonotonicWatermark WatermarkStrategy = "monotonic"
	BoundedWatermark   WatermarkStrategy = "bounded_out_of_orderness"
)

// Watermark is the watermark of a source; it is kept for each split.
type Watermark struct {
	Strategy WatermarkStrategy // default: NoWatermark
	// OutOfOrderness is how much later than a greater timestamp a record may come.
	OutOfOrderness time.Duration
	// IdleTimeout is the time without records after which a split no longer holds
	// the watermark back. 0 = never.
	IdleTimeout time.Duration
}
