package task_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/memstore"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/task"
)

// retrying is a task of a source, an operator and a sink, with real keepers.
type retrying struct {
	*world
	store *memstore.Store
	epoch checkpoint.Epoch
	tried int
	saved []checkpoint.LetterSegment
}

func newRetrying(t *testing.T, op task.Operator, records int) *retrying {
	w := &retrying{world: &world{t: t, nowMS: 1000}, store: memstore.New()}
	w.openWriter = func() connectors.Writer { return writer{w.world} }
	keeper := func(part string) *letter.Keeper {
		return letter.NewKeeper(letter.KeeperConfig{Store: w.store, Prefix: "letters/" + part, Attempt: 1})
	}
	w.task = task.New(task.Config{
		ID: checkpoint.TaskID{Vertex: "in"},
		Steps: []task.Step{
			{UID: "in", Routes: [][]task.Route{{{Chained: true}}}},
			{UID: "op", Operator: op, Routes: [][]task.Route{{{Chained: true}}}},
			{UID: "out"},
		},
		Source: &task.SourceConfig{UID: "in", Open: func(context.Context) (connectors.Reader, error) {
			w.reader = &reader{w: w.world, lengths: map[string]int{"a": records}, at: map[string]int{}}
			return w.reader, nil
		}},
		Sink:    &task.SinkConfig{UID: "out", Open: func(context.Context) (connectors.Writer, error) { return w.openWriter(), nil }},
		Letters: keeper("steps-"), SinkLetters: keeper("sink-"), Parallelism: 1,
		NowMS:     func() int64 { return w.nowMS },
		NewWorker: func(name string, mailbox *task.Mailbox) task.Worker { return worker{w.world, name, mailbox} },
		Listener:  w, Wake: func() {}, Context: context.Background(),
	})
	t.Cleanup(func() {
		if err := w.task.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *retrying) Acknowledged(epoch checkpoint.Epoch, s checkpoint.TaskSnapshot) {
	w.world.Acknowledged(epoch, s)
	w.saved = s.Letters
}

// letterWith is a letter of a step that holds a value.
func letterWith(uid string, kind letter.Kind, value string) *letter.Letter {
	var b record.Builder
	b.Append(record.Record{Key: []byte("k"), Value: []byte(value), Timestamp: 77})
	return &letter.Letter{ID: uid + "-1-0-1", UID: uid, Kind: kind, Record: b.Finish(), Attempts: 1, FirstMS: 5, Place: letter.Place{Source: "in", Split: "s"}}
}

func (w *retrying) resubmit(l *letter.Letter, atSource string) {
	w.task.Resubmit(&letter.Resubmission{Letter: l, Command: 9, AtSource: atSource}, func() { w.tried++ })
}

// try resubmits a letter and waits until it was tried.
func (w *retrying) try(l *letter.Letter, atSource string) {
	w.t.Helper()
	w.resubmit(l, atSource)
	w.mustSettle()
}

// checkpoint takes one, and reads what it holds of letters.
func (w *retrying) checkpoint() *letter.Book {
	w.t.Helper()
	w.epoch++
	w.saved = nil
	w.task.Trigger(w.epoch, false)
	w.mustSettle()
	b := letter.NewBook(w.store)
	if err := b.Sync(context.Background(), w.saved); err != nil || len(b.Damaged()) > 0 {
		w.t.Fatal(err, b.Damaged())
	}
	return b
}

func (w *retrying) answers() int {
	n := 0
	for _, s := range w.saved {
		n += s.Answers
	}
	return n
}

// again is the letter in the checkpoint, which must have failed once more.
func (w *retrying) again(b *letter.Book, reason string) *letter.Letter {
	w.t.Helper()
	items := b.Items(func(*letter.Item) bool { return true })
	if len(items) != 1 || w.answers() != 0 {
		w.t.Fatalf("letters %+v and %d answers, want one letter", items, w.answers())
	}
	l, err := b.Read(context.Background(), items[0].ID)
	if err != nil {
		w.t.Fatal(err)
	}
	if l.Attempts != 2 || l.Command != 9 || l.FirstMS != 5 || l.LastMS != w.nowMS || l.Error.Reason != reason {
		w.t.Errorf("the letter is %+v", l)
	}
	return l
}

func noHint(int) int { return -1 }

func TestResubmissionTakesEffectOrFailsAgain(t *testing.T) {
	w := newRetrying(t, &fussy{letter: 'x', hint: noHint}, 0)
	w.try(letterWith("op", letter.Record, "mended"), "")
	b := w.checkpoint()
	w.expectWrote("mended")
	if w.answers() != 1 || b.Len() != 0 || w.tried != 1 {
		t.Errorf("%d answers, %d letters, %d tried", w.answers(), b.Len(), w.tried)
	}
	for value, reason := range map[string]string{"x as a whole": "unreachable", "X by itself": "not liked"} {
		w := newRetrying(t, &fussy{letter: 'x', hint: noHint}, 0)
		w.try(letterWith("op", letter.Record, value), "")
		if l := w.again(w.checkpoint(), reason); l.ID != "op-1-0-1" || l.Place.Split != "s" {
			t.Errorf("%s: %+v", value, l)
		}
		w.expectWrote()
	}
}

// TestResubmissionOfAHostsFailure: where nobody's record is to blame, the task
// fails and the order stays open.
func TestResubmissionOfAHostsFailure(t *testing.T) {
	w := newRetrying(t, broken{&operator{}}, 0)
	w.resubmit(letterWith("op", letter.Record, "v"), "")
	if err := w.settle(); !errors.Is(err, errDied) {
		t.Errorf("got %v", err)
	}
}

type broken struct{ *operator }

func (broken) Process(int, record.Batch, int64, int64, func(int, record.Batch)) error { return errDied }

// TestResubmissionGoesOnBesideTheInput: a busy input does not keep letters from
// being tried, nor letters the input.
func TestResubmissionGoesOnBesideTheInput(t *testing.T) {
	w := newRetrying(t, &operator{}, 200)
	for range 10 {
		w.resubmit(letterWith("op", letter.Record, "again"), "")
	}
	w.task.Assign(splits("a"), false)
	w.mustSettle()
	first, last := slices.Index(w.wrote, "again"), -1
	for i, value := range w.wrote {
		if value == "again" {
			last = i
		}
	}
	if w.tried != 10 || len(w.wrote) != 210 || first > 20 || last < 20 || last > 150 {
		t.Errorf("%d tried, %d written, the first at %d, the last at %d", w.tried, len(w.wrote), first, last)
	}
}

// TestEndOfInputWaitsForLetters: what is ordered is tried before the last watermark.
func TestEndOfInputWaitsForLetters(t *testing.T) {
	w := newRetrying(t, &operator{timers: 1, slice: 1}, 1)
	w.task.HoldEnd(true)
	w.task.Assign(splits("a"), true)
	w.mustSettle()
	w.expectWrote("a1")
	w.resubmit(letterWith("op", letter.Record, "again"), "")
	w.task.HoldEnd(false)
	w.mustSettle()
	w.expectWrote("a1", "again", "fired1")
	// What comes later is tried too, and fires what it sets.
	w.resubmit(letterWith("op", letter.Record, "late"), "")
	w.mustSettle()
	w.expectWrote("a1", "again", "fired1", "late")
}

// TestResubmissionAtTheSource passes all steps; who fails at it makes a letter of its own.
func TestResubmissionAtTheSource(t *testing.T) {
	w := newRetrying(t, &fussy{letter: 'x', hint: noHint}, 0)
	w.try(letterWith("in", letter.Undecodable, "mended"), "in")
	b := w.checkpoint()
	w.expectWrote("mended")
	if w.answers() != 1 || b.Len() != 0 {
		t.Errorf("%d answers, %d letters", w.answers(), b.Len())
	}
}

// refiring is an operator whose timers can be fired again.
type refiring struct {
	*operator
	marks []int64
	fail  bool
}

func (o *refiring) Refire(timer int, fired record.Batch, watermark, _ int64, emit func(int, record.Batch)) error {
	o.marks = append(o.marks, int64(timer), watermark)
	if o.fail {
		return &trap{0}
	}
	emit(0, fired)
	return nil
}

// TestResubmissionOfATimer fires it under a watermark that has passed it.
func TestResubmissionOfATimer(t *testing.T) {
	op := &refiring{operator: &operator{}}
	w := newRetrying(t, op, 0)
	l := letterWith("op", letter.Timer, "tick")
	l.Timer, l.Watermark = 3, 500
	w.try(l, "")
	w.checkpoint()
	w.expectWrote("tick")
	if want := []int64{3, 500}; !slices.Equal(op.marks, want) || w.answers() != 1 {
		t.Errorf("fired with %v, want %v; %d answers", op.marks, want, w.answers())
	}
	op.fail = true
	again := letterWith("op", letter.Timer, "tick")
	again.ID, again.Watermark = "op-1-0-2", abi.WatermarkMin
	w.task.Complete(w.epoch)
	w.try(again, "")
	w.again(w.checkpoint(), "unreachable")
}

// picky is a writer that refuses what is red at once, and what is late when it prepares.
type picky struct {
	writer
	refused, late []connectors.Refused
}

func (p *picky) Write(ctx context.Context, batch record.Batch) error {
	for r := batch.Records(); r.Next(); {
		switch string(r.Record().Value()) {
		case "red":
			p.refused = append(p.refused, connectors.Refuse(r.Record(), "too red"))
			return nil
		case "late":
			p.late = append(p.late, connectors.Refuse(r.Record(), "too late"))
			return nil
		}
	}
	return p.writer.Write(ctx, batch)
}

func (p *picky) Prepare(ctx context.Context, epoch uint64) ([]connectors.Committable, error) {
	p.refused, p.late = append(p.refused, p.late...), nil
	return p.writer.Prepare(ctx, epoch)
}

func (p *picky) Refused() []connectors.Refused {
	list := p.refused
	p.refused = nil
	return list
}

// TestResubmissionToASink is answered when the sink has prepared: it may refuse
// until then.
func TestResubmissionToASink(t *testing.T) {
	for value, fails := range map[string]string{"green": "", "red": "too red", "late": "too late"} {
		w := newRetrying(t, &operator{}, 0)
		w.openWriter = func() connectors.Writer { return &picky{writer: writer{w.world}} }
		w.try(letterWith("out", letter.Refused, value), "")
		b := w.checkpoint()
		if fails != "" {
			w.again(b, fails)
			continue
		}
		w.expectWrote(value)
		if w.answers() != 1 || b.Len() != 0 {
			t.Errorf("%s: %d answers, %d letters", value, w.answers(), b.Len())
		}
	}
}

// TestLettersAreInTheSnapshotOfTheirEpoch: what is answered behind the barrier is
// in the next one.
func TestLettersAreInTheSnapshotOfTheirEpoch(t *testing.T) {
	w := newRetrying(t, &operator{}, 0)
	w.hold = "sink" // prepare takes its time
	w.resubmit(letterWith("op", letter.Record, "first"), "")
	w.mustSettle()
	w.task.Trigger(1, false)
	w.mustSettle()
	w.resubmit(letterWith("op", letter.Record, "second"), "")
	w.mustSettle()
	held := w.held
	w.held, w.hold = nil, ""
	for _, run := range held {
		run()
	}
	w.mustSettle()
	if w.answers() != 1 {
		t.Errorf("%d answers in the first epoch, want 1", w.answers())
	}
	w.epoch = 1
	w.task.Complete(1)
	w.checkpoint()
	if w.answers() != 1 || len(w.wrote) != 2 {
		t.Errorf("%d answers in the second epoch, want 1; wrote %s", w.answers(), fmt.Sprint(w.wrote))
	}
}
