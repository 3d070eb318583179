package wat_test

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/checkpoint/localstore"
	"github.com/turgo-stream/turgo/host/state"
	"github.com/turgo-stream/turgo/host/wasm"
)

func TestTheExampleIsThatOfTheSpecification(t *testing.T) {
	spec, err := os.ReadFile("../../abi/SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	operator, err := os.ReadFile("operator.wat")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(spec), "```wat\n"+string(operator)+"```") {
		t.Error("operator.wat is not the WAT example in abi/SPEC.md: copy one over the other")
	}
}

// open assembles a file and opens its operator.
func open(t *testing.T, file string, states wasm.State) *wasm.Operator {
	t.Helper()
	engine, err := wasm.NewEngine(wasm.Config{})
	check(t, err)
	t.Cleanup(func() { check(t, engine.Close()) })
	module, err := engine.Load(context.Background(), "wat", assemble(t, file))
	check(t, err)
	operator, err := module.Open(context.Background(), wasm.OpenConfig{UID: "wat", Parallelism: 1, State: states})
	check(t, err)
	t.Cleanup(func() { check(t, operator.Close()) })
	return operator
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheExamplePassesRecordsOn(t *testing.T) {
	operator := open(t, "operator.wat", nil)
	for _, size := range []int{3, 200_000} { // the second needs more memory than the module starts with
		var builder record.Builder
		for _, key := range []string{"a", "b", ""} {
			builder.Append(record.Record{Key: []byte(key), Value: make([]byte, size), Timestamp: 7, Origin: 99})
		}
		var got []string
		err := operator.Process(0, builder.Finish(), 0, 0, func(output int, batch record.Batch) {
			for c := batch.Records(); c.Next(); {
				v := c.Record()
				if len(v.Value()) != size || v.Timestamp() != 7 || int(v.Origin()) != len(got) {
					t.Errorf("record %d has %d bytes, timestamp %d, origin %d", len(got), len(v.Value()), v.Timestamp(), v.Origin())
				}
				got = append(got, string(v.Key()))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Join(got, ",") != "a,b," {
			t.Errorf("keys %q", got)
		}
	}
}

func openState(t *testing.T) *state.Keyed {
	t.Helper()
	store, err := localstore.Open(filepath.Join(t.TempDir(), "store"))
	check(t, err)
	t.Cleanup(func() { check(t, store.Close()) })
	backend, err := state.Open(state.Config{
		Dir: filepath.Join(t.TempDir(), "local"), First: 0, Last: 127, MaxParallelism: 128, Attempt: 1,
		Store: store, ObjectPrefix: "tables", Clock: func() int64 { return 1 },
	})
	check(t, err)
	t.Cleanup(func() { check(t, backend.Close()) })
	keyed, err := backend.Operator("wat", []abi.StateDescription{{Name: "count", Kind: "value"}}, nil)
	check(t, err)
	return keyed
}

func TestTheOtherCountsTheRecordsOfEachKey(t *testing.T) {
	operator := open(t, "count.wat", openState(t))
	counts := map[string]uint64{}
	// Records without a value give more than they are; there are none, few and many.
	for _, count := range []int{2, 0, 50_000} {
		var builder record.Builder
		for i := range count {
			builder.Append(record.Record{Key: strconv.AppendInt(nil, int64(i%7), 10), Timestamp: int64(i) - 3, Origin: 99})
		}
		seen := 0
		check(t, operator.Process(0, builder.Finish(), 0, 0, func(_ int, batch record.Batch) {
			for c := batch.Records(); c.Next(); seen++ {
				v := c.Record()
				key := strconv.Itoa(seen % 7)
				counts[key]++
				if got := binary.LittleEndian.Uint64(v.Value()); string(v.Key()) != key || got != counts[key] || v.Timestamp() != int64(seen)-3 || int(v.Origin()) != seen {
					t.Fatalf("record %d of %d: key %q, count %d, timestamp %d, origin %d; want key %q, count %d", seen, count, v.Key(), got, v.Timestamp(), v.Origin(), key, counts[key])
				}
			}
		}))
		if seen != count {
			t.Errorf("%d records came out, want %d", seen, count)
		}
	}
}
