package replay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/memstore"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/replay"
	"github.com/turgo-stream/turgo/host/wasm"
)

const failedAt = 1_000_000

// batchOf makes records of one key, with the timestamp 20.
func batchOf(values ...string) record.Batch {
	var b record.Builder
	for i, value := range values {
		b.Append(record.Record{Key: []byte("key1"), Value: []byte(value), Timestamp: 20, Origin: uint32(i)})
	}
	return b.Finish()
}

// failures makes the letter that a task makes of each failure of a call.
func failures(t *testing.T, w *world, a act) []*letter.Letter {
	t.Helper()
	operator, err := w.module.Open(context.Background(), wasm.OpenConfig{UID: "uid", Subtask: 1, Parallelism: 3, State: w.keyed, KeepState: true})
	check(t, err)
	defer operator.Close()
	kind := letter.Record
	if a.batch == nil {
		kind = letter.Timer
		_, _, err = operator.Fire(1, a.watermark, a.processingTime, w.emit)
	} else {
		err = operator.Process(0, a.batch, a.watermark, a.processingTime, w.emit)
	}
	list := operator.Failures()
	var guest *wasm.GuestError
	if errors.As(err, &guest) {
		failure, ok := guest.Failure()
		if !ok {
			t.Fatalf("nobody is to blame: %v", err)
		}
		list = append(list, failure)
	} else {
		check(t, err)
	}
	var letters []*letter.Letter
	for _, f := range list {
		l := &letter.Letter{
			ID: fmt.Sprint("uid-1-1-", f.Index), UID: "uid", Kind: kind, Timer: f.Timer, Record: f.Fired, Module: w.module.Digest(), Entry: w.module.Description().Operators[0].Name,
			Error: f.Error, Attempts: 1, Watermark: a.watermark, ProcessingTimeMS: a.processingTime, Subtask: 1, Parallelism: 3,
			Seed: f.Seed, State: f.State, StateIncomplete: f.StateIncomplete,
		}
		if l.Record == nil {
			records := a.batch.Records()
			for range f.Index + 1 {
				records.Next()
			}
			var b record.Builder
			b.AppendView(records.Record(), 0)
			l.Record = b.Finish()
		}
		letters = append(letters, l)
	}
	return letters
}

// scene is a job's state after some records, and the checkpoint of it.
func scene(t *testing.T) (*world, checkpoint.Store, []checkpoint.Table) {
	t.Helper()
	store := memstore.New()
	w := newWorld(t, guests["whims"], store, nil, false)
	w.do(act{batchOf("1", "2", "3"), 10, failedAt - 100})
	return w, store, w.checkpoint()
}

func run(t *testing.T, l *letter.Letter, guest string) *replay.Result {
	t.Helper()
	result, err := replay.Run(context.Background(), replay.Request{Letter: l, Module: guests[guest], State: l.State})
	check(t, err)
	return result
}

func only(t *testing.T, letters []*letter.Letter) *letter.Letter {
	t.Helper()
	if len(letters) != 1 {
		t.Fatalf("%d failures, want one", len(letters))
	}
	return letters[0]
}

func TestATrapIsRepeatedAndTold(t *testing.T) {
	w, _, _ := scene(t)
	l := only(t, failures(t, w, act{batchOf("trap"), 30, failedAt}))
	result := run(t, l, "whims")
	if !replay.Same(l, result.Failure) || !result.Undone || result.Failure.Stack == "" {
		t.Fatalf("%+v; want %+v", result.Failure, l.Error)
	}
	if len(result.Outputs) != 0 {
		t.Errorf("output %+v, but the guest had not come to emit it", result.Outputs)
	}
	var changed []string
	for _, c := range result.Changes {
		changed = append(changed, fmt.Sprintf("%s %v %.5s", c.After.State, c.Before != nil, c.After.Value))
	}
	if got := strings.Join(changed, ", "); got != "last true never, history false never" {
		t.Errorf("changes: %s", got)
	}
	if fmt.Sprint(result.Timers) != "[{event 97 set}]" {
		t.Errorf("timers: %v", result.Timers)
	}
	if len(result.Log) == 0 || result.Log[0].Text != "about to panic" || result.Fuel <= 0 {
		t.Errorf("log %v, fuel %d", result.Log, result.Fuel)
	}

	mended := run(t, l, "mended")
	if mended.Failure != nil || mended.Undone || len(mended.Outputs) != 1 || mended.Outputs[0].Output != "out" || len(mended.Changes) == 0 {
		t.Errorf("the mended module: %+v", mended)
	}
}

// A record that the guest fails in the midst of a batch draws the same random
// numbers when it is repeated alone.
func TestAFailedRecordMeetsTheSameRandomNumbers(t *testing.T) {
	w, _, _ := scene(t)
	letters := failures(t, w, act{batchOf("4", "fail", "5", "fail"), 30, failedAt})
	if len(letters) != 2 || letters[0].Error.Reason == letters[1].Error.Reason {
		t.Fatalf("%+v", letters)
	}
	for _, l := range letters {
		result := run(t, l, "whims")
		if !replay.Same(l, result.Failure) {
			t.Errorf("%+v; want %+v", result.Failure, l.Error)
		}
		l.Seed = nil
		if replay.Same(l, run(t, l, "whims").Failure) {
			t.Errorf("without its seed the record fails in the same way: the test shows nothing")
		}
	}
}

func TestATimerIsRepeated(t *testing.T) {
	w, _, _ := scene(t)
	var b record.Builder
	b.Append(record.Record{Key: []byte("key1"), Value: []byte("5"), Timestamp: 25 - '5'%7})
	w.do(act{b.Finish(), 10, failedAt - 50}) // its timer is at 25, which is 12 modulo 13
	var l *letter.Letter
	for l == nil {
		letters := failures(t, w, act{nil, 25, failedAt - 40})
		if len(letters) > 0 {
			l = letters[0]
		}
	}
	result := run(t, l, "whims")
	if l.Kind != letter.Timer || !replay.Same(l, result.Failure) || !strings.Contains(result.Failure.Reason, "thirteen") {
		t.Fatalf("%+v; want %+v", result.Failure, l.Error)
	}
	if mended := run(t, l, "mended"); mended.Failure != nil || len(mended.Outputs) != 1 || len(mended.Timers) == 0 || mended.Timers[0].Action != "fire" {
		t.Errorf("the mended module: %+v", mended)
	}
}

func TestTheStateOfACheckpoint(t *testing.T) {
	w, store, tables := scene(t)
	l := only(t, failures(t, w, act{batchOf("trap"), 30, failedAt}))
	m := &checkpoint.Manifest{
		Epoch: 7, MaxParallelism: testGroups, Operators: []checkpoint.OperatorInfo{{UID: "uid", Vertex: "uid"}},
		Tasks: []checkpoint.TaskSnapshot{{Task: checkpoint.TaskID{Vertex: "other"}}, {Task: checkpoint.TaskID{Vertex: "uid"}, Tables: tables}},
	}
	if _, err := replay.Describe(guests["whims"], ""); err == nil {
		t.Error("an operator without a name is found")
	}
	description, err := replay.Describe(guests["whims"], "whims")
	check(t, err)
	entries, err := replay.StateOf(context.Background(), store, m, "uid", description, []byte("key1"), failedAt)
	check(t, err)
	if fmt.Sprint(entries) != fmt.Sprint(l.State) || len(entries) < 3 {
		t.Errorf("the checkpoint has %v; the letter %v", entries, l.State)
	}
	later, err := replay.StateOf(context.Background(), store, m, "uid", description, []byte("key1"), failedAt+10_000)
	check(t, err)
	if len(later) != len(entries)-1 {
		t.Errorf("%d entries after the value has expired, of %d", len(later), len(entries))
	}
	if _, err := replay.StateOf(context.Background(), store, m, "none", description, []byte("key1"), 0); err == nil {
		t.Error("the state of an unknown operator is read")
	}
}

// A record of an aggregation meets the accumulator that its key had.
func TestARecordOfAnAggregationIsRepeated(t *testing.T) {
	l := &letter.Letter{ID: "count-1-0-1", UID: "count", Kind: letter.Record, Entry: "count", Record: batchOf(""), ProcessingTimeMS: failedAt}
	first := run(t, l, "wordcount")
	if first.Failure != nil || len(first.Changes) != 1 || first.Changes[0].Before != nil || first.Changes[0].After == nil {
		t.Fatalf("%+v", first)
	}
	l.State = []letter.StateEntry{*first.Changes[0].After}
	second := run(t, l, "wordcount")
	if len(second.Changes) != 1 || string(second.Changes[0].Before.Value) != string(l.State[0].Value) || string(second.Changes[0].After.Value) == string(l.State[0].Value) {
		t.Errorf("%+v", second.Changes)
	}
}

func TestWhatCannotBeRepeated(t *testing.T) {
	for name, l := range map[string]*letter.Letter{
		"undecodable": {Kind: letter.Undecodable, Record: batchOf("x")},
		"refused":     {Kind: letter.Refused, Record: batchOf("x")},
		"two records": {Kind: letter.Record, Record: batchOf("x", "y")},
	} {
		_, err := replay.Run(context.Background(), replay.Request{Letter: l, Module: guests["whims"]})
		var not *replay.NotReplayableError
		if !errors.As(err, &not) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := &letter.Letter{Kind: letter.Record, Entry: "whims", Record: batchOf("x"), State: []letter.StateEntry{{State: "last", Kind: "map"}}}
	if _, err := replay.Run(context.Background(), replay.Request{Letter: l, Module: guests["whims"], State: l.State}); err == nil || !strings.Contains(err.Error(), "was a map, and is a value") {
		t.Errorf("a state of another kind: %v", err)
	}
	l = &letter.Letter{Kind: letter.Timer, Entry: "whims", Record: batchOf("x"), Timer: 5}
	if _, err := replay.Run(context.Background(), replay.Request{Letter: l, Module: guests["whims"]}); err == nil || !strings.Contains(err.Error(), "declares 2 timers") {
		t.Errorf("an unknown timer: %v", err)
	}
}
