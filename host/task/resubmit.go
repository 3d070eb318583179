package task

import (
	"bytes"
	"fmt"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/letter"
)

// resubmitEvery is how many turns of a busy task one resubmission is done in: it
// gives way to the input, and yet goes on.
const resubmitEvery = 8

// resubmissions are letters that the task is to try again. Each is tried between
// two batches. What comes of it, an answer or the letter once more, is in the
// same epoch as its effects: so each order is carried out once.
type resubmissions struct {
	queue []resubmission
	turns int
	// trying tells that a resubmission goes through the chain now, place where its
	// record came into the job.
	trying bool
	place  letter.Place
	// idleAgain tells that output of a resubmission went out while the input is
	// idle: whoever reads it has to hear that it still is.
	idleAgain bool
	// endHeld keeps a source from ending its input while letters are to be tried.
	endHeld bool
}

type resubmission struct {
	*letter.Resubmission
	done func()
}

// refirer is an operator that can fire a timer which is not in its state.
type refirer interface {
	Refire(timer int, fired record.Batch, watermark, processingTime int64, emit func(output int, batch record.Batch)) error
}

// Resubmit hands a letter to the task that owns it, from any goroutine. done is
// called on the task's once the letter was tried.
func (t *Task) Resubmit(r *letter.Resubmission, done func()) {
	t.mailbox.Post(func() { t.resubmits.queue = append(t.resubmits.queue, resubmission{r, done}) })
}

// HoldEnd keeps a source task from ending its input, or lets it, from any
// goroutine: so that what is ordered already is tried before.
func (t *Task) HoldEnd(hold bool) {
	t.mailbox.Post(func() { t.resubmits.endHeld = hold })
}

// resubmitDue reports whether a resubmission has its turn before the input.
func (t *Task) resubmitDue() bool {
	if len(t.resubmits.queue) == 0 {
		return false
	}
	t.resubmits.turns++
	return t.resubmits.turns%resubmitEvery == 0
}

// resubmit tries the oldest letter and reports whether there was one.
func (t *Task) resubmit(nowMS int64) bool {
	queue := t.resubmits.queue
	if len(queue) == 0 || t.final {
		return false
	}
	next := queue[0]
	queue[0] = resubmission{}
	t.resubmits.queue = queue[1:]
	t.resubmits.trying, t.resubmits.place = true, next.Letter.Place
	t.try(next.Resubmission, nowMS)
	t.resubmits.trying = false
	t.resubmits.idleAgain = t.idle
	t.fireLate()
	next.done()
	return true
}

// fireLate fires what a record sets that comes behind the last watermark, since a
// letter was tried when the input had ended: no other watermark will do so.
func (t *Task) fireLate() {
	if t.watermark == abi.WatermarkMax && !t.firing.active {
		t.firing = firing{active: true, late: true, target: abi.WatermarkMax}
	}
}

func (t *Task) try(r *letter.Resubmission, nowMS int64) {
	l := r.Letter
	s := t.stepOf(l.UID)
	switch {
	case r.AtSource != "":
		// It moves neither positions nor watermarks.
		t.steps[0].emit(0, l.Record)
		t.config.Letters.Answer(letter.Answer{ID: l.ID, Command: r.Command})
	case s == nil:
		t.fail(fmt.Errorf("letter %s is of step %s, which is not in this task", l.ID, l.UID))
	case s.Operator == nil:
		t.trySink(r)
	default:
		t.tryOperator(s, r, nowMS)
	}
}

func (t *Task) stepOf(uid string) *step {
	for i := range t.steps {
		if t.steps[i].UID == uid {
			return &t.steps[i]
		}
	}
	return nil
}

// tryOperator gives a letter alone to the operator that failed at it. What it
// does now is its last word, whatever the step's failure policy is: the user who
// ordered it hears of it by the letter.
func (t *Task) tryOperator(s *step, r *letter.Resubmission, nowMS int64) {
	l := r.Letter
	var err error
	switch refire, can := s.Operator.(refirer); {
	case l.Kind != letter.Timer:
		err = s.Operator.Process(l.Input, l.Record, s.watermark, nowMS, s.emit)
	case can:
		// A timer of event time fires when the watermark has passed it.
		err = refire.Refire(l.Timer, l.Record, max(s.watermark, l.Watermark), nowMS, s.emit)
	default:
		t.fail(fmt.Errorf("operator %s cannot fire the timer of letter %s", s.UID, l.ID))
		return
	}
	failure, failed := letter.Failure{}, false
	if err != nil {
		if failure, failed = failureOf(err); !failed {
			t.fail(fmt.Errorf("operator %s: letter %s: %w", s.UID, l.ID, err))
			return
		}
	} else if failures := s.Operator.Failures(); len(failures) > 0 {
		failure, failed = failures[0], true
	}
	if failed {
		t.failAgain(s, r, failure, nowMS)
		return
	}
	t.refreshTimer(s)
	t.config.Letters.Answer(letter.Answer{ID: l.ID, Command: r.Command})
}

// failAgain keeps a letter once more, with one attempt more and what it failed
// by now.
func (t *Task) failAgain(s *step, r *letter.Resubmission, failure letter.Failure, nowMS int64) {
	again := *r.Letter
	again.Attempts++
	again.Command = r.Command
	again.LastMS, again.ProcessingTimeMS = nowMS, nowMS
	again.Watermark = s.watermark
	again.Subtask, again.Parallelism = t.config.ID.Subtask, t.config.Parallelism
	again.Module, again.Entry = s.Module, s.Entry
	again.Error = failure.Error
	again.State, again.StateIncomplete, again.Seed = failure.State, failure.StateIncomplete, failure.Seed
	keeper := t.config.Letters
	if s.Operator == nil {
		keeper = t.config.SinkLetters
	}
	if err := keeper.Add(&again); err != nil {
		t.fail(err)
	}
}

// sinkTry is a record that was refused before and is written again. Its writer
// may refuse it as late as when it prepares; until then there is no answer.
type sinkTry struct {
	*letter.Resubmission
	refused bool
}

// trySink writes the record of a letter that the sink refused.
func (t *Task) trySink(r *letter.Resubmission) {
	t.sink.tries = append(t.sink.tries, &sinkTry{Resubmission: r})
	t.sink.write(r.Letter.Record)
}

// refusedAgain reports whether a record that the writer does not take is that of
// a letter. Of equal records it does not matter which one is refused first.
func (t *Task) refusedAgain(s *step, refused connectors.Refused, nowMS int64) bool {
	for _, try := range t.sink.tries {
		if try.refused || !sameRecord(try.Letter.Record, refused.Record) {
			continue
		}
		try.refused = true
		t.failAgain(s, try.Resubmission, letter.Failure{Error: letter.Error{Kind: kindRefused, Reason: refused.Reason}}, nowMS)
		return true
	}
	return false
}

func sameRecord(a, b record.Batch) bool {
	var one, other record.Builder
	one.AppendView(recordAt(a, 0), 0)
	other.AppendView(recordAt(b, 0), 0)
	return bytes.Equal(one.Finish(), other.Finish())
}

// answerTries answers the first n tries of the sink, which has prepared them.
func (t *Task) answerTries(n int) {
	for _, try := range t.sink.tries[:n] {
		if !try.refused {
			t.config.SinkLetters.Answer(letter.Answer{ID: try.Letter.ID, Command: try.Command})
		}
	}
	t.sink.tries = append(t.sink.tries[:0], t.sink.tries[n:]...)
}
