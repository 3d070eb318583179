package checkpoint

import "github.com/turgo-stream/turgo/connectors"

// Event tells the coordinator what happened.
type Event interface{ event() }

// Events.
type (
	// Tick tells that time passed. The driver sends one first of all, and
	// whenever Coordinator.NextTick says.
	Tick struct{}

	// BarrierTaken tells that a source task passed the barrier on. It may be left
	// out; with it, assignments are held for a shorter time.
	BarrierTaken struct {
		Epoch Epoch
		Task  TaskID
	}

	// TaskAcknowledged tells that a task's snapshot for an epoch is durable.
	//
	// Each task answers each barrier that it receives, with TaskAcknowledged or
	// TaskDeclined, in the order of the barriers and also where the epoch was
	// aborted meanwhile. Splits that were read to their end are reported at least
	// once, with Finished set.
	TaskAcknowledged struct {
		Epoch    Epoch
		Snapshot TaskSnapshot
	}

	// TaskDeclined tells that a task could not save its state for an epoch but
	// lives on: the next snapshot holds what this one would have. Committables
	// that it prepared at this barrier are handed over all the same.
	TaskDeclined struct {
		Epoch        Epoch
		Task         TaskID
		Committables []Committable
		Err          error
	}

	// TaskEnded tells that a task's input has ended and all output of it is
	// written. The task goes on answering barriers.
	TaskEnded struct{ Task TaskID }

	// ManifestDurable answers WriteManifest.
	ManifestDurable struct {
		Epoch  Epoch
		Number uint64 // the entry's number in the log
	}

	// ManifestFailed answers WriteManifest. Where Err is not ErrUnchanged, the
	// entry may exist nevertheless, and the coordinator gives up.
	ManifestFailed struct {
		Epoch Epoch
		Err   error
	}

	// CommitResults answers Commit. Err tells that the call failed as a whole; it
	// is tried again.
	CommitResults struct {
		Sink    string
		Results []connectors.CommitResult
		Err     error
	}

	// StopRequested asks for a last checkpoint and the end of the run.
	StopRequested struct{}
)

func (Tick) event()             {}
func (BarrierTaken) event()     {}
func (TaskAcknowledged) event() {}
func (TaskDeclined) event()     {}
func (TaskEnded) event()        {}
func (ManifestDurable) event()  {}
func (ManifestFailed) event()   {}
func (CommitResults) event()    {}
func (StopRequested) event()    {}

// Action tells the driver what to do. Actions of one Step are started in order;
// their outcomes come back as events, at any time.
type Action interface{ action() }

// Actions.
type (
	// TriggerBarrier tells the source tasks to send the barrier of an epoch.
	// After a final one they send nothing but barriers.
	TriggerBarrier struct {
		Epoch Epoch
		Final bool
	}

	// AbortEpoch tells all tasks to forget a barrier that they still align for,
	// and the user why this checkpoint did not come about.
	AbortEpoch struct {
		Epoch Epoch
		Err   error
	}

	// WriteManifest appends to the log, answered by ManifestDurable or ManifestFailed.
	WriteManifest struct {
		Manifest    *Manifest
		Attachments []Attachment
	}

	// Commit commits prepared output, answered by CommitResults. There is one
	// call at a time for each sink.
	Commit struct {
		Sink         string
		Committables []Committable
	}

	// NotifyComplete tells tasks and sources that an epoch is durable.
	NotifyComplete struct {
		Epoch     Epoch
		Positions map[string][]SplitPosition // by source uid
	}

	// DeleteObjects deletes what nothing needs any more, in this order, and no name
	// before all names of earlier actions are gone: so no manifest is left that
	// names an object that is gone. After a crash the next start finds what is left.
	DeleteObjects struct{ Names []string }

	// JobFinished tells that the input has ended and all output is committed.
	JobFinished struct{ Epoch Epoch }

	// JobStopped tells that the checkpoint that a stop asked for is durable and
	// all output is committed.
	JobStopped struct{ Epoch Epoch }

	// FailJob ends this coordinator. Where Restart is set, a new attempt that
	// recovers from the log may follow; else a person has to look.
	FailJob struct {
		Err     error
		Restart bool
	}
)

func (TriggerBarrier) action() {}
func (AbortEpoch) action()     {}
func (WriteManifest) action()  {}
func (Commit) action()         {}
func (NotifyComplete) action() {}
func (DeleteObjects) action()  {}
func (JobFinished) action()    {}
func (JobStopped) action()     {}
func (FailJob) action()        {}
