package wasm

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

func TestPassthroughWAT(t *testing.T) {
	module := load(t, newEngine(t, Config{}), "passthrough", assemble(t, "passthrough"))
	operator := open(t, module, OpenConfig{UID: "p"})
	for _, batch := range [][]string{{"a", "b"}, {}, {string(make([]byte, 10<<20))}, {"c"}} {
		var got collected
		if err := operator.Process(0, batchOf(batch...), abi.WatermarkMin, 0, got.emit); err != nil {
			t.Fatal(err)
		}
		var want collected
		for _, value := range batch {
			want = append(want, "0: "+value)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %.100q, want %.100q", got, want)
		}
	}
}

// Where a reset cannot make a new instance, the next call tries again.
func TestOperatorRecoversFromFailedReset(t *testing.T) {
	module := load(t, newEngine(t, Config{Limits: Limits{MemoryPages: 64}}), "eats-memory", assemble(t, "eats-memory"))
	operator := open(t, module, OpenConfig{})
	process := func() error { return operator.Process(0, batchOf("a"), 0, 0, func(int, record.Batch) {}) }
	wantGuestError(t, process(), KindMemory, -1, "")
	if u := operator.Usage(); u.Rebuilds != 0 || len(operator.memory.bytes) != 2*pageBytes {
		t.Fatalf("%+v and %d bytes of memory, want a reset to its two pages", u, len(operator.memory.bytes))
	}
	operator.memory.snapshot = 0 // as if it could not be restored
	operator.limits.CallFuel = 1
	err := process()
	wantGuestError(t, err, KindFuel, -1, "")
	if !operator.broken {
		t.Fatal("the operator was opened with the fuel of one instruction")
	}
	wantGuestError(t, process(), KindFuel, -1, "")
	operator.limits.CallFuel = 0
	wantGuestError(t, process(), KindMemory, -1, "")
}

// Memory that has grown shrinks at a reset, and is zero where it grows again.
func TestResetShrinksMemory(t *testing.T) {
	module := load(t, newEngine(t, Config{}), "grows-and-traps", assemble(t, "grows-and-traps"))
	operator := open(t, module, OpenConfig{})
	for range 5 {
		err := operator.Process(0, batchOf("a"), 0, 0, func(int, record.Batch) {})
		wantGuestError(t, err, KindTrap, -1, "trap: unreachable")
		if size := operator.guest.Memory().Size(); size != 2*pageBytes {
			t.Fatalf("after the reset the memory has %d bytes", size)
		}
	}
	if u := operator.Usage(); u.Resets != 5 || u.Rebuilds != 0 {
		t.Errorf("%+v, want no new instance", u)
	}
	if _, outside := operator.guest.Memory().Read(2*pageBytes, 1); outside {
		t.Error("the guest still reaches what it has lost")
	}
}

func TestOperatorCannotBeUsedAfterClose(t *testing.T) {
	module := load(t, newEngine(t, Config{}), "passthrough", assemble(t, "passthrough"))
	operator := open(t, module, OpenConfig{})
	if err := operator.Close(); err != nil {
		t.Fatal(err)
	}
	err := operator.Process(0, batchOf("a"), 0, 0, func(int, record.Batch) { t.Error("output") })
	if err == nil || err.Error() != "wasm: operator pass is closed" {
		t.Error(err)
	}
	if err := operator.Process(1, batchOf("a"), 0, 0, nil); err == nil || err.Error() != "wasm: operator pass has no input 1, it has 1" {
		t.Error(err)
	}
}

// Guest state calls find their record in any order, as cheaply as forward.
func TestRecordsAreFoundInAnyOrder(t *testing.T) {
	var b record.Builder
	const count = 1000
	for i := range uint32(count) {
		b.Append(record.Record{Key: []byte(strconv.Itoa(int(i))), Value: []byte("v"), Origin: i})
	}
	var finder recordFinder
	finder.reset(b.Finish())
	random := rand.New(rand.NewPCG(3, 4))
	for _, index := range append(append([]int{0, 0, 1, 2, 900, 901, 5, 4, 3, 999, 64, 63, 65, 64}, random.Perm(count)...), random.Perm(count)...) {
		if key := string(finder.find(uint32(index)).Key()); key != strconv.Itoa(index) {
			t.Fatalf("record %d has the key %s", index, key)
		}
	}
}
