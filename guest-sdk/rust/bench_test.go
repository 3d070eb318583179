package rust_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/wasm"
	"github.com/turgo-stream/turgo/toolchain"
)

const benchRecords = 1000

// benchModule builds and loads tests/bench.
func benchModule(t testing.TB) *wasm.Module {
	t.Helper()
	out := filepath.Join(t.TempDir(), "bench.wasm")
	built, err := toolchain.Build(context.Background(), toolchain.Options{Folder: "tests/bench", Out: out})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(built.Module)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := wasm.NewEngine(wasm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	module, err := engine.Load(context.Background(), "bench", data)
	if err != nil {
		t.Fatal(err)
	}
	return module
}

func open(t testing.TB, module *wasm.Module, name string) *wasm.Operator {
	t.Helper()
	operator, err := module.Open(context.Background(), wasm.OpenConfig{Operator: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := operator.Close(); err != nil {
			t.Error(err)
		}
	})
	return operator
}

// benchBatch has records of 100 bytes: a key of 8, a value of 64 and the fixed
// part of 28.
func benchBatch(count uint32) record.Batch {
	var builder record.Builder
	for i := range count {
		builder.Append(record.Record{Key: []byte("key-0001"), Value: []byte(strings.Repeat("v", 64)), Timestamp: 1, Origin: i})
	}
	return builder.Finish()
}

// BenchmarkOperators is what operators cost for each record, with their limits on.
func BenchmarkOperators(b *testing.B) {
	module := benchModule(b)
	batch := benchBatch(benchRecords)
	for _, name := range []string{"pass", "half", "copy", "parts"} {
		b.Run(name, func(b *testing.B) {
			operator := open(b, module, name)
			for b.Loop() {
				if err := operator.Process(0, batch, abi.WatermarkMin, 1, func(int, record.Batch) {}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecords, "ns/record")
			usage := operator.Usage()
			b.ReportMetric(float64(usage.Fuel)/float64(usage.Calls)/benchRecords, "fuel/record")
		})
	}
}

// A panic traps, and its failure tells what it said and where.
func TestAPanicTellsItsReason(t *testing.T) {
	operator := open(t, benchModule(t), "panic")
	err := operator.Process(0, benchBatch(1), abi.WatermarkMin, 1, func(int, record.Batch) {})
	if want := "panic: a key of 8 bytes, at src/lib.rs:"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the error is %v, want it to tell %q", err, want)
	}
}

// What the benchmarked operators emit is what they got.
func TestOperatorsPassRecordsOn(t *testing.T) {
	module := benchModule(t)
	batch := benchBatch(benchRecords)
	for _, name := range []string{"pass", "copy", "parts"} {
		var got []byte
		err := open(t, module, name).Process(0, batch, abi.WatermarkMin, 1, func(_ int, b record.Batch) { got = append(got, b...) })
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(batch) {
			t.Errorf("%s: another batch went out than came in", name)
		}
	}
}
