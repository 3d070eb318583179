package task_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/exchange"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/plan"
	"github.com/turgo-stream/turgo/host/task"
)

func withBreaker(b plan.Breaker) plan.OnFailure {
	return plan.OnFailure{Policy: plan.DropOnFailure, Breaker: b}
}

// many makes batches of ten records of which the first so many fail.
func many(poisoned ...int) *batches {
	in := &batches{}
	for _, n := range poisoned {
		var list []string
		for i := range 10 {
			value := "good"
			if i < n {
				value = "x"
			}
			list = append(list, value)
		}
		in.list = append(in.list, batchOf(list...))
	}
	return in
}

func TestABreakerStopsTheJob(t *testing.T) {
	rule := plan.Breaker{FailureRatio: 0.2, MinimumRecords: 20, Window: time.Second, Action: plan.BreakerStop}
	w := newFussyWorld(t, many(5, 0, 0, 1, 5), withBreaker(rule), rightHint)
	err := w.settle()
	var tripped *task.BreakerError
	if !errors.As(err, &tripped) || tripped.UID != "first" || tripped.Failed <= tripped.Units/5 || tripped.Units < 20 {
		t.Fatalf("got %v, want the breaker's error", err)
	}
	if want := "first failed at 5 of 20 records within 1s, more than the ratio of 0.2 that its on_failure allows; the last time: trap: unreachable"; !strings.HasSuffix(err.Error(), want) {
		t.Errorf("got %v\nwant %s", err, want)
	}
	w = newFussyWorld(t, many(4, 0, 0, 1, 3), withBreaker(rule), rightHint)
	w.mustSettle() // it never is more than a fifth
}

func TestFailuresOfAnEarlierWindowDoNotCount(t *testing.T) {
	w := newFussyWorld(t, many(5, 0, 5, 0), withBreaker(plan.Breaker{FailureRatio: 0.2, MinimumRecords: 20, Window: time.Second, Action: plan.BreakerStop}), rightHint)
	for w.first.handled < 5 {
		w.mustTurn()
	}
	w.nowMS += 1000
	for w.first.handled < 20 {
		w.mustTurn()
		w.nowMS += 300
	}
	w.mustSettle()
}

// TestABreakerPausesTheTask: while it stands still, a barrier passes, and what
// was begun is finished.
func TestABreakerPausesTheTask(t *testing.T) {
	rule := plan.Breaker{FailureRatio: 0.3, MinimumRecords: 10, Window: time.Second, Action: plan.BreakerPause, Pause: 30 * time.Second}
	w := newFussyWorld(t, many(5, 0), withBreaker(rule), rightHint)
	w.mustSettle()
	const paused = "paused until 31000: first failed at 5 of 10 records within 1s, more than the ratio of 0.3 that its on_failure allows; the last time: trap: unreachable"
	w.expectLog(paused)
	if len(w.wrote) != 5 || w.task.Deadline() > 31000 {
		t.Errorf("%d records are through, the deadline is %d", len(w.wrote), w.task.Deadline())
	}
	if f := w.task.Stats().Failures; len(f) != 1 || f[0].PausedUntilMS != 31000 {
		t.Errorf("%+v", f)
	}
	w.task.Trigger(1, false)
	w.mustSettle()
	w.expectLog("barrier 1", "acknowledged 1 [a@10 finished=false out-1]")
	w.nowMS = 31000
	w.mustSettle()
	w.expectLog("resumed first", "ended")
	if len(w.wrote) != 15 || w.task.Stats().Failures[0].PausedUntilMS != 0 {
		t.Errorf("%d records are through, %+v", len(w.wrote), w.task.Stats().Failures)
	}
}

func TestWhatASourceCannotDecodeIsALetter(t *testing.T) {
	in := &batches{
		list:        []record.Batch{batchOf("g0", "g1"), batchOf("g2")},
		undecodable: map[int][]connectors.Undecodable{0: {{Bytes: []byte("{"), Reason: "no JSON", Index: 1}, {Bytes: []byte("}"), Reason: "no JSON", Index: 2}}},
	}
	w := newFussyWorld(t, in, deadLetter, rightHint)
	w.mustSettle()
	w.expectWrote("g0", "g1", "g2")
	if got := values(w.letters.open); !slices.Equal(got, []string{"in: {", "in: }"}) {
		t.Errorf("letters %q", got)
	}
	l := w.letters.open[1]
	if place := fmt.Sprint(l.Place.Source, l.Place.Split, string(l.Place.Position), l.Place.Index); l.Kind != letter.Undecodable || place != "ina2"+"2" || l.Error.Reason != "no JSON" {
		t.Errorf("%+v", l)
	}
	in.at, in.count = 0, 0
	w = newFussyWorld(t, in, plan.OnFailure{}, rightHint)
	if err, want := w.settle(), `task: in/0: source in cannot decode "{", before record 1 of a batch of split a that ends at position "2": no JSON`; err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// choosy is a writer that does not take records that begin with an r. Those
// that begin with an l it refuses only when it prepares.
type choosy struct {
	preparing
	refused []connectors.Refused
	late    []connectors.Refused
}

func (c *choosy) Write(ctx context.Context, batch record.Batch) error {
	kept := append(record.Batch{}, batch...).Keep(func(v record.View) bool {
		switch v.Value()[0] {
		case 'r':
			c.refused = append(c.refused, connectors.Refuse(v, "too red"))
			return false
		case 'l':
			c.late = append(c.late, connectors.Refuse(v, "too late"))
			return false
		}
		return true
	})
	return c.preparing.Write(ctx, kept)
}

func (c *choosy) Prepare(ctx context.Context, epoch uint64) ([]connectors.Committable, error) {
	c.refused, c.late = append(c.refused, c.late...), nil
	return c.preparing.Prepare(ctx, epoch)
}

func (c *choosy) Refused() []connectors.Refused {
	list := c.refused
	c.refused = nil
	return list
}

// TestWhatASinkRefusesBelongsToTheEpochOfItsBatch holds the writer back, so that
// batches of the next epoch are behind the barrier before it has prepared.
func TestWhatASinkRefusesBelongsToTheEpochOfItsBatch(t *testing.T) {
	in := &batches{list: []record.Batch{batchOf("r0", "g1", "l2"), batchOf("r3"), batchOf("l4", "g5", "r6")}}
	w := newFussyWorld(t, in, deadLetter, rightHint)
	w.openWriter = func() connectors.Writer { return &choosy{preparing: preparing{writer{w.world}, w}} }
	w.hold = "sink"
	for w.first.handled < 4 {
		w.mustTurn()
	}
	w.task.Trigger(1, false)
	w.mustSettle() // the rest of the input comes behind the barrier
	if w.first.handled != 7 || len(w.refused.cut) > 0 {
		t.Fatalf("%d records handled, %d letters", w.first.handled, len(w.refused.cut))
	}
	w.hold, w.jobs, w.held = "", w.held, nil
	w.mustSettle()
	w.expectWrote("g1", "g5")
	if got, want := values(w.refused.cut), []string{"out: r0", "out: r3", "out: l2"}; !slices.Equal(got, want) {
		t.Errorf("epoch 1 has %q, want %q", got, want)
	}
	w.task.Trigger(2, false)
	w.mustSettle()
	if got := values(w.refused.cut); !slices.Equal(got[3:], []string{"out: r6", "out: l4"}) {
		t.Errorf("both epochs have %q", got)
	}
	if l := w.refused.cut[0]; l.Kind != letter.Refused || l.Error.Reason != "too red" {
		t.Errorf("%+v", l)
	}
}

func TestASinkThatRefusesStopsTheJob(t *testing.T) {
	w := newFussyWorld(t, &batches{list: []record.Batch{batchOf("g0", "r1")}}, plan.OnFailure{}, rightHint)
	w.openWriter = func() connectors.Writer { return &choosy{preparing: preparing{writer{w.world}, w}} }
	if err := w.settle(); err == nil || !strings.HasSuffix(err.Error(), `sink out refused a record with key "r" and value "r1": refused: too red`) {
		t.Error(err)
	}
}

// late is an operator that takes too long wherever a record is poisoned.
type late struct{ fussy }

type outOfTime struct{ *trap }

func (outOfTime) OutOfTime() bool { return true }

func (o *late) Process(input int, batch record.Batch, watermark, now int64, emit func(int, record.Batch)) error {
	err := o.fussy.Process(input, batch, watermark, now, emit)
	var at *trap
	if errors.As(err, &at) {
		if batch.Count() == 1 && o.isBrief {
			return errors.New("a record alone has all of its time")
		}
		return outOfTime{at}
	}
	return err
}

func TestCallsAreBriefAfterOneRanOutOfTime(t *testing.T) {
	var list []string
	for i := range 1000 {
		list = append(list, fmt.Sprint("g", i))
	}
	list[700] = "x700"
	w := newFussyWorld(t, &batches{list: []record.Batch{batchOf(list...)}}, deadLetter, func(int) int { return -1 })
	slow := &late{fussy{letter: 'x', hint: func(int) int { return -1 }}}
	w.build(deadLetter, slow)
	w.mustSettle()
	if slow.brief < 8 || slow.brief > slow.calls-2 {
		t.Errorf("%d of %d calls were brief", slow.brief, slow.calls)
	}
	if got := values(w.letters.open); !slices.Equal(got, []string{"first: x700"}) || len(w.wrote) != 999 {
		t.Errorf("letters %v, %d records written", got, len(w.wrote))
	}
}

// keyless passes records on without the key of those that begin with k.
type keyless struct{ fussy }

func (o *keyless) Process(_ int, batch record.Batch, _, _ int64, emit func(int, record.Batch)) error {
	var out record.Builder
	index := 0
	for r := batch.Records(); r.Next(); index++ {
		key := r.Record().Key()
		if r.Record().Value()[0] == 'k' {
			key = nil
		}
		out.Append(record.Record{Key: key, Value: r.Record().Value(), Origin: uint32(index)})
	}
	emit(0, out.Finish())
	return nil
}

// What a key edge does not take is treated by the policy of the step before it.
func TestRecordsWithoutAKeyAreTreatedByThePolicy(t *testing.T) {
	for _, policy := range []plan.FailurePolicy{plan.DeadLetterOnFailure, plan.StopOnFailure} {
		w := newFussyWorld(t, &batches{list: []record.Batch{batchOf("a0", "k1", "b2", "k3")}}, plan.OnFailure{Policy: policy}, rightHint)
		channel := exchange.NewChannel(func() {}, func() {})
		out := exchange.NewOutbox(exchange.Key, 8, []*exchange.Channel{channel})
		w.build(plan.OnFailure{Policy: policy}, &keyless{}, task.Route{Outbox: out})
		err := w.settle()
		if policy == plan.StopOnFailure {
			const want = `task: in/0: first emitted a record with key null and value "k1" that the next step cannot get, record 1 of a batch of split a of source in that ends at position "4": null key: its key is null`
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v\nwant %s", err, want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := values(w.letters.open); !slices.Equal(got, []string{"first: k1", "first: k3"}) || w.letters.open[1].Place.Index != 3 {
			t.Errorf("letters %v, the last from %+v", got, w.letters.open[1].Place)
		}
		if got := out.Records(); got != 4 || len(w.wrote) != 4 {
			t.Errorf("the outbox was given %d records, the sink %d", got, len(w.wrote))
		}
	}
}
