package task

import (
	"fmt"
	"strings"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/letter"
)

// Bounds of what an error shows.
const (
	excerptBytes = 64 // of a key or value
	stackFrames  = 8
)

// BlamedError names the record or timer at which a step failed: alone, it failed
// again.
type BlamedError struct {
	UID       string // of the step
	Timer     bool   // it was a timer
	Sink      bool   // the step is a sink, which refused the record
	Emitted   bool   // the step emitted the record, and an edge did not take it
	Key       []byte // the first bytes; nil = null
	Value     []byte // the first bytes; nil = null
	Length    int    // of the whole value in bytes
	Timestamp int64
	Place     letter.Place // where it came into the job, as far as that is known
	Cause     letter.Error // what the operator says
	Err       error
}

func (e *BlamedError) Error() string {
	var b strings.Builder
	switch {
	case e.Timer:
		fmt.Fprintf(&b, "operator %s failed at a timer of key %s and time %d", e.UID, quote(e.Key), e.Timestamp)
	case e.Emitted:
		fmt.Fprintf(&b, "%s emitted a record with key %s and value %s that the next step cannot get", e.UID, quote(e.Key), quote(e.Value))
	case e.Sink:
		fmt.Fprintf(&b, "sink %s refused a record with key %s and value %s", e.UID, quote(e.Key), quote(e.Value))
	default:
		fmt.Fprintf(&b, "operator %s failed at a record with key %s and value %s", e.UID, quote(e.Key), quote(e.Value))
	}
	if e.Length > len(e.Value) {
		fmt.Fprintf(&b, "… (%d bytes)", e.Length)
	}
	if p := e.Place; p.Source != "" {
		fmt.Fprintf(&b, ", record %d of a batch of split %s of source %s that ends at position %q", p.Index, p.Split, p.Source, p.Position)
	}
	if e.Cause.Kind == "" {
		fmt.Fprintf(&b, ": %v", e.Err)
	} else {
		fmt.Fprintf(&b, ": %s", causeText(e.Cause))
	}
	if frames := namedFrames(e.Cause.Stack); len(frames) > 0 {
		fmt.Fprintf(&b, "; in %s", strings.Join(frames, " < "))
	}
	return b.String()
}

func causeText(cause letter.Error) string {
	text := cause.Kind + ": " + cause.Reason
	if cause.Code != 0 {
		text += fmt.Sprintf(" (code %d)", cause.Code)
	}
	return text
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

// blamed names a record as the one to blame.
func blamed(s *step, view record.View, failure letter.Failure, place letter.Place, err error) *BlamedError {
	return &BlamedError{
		UID: s.UID, Key: excerpt(view.Key()), Value: excerpt(view.Value()), Length: len(view.Value()), Timestamp: view.Timestamp(),
		Place: place, Cause: failure.Error, Err: err,
	}
}

// namedFrames are the innermost functions of a guest's stack, where the module
// has names for them.
func namedFrames(stack string) []string {
	var frames []string
	for line := range strings.Lines(stack) {
		name, _, isFrame := strings.Cut(strings.TrimSpace(line), "(")
		_, name, isFrame2 := strings.Cut(name, ".")
		if !isFrame || !isFrame2 || name == "" {
			break
		}
		if strings.HasPrefix(name, "$") {
			continue // a number stands for a name that is not there
		}
		if frames = append(frames, name); len(frames) == stackFrames {
			break
		}
	}
	return frames
}
