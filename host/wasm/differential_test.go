package wasm

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

// Metering changes no result: real modules do the same with and without it.
func TestMeteringChangesNoResult(t *testing.T) {
	for _, test := range []struct {
		folder, operator string
		config           map[string]any
	}{
		{"../../examples/passthrough/operator", "", nil},
		{"../../examples/keyedcount/operator", "", map[string]any{"updates": true}},
		{"../../examples/wordcount/operator", "split", nil},
		{"../../examples/wordcount/operator", "count", nil},
	} {
		t.Run(test.folder+test.operator, func(t *testing.T) {
			data := buildGo(t, test.folder)
			metered, meteredState := digestOfRun(t, newEngine(t, Config{}), data, test.operator, test.config)
			engine := newEngine(t, Config{})
			engine.unmetered = true
			plain, plainState := digestOfRun(t, engine, data, test.operator, test.config)
			if metered != plain || !maps.Equal(meteredState.values, plainState.values) || !maps.Equal(meteredState.timers, plainState.timers) {
				t.Error("output or state differ")
			}
		})
	}
}

// digestOfRun runs an operator on batches of random text, and its timers.
func digestOfRun(t *testing.T, engine *Engine, data []byte, name string, config map[string]any) (string, *memoryState) {
	t.Helper()
	state := newMemoryState()
	operator := open(t, load(t, engine, "m", data), OpenConfig{Operator: name, State: state, Config: config})
	random := rand.New(rand.NewPCG(1, 2))
	sum := sha256.New()
	batches := 0
	emit := func(output int, batch record.Batch) {
		batches++
		fmt.Fprint(sum, output, ":")
		sum.Write(batch)
	}
	for range 10 {
		var b record.Builder
		for i := range random.Uint32N(200) {
			value := make([]byte, random.IntN(300))
			for j := range value {
				value[j] = "abcdef  _9\n\x00\xff"[random.IntN(13)]
			}
			b.Append(record.Record{Key: fmt.Append(nil, random.IntN(50)), Value: value, Timestamp: random.Int64(), Origin: i})
		}
		if err := operator.Process(0, b.Finish(), 0, 1, emit); err != nil {
			t.Fatal(err)
		}
	}
	for more := true; more; {
		var err error
		if _, more, err = operator.Fire(1000, abi.WatermarkMax, 1, emit); err != nil {
			t.Fatal(err)
		}
	}
	if batches == 0 {
		t.Fatal("no output")
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), state
}

// A wrapper that has become part of its caller finds its locals as a new call
// does, and its returns leave nothing but itself.
func TestWrappersOfHostFunctions(t *testing.T) {
	state := newMemoryState()
	operator := open(t, load(t, newEngine(t, Config{}), "wrappers", assemble(t, "wrappers")), OpenConfig{State: state})
	if err := operator.Process(0, batchOf("a", "b", "c"), 0, 0, nil); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"0/k0/": "\x07\x00\x00\x00\x00\x00\x00\x00", "0/k2/": "\x07\x00\x00\x00\xc8\x00\x00\x00"}
	if !maps.Equal(state.values, want) {
		t.Errorf("got %q, want %q", state.values, want)
	}
}
