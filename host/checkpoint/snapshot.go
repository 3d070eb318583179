// Package checkpoint decides when a checkpoint is taken, complete, committed
// and deleted, and what a restart begins from. Its only I/O is the Store.
package checkpoint

import "fmt"

// Epoch numbers checkpoints of a job, from 1, rising over all attempts.
type Epoch uint64

// TaskID names one subtask of one vertex of the plan. Vertex is the uid of the
// first step in the chain.
type TaskID struct {
	Vertex  string `json:"vertex"`
	Subtask int    `json:"subtask"`
}

func (t TaskID) String() string { return fmt.Sprintf("%s[%d]", t.Vertex, t.Subtask) }

// Table is a sorted table of keyed state in the store, or the part of one that
// lies within key groups [First, Last].
type Table struct {
	Object    string   `json:"object"`
	Bytes     int64    `json:"bytes"`
	Entries   int64    `json:"entries"`
	Checksum  string   `json:"checksum"` // hex, of the whole object
	First     uint16   `json:"key_group_first"`
	Last      uint16   `json:"key_group_last"`
	Operators []string `json:"operators"` // uids whose state the object may hold; a merged table has those of all its inputs, unless it drops some
	Level     int      `json:"level"`     // merges behind it; 0 = written by one epoch
	// HalfDead is the processing time, in milliseconds, from which on at least half of
	// the bytes are expired entries or tombstones; 0 = never.
	HalfDead int64 `json:"half_dead_ms,omitempty"`
}

// SplitPosition is where a source stands in one split.
type SplitPosition struct {
	ID       string `json:"id"`
	Data     []byte `json:"data,omitempty"`
	Position []byte `json:"position,omitempty"`
	Finished bool   `json:"finished,omitempty"`
}

// Committable is prepared output that waits for its commit.
type Committable struct {
	Sink  string `json:"sink"` // uid
	Epoch Epoch  `json:"epoch"`
	ID    string `json:"id"`
	Data  []byte `json:"data,omitempty"`
}

// TaskSnapshot is what one task saved for one epoch.
type TaskSnapshot struct {
	Task         TaskID                     `json:"task"`
	Tables       []Table                    `json:"tables,omitempty"` // oldest first; a later one shadows earlier ones
	Splits       map[string][]SplitPosition `json:"splits,omitempty"` // by source uid; without an entry for a source whose splits were not discovered yet
	Committables []Committable              `json:"committables,omitempty"`
	Letters      []LetterSegment            `json:"letters,omitempty"` // that no manifest names yet
}

// LetterSegment is an object that holds dead letters and answers to resubmissions.
type LetterSegment struct {
	Object   string `json:"object"`
	Bytes    int64  `json:"bytes"`
	Checksum string `json:"checksum"` // SHA-256, hex
	Letters  int    `json:"letters"`
	Answers  int    `json:"answers,omitempty"`
	Command  uint64 `json:"command,omitempty"` // the highest that it answers
	Epoch    Epoch  `json:"epoch"`             // under way when it was written
}
