// Package letter keeps dead letters: the records and timers that a step of a
// job could not handle. They are data of the job: tasks write them in segments
// that belong to a checkpoint, so a letter exists exactly if the checkpoint that
// holds its failure does. What users order for letters stands in a log of
// commands beside them. Letters and commands together make the Book.
package letter

import "github.com/turgo-stream/turgo/abi/record"

// Kind is what a letter holds.
type Kind string

// The kinds of letters.
const (
	Record      Kind = "record"      // a record that an operator failed at
	Timer       Kind = "timer"       // a timer that an operator failed at
	Undecodable Kind = "undecodable" // bytes that a source could not make a record of
	Refused     Kind = "refused"     // a record that a sink refused
)

// Letter is one record or timer that a step could not handle, with all that is
// needed to understand the failure, to repeat it, and to try again.
type Letter struct {
	// ID is unique in the job and short enough to be typed: UID-ATTEMPT-SUBTASK-NUMBER.
	ID   string `json:"id"`
	UID  string `json:"uid"` // of the step that failed
	Kind Kind   `json:"kind"`
	// Input is the operator's input, Timer the declaration of the timer.
	Input int `json:"input,omitempty"`
	Timer int `json:"timer,omitempty"`
	// Record is a batch of one record as the step got it. A timer is a record of
	// its key and its time, with an empty value.
	Record record.Batch `json:"record"`
	Place  Place        `json:"place"`
	// Module and Entry are the digest of the operator's module and its name in it.
	Module string `json:"module,omitempty"`
	Entry  string `json:"entry,omitempty"`
	Error  Error  `json:"error"`
	// Attempts counts how often the step failed at it.
	Attempts int `json:"attempts"`
	// FirstMS and LastMS are processing times of the first and the last failure.
	FirstMS int64 `json:"first_ms"`
	LastMS  int64 `json:"last_ms"`
	// Watermark and ProcessingTimeMS are those of the call that failed, Subtask and
	// Parallelism those of the operator: with State they repeat the failure.
	Watermark        int64 `json:"watermark"`
	ProcessingTimeMS int64 `json:"processing_time_ms"`
	Subtask          int   `json:"subtask"`
	Parallelism      int   `json:"parallelism"`
	// Seed is that of the random numbers which the record met; nil where it drew none.
	Seed []byte `json:"seed,omitempty"`
	// State is what the operator's states held for the key just before the failure.
	State []StateEntry `json:"state,omitempty"`
	// StateIncomplete tells that the key's state was too large to keep with the letter.
	StateIncomplete bool `json:"state_incomplete,omitempty"`
	// Command is the number of the command whose resubmission failed; 0 = the
	// record failed in the course of the job.
	Command uint64 `json:"command,omitempty"`
	// Edits tells who changed the letter, oldest first; Record is the result.
	Edits []Edit `json:"edits,omitempty"`
}

// Edit is one change of a letter by a user.
type Edit struct {
	By      string `json:"by"`
	AtMS    int64  `json:"at_ms"`
	Command uint64 `json:"command"`
	// Original is the record as it failed first; only the first edit has it.
	Original record.Batch `json:"original,omitempty"`
}

// Original is the record as it failed first, before any edit.
func (l *Letter) Original() record.Batch {
	if len(l.Edits) > 0 {
		return l.Edits[0].Original
	}
	return l.Record
}

// Place is where the record came into the job, as far as it is known.
type Place struct {
	Source string `json:"source,omitempty"` // uid
	Split  string `json:"split,omitempty"`
	// Position is the split's position behind the batch that held the record, in
	// the connector's own form; Index is the record's index in that batch.
	Position []byte `json:"position,omitempty"`
	Index    int    `json:"index,omitempty"`
}

// Error is why a step failed.
type Error struct {
	Kind   string `json:"kind"`
	Code   uint32 `json:"code,omitempty"` // what the guest gave
	Reason string `json:"reason"`
	Stack  string `json:"stack,omitempty"` // the guest's
}

// Failure is what an operator tells of one record or timer that it failed at.
type Failure struct {
	// Index is that of the record or timer in what the operator was given; -1 =
	// unknown.
	Index int
	Error Error
	// Timer is the number of the timer's declaration and Fired a batch of one
	// record with its key and time; Fired is nil where a record failed.
	Timer int
	Fired record.Batch
	// Seed is that of the random numbers which the record met; nil where it drew none.
	Seed []byte
	// State is what the operator's states held for the key just before.
	State           []StateEntry
	StateIncomplete bool
}

// StateEntry is one entry of keyed state. Key is the sub-key of a map's entry;
// lists have an entry for each element, in order.
type StateEntry struct {
	State   string `json:"state"` // name
	Kind    string `json:"kind"`  // value, list, map
	Key     []byte `json:"key,omitempty"`
	Value   []byte `json:"value"`
	Version uint16 `json:"version,omitempty"`
	// ExpiresMS is the processing time at which the entry is gone; 0 = never.
	ExpiresMS int64 `json:"expires_ms,omitempty"`
}

// Bounds of what a letter keeps.
const (
	StateBytesMax  = 64 << 10 // of all state entries of a letter
	ReasonBytesMax = 4 << 10
	StackBytesMax  = 16 << 10
	// EditsMax is how many edits of a letter are remembered; the first one always is.
	EditsMax = 16
)

// Resubmission orders a task to try a letter again.
type Resubmission struct {
	Letter *Letter // as it is now, edits included
	// Command is the number of the command that ordered it.
	Command uint64
	// AtSource tells that the record goes in as if a source had just read it, not
	// at the step that failed.
	AtSource string
}

// Answer is what a task says of a resubmission, in the segment of the epoch in
// which it happened. Where the letter failed again, a Letter of the same ID with
// the Command stands in the segment instead.
type Answer struct {
	ID      string `json:"id"`
	Command uint64 `json:"command"`
}
