package task

import (
	"errors"
	"fmt"

	"github.com/turgo-stream/turgo/abi/record"
)

// excerptBytes is how much of a key or value an error shows.
const excerptBytes = 64

// BlamedError names the record at which an operator failed.
type BlamedError struct {
	UID       string // of the operator
	Index     int    // in its batch
	Key       []byte // the first bytes; nil = null
	Value     []byte // the first bytes; nil = null
	Length    int    // of the whole value in bytes
	Timestamp int64
	Place     string // where the source read the batch, if it is known
	Err       error
}

func (e *BlamedError) Error() string {
	text := fmt.Sprintf("operator %s failed at a record with key %s and value %s", e.UID, quote(e.Key), quote(e.Value))
	if e.Length > len(e.Value) {
		text += fmt.Sprintf("… (%d bytes)", e.Length)
	}
	if e.Place != "" {
		text += ", from " + e.Place
	}
	return text + ": " + e.Err.Error()
}

// Unwrap gives the operator's error.
func (e *BlamedError) Unwrap() error { return e.Err }

func quote(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
}

func excerpt(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b[:min(len(b), excerptBytes)]...)
}

// blame adds to an operator's error what the record in question is.
func (t *Task) blame(s *step, batch record.Batch, err error) error {
	var at interface{ Record() int }
	if !errors.As(err, &at) || at.Record() < 0 || at.Record() >= batch.Count() {
		return fmt.Errorf("operator %s: %w", s.UID, err)
	}
	records := batch.Records()
	for range at.Record() + 1 {
		records.Next()
	}
	view := records.Record()
	blamed := &BlamedError{
		UID: s.UID, Index: at.Record(), Key: excerpt(view.Key()), Value: excerpt(view.Value()), Length: len(view.Value()),
		Timestamp: view.Timestamp(), Err: err,
	}
	if t.source != nil && s.index == 1 && t.source.current != nil {
		open := t.source.current
		blamed.Place = fmt.Sprintf("split %s of source %s, behind position %q", open.split.ID, t.source.config.UID, open.position)
	}
	return blamed
}
