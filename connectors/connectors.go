// Package connectors is the contract for native input and output. Connector
// authors implement Source or Sink; the wire (package wire) and a direct call
// carry the same interfaces, so a connector cannot tell which one it is behind.
package connectors

import (
	"context"
	"encoding/json"

	"github.com/turgo-stream/turgo/abi/record"
)

// Limits on what a connector hands to the host, in bytes and in number.
const (
	SplitIDBytesMax         = 4 << 10
	SplitDataBytesMax       = 64 << 10
	PositionBytesMax        = 64 << 10
	CommittableIDBytesMax   = 4 << 10
	CommittableDataBytesMax = 64 << 10
	SplitsMax               = 1 << 20 // of one source
	CommittablesMax         = 1 << 10 // of one Prepare
	UndecodablesMax         = 1 << 10 // of one Delivery
	UndecodableBytesMax     = 64 << 10
	UndecodablesBytesMax    = 1 << 20 // of one Delivery, reasons included
	ReasonBytesMax          = 4 << 10 // of one Undecodable or Refused
)

// Connector is one named connector. A nil factory means that it has no such side.
type Connector struct {
	Name    string
	Version string
	Source  func() Source
	Sink    func() Sink
}

// Config is what a step of a job gives to its connector.
type Config struct {
	Job     string // name of the job
	JobUUID string // identity of the job, stable over restarts
	UID     string // uid of the step
	Attempt uint64 // rises with every start of the job
	// Restored tells a source that its splits were discovered before, by an
	// earlier attempt or process: one that it finds now and was not given is new
	// since, so that "from now on" is no start for it.
	Restored    bool
	Parallelism int             // subtasks of the step
	BaseDir     string          // relative paths in Settings start here
	Settings    json.RawMessage // the step's config, an object
}

// Split is a part of the input that one reader reads alone and in order.
type Split struct {
	ID   string // UTF-8, unique in the source, stable over restarts
	Data []byte // the connector's own; checkpoints keep it, as it was when the split was found first
	// Eager splits are handed out as soon as they are found, however many a
	// reader holds: those that never end, and those whose start or end was
	// decided when they were found, which only a checkpoint remembers.
	Eager bool
}

// Assignment hands a split to a reader, from a position. A nil position is the
// split's start.
type Assignment struct {
	Split    Split
	Position []byte
}

// Delivery is what a reader gives: a batch of one split that ends at Position,
// or the split's end, or nothing (no split, no batch and no end) when there was
// nothing to read for a while. SplitID and Position are the caller's to keep.
type Delivery struct {
	SplitID  string
	Batch    record.Batch // valid until the next call of Next
	Position []byte       // position after Batch; never empty where there is a split
	End      bool         // the split has ended; it may come with a last batch
	// LagRecords estimates the records still to read in the split; -1 = unknown.
	LagRecords int64
	// Undecodable is what stood between the records before Position and is none: the
	// step's failure policy says what becomes of it. Valid as long as Batch.
	Undecodable []Undecodable
}

// Undecodable is bytes that a reader cannot make a record of.
type Undecodable struct {
	Bytes  []byte // the first UndecodableBytesMax of them
	Reason string // cut at ReasonBytesMax
	Index  int    // how many records of the delivery's batch stand before it
}

// Source reads from one system. Check, Discover and readers may be called from
// different goroutines; each reader belongs to one.
type Source interface {
	// Check validates the config and what it names, without side effects.
	Check(ctx context.Context, config Config) error
	// Open prepares for use. It is called once.
	Open(ctx context.Context, config Config) error
	// Discover lists the splits that exist now. final says that no others will
	// come, so that a bounded job can end.
	Discover(ctx context.Context) (splits []Split, final bool, err error)
	// OpenReader opens the reader of one subtask, again when the one before was closed.
	OpenReader(ctx context.Context, subtask int) (Reader, error)
	// CheckpointComplete tells that a checkpoint with these positions is durable.
	CheckpointComplete(ctx context.Context, epoch uint64, positions []Assignment) error
	Close() error
}

// Reader reads the splits that are assigned to it.
type Reader interface {
	// Assign adds splits. Next must not be under way.
	Assign(ctx context.Context, assignments []Assignment) error
	// Next waits for the next delivery, some 100 ms at most, then gives an empty one.
	Next(ctx context.Context) (Delivery, error)
	Close() error
}

// Committable is what a writer prepared for one checkpoint and the sink can
// commit later, even from another process.
type Committable struct {
	ID   string // unique in the job; names it in logs and in `turgo checkpoints show`
	Data []byte
}

// Outcome is a sink's answer for one committable.
type Outcome int

// The outcomes of a commit.
const (
	Committed     Outcome = iota // durable, by this call or an earlier one
	CommitRetry                  // not now; try again later
	CommitLost                   // known failure: the prepared data is gone. The job stops with an alarm.
	CommitUnknown                // the system did not say; fail over and commit again
)

// CommitResult is the outcome for the committable of that ID.
type CommitResult struct {
	ID      string
	Outcome Outcome
	Reason  string
}

// AllCommitted answers Committed for each committable.
func AllCommitted(committables []Committable) []CommitResult {
	results := make([]CommitResult, len(committables))
	for i, c := range committables {
		results[i] = CommitResult{ID: c.ID, Outcome: Committed}
	}
	return results
}

// Guarantee is what a sink can promise.
type Guarantee string

// The guarantees.
const (
	ExactlyOnce Guarantee = "exactly_once"
	Idempotent  Guarantee = "idempotent"
	AtLeastOnce Guarantee = "at_least_once"
)

// Sink writes to one system.
type Sink interface {
	Check(ctx context.Context, config Config) error
	// Open prepares for use and tells the sink's guarantee under this config.
	Open(ctx context.Context, config Config) (Guarantee, error)
	// CleanUp removes what attempts before Config.Attempt prepared for this job and
	// step, but the committables in keep: nobody will commit it. It is called once
	// per start, after the claim and before any writer opens. What later attempts
	// prepared must stay: this one may have stood still after its claim and lost it.
	CleanUp(ctx context.Context, keep []Committable) error
	// OpenWriter opens the writer of one subtask, which has one in each attempt.
	OpenWriter(ctx context.Context, subtask int) (Writer, error)
	// Commit makes prepared data visible. It is idempotent: a committable that was
	// committed before answers Committed.
	Commit(ctx context.Context, committables []Committable) ([]CommitResult, error)
	// Abort drops prepared data. It is idempotent, and leaves what was committed.
	Abort(ctx context.Context, committables []Committable) error
	Close() error
}

// Writer writes what one subtask receives. It belongs to one goroutine.
type Writer interface {
	// Write takes one batch; the bytes are the caller's again when it returns.
	Write(ctx context.Context, batch record.Batch) error
	// Prepare makes all that was written since the last Prepare durable but not
	// visible. What follows belongs to the next epoch.
	Prepare(ctx context.Context, epoch uint64) ([]Committable, error)
	Close() error
}

// Refuser is a Writer that refuses single records which its system does not
// take: it writes all others of their batch, and returns no error. The step's
// failure policy says what becomes of them.
type Refuser interface {
	// Refused gives the records refused since its last call. It is called after
	// Write, where those of earlier batches may come up still, and after Prepare:
	// then they are all that belong to the epoch.
	Refused() []Refused
}

// Refused is a record that a writer does not take.
type Refused struct {
	Record record.Batch // that record alone, in memory that stays
	Reason string       // cut at ReasonBytesMax
}

// Refuse copies a record to refuse it.
func Refuse(view record.View, reason string) Refused {
	var b record.Builder
	b.AppendView(view, 0)
	return Refused{Record: b.Finish(), Reason: CutReason(reason)}
}

// CutReason cuts a reason to what is allowed.
func CutReason(reason string) string { return reason[:min(len(reason), ReasonBytesMax)] }
