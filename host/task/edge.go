package task

import (
	"errors"
	"fmt"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/exchange"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/plan"
)

// What sources cannot decode and sinks refuse is treated by the policies of
// their steps, as the records are at which operators fail.

// The kinds of errors that letters of connectors have.
const (
	kindUndecodable = "undecodable"
	kindRefused     = "refused"
)

// UndecodableError tells of bytes of which a source made no record.
type UndecodableError struct {
	UID    string // of the source
	Place  letter.Place
	Bytes  []byte // the first of them
	Length int    // of all that the connector gave
	Reason string
}

func (e *UndecodableError) Error() string {
	text := fmt.Sprintf("source %s cannot decode %q", e.UID, e.Bytes)
	if e.Length > len(e.Bytes) {
		text += fmt.Sprintf("… (%d bytes)", e.Length)
	}
	return text + fmt.Sprintf(", before record %d of a batch of split %s that ends at position %q: %s", e.Place.Index, e.Place.Split, e.Place.Position, e.Reason)
}

// Fatal tells that a restart meets the same bytes.
func (e *UndecodableError) Fatal() bool { return true }

// failUndecodable treats what a delivery holds that is no record.
func (t *Task) failUndecodable(d *delivery, nowMS int64) {
	s := &t.steps[0]
	units := len(d.undecodable)
	if d.buffer != nil {
		units += d.buffer.Batch.Count()
	}
	t.count(s, units, nowMS)
	for i := range d.undecodable {
		u := &d.undecodable[i]
		place := letter.Place{Source: s.UID, Split: d.splitID, Position: d.position, Index: u.Index}
		err := &UndecodableError{UID: s.UID, Place: place, Bytes: excerpt(u.Bytes), Length: len(u.Bytes), Reason: u.Reason}
		var b record.Builder
		b.Append(record.Record{Value: u.Bytes, Timestamp: record.NoTimestamp})
		t.treat(s, letter.Undecodable, recordAt(b.Finish(), 0), letter.Error{Kind: kindUndecodable, Reason: u.Reason}, place, err, nowMS)
	}
}

// failRefused treats the records that the sink's writer did not take.
func (t *Task) failRefused(list []connectors.Refused) {
	s, nowMS := &t.steps[len(t.steps)-1], t.config.NowMS()
	for i := range list {
		r := &list[i]
		if r.Record.Count() != 1 {
			t.fail(fmt.Errorf("task: sink %s: its writer refused %d records as one", s.UID, r.Record.Count()))
			return
		}
		if t.refusedAgain(s, *r, nowMS) {
			continue
		}
		view := recordAt(r.Record, 0)
		cause := letter.Error{Kind: kindRefused, Reason: r.Reason}
		err := blamed(s, view, letter.Failure{}, letter.Place{}, &failedError{cause})
		err.Sink = true
		t.treat(s, letter.Refused, view, cause, letter.Place{}, err, nowMS)
	}
}

// kindUnsent is the kind of error of a record that an edge does not take.
const kindUnsent = "null key"

// failUnsent treats the records of a step's output that an edge did not take.
// The letters hold what the step emitted: it has handled its input.
func (t *Task) failUnsent(s *step, batch record.Batch, err error) {
	var unsent *exchange.RecordError
	if !errors.As(err, &unsent) {
		t.fail(stepError(s, err))
		return
	}
	nowMS := t.config.NowMS()
	for _, index := range unsent.Indexes {
		view := recordAt(batch, index)
		cause := letter.Error{Kind: kindUnsent, Reason: unsent.Reason}
		place := t.placeOfOutput(s, index, view)
		blame := blamed(s, view, letter.Failure{Error: cause}, place, &failedError{cause})
		blame.Emitted = true
		t.treat(s, letter.Record, view, cause, place, blame, nowMS)
	}
}

// placeOfOutput tells where a record that a step emits came into the job.
func (t *Task) placeOfOutput(s *step, index int, view record.View) letter.Place {
	switch origin := int(view.Origin()); {
	case t.resubmits.trying:
		return t.resubmits.place
	case s.index == 0 && t.source != nil:
		return placeFor(t.source.place, index)
	case s.current.batch == nil || origin >= s.current.batch.Count():
		return letter.Place{}
	default:
		return t.placeOf(s, s.current, origin, recordAt(s.current.batch, origin))
	}
}

// treat does what the policy of a connector's step says.
func (t *Task) treat(s *step, kind letter.Kind, view record.View, cause letter.Error, place letter.Place, err error, nowMS int64) {
	if t.failure != nil {
		return
	}
	switch t.policy(s) {
	case plan.StopOnFailure:
		t.fail(err)
		return
	case plan.DeadLetterOnFailure:
		l := t.newLetter(s, kind, view, cause, nowMS)
		l.Place = place
		t.keep(s, l)
	}
	t.failed(s, err, nowMS)
}

// keeperOf is what keeps the letters of a step: a sink has its own, since it
// answers late.
func (t *Task) keeperOf(s *step) Letters {
	if t.sink != nil && s.index == len(t.steps)-1 {
		return t.letters.sink
	}
	return t.letters.steps
}

var errNoKeeper = errors.New("task: nothing keeps its dead letters")
