package task

import (
	"errors"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/exchange"
	"github.com/turgo-stream/turgo/host/letter"
)

// A batch at which an operator fails is handled in pieces, one call in each
// turn of the task: so room for output is looked at before each. The pieces wait
// in the backlog of their step. As long as there is any, nothing else moves: no
// input, no timer, no barrier. So the batch is still one unit to the rest.

// piece is what is left of a batch. Its buffer is the task's own.
type piece struct {
	part
	buffer *exchange.Buffer
	offset int // of the next record in the batch
	index  int // of the next record
	count  int // of all records
}

// part is what one call gives to an operator.
type part struct {
	input int
	batch record.Batch
	// traced tells that the origins are indexes in the batch of the source that runs
	// name. Otherwise they are indexes in what the step before handles.
	traced bool
	runs   []exchange.Run
	base   int // index in runs of the first record
}

// run runs one batch through an operator.
func (t *Task) run(s *step, input int, batch record.Batch, nowMS int64) {
	whole := part{input: input, batch: batch}
	if s.index == 0 {
		whole.traced, whole.runs = true, t.places
	}
	n := batch.Count()
	if len(s.backlog) > 0 || s.records.slice > 0 && s.records.bounded(n) {
		t.postpone(s, whole)
		return
	}
	err := t.call(s, whole, n, nowMS)
	switch {
	case err == nil:
		s.records.succeeded(n)
	case !t.search(s, &s.records, n, err):
		t.postpone(s, whole)
	case t.failure == nil:
		t.blameRecord(s, whole, err, nowMS)
	}
}

// call gives an operator n records, and deals with those that it fails itself.
func (t *Task) call(s *step, p part, n int, nowMS int64) error {
	s.current, s.came.known = p, false
	err := s.Operator.Process(p.input, p.batch, s.watermark, nowMS, s.emit)
	s.current = part{}
	if err != nil {
		return err
	}
	t.refreshTimer(s)
	t.count(s, n, nowMS)
	if failures := s.Operator.Failures(); len(failures) > 0 {
		t.failRecords(s, p, failures, nowMS)
	}
	return nil
}

// search hears that an operator failed at n units. It reports whether the first
// is to blame, or the task has failed, since it is no unit's fault.
func (t *Task) search(s *step, units *isolation, n int, err error) bool {
	failure, ok := failureOf(err)
	if !ok || n == 0 {
		t.fail(stepError(s, err))
		return true
	}
	var late interface{ OutOfTime() bool }
	return units.failed(n, failure.Index, errors.As(err, &late) && late.OutOfTime())
}

// failureOf is what an error says of a unit; ok is false where no unit can be
// to blame.
func failureOf(err error) (failure letter.Failure, ok bool) {
	var at blamable
	if !errors.As(err, &at) {
		return letter.Failure{}, false
	}
	return at.Failure()
}

// postpone puts a batch at the end of a step's backlog.
func (t *Task) postpone(s *step, whole part) {
	buffer := exchange.CopyOf(whole.batch)
	p := piece{part: whole, buffer: buffer, offset: record.HeaderLength, count: whole.batch.Count()}
	p.batch = buffer.Batch
	t.trace(s, &p.part)
	s.backlog = append(s.backlog, p)
	t.backlogged++
}

// resume handles one piece. The step that is furthest down comes first: so what
// one call emits is handled before the next call.
func (t *Task) resume(nowMS int64) {
	for i := len(t.steps) - 1; i >= 0; i-- {
		if s := &t.steps[i]; len(s.backlog) > 0 {
			t.resumeStep(s, nowMS)
			return
		}
	}
}

func (t *Task) resumeStep(s *step, nowMS int64) {
	p := &s.backlog[0]
	n := s.records.try(p.count - p.index)
	end := p.end(n)
	next := part{input: p.input, batch: p.batch.Section(p.offset, end, n), traced: true, runs: p.runs, base: p.index}
	s.Operator.Brief(s.records.brief(n))
	err := t.call(s, next, n, nowMS)
	s.Operator.Brief(false)
	switch {
	case err == nil:
		s.records.succeeded(n)
	case !t.search(s, &s.records, n, err):
		return
	case t.failure == nil:
		t.blameRecord(s, next, err, nowMS)
	}
	if p.offset, p.index = end, p.index+n; p.index == p.count {
		t.finishPiece(s)
	}
}

// end is the offset behind the next n records.
func (p *piece) end(n int) int {
	if n == p.count-p.index {
		return len(p.batch)
	}
	end := p.offset
	for range n {
		end += p.batch.At(end).Length()
	}
	return end
}

func (t *Task) finishPiece(s *step) {
	s.backlog[0].buffer.Release()
	rest := copy(s.backlog, s.backlog[1:])
	s.backlog[rest] = piece{}
	s.backlog = s.backlog[:rest]
	t.backlogged--
}
