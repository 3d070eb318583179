package job_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/job"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/plan"
	"github.com/turgo-stream/turgo/host/task"
)

// numbers is a source of splits that each hold the numbers 0, 1, 2, …
type numbers struct {
	splits, count int
	pause         time.Duration // between two batches
}

func (s *numbers) Check(context.Context, connectors.Config) error { return nil }
func (s *numbers) Open(context.Context, connectors.Config) error  { return nil }
func (s *numbers) Discover(context.Context) ([]connectors.Split, bool, error) {
	var splits []connectors.Split
	for i := range s.splits {
		splits = append(splits, connectors.Split{ID: fmt.Sprint("split", i)})
	}
	return splits, true, nil
}
func (s *numbers) OpenReader(context.Context, int) (connectors.Reader, error) {
	return &numberReader{source: s}, nil
}
func (s *numbers) CheckpointComplete(context.Context, uint64, []connectors.Assignment) error {
	return nil
}
func (s *numbers) Close() error { return nil }

type numberReader struct {
	source *numbers
	open   []string
	at     map[string]uint64
}

func (r *numberReader) Assign(_ context.Context, assignments []connectors.Assignment) error {
	if r.at == nil {
		r.at = map[string]uint64{}
	}
	for _, a := range assignments {
		r.open = append(r.open, a.Split.ID)
		if len(a.Position) > 0 {
			r.at[a.Split.ID] = binary.LittleEndian.Uint64(a.Position)
		}
	}
	return nil
}

func (r *numberReader) Next(ctx context.Context) (connectors.Delivery, error) {
	if len(r.open) == 0 {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
		}
		return connectors.Delivery{}, ctx.Err()
	}
	if r.source.pause > 0 {
		select {
		case <-time.After(r.source.pause):
		case <-ctx.Done():
			return connectors.Delivery{}, ctx.Err()
		}
	}
	id := r.open[0]
	var b record.Builder
	for range 10 {
		if int(r.at[id]) < r.source.count {
			b.Append(record.Record{Key: fmt.Append(nil, r.at[id]), Value: fmt.Appendf(nil, "%s-%d", id, r.at[id]), Timestamp: record.NoTimestamp})
			r.at[id]++
		}
	}
	d := connectors.Delivery{SplitID: id, Batch: b.Finish(), Position: binary.LittleEndian.AppendUint64(nil, r.at[id])}
	if int(r.at[id]) >= r.source.count {
		d.End = true
		r.open = r.open[1:]
	} else {
		r.open = append(r.open[1:], id)
	}
	return d, nil
}

func (r *numberReader) Close() error { return nil }

// ledger is what the outside world sees: output is visible once it is committed.
type ledger struct {
	mu       sync.Mutex
	prepared map[string][]string // by committable
	visible  map[string]int      // how often each record was written
}

func newLedger() *ledger { return &ledger{prepared: map[string][]string{}, visible: map[string]int{}} }

// ledgerSink is one open sink onto the ledger.
type ledgerSink struct {
	ledger *ledger
	config connectors.Config
}

func (s *ledgerSink) Check(context.Context, connectors.Config) error { return nil }
func (s *ledgerSink) Open(_ context.Context, config connectors.Config) (connectors.Guarantee, error) {
	s.config = config
	return connectors.ExactlyOnce, nil
}
func (s *ledgerSink) CleanUp(_ context.Context, keep []connectors.Committable) error {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	kept := map[string][]string{}
	for _, c := range keep {
		if records, ok := s.ledger.prepared[c.ID]; ok {
			kept[c.ID] = records
		}
	}
	s.ledger.prepared = kept
	return nil
}
func (s *ledgerSink) OpenWriter(_ context.Context, subtask int) (connectors.Writer, error) {
	return &ledgerWriter{sink: s, subtask: subtask}, nil
}
func (s *ledgerSink) Commit(_ context.Context, committables []connectors.Committable) ([]connectors.CommitResult, error) {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	var results []connectors.CommitResult
	for _, c := range committables {
		for _, r := range s.ledger.prepared[c.ID] {
			s.ledger.visible[r]++
		}
		delete(s.ledger.prepared, c.ID)
		results = append(results, connectors.CommitResult{ID: c.ID, Outcome: connectors.Committed})
	}
	return results, nil
}
func (s *ledgerSink) Abort(context.Context, []connectors.Committable) error { return nil }
func (s *ledgerSink) Close() error                                          { return nil }

type ledgerWriter struct {
	sink    *ledgerSink
	subtask int
	written []string
}

func (w *ledgerWriter) Write(_ context.Context, batch record.Batch) error {
	for r := batch.Records(); r.Next(); {
		w.written = append(w.written, string(r.Record().Value()))
	}
	return nil
}
func (w *ledgerWriter) Prepare(_ context.Context, epoch uint64) ([]connectors.Committable, error) {
	if len(w.written) == 0 {
		return nil, nil
	}
	id := fmt.Sprintf("%d/%d/%d", w.sink.config.Attempt, w.subtask, epoch)
	w.sink.ledger.mu.Lock()
	w.sink.ledger.prepared[id] = w.written
	w.sink.ledger.mu.Unlock()
	w.written = nil
	return []connectors.Committable{{ID: id}}, nil
}
func (w *ledgerWriter) Close() error { return nil }

// echo passes records on; it fails when told to.
type echo struct{ fail func() error }

func (o *echo) Process(_ int, batch record.Batch, _, _ int64, emit func(int, record.Batch)) error {
	if err := o.fail(); err != nil {
		return err
	}
	emit(0, batch)
	return nil
}
func (o *echo) Fire(int, int64, int64, func(int, record.Batch)) (int, bool, error) {
	return 0, false, nil
}
func (o *echo) Failures() []letter.Failure                { return nil }
func (o *echo) DropTimer(int64, int64) error              { return nil }
func (o *echo) Brief(bool)                                {}
func (o *echo) NextProcessingTimer() (int64, bool, error) { return 0, false, nil }
func (o *echo) Close() error                              { return nil }

// world is a Runtime of the types above.
type world struct {
	source *numbers
	ledger *ledger
	fail   func() error // asked by each operator at each batch
}

func (w *world) Source(context.Context, *plan.ChainedStep, connectors.Config) (connectors.Source, error) {
	return w.source, nil
}
func (w *world) Sink(ctx context.Context, _ *plan.ChainedStep, config connectors.Config) (connectors.Sink, connectors.Guarantee, error) {
	s := &ledgerSink{ledger: w.ledger}
	g, err := s.Open(ctx, config)
	return s, g, err
}
func (w *world) Chain(_ context.Context, chain job.Chain) (*job.Operators, error) {
	out := &job.Operators{}
	for range chain.Steps {
		out.Operators = append(out.Operators, &echo{fail: w.fail})
	}
	return out, nil
}
func (w *world) Retryable(error) bool            { return false }
func (w *world) Module(*plan.ChainedStep) string { return "" }
func (w *world) Close() error                    { return nil }

var _ job.Runtime = (*world)(nil)
var _ task.Operator = (*echo)(nil)

// newPlan is a source, an echo behind a key edge, and a sink.
func newPlan(t *testing.T, parallelism int) *plan.Plan {
	t.Helper()
	j := &plan.Job{
		Name: "echo", BaseDir: t.TempDir(), Parallelism: parallelism,
		Checkpoint: plan.Checkpoint{Interval: 10 * time.Millisecond},
		Restart:    plan.Restart{DelayInitial: time.Millisecond},
		Flow: []plan.Step{
			{Kind: plan.Source, UID: "in", Connector: "numbers"},
			{Kind: plan.Operator, UID: "echo", Module: "none", Inputs: []plan.Input{{From: "in", Edge: plan.Key}}},
			{Kind: plan.Sink, UID: "out", Connector: "ledger", Inputs: []plan.Input{{From: "echo"}}},
		},
	}
	p, err := plan.Build(j, func(*plan.Step) (*abi.OperatorDescription, error) {
		return &abi.OperatorDescription{Name: "echo", Inputs: []abi.InputDescription{{Name: "in"}}, Outputs: []abi.OutputDescription{{Name: "out"}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// expectEachOnce checks that the world saw each record exactly once.
func (w *world) expectEachOnce(t *testing.T) {
	t.Helper()
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	want := w.source.splits * w.source.count
	if len(w.ledger.visible) != want {
		t.Errorf("%d different records are visible, want %d", len(w.ledger.visible), want)
	}
	for r, n := range w.ledger.visible {
		if n != 1 {
			t.Errorf("record %s is visible %d times", r, n)
			return
		}
	}
}

func run(ctx context.Context, w *world, p *plan.Plan, store checkpoint.Store, change func(*job.Config)) (job.Status, error) {
	config := job.Config{Plan: p, Store: store, Runtime: w, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&config)
	}
	return job.Run(ctx, config)
}
