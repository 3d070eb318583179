package wasm

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/letter"
)

func TestGoGuestFailsARecordAndGoesOn(t *testing.T) {
	operator := openMisbehave(t, nil)
	if got := do(t, operator, 1, "fine", "fail", "fine", "fail"); len(got) != 2 {
		t.Errorf("the others gave %q", got)
	}
	var failed []int
	for _, f := range operator.Failures() {
		if f.Error.Reason != "not to my taste" {
			t.Errorf("%+v", f)
		}
		failed = append(failed, f.Index)
	}
	if !slices.Equal(failed, []int{1, 3}) {
		t.Errorf("failed %v, want 1 and 3", failed)
	}
	if do(t, operator, 1, "calls"); len(operator.Failures()) != 0 {
		t.Errorf("failures of an earlier call: %v", operator.Failures())
	}
}

func openSteps(t testing.TB) (*Operator, *memoryState) {
	t.Helper()
	state := newMemoryState()
	module := load(t, newEngine(t, Config{}), "steps", assemble(t, "steps"))
	return open(t, module, OpenConfig{UID: "u1", State: state, KeepState: true}), state
}

// letters makes a batch of records whose values are letters of the guest steps
// and whose keys are a, b, c in turn.
func letters(values ...string) record.Batch {
	var b record.Builder
	for i, value := range values {
		b.Append(record.Record{Key: []byte{'a' + byte(i%3)}, Value: []byte(value), Origin: uint32(i)})
	}
	return b.Finish()
}

// outcome is all that a call did, as text.
func outcome(operator *Operator, state *memoryState, emitted collected) string {
	var lines []string
	for _, id := range slices.Sorted(maps.Keys(state.values)) {
		lines = append(lines, fmt.Sprintf("%s=%s", id, state.values[id]))
	}
	for id, set := range state.timers {
		if set {
			lines = append(lines, fmt.Sprintf("timer %d of %s", id.timestamp, id.key))
		}
	}
	slices.Sort(lines)
	lines = append(lines, emitted...)
	for _, f := range operator.Failures() {
		lines = append(lines, fmt.Sprintf("failed %d: %d %s", f.Index, f.Error.Code, f.Error.Reason))
	}
	return strings.Join(append(lines, fmt.Sprint("metric ", operator.Metric(0))), "; ")
}

// TestWhatAFailedRecordDidIsUndone runs each batch twice: as it is, and, where
// the call succeeds, without the failed records: both must do the same.
func TestWhatAFailedRecordDidIsUndone(t *testing.T) {
	for _, values := range [][]string{
		{"pme", "pmatef", "pme"},
		{"fpm", "p"},                      // goes on with a record that it failed: state is refused, see below
		{"em", "emfem", "em"},             // output and metrics after the failure are dropped as well
		{"e", "nmh", "f"},                 // what belongs to no record stays
		{"paf", "paf", "paf", "pa"},       // all but one
		{"p", "p", "p", "pf", "pag", "p"}, // the same key again
		{"tf", "t", "at"},
		{"ff", "fg", "e"},  // once is enough
		{"f", "be", "e"},   // emits for itself with one in hand that failed
		{"", "bmh", "mf"},  // takes up another in between, and that stays
		{"f", "f", "f"},    // nothing is left
		{"mefe", "ebfh"},   // the second fails the first
		{"e", "eefe", "e"}, // several batches of one record
	} {
		operator, state := openSteps(t)
		var got collected
		err := operator.Process(0, letters(values...), 0, 0, got.emit)
		if values[0] == "fpm" {
			wantGuestError(t, err, KindFailedRecord, 0, "bad value")
			if len(state.values) > 0 || len(operator.Failures()) > 0 {
				t.Errorf("%q left %v", values, state.values)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", values, err)
			continue
		}
		whole := outcome(operator, state, got)
		failed := map[int]bool{}
		var report []string
		for _, f := range operator.Failures() {
			failed[f.Index] = true
			report = append(report, fmt.Sprintf("failed %d: %d %s", f.Index, f.Error.Code, f.Error.Reason))
		}
		want := without(t, values, failed, report)
		if whole != want {
			t.Errorf("%q\ngot  %s\nwant %s", values, whole, want)
		}
	}
}

// without runs a batch in which nothing fails, and the failed records do nothing.
func without(t *testing.T, values []string, failed map[int]bool, report []string) string {
	t.Helper()
	operator, state := openSteps(t)
	changed := slices.Clone(values)
	for i, value := range changed {
		if failed[i] {
			value = ""
		}
		changed[i] = strings.NewReplacer("f", "", "g", "").Replace(value)
	}
	var got collected
	if err := operator.Process(0, letters(changed...), 0, 0, got.emit); err != nil {
		t.Fatal(err)
	}
	text := outcome(operator, state, got)
	at := strings.LastIndex(text, "metric ")
	return text[:at] + strings.Join(append(report, ""), "; ") + text[at:]
}

// What a record did before others were in hand cannot be undone in place: the
// call fails with the guest's own words, and alone the record does too.
func TestARecordThatWasTakenUpTwiceFailsTheCall(t *testing.T) {
	for _, values := range [][]string{{"p", "p", "bpf"}, {"m", "m", "bmf"}, {"pf", "p", "bp"}, {"p", "fr"}} {
		operator, state := openSteps(t)
		err := operator.Process(0, letters(values...), 0, 0, func(int, record.Batch) { t.Error("output") })
		index := 0
		if values[1] == "fr" {
			index = 1
		}
		if guest := wantGuestError(t, err, KindFailedRecord, index, "failed record: bad value"); guest.Code != 42 {
			t.Errorf("%q: code %d", values, guest.Code)
		}
		if len(state.values) > 0 || operator.Metric(0) != 0 || len(operator.Failures()) > 0 {
			t.Errorf("%q left %v", values, state.values)
		}
	}
	operator, state := openSteps(t)
	if err := operator.Process(0, letters("pbpf"), 0, 0, nil); err != nil || len(operator.Failures()) != 1 || len(state.values) > 0 {
		t.Errorf("alone: %v, %v, %v", err, operator.Failures(), state.values)
	}
}

// A failure carries the state just before it: with what the records before it
// in the same call did, without what it did itself.
func TestAFailureCarriesTheStateOfItsKey(t *testing.T) {
	operator, state := openSteps(t)
	state.values["0/a/"] = "old"
	if err := operator.Process(0, letters("pa", "p", "p", "apf"), 0, 0, func(int, record.Batch) {}); err != nil {
		t.Fatal(err)
	}
	want := []letter.StateEntry{{State: "value", Kind: "value", Value: []byte("pa"), Version: 7}, {State: "list", Kind: "list", Value: []byte("pa"), Version: 7}}
	if got := operator.Failures(); len(got) != 1 || fmt.Sprint(got[0].State) != fmt.Sprint(want) || got[0].StateIncomplete {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	var guest *GuestError
	if err := operator.Process(0, letters("apx"), 0, 0, nil); !errors.As(err, &guest) {
		t.Fatal(err)
	}
	if f, ok := guest.Failure(); !ok || f.Index != 0 || fmt.Sprint(f.State) != fmt.Sprint(want) || f.Error.Kind != "trap" || f.Error.Stack == "" {
		t.Errorf("alone: %+v, %v", f, ok)
	}
	state.values["0/a/"] = strings.Repeat("x", letter.StateBytesMax)
	if err := operator.Process(0, letters("f"), 0, 0, nil); err != nil {
		t.Fatal(err)
	}
	if f := operator.Failures()[0]; !f.StateIncomplete || len(f.State) != 0 {
		t.Errorf("%d entries of state that is too large, incomplete %v", len(f.State), f.StateIncomplete)
	}
}

func TestATimerThatFailsIsUndoneAlone(t *testing.T) {
	operator, state := openSteps(t)
	for i, key := range []string{"y", "f", "z", "x"} {
		state.timers[timerID{0, int64(i), key}] = true
	}
	var got collected
	fired, more, err := operator.Fire(3, abi.WatermarkMax, 0, got.emit)
	if fired != 3 || !more || err != nil || !slices.Equal(got, collected{"0: 0", "0: 2"}) {
		t.Fatalf("fired %d, %v, %v: %q", fired, more, err, got)
	}
	failures := operator.Failures()
	if len(failures) != 1 || failures[0].Index != 1 || failures[0].Fired.Count() != 1 {
		t.Fatalf("%+v", failures)
	}
	r := failures[0].Fired.Records()
	r.Next()
	if string(r.Record().Key()) != "f" || r.Record().Timestamp() != 1 {
		t.Errorf("failed %s at %d", r.Record().Key(), r.Record().Timestamp())
	}
	if _, found := state.values["1/f/00000001"]; found || state.values["1/y/00000001"] != "bad" {
		t.Errorf("left %v", state.values)
	}
	fired, _, err = operator.Fire(3, abi.WatermarkMax, 0, got.emit)
	guest := wantGuestError(t, err, KindTrap, 0, "unreachable")
	if f, _ := guest.Failure(); fired != 1 || f.Fired.Count() != 1 {
		t.Errorf("fired %d: %+v", fired, f)
	}
	if err := operator.DropTimer(abi.WatermarkMax, 0); err != nil {
		t.Fatal(err)
	}
	if fired, more, err = operator.Fire(3, abi.WatermarkMax, 0, got.emit); fired != 0 || more || err != nil {
		t.Errorf("fired %d, %v, %v after the last timer was dropped", fired, more, err)
	}
}

// A record that cannot go where its output leads fails the one that it came from.
func TestAnOutputWithoutAKeyFailsItsOrigin(t *testing.T) {
	module := load(t, newEngine(t, Config{}), "steps", assemble(t, "steps"))
	operator := open(t, module, OpenConfig{UID: "u1", State: newMemoryState(), KeyedOutputs: []bool{true}})
	err := operator.Process(0, letters("p", "m", "e"), 0, 0, func(int, record.Batch) { t.Error("output") })
	wantGuestError(t, err, KindFailedRecord, 2, "a record of output out has a null key, and the key edge behind it needs one")
}
