package replay_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/memstore"
	"github.com/turgo-stream/turgo/host/state"
	"github.com/turgo-stream/turgo/host/wasm"
)

// act is one call of a scenario: a batch, or timers.
type act struct {
	batch                     record.Batch // nil fires timers
	watermark, processingTime int64
}

const testGroups = 16

// scenario makes calls: batches of few keys, of all sizes, some records of which
// fail, between which both clocks advance.
func scenario(seed uint64, calls int) []act {
	random := rand.New(rand.NewPCG(seed, 1))
	watermark, now := int64(0), int64(1_000_000)
	var acts []act
	for range calls {
		watermark += random.Int64N(6)
		now += random.Int64N(1500)
		if random.IntN(3) == 0 {
			acts = append(acts, act{nil, watermark, now})
			continue
		}
		var b record.Builder
		for i := range 1 + random.IntN(20) {
			value := fmt.Sprint(random.IntN(5))
			switch random.IntN(60) {
			case 0:
				value = "trap"
			case 1:
				value = "fail"
			}
			b.Append(record.Record{Key: fmt.Append(nil, "key", random.IntN(9)), Value: []byte(value), Timestamp: watermark + random.Int64N(20), Origin: uint32(i)})
		}
		acts = append(acts, act{b.Finish(), watermark, now})
	}
	return acts
}

// world is a state and the calls on it.
type world struct {
	t       *testing.T
	module  *wasm.Module
	backend *state.Backend
	keyed   *state.Keyed
	// operator is the instance that is kept; nil where each call has a fresh one.
	operator *wasm.Operator
	log      strings.Builder // all that the calls gave
}

var attempts uint64

// newWorld makes a state from the tables of a checkpoint.
func newWorld(t *testing.T, module *wasm.Module, store checkpoint.Store, tables []checkpoint.Table, keep bool) *world {
	t.Helper()
	attempts++ // each restart of a job has another
	w := &world{t: t, module: module}
	var err error
	w.backend, err = state.Open(state.Config{
		FS: vfs.NewMem(), Dir: "state", First: 0, Last: testGroups - 1, MaxParallelism: testGroups, Attempt: attempts,
		Store: store, ObjectPrefix: fmt.Sprint("tables/", attempts), Clock: func() int64 { return 0 }, CacheBytes: 1 << 20,
	})
	check(t, err)
	t.Cleanup(func() { check(t, w.backend.Close()) })
	check(t, w.backend.Restore(context.Background(), tables))
	d := module.Description().Operators[0]
	w.keyed, err = w.backend.Operator("uid", d.States, d.Timers)
	check(t, err)
	if keep {
		w.operator = w.open()
	}
	return w
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) open() *wasm.Operator {
	operator, err := w.module.Open(context.Background(), wasm.OpenConfig{UID: "uid", Parallelism: 1, State: w.keyed, Config: map[string]any{}})
	check(w.t, err)
	w.t.Cleanup(func() { check(w.t, operator.Close()) })
	return operator
}

// instance is that of the next call.
func (w *world) instance() *wasm.Operator {
	if w.operator != nil {
		return w.operator
	}
	return w.open()
}

func (w *world) emit(output int, batch record.Batch) {
	fmt.Fprintf(&w.log, "out %d: %x\n", output, batch)
}

// do makes one call, as a task does: where it fails, records and timers are
// called one by one, and those that fail alone are left out.
func (w *world) do(a act) {
	if a.batch == nil {
		w.fire(a)
		return
	}
	operator := w.instance()
	err := operator.Process(0, a.batch, a.watermark, a.processingTime, w.emit)
	w.tell(operator, err)
	if err == nil || a.batch.Count() == 1 {
		return
	}
	for records := a.batch.Records(); records.Next(); {
		var b record.Builder
		b.AppendView(records.Record(), 0)
		one := w.instance()
		w.tell(one, one.Process(0, b.Finish(), a.watermark, a.processingTime, w.emit))
	}
}

func (w *world) fire(a act) {
	for limit := 1000; ; {
		operator := w.instance()
		fired, more, err := operator.Fire(limit, a.watermark, a.processingTime, w.emit)
		w.tell(operator, err)
		switch {
		case err != nil && fired == 1:
			check(w.t, operator.DropTimer(a.watermark, a.processingTime))
		case err != nil:
			limit = 1
		case !more:
			return
		}
	}
}

// tell notes how a call ended.
func (w *world) tell(operator *wasm.Operator, err error) {
	var guest *wasm.GuestError
	switch {
	case errors.As(err, &guest):
		fmt.Fprintf(&w.log, "failed: %d %s %d %s\n", guest.RecordIndex, guest.Kind, guest.Code, guest.Reason)
	case err != nil:
		w.t.Fatal(err)
	}
	for _, f := range operator.Failures() {
		fmt.Fprintf(&w.log, "record %d: %+v\n", f.Index, f.Error)
	}
}

// content is all that the state holds, timers included. It takes the timers out.
func (w *world) content() string {
	var b strings.Builder
	w.keyed.Begin(0)
	defer w.keyed.Rollback()
	for i := range 9 {
		check(w.t, w.keyed.SetKey(fmt.Append(nil, "key", i)))
		check(w.t, w.keyed.Export(func(state int, subKey, value []byte, version uint16, expiresMS int64) bool {
			fmt.Fprintf(&b, "key%d %d %x %x %d %d\n", i, state, subKey, value, version, expiresMS)
			return true
		}))
	}
	for timer := range w.module.Description().Operators[0].Timers {
		check(w.t, w.keyed.TimersDue(timer, abi.WatermarkMax, 1<<20, func(key []byte, timestamp int64) {
			fmt.Fprintf(&b, "timer %d %s %d\n", timer, key, timestamp)
		}))
	}
	return b.String()
}

func (w *world) checkpoint() []checkpoint.Table {
	frozen, err := w.backend.Freeze()
	check(w.t, err)
	_, err = frozen.Write(context.Background())
	check(w.t, err)
	w.backend.Complete(frozen)
	return w.backend.Tables()
}

// TestReplayFromACheckpointGivesTheSameBytes runs calls, takes a checkpoint in
// the midst, and repeats what followed from it, twice: with a fresh instance for
// each call. Output, failures, state and timers are the same to the byte. Guests
// that depend on nothing that a call left in memory give the same from an instance
// that is kept.
func TestReplayFromACheckpointGivesTheSameBytes(t *testing.T) {
	seeds, calls := 3, 20
	if testing.Short() {
		seeds, calls = 1, 10
	}
	for _, test := range []struct {
		guest string
		keep  bool // also from instances that are kept
	}{{"whims", false}, {"bits", false}, {"keyedcount", true}} {
		t.Run(test.guest, func(t *testing.T) {
			for seed := range seeds {
				acts := scenario(uint64(seed), calls)
				store := memstore.New()
				first := newWorld(t, guests[test.guest], store, nil, test.keep)
				for _, a := range acts[:calls/2] {
					first.do(a)
				}
				tables := first.checkpoint()
				first.log.Reset()
				for _, a := range acts[calls/2:] {
					first.do(a)
				}
				want, wantState := first.log.String(), first.content()
				if len(want) == 0 && len(wantState) == 0 {
					t.Fatalf("seed %d: the calls gave nothing", seed)
				}
				for again := range 2 {
					w := newWorld(t, guests[test.guest], store, tables, false)
					for _, a := range acts[calls/2:] {
						w.do(a)
					}
					if got := w.log.String(); got != want {
						t.Fatalf("seed %d, repetition %d gives\n%s\nnot\n%s", seed, again, difference(got, want), difference(want, got))
					}
					if got := w.content(); got != wantState {
						t.Fatalf("seed %d, repetition %d: the state is\n%s\nnot\n%s", seed, again, difference(got, wantState), difference(wantState, got))
					}
				}
			}
		})
	}
}

// difference is the first line of a that b does not have in its place.
func difference(a, b string) string {
	other := strings.Split(b, "\n")
	for i, line := range strings.Split(a, "\n") {
		if i >= len(other) || other[i] != line {
			return fmt.Sprintf("line %d: %.2000s", i, line)
		}
	}
	return ""
}
