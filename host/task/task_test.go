package task_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/task"
)

// world is a task whose workers run when the test says so, on the test's goroutine.
type world struct {
	t     *testing.T
	task  *task.Task
	nowMS int64
	jobs  []func()
	hold  string // name of a worker whose jobs wait
	held  []func()

	log    []string // what the task told its listener
	wrote  []string // what reached the sink
	reader *reader
	opened int
	dying  bool // every read fails

	openWriter func() connectors.Writer
}

type worker struct {
	w       *world
	name    string
	mailbox *task.Mailbox
}

func (k worker) Submit(job func() func()) {
	run := func() {
		if done := job(); done != nil {
			k.mailbox.Post(done)
		}
	}
	if k.name == k.w.hold {
		k.w.held = append(k.w.held, run)
		return
	}
	k.w.jobs = append(k.w.jobs, run)
}

// turn steps the task once and runs the jobs that its workers have.
func (w *world) turn() (worked bool, err error) {
	worked, err = w.task.Step()
	if err != nil {
		return false, err
	}
	jobs := w.jobs
	w.jobs = nil
	for _, job := range jobs {
		job()
	}
	return worked || len(jobs) > 0, nil
}

func (w *world) mustTurn() {
	w.t.Helper()
	if _, err := w.turn(); err != nil {
		w.t.Fatal(err)
	}
}

// settle steps the task and runs its workers until nothing is left to do.
func (w *world) settle() error {
	for range 10000 {
		if worked, err := w.turn(); err != nil || !worked {
			return err
		}
	}
	w.t.Fatal("the task never comes to rest")
	return nil
}

func (w *world) mustSettle() {
	w.t.Helper()
	if err := w.settle(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) said(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) BarrierTaken(_ checkpoint.TaskID, epoch checkpoint.Epoch) {
	w.said("barrier %d", epoch)
}
func (w *world) Acknowledged(epoch checkpoint.Epoch, s checkpoint.TaskSnapshot) {
	var parts []string
	for _, p := range s.Splits["in"] {
		parts = append(parts, fmt.Sprintf("%s@%s finished=%v", p.ID, p.Position, p.Finished))
	}
	for _, c := range s.Committables {
		parts = append(parts, c.ID)
	}
	w.said("acknowledged %d [%s]", epoch, strings.Join(parts, " "))
}
func (w *world) Declined(epoch checkpoint.Epoch, _ checkpoint.TaskID, _ []checkpoint.Committable, err error) {
	w.said("declined %d: %v", epoch, err)
}
func (w *world) Ended(checkpoint.TaskID) { w.said("ended") }
func (w *world) SplitsWanted(_ checkpoint.TaskID, source string, count int) {
	w.said("wants %d of %s", count, source)
}

func (w *world) Paused(_ checkpoint.TaskID, untilMS int64, reason *task.BreakerError) {
	w.said("paused until %d: %v", untilMS, reason)
}
func (w *world) Resumed(_ checkpoint.TaskID, uid string) { w.said("resumed %s", uid) }

// reader delivers one record at a time: split x holds x1, x2, … at timestamps 10, 20, …
type reader struct {
	w        *world
	lengths  map[string]int
	at       map[string]int
	order    []string
	failNext bool
}

var errDied = errors.New("the connector died")

func (r *reader) Assign(_ context.Context, assignments []connectors.Assignment) error {
	for _, a := range assignments {
		r.order = append(r.order, a.Split.ID)
		if len(a.Position) == 0 {
			continue
		}
		n, err := strconv.Atoi(string(a.Position))
		if err != nil {
			return err
		}
		r.at[a.Split.ID] = n
	}
	return nil
}

func (r *reader) Next(context.Context) (connectors.Delivery, error) {
	if r.failNext || r.w.dying {
		r.failNext = false
		return connectors.Delivery{}, errDied
	}
	for _, id := range r.order {
		if r.at[id] >= r.lengths[id] {
			continue
		}
		r.at[id]++
		n := r.at[id]
		var b record.Builder
		b.Append(record.Record{Key: []byte(id), Value: fmt.Appendf(nil, "%s%d", id, n), Timestamp: int64(10 * n)})
		return connectors.Delivery{SplitID: id, Batch: b.Finish(), Position: fmt.Append(nil, n), End: n == r.lengths[id]}, nil
	}
	return connectors.Delivery{}, nil
}

func (r *reader) Close() error { return nil }

// writer keeps what it is given.
type writer struct{ w *world }

func (s writer) Write(_ context.Context, batch record.Batch) error {
	for r := batch.Records(); r.Next(); {
		s.w.wrote = append(s.w.wrote, string(r.Record().Value()))
	}
	return nil
}
func (s writer) Prepare(_ context.Context, epoch uint64) ([]connectors.Committable, error) {
	return []connectors.Committable{{ID: fmt.Sprintf("out-%d", epoch)}}, nil
}
func (s writer) Close() error { return nil }

// operator passes records on and fires a number of timers at the end of time.
type operator struct {
	timers int
	slice  int
}

func (o *operator) Process(_ int, batch record.Batch, _, _ int64, emit func(int, record.Batch)) error {
	emit(0, batch)
	return nil
}
func (o *operator) Fire(limit int, watermark, _ int64, emit func(int, record.Batch)) (int, bool, error) {
	if watermark < abi.WatermarkMax {
		return 0, false, nil
	}
	fired := min(o.slice, o.timers)
	for range min(o.slice, o.timers) {
		var b record.Builder
		b.Append(record.Record{Value: fmt.Appendf(nil, "fired%d", o.timers)})
		emit(0, b.Finish())
		o.timers--
	}
	return fired, o.timers > 0, nil
}
func (o *operator) Failures() []letter.Failure                { return nil }
func (o *operator) DropTimer(_, _ int64) error                { return nil }
func (o *operator) Brief(bool)                                {}
func (o *operator) NextProcessingTimer() (int64, bool, error) { return 0, false, nil }
func (o *operator) Close() error                              { return nil }

// newWorld is a task of a source, an operator and a sink.
func newWorld(t *testing.T, lengths map[string]int, op *operator, rule task.Watermarks) *world {
	w := &world{t: t, nowMS: 1000}
	w.openWriter = func() connectors.Writer { return writer{w} }
	open := func(context.Context) (connectors.Reader, error) {
		w.opened++
		w.reader = &reader{w: w, lengths: lengths, at: map[string]int{}}
		return w.reader, nil
	}
	w.task = task.New(task.Config{
		ID: checkpoint.TaskID{Vertex: "in"},
		Steps: []task.Step{
			{UID: "in", Routes: [][]task.Route{{{Chained: true}}}},
			{UID: "op", Operator: op, Routes: [][]task.Route{{{Chained: true}}}},
			{UID: "out"},
		},
		Source:    &task.SourceConfig{UID: "in", Open: open, Retryable: func(err error) bool { return errors.Is(err, errDied) }, Watermarks: rule},
		Sink:      &task.SinkConfig{UID: "out", Open: func(context.Context) (connectors.Writer, error) { return w.openWriter(), nil }},
		NowMS:     func() int64 { return w.nowMS },
		NewWorker: func(name string, mailbox *task.Mailbox) task.Worker { return worker{w, name, mailbox} },
		Listener:  w, Wake: func() {}, Context: context.Background(),
	})
	t.Cleanup(func() {
		if err := w.task.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func splits(ids ...string) []connectors.Assignment {
	var out []connectors.Assignment
	for _, id := range ids {
		out = append(out, connectors.Assignment{Split: connectors.Split{ID: id}})
	}
	return out
}

func (w *world) expectLog(want ...string) {
	w.t.Helper()
	if !slices.Equal(w.log, want) {
		w.t.Errorf("the task said\n  %s\nwant\n  %s", strings.Join(w.log, "\n  "), strings.Join(want, "\n  "))
	}
	w.log = nil
}

func (w *world) expectWrote(want ...string) {
	w.t.Helper()
	if !slices.Equal(w.wrote, want) {
		w.t.Errorf("the sink got %v, want %v", w.wrote, want)
	}
}
