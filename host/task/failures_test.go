package task_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/exchange"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/plan"
	"github.com/turgo-stream/turgo/host/task"
)

// trap is how the operators below fail as a whole.
type trap struct{ hint int }

func (e *trap) Error() string { return "trap: unreachable" }
func (e *trap) Fatal() bool   { return true }
func (e *trap) Failure() (letter.Failure, bool) {
	return letter.Failure{Index: e.hint, Error: letter.Error{Kind: "trap", Reason: "unreachable", Stack: ".inner(i32)\n.outer(i32)\n"}}, true
}

// fussy passes records on, twice where the value says so. It fails as a whole
// at those that begin with its letter, and by itself at those that begin with
// its capital letter. Timers are numbers; it fails as a whole at odd ones, and by
// itself at those that seven divides.
type fussy struct {
	letter   byte
	hint     func(right int) int
	timers   []int
	calls    int
	brief    int // calls that were to be brief
	isBrief  bool
	failures []letter.Failure
	handled  int
}

func (o *fussy) Process(_ int, batch record.Batch, _, _ int64, emit func(int, record.Batch)) error {
	o.calls++
	if o.isBrief {
		o.brief++
	}
	o.failures = nil
	var out record.Builder
	index := 0
	for r := batch.Records(); r.Next(); index++ {
		switch value := r.Record().Value(); {
		case value[0] == o.letter:
			o.failures = nil
			return &trap{o.hint(index)}
		case value[0] == o.letter-'a'+'A':
			o.failures = append(o.failures, letter.Failure{Index: index, Error: letter.Error{Kind: "failed record", Code: 7, Reason: "not liked"}})
		default:
			out.AppendView(r.Record(), uint32(index))
			if strings.HasSuffix(string(value), "twice") {
				out.AppendView(r.Record(), uint32(index))
			}
		}
	}
	o.handled += index
	if half := out.Finish(); half.Count() > 0 {
		emit(0, half)
	}
	return nil
}

func (o *fussy) Fire(limit int, watermark, _ int64, emit func(int, record.Batch)) (fired int, more bool, err error) {
	o.failures = nil
	if watermark < abi.WatermarkMax {
		return 0, false, nil
	}
	n := min(limit, 10, len(o.timers))
	var out record.Builder
	for i, timer := range o.timers[:n] {
		switch {
		case timer%2 == 1:
			failure := &trap{o.hint(i)}
			o.failures = nil
			return n, false, &timerTrap{failure, oneTimer(o.timers[0])}
		case timer%7 == 0:
			o.failures = append(o.failures, letter.Failure{Index: i, Fired: oneTimer(timer), Error: letter.Error{Kind: "failed record", Reason: "seven"}})
		default:
			out.Append(record.Record{Key: []byte("t"), Value: fmt.Appendf(nil, "timer%d", timer)})
		}
	}
	o.timers = o.timers[n:]
	if out.Count() > 0 {
		emit(0, out.Finish())
	}
	return n, len(o.timers) > 0, nil
}

type timerTrap struct {
	*trap
	first record.Batch
}

func (e *timerTrap) Failure() (letter.Failure, bool) {
	f, ok := e.trap.Failure()
	f.Fired = e.first
	return f, ok
}

func oneTimer(timer int) record.Batch {
	var b record.Builder
	b.Append(record.Record{Key: []byte("t"), Timestamp: int64(timer), Value: []byte{}})
	return b.Finish()
}

func (o *fussy) Failures() []letter.Failure { return o.failures }
func (o *fussy) DropTimer(int64, int64) error {
	o.timers = o.timers[1:]
	return nil
}
func (o *fussy) Brief(brief bool)                          { o.isBrief = brief }
func (o *fussy) NextProcessingTimer() (int64, bool, error) { return 0, false, nil }
func (o *fussy) Close() error                              { return nil }

// lettersOf keeps letters in memory, by the epoch that they belong to.
type lettersOf struct {
	open, cut []*letter.Letter
	full      bool
}

func (k *lettersOf) Add(l *letter.Letter) error {
	l.ID = fmt.Sprint(l.UID, "-", len(k.open)+len(k.cut))
	k.open = append(k.open, l)
	return nil
}
func (k *lettersOf) Answer(letter.Answer) {}
func (k *lettersOf) Room() bool           { return !k.full }
func (k *lettersOf) Freeze(checkpoint.Epoch) func(context.Context) error {
	k.cut, k.open = append(k.cut, k.open...), nil
	return nil
}
func (k *lettersOf) Ahead() func(context.Context) error                   { return nil }
func (k *lettersOf) Settle(error)                                         {}
func (k *lettersOf) Segments(checkpoint.Epoch) []checkpoint.LetterSegment { return nil }
func (k *lettersOf) Complete(checkpoint.Epoch)                            {}

func values(letters []*letter.Letter) []string {
	var out []string
	for _, l := range letters {
		r := l.Record.Records()
		r.Next()
		if l.Kind == letter.Timer {
			out = append(out, fmt.Sprintf("%s: timer%d", l.UID, r.Record().Timestamp()))
			continue
		}
		out = append(out, l.UID+": "+string(r.Record().Value()))
	}
	return out
}

// batches delivers whole batches of one split: the position is the number of
// records delivered.
type batches struct {
	list        []record.Batch
	undecodable map[int][]connectors.Undecodable // with the batch of that number
	at          int
	count       int
}

func (r *batches) Assign(context.Context, []connectors.Assignment) error { return nil }
func (r *batches) Next(context.Context) (connectors.Delivery, error) {
	if r.at == len(r.list) {
		return connectors.Delivery{}, nil
	}
	batch := r.list[r.at]
	r.at++
	r.count += batch.Count()
	return connectors.Delivery{SplitID: "a", Batch: batch, Position: fmt.Append(nil, r.count), End: r.at == len(r.list), Undecodable: r.undecodable[r.at-1]}, nil
}
func (r *batches) Close() error { return nil }

// fussyWorld is a task of a source, two fussy operators and a sink, where each
// step has the policy. letters and refused are of the operators and the sink.
type fussyWorld struct {
	*world
	first, second    *fussy
	letters, refused *lettersOf
	in               *batches
	prepared         int // how much was written before the last barrier
}

func newFussyWorld(t *testing.T, in *batches, onFailure plan.OnFailure, hint func(int) int) *fussyWorld {
	w := &fussyWorld{
		world: &world{t: t, nowMS: 1000}, in: in, letters: &lettersOf{}, refused: &lettersOf{},
		first: &fussy{letter: 'x', hint: hint}, second: &fussy{letter: 'y', hint: hint},
	}
	w.openWriter = func() connectors.Writer { return preparing{writer{w.world}, w} }
	w.build(onFailure, w.first)
	return w
}

// build makes the task with this operator as the first, whose output also goes
// on these ways.
func (w *fussyWorld) build(onFailure plan.OnFailure, first task.Operator, more ...task.Route) {
	chained := [][]task.Route{{{Chained: true}}}
	w.task = task.New(task.Config{
		ID: checkpoint.TaskID{Vertex: "in"}, Parallelism: 1,
		Steps: []task.Step{
			{UID: "in", Routes: chained, OnFailure: onFailure},
			{UID: "first", Operator: first, Routes: [][]task.Route{append([]task.Route{{Chained: true}}, more...)}, OnFailure: onFailure},
			{UID: "second", Operator: w.second, Routes: chained, OnFailure: onFailure},
			{UID: "out", OnFailure: onFailure},
		},
		Source:  &task.SourceConfig{UID: "in", Open: func(context.Context) (connectors.Reader, error) { return w.in, nil }},
		Sink:    &task.SinkConfig{UID: "out", Open: func(context.Context) (connectors.Writer, error) { return w.openWriter(), nil }},
		Letters: w.letters, SinkLetters: w.refused,
		NowMS:     func() int64 { return w.nowMS },
		NewWorker: func(name string, mailbox *task.Mailbox) task.Worker { return worker{w.world, name, mailbox} },
		Listener:  w, Wake: func() {}, Context: context.Background(),
	})
	w.t.Cleanup(func() {
		if err := w.task.Close(); err != nil {
			w.t.Error(err)
		}
	})
	w.task.Assign(splits("a"), true)
}

// preparing notes what was written before the barrier.
type preparing struct {
	writer
	w *fussyWorld
}

func (p preparing) Prepare(ctx context.Context, epoch uint64) ([]connectors.Committable, error) {
	p.w.prepared = len(p.w.wrote)
	return p.writer.Prepare(ctx, epoch)
}

func batchOf(values ...string) record.Batch {
	var b record.Builder
	for _, value := range values {
		b.Append(record.Record{Key: []byte(value[:1]), Value: []byte(value)})
	}
	return b.Finish()
}

var deadLetter = plan.OnFailure{Policy: plan.DeadLetterOnFailure}

func rightHint(right int) int { return right }

// hintsOf are hints that are right, missing, wrong, and all of these in turn.
func hintsOf(random *rand.Rand) func(int) int {
	return []func(int) int{
		rightHint,
		func(int) int { return -1 },
		func(int) int { return random.IntN(50) },
		func(right int) int { return right + random.IntN(3) - 1 },
	}[random.IntN(4)]
}

// TestEachGoodRecordOnceEachPoisonedOneALetter runs random batches with poisoned
// records for both operators, and takes barriers wherever it can: what the sink
// wrote and the letters of an epoch are those of the records up to its position.
func TestEachGoodRecordOnceEachPoisonedOneALetter(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 2))
		in, expect := drawBatches(random)
		w := newFussyWorld(t, in, deadLetter, hintsOf(random))
		for epoch := 1; !slices.Contains(w.log, "ended"); {
			if random.IntN(10) == 0 {
				w.task.Trigger(checkpoint.Epoch(epoch), false)
				w.mustTurn()
				for !slices.ContainsFunc(w.log, func(l string) bool { return strings.HasPrefix(l, fmt.Sprintf("acknowledged %d ", epoch)) }) {
					w.mustTurn()
				}
				expect.check(t, seed, w, position(t, w.log[len(w.log)-1]))
				epoch++
			}
			w.mustTurn()
		}
		w.task.Trigger(1<<20, true)
		w.mustSettle()
		expect.check(t, seed, w, len(expect.fates))
	}
}

// fate is what becomes of one record.
type fate struct {
	written []string
	letter  string
}

type fates struct{ fates []fate }

func drawBatches(random *rand.Rand) (*batches, *fates) {
	in, expect := &batches{}, &fates{}
	ratio := []float64{0.01, 0.1, 0.5, 1}[random.IntN(4)]
	for range 1 + random.IntN(5) {
		var list []string
		for range 1 + random.IntN(80) {
			value := fmt.Sprintf("g%d", len(expect.fates))
			f := fate{written: []string{value}}
			switch failed := random.Float64() < ratio; {
			case failed:
				value = []string{"x", "y", "X", "Y"}[random.IntN(4)] + value
				step := "first: "
				if value[0]|0x20 == 'y' {
					step = "second: "
				}
				f = fate{letter: step + value}
			case random.IntN(4) == 0:
				value += "twice"
				f = fate{written: []string{value, value, value, value}}
			}
			list = append(list, value)
			expect.fates = append(expect.fates, f)
		}
		in.list = append(in.list, batchOf(list...))
	}
	return in, expect
}

// position is how many records a snapshot counts as processed.
func position(t *testing.T, line string) (n int) {
	t.Helper()
	at := strings.Index(line, "a@")
	if at < 0 || strings.HasPrefix(line[at:], "a@ finished=true") {
		return -1
	}
	if _, err := fmt.Sscanf(line[at:], "a@%d finished", &n); err != nil {
		return 0
	}
	return n
}

func (f *fates) check(t *testing.T, seed uint64, w *fussyWorld, upTo int) {
	t.Helper()
	if upTo < 0 {
		upTo = len(f.fates)
	}
	var written, letters []string
	for _, fate := range f.fates[:upTo] {
		written = append(written, fate.written...)
		if fate.letter != "" {
			letters = append(letters, fate.letter)
		}
	}
	if got := w.wrote[:w.prepared]; !slices.Equal(got, written) {
		t.Fatalf("seed %d: up to record %d the sink got\n%v, want\n%v", seed, upTo, got, written)
	}
	got := values(w.letters.cut)
	slices.Sort(got)
	slices.Sort(letters)
	if !slices.Equal(got, letters) {
		t.Fatalf("seed %d: up to record %d the letters are\n%v, want\n%v", seed, upTo, got, letters)
	}
}

func TestALetterTellsWhereItsRecordCameFrom(t *testing.T) {
	in := &batches{list: []record.Batch{batchOf("g0", "g1twice", "y2", "x3", "g4", "Y5"), batchOf("y6")}}
	w := newFussyWorld(t, in, deadLetter, rightHint)
	w.mustSettle()
	var places []string
	for _, l := range w.letters.open {
		p := l.Place
		places = append(places, fmt.Sprintf("%s %s %s %s %d", values([]*letter.Letter{l})[0], p.Source, p.Split, p.Position, p.Index))
	}
	slices.Sort(places)
	if want := []string{"first: x3 in a 6 3", "second: Y5 in a 6 5", "second: y2 in a 6 2", "second: y6 in a 7 0"}; !slices.Equal(places, want) {
		t.Errorf("got  %q\nwant %q", places, want)
	}
	l := w.letters.open[0]
	if l.Attempts != 1 || l.FirstMS != 1000 || l.LastMS != 1000 || l.Parallelism != 1 || l.ID == "" || l.Kind != letter.Record {
		t.Errorf("%+v", l)
	}
}

func TestStopNamesTheRecordThatFailsAlone(t *testing.T) {
	for name, hint := range map[string]func(int) int{"right": rightHint, "missing": func(int) int { return -1 }, "wrong": func(int) int { return 0 }} {
		w := newFussyWorld(t, &batches{list: []record.Batch{batchOf("g0", "g1", "g2", "x3", "g4")}}, plan.OnFailure{}, hint)
		err := w.settle()
		want := `task: in/0: operator first failed at a record with key "x" and value "x3", record 3 of a batch of split a of source in that ends at position "5": trap: unreachable; in inner < outer`
		if err == nil || err.Error() != want {
			t.Errorf("hint %s: got\n%v, want\n%s", name, err, want)
		}
	}
	w := newFussyWorld(t, &batches{list: []record.Batch{batchOf("g0", "Y1")}}, plan.OnFailure{Policy: plan.StopOnFailure}, rightHint)
	if err := w.settle(); err == nil || !strings.Contains(err.Error(), `operator second failed at a record with key "Y" and value "Y1", record 1 of`) || !strings.HasSuffix(err.Error(), "failed record: not liked (code 7)") {
		t.Error(err)
	}
}

func TestDropCountsAndGoesOn(t *testing.T) {
	w := newFussyWorld(t, &batches{list: []record.Batch{batchOf("x0", "g1", "Y2", "g3")}}, plan.OnFailure{Policy: plan.DropOnFailure}, rightHint)
	w.mustSettle()
	w.expectWrote("g1", "g3")
	got := fmt.Sprint(w.task.Stats().Failures)
	if want := "[{first 1 0 1 0} {second 1 0 1 0}]"; got != want || len(w.letters.open) > 0 {
		t.Errorf("counted %s and %d letters, want %s", got, len(w.letters.open), want)
	}
}

func TestTimersFailOneByOne(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 3))
		w := newFussyWorld(t, &batches{list: []record.Batch{batchOf("g0")}}, deadLetter, hintsOf(random))
		wrote, letters := []string{"g0"}, []string(nil)
		for i := range random.IntN(60) {
			timer := 2 * i
			if random.IntN(5) == 0 {
				timer++
			}
			w.first.timers = append(w.first.timers, timer)
			if timer%2 == 1 || timer%7 == 0 {
				letters = append(letters, fmt.Sprintf("first: timer%d", timer))
			} else {
				wrote = append(wrote, fmt.Sprintf("timer%d", timer))
			}
		}
		w.mustSettle()
		w.expectWrote(wrote...)
		if got := values(w.letters.open); !slices.Equal(got, letters) {
			t.Errorf("seed %d: letters %v, want %v", seed, got, letters)
		}
	}
}

// errDisk is an error that no record is to blame for.
var errDisk = errors.New("the disk is gone")

type sick struct{ fussy }

func (o *sick) Process(int, record.Batch, int64, int64, func(int, record.Batch)) error {
	return errDisk
}

func TestAFailureOfTheHostIsNoRecords(t *testing.T) {
	out := exchange.NewOutbox(exchange.Forward, 1, []*exchange.Channel{exchange.NewChannel(func() {}, func() {})})
	channel := exchange.NewChannel(func() {}, func() {})
	feed := exchange.NewOutbox(exchange.Forward, 1, []*exchange.Channel{channel})
	letters := &lettersOf{}
	w := &world{t: t}
	tk := task.New(task.Config{
		Steps:   []task.Step{{UID: "op", Operator: &sick{}, OnFailure: deadLetter, Routes: [][]task.Route{{{Outbox: out}}}}},
		Inbox:   exchange.NewInbox([]exchange.Input{{Channel: channel}}),
		Letters: letters, NowMS: func() int64 { return 0 }, Listener: w, Wake: func() {}, Context: context.Background(),
		NewWorker: func(name string, mailbox *task.Mailbox) task.Worker { return worker{w, name, mailbox} },
	})
	if err := feed.Add(batchOf("a"), exchange.Trace{}); err != nil {
		t.Fatal(err)
	}
	feed.Flush()
	if _, err := tk.Step(); !errors.Is(err, errDisk) || len(letters.open) > 0 {
		t.Errorf("%v, %d letters", err, len(letters.open))
	}
}

func TestNoRoomForLettersHoldsTheTask(t *testing.T) {
	w := newFussyWorld(t, &batches{list: []record.Batch{batchOf("x0", "x1", "g2")}}, deadLetter, rightHint)
	w.letters.full = true
	for range 50 {
		w.mustTurn()
	}
	if w.first.calls > 0 {
		t.Errorf("%d calls without room for letters", w.first.calls)
	}
	w.letters.full = false
	w.mustSettle()
	w.expectWrote("g2")
}
