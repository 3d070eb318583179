package wasm

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/letter"
)

// wantGuestError checks what a call of a guest says when it fails.
func wantGuestError(t *testing.T, err error, kind Kind, index int, want string) *GuestError {
	t.Helper()
	var guest *GuestError
	if !errors.As(err, &guest) {
		t.Fatalf("got %v, want a *GuestError", err)
	}
	if guest.Kind != kind || guest.RecordIndex != index || !strings.Contains(err.Error(), want) {
		t.Fatalf("got  %s, record %d: %s\nwant %s, record %d: %s", guest.Kind, guest.RecordIndex, err, kind, index, want)
	}
	return guest
}

func faultyLimits() Limits {
	return Limits{MemoryPages: 512, TableElements: 10_000, CallDuration: 150 * time.Millisecond, DepthBytes: 8 << 20, OutputBytes: 1 << 20,
		OutputRecords: 30_000, StateBytes: 1 << 20, StateWrites: 1000}
}

func TestFaultyGuestsFailWithinTheirLimits(t *testing.T) {
	engine := newEngine(t, Config{Limits: faultyLimits()})
	for _, test := range []struct {
		guest string
		kind  Kind
		want  string
	}{
		{"loops", KindTime, "time limit: the call took longer than 150ms"},
		{"loops-in-host", KindTime, "time limit: the call took longer than 150ms"},
		{"fills-memory", KindTime, "time limit: the call took longer than 150ms"},
		{"recurses", KindDepth, "call depth: calls are nested deeper than 8388608 bytes of frames allow"},
		{"recurses-wide", KindDepth, "call depth: calls are nested deeper than 8388608 bytes of frames allow"},
		{"eats-memory", KindMemory, "memory limit: the guest wanted 33685504 bytes of memory, the limit is 33554432 (unreachable)"},
		{"grows-table", KindTable, "table limit: the guest wanted 1000 elements more in a table, the limit of all its tables is 10000 (unreachable)"},
		{"logs-forever", KindTime, "time limit: the call took longer than 150ms"},
		{"emits-nothing-forever", KindOutput, "output: the call emits more than 30000 records"},
		{"malformed-output", KindOutput, `output: emit: record: batch is malformed at byte 0: magic "{\"ab", want "TRGB"`},
		{"undeclared-output", KindProtocol, "protocol: emit: output 1 is not declared, there are 1"},
		{"origin-out-of-range", KindOutput, "output: emit: record: batch is malformed at byte 40: a record has the origin 77, the input batch has 2 records"},
		{"emits-forever", KindOutput, "output: the call emits more than 1048576 bytes"},
		{"status", KindProtocol, "protocol: the guest returned the status 7"},
	} {
		t.Run(test.guest, func(t *testing.T) {
			operator := open(t, load(t, engine, test.guest, assemble(t, test.guest)), OpenConfig{UID: "u1"})
			for range 2 { // the second time after a reset
				start := time.Now()
				var got collected
				err := operator.Process(0, batchOf("a", "b"), 0, 0, got.emit)
				guest := wantGuestError(t, err, test.kind, -1, "wasm: operator faulty (uid u1): "+test.want)
				if test.guest == "recurses" && !strings.HasPrefix(guest.Stack, ".r(i32) i32\n.r(i32) i32\n") {
					t.Errorf("stack %q", guest.Stack)
				}
				if elapsed := time.Since(start); elapsed > 30*time.Second {
					t.Errorf("it took %s", elapsed)
				}
				if len(got) > 0 {
					t.Errorf("a failed call has the output %q", got)
				}
			}
		})
	}
}

func TestFaultyGuestsDoNotOpen(t *testing.T) {
	engine := newEngine(t, Config{Limits: faultyLimits()})
	for _, test := range []struct {
		guest string
		kind  Kind
		want  string
	}{
		{"loops-in-open", KindTime, "the call took longer than 150ms"},
		{"refuses-open", KindRefused, "wasm: operator faulty (uid u1): refused: config lacks a field"},
		{"control-out-of-range", KindProtocol, "turgo_open: the control block at 131060 is outside the memory of 131072 bytes"},
		{"buffer-out-of-range", KindProtocol, "turgo_buffer returned 131000..196536, which is outside the memory of 131072 bytes"},
		{"no-buffer", KindMemory, "turgo_buffer has no room for 65536 bytes"},
		{"emits-in-open", KindProtocol, "emit: must not be called here"},
	} {
		t.Run(test.guest, func(t *testing.T) {
			_, err := load(t, engine, test.guest, assemble(t, test.guest)).Open(context.Background(), OpenConfig{UID: "u1"})
			wantGuestError(t, err, test.kind, -1, test.want)
		})
	}
}

// batchForRules selects one case of the guest rules. Its second record has a null key.
func batchForRules(selected byte) record.Batch {
	var b record.Builder
	b.Append(record.Record{Key: []byte("k"), Value: []byte{selected}})
	b.Append(record.Record{Value: []byte("no key"), Origin: 1})
	return b.Finish()
}

func TestHostCallsHoldTheRules(t *testing.T) {
	module := load(t, newEngine(t, Config{Limits: faultyLimits()}), "rules", assemble(t, "rules"))
	const outside = "are outside the memory of 131072 bytes"
	for selected, test := range []struct {
		kind  Kind
		index int
		want  string
	}{
		{KindProtocol, 0, "emit: bytes 131000 to 131100 " + outside},
		{KindProtocol, 0, "fail: bytes 4294967292 to 4294967300 " + outside},
		{KindProtocol, 0, "state_get: bytes 131071 to 131073 " + outside},
		{KindProtocol, 0, "state_put: bytes 131072 to 131073 " + outside},
		{KindProtocol, 0, "list_append: bytes 0 to 4294967295 " + outside},
		{KindProtocol, 0, "list_read: bytes 131072 to 131088 " + outside},
		{KindProtocol, 0, "map_get: bytes 131072 to 131073 " + outside},
		{KindProtocol, 0, "map_get: bytes 131072 to 131073 " + outside},
		{KindProtocol, 0, "map_put: bytes 131072 to 131073 " + outside},
		{KindProtocol, 0, "map_put: bytes 131072 to 131073 " + outside},
		{KindProtocol, 0, "map_delete: bytes 131072 to 131073 " + outside},
		{KindProtocol, 0, "map_scan: bytes 131072 to 131073 " + outside},
		{KindProtocol, 0, "map_scan: bytes 131072 to 131073 " + outside},
		{KindProtocol, 0, "log: bytes 131072 to 131073 " + outside},
		{KindProtocol, 0, "state_get: state 9 is not declared, there are 3"},
		{KindProtocol, 0, "list_append: state 0 (value) is declared as a value"},
		{KindProtocol, 0, "timer_set: timer 3 is not declared, there are 1"},
		{KindProtocol, 0, "timer_delete: timer 4294967295 is not declared, there are 1"},
		{KindProtocol, 0, "metric: metric 5 is not declared, there are 2"},
		{KindProtocol, -1, "state_clear: record 9 is in hand, the batch has 2 records"},
		{KindProtocol, -1, "state_clear: no record is in hand"},
		{KindProtocol, -1, "fail: no record is in hand"},
		{KindFailedRecord, 1, "record 1 of the batch: failed record: state_put: the record has a null key, and keyed state needs one"},
		{KindState, 0, "state limit: state_put: the call writes more than 1048576 bytes of state"},
		{KindFailedRecord, 0, "reported"},
		{"", 0, ""},
		{KindTrap, 0, "trap: the guest exited with the status 3"},
		{KindTrap, 0, "trap: integer divide by zero"},
	} {
		t.Run(fmt.Sprint(selected), func(t *testing.T) {
			state := newMemoryState()
			operator := open(t, module, OpenConfig{UID: "u1", State: state})
			err := operator.Process(0, batchForRules(byte(selected)), 0, 0, func(int, record.Batch) { t.Error("output") })
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				checkCommitted(t, operator, state)
				return
			}
			if test.want == "reported" {
				checkReported(t, operator, state, err)
				return
			}
			wantGuestError(t, err, test.kind, test.index, test.want)
			if len(state.values) > 0 || state.commits != 0 || state.rollbacks != 1 || operator.Metric(0) != 0 {
				t.Errorf("a failed call left %d values, %d commits, %d rollbacks", len(state.values), state.commits, state.rollbacks)
			}
		})
	}
}

// checkReported wants what a guest does that fails its record by a call.
func checkReported(t *testing.T, operator *Operator, state *memoryState, err error) {
	t.Helper()
	failures := operator.Failures()
	if err != nil || len(failures) != 1 || failures[0].Index != 0 || failures[0].Error != (letter.Error{Kind: "failed record", Code: 42, Reason: "bad value"}) {
		t.Errorf("%v, failures %+v", err, failures)
	}
	if len(state.values) > 0 || state.commits != 1 || operator.Metric(0) != 0 {
		t.Errorf("left %v, %d commits", state.values, state.commits)
	}
}

func checkCommitted(t *testing.T, operator *Operator, state *memoryState) {
	t.Helper()
	if state.commits != 1 || state.values["0/k/"] != "bad value" || !state.timers[timerID{0, 100, "k"}] {
		t.Errorf("%d commits of %q, %v", state.commits, state.values, state.timers)
	}
	if operator.Metric(0) != 5 || operator.Metric(1) != 8 {
		t.Errorf("metrics are %d and %d", operator.Metric(0), operator.Metric(1))
	}
}

func TestTrapNamesTheRecordAndResetForgets(t *testing.T) {
	operator := open(t, load(t, newEngine(t, Config{}), "traps", assemble(t, "traps-on-record")), OpenConfig{UID: "u1"})
	// counted is how many records the guest has seen, in memory and in a global.
	counted := func(values ...string) (inMemory, inGlobal byte) {
		t.Helper()
		var got collected
		if err := operator.Process(0, batchOf(values...), 0, 0, got.emit); err != nil {
			t.Fatal(err)
		}
		return got[0][len("0: ")], got[0][len("0: ")+4]
	}
	if m, g := counted("........", "b"); m != 2 || g != 2 {
		t.Fatalf("counted %d and %d, want 2", m, g)
	}
	err := operator.Process(0, batchOf("a", "b", "x", "c"), 0, 0, func(int, record.Batch) { t.Error("output") })
	guest := wantGuestError(t, err, KindTrap, 2, "wasm: operator faulty (uid u1): record 2 of the batch: trap: unreachable")
	if guest.Stack == "" {
		t.Error("no stack")
	}
	if m, g := counted("........"); m != 1 || g != 1 {
		t.Fatalf("counted %d and %d after a reset, want 1", m, g)
	}
	if u := operator.Usage(); u.Resets != 1 || u.Rebuilds != 0 || u.Fuel == 0 {
		t.Errorf("%+v, want one reset and no new instance", u)
	}
}

func TestStateWritesAreLimited(t *testing.T) {
	module := load(t, newEngine(t, Config{Limits: faultyLimits()}), "writes-state", assemble(t, "writes-state"))
	state := newMemoryState()
	operator := open(t, module, OpenConfig{UID: "u1", State: state})
	err := operator.Process(0, batchOf("a", "b"), 0, 0, func(int, record.Batch) { t.Error("output") })
	wantGuestError(t, err, KindState, 0, "state limit: state_put: the call makes more than 1000 writes of state")
	if len(state.values) > 0 || state.rollbacks != 1 {
		t.Errorf("%d values are left, %d rollbacks", len(state.values), state.rollbacks)
	}
}

// A record that takes more than its fuel fails the call with the record named,
// long before the call has used up what all its records may take.
func TestFuelOfARecordIsLimited(t *testing.T) {
	module := load(t, newEngine(t, Config{}), "spins-on-record", assemble(t, "spins-on-record"))
	const fuel = 1_000_000
	operator := open(t, module, OpenConfig{Limits: Limits{RecordFuel: fuel}})
	values := slices.Repeat([]string{"a"}, 1000)
	process := func(values ...string) int64 {
		t.Helper()
		before := operator.Usage().Fuel
		err := operator.Process(0, batchOf(values...), 0, 0, func(int, record.Batch) {})
		if index := slices.Index(values, "x"); index < 0 && err != nil {
			t.Fatal(err)
		} else if index >= 0 {
			wantGuestError(t, err, KindFuel, index, "")
		}
		return operator.Usage().Fuel - before
	}
	clean := process(values...)
	values[700] = "x"
	if used := process(values...); used > clean+3*fuel {
		t.Errorf("the record took %d instructions, its limit is %d", used-clean, fuel)
	}
	if used := process("x"); used < fuel || used > fuel+100 {
		t.Errorf("alone it took %d instructions, its limit is %d", used, fuel)
	}
}

// What takes no record in hand is held to what all its records may take.
func TestFuelOfRecordsIsPooled(t *testing.T) {
	module := load(t, newEngine(t, Config{}), "loops", assemble(t, "loops"))
	operator := open(t, module, OpenConfig{Limits: Limits{RecordFuel: 10_000}})
	err := operator.Process(0, batchOf(slices.Repeat([]string{"a"}, 100)...), 0, 0, func(int, record.Batch) {})
	wantGuestError(t, err, KindFuel, -1, "fuel limit: the call took more than 10000 instructions for each of its records")
	if used := operator.Usage().Fuel; used < 1_000_000 || used > 1_000_000+1000 {
		t.Errorf("it took %d instructions", used)
	}
}

func TestFuelLimitIsExact(t *testing.T) {
	module := load(t, newEngine(t, Config{}), "loops", assemble(t, "loops"))
	for _, fuel := range []int64{100, 1000, 12_345_678} {
		operator := open(t, module, OpenConfig{Limits: Limits{CallFuel: fuel}})
		var used []int64
		for range 3 {
			before := operator.Usage().Fuel
			err := operator.Process(0, batchOf("a"), 0, 0, func(int, record.Batch) {})
			wantGuestError(t, err, KindFuel, -1, fmt.Sprintf("fuel limit: the call took more than %d instructions", fuel))
			used = append(used, operator.Usage().Fuel-before)
		}
		if used[0] < fuel || used[0] > fuel+100 || slices.Max(used) != slices.Min(used) {
			t.Errorf("limit %d: used %d", fuel, used)
		}
	}
}

// A guest that spins must not hold up the garbage collector, which waits for
// every goroutine.
func TestCollectorRunsWhileGuestSpins(t *testing.T) {
	module := load(t, newEngine(t, Config{}), "loops", assemble(t, "loops"))
	operator := open(t, module, OpenConfig{Limits: Limits{CallDuration: 2 * time.Second}})
	ended := make(chan error, 1)
	go func() { ended <- operator.Process(0, batchOf("a"), 0, 0, func(int, record.Batch) {}) }()
	collections := 0
	for running := true; running; {
		runtime.GC()
		select {
		case err := <-ended:
			wantGuestError(t, err, KindTime, -1, "the call took longer than 2s")
			running = false
		default:
			collections++
		}
	}
	if collections < 3 {
		t.Errorf("%d collections while the guest was spinning", collections)
	}
}

// What nested calls take of the native stack is bounded by DepthBytes, though
// the stack doubles as it grows.
func TestDepthBoundsTheStack(t *testing.T) {
	engine := newEngine(t, Config{Limits: faultyLimits()})
	for _, guest := range []string{"recurses", "recurses-wide"} {
		operator := open(t, load(t, engine, guest, assemble(t, guest)), OpenConfig{})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := operator.Process(0, batchOf("a"), 0, 0, func(int, record.Batch) {})
		runtime.ReadMemStats(&after)
		wantGuestError(t, err, KindDepth, -1, "")
		t.Logf("%s: %d MB allocated", guest, (after.TotalAlloc-before.TotalAlloc)>>20)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 4*8<<20 {
			t.Errorf("%s: %d bytes were allocated for a depth of %d", guest, taken, 8<<20)
		}
	}
}
