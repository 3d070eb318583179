package assemblyscript_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/wasm"
)

const benchRecords = 1000

// benchBatch has 1000 records of 100 bytes: a key of 8, a value of 64 and the
// fixed part of 28.
func benchBatch() record.Batch {
	var b record.Builder
	for i := range uint32(benchRecords) {
		b.Append(record.Record{Key: []byte("key-0001"), Value: []byte(strings.Repeat("v", 64)), Timestamp: 1, Origin: i})
	}
	return b.Finish()
}

// compile makes a module of an operator of the tests.
func compile(t testing.TB, name string, flags ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), name+".wasm")
	words := append([]string{filepath.Join("tests", "compile.mjs"), "tests/operators/" + name + ".ts", out}, flags...)
	if text, err := exec.Command("node", words...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v (make tools installs what is missing)\n%s", name, err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// load opens an engine with a module, with fuel and depth as ever.
func load(t testing.TB, data []byte) *wasm.Module {
	t.Helper()
	engine, err := wasm.NewEngine(wasm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	module, err := engine.Load(context.Background(), "operators", data)
	if err != nil {
		t.Fatal(err)
	}
	return module
}

// BenchmarkOperators runs the operators of speed.ts under each runtime.
func BenchmarkOperators(b *testing.B) {
	for _, runtime := range []string{"incremental", "minimal", "stub"} {
		module := load(b, compile(b, "speed", "--runtime", runtime))
		for _, description := range module.Description().Operators {
			b.Run(runtime+"/"+description.Name, func(b *testing.B) {
				benchmarkOperator(b, module, description.Name)
			})
		}
	}
}

func benchmarkOperator(b *testing.B, module *wasm.Module, name string) {
	operator, err := module.Open(context.Background(), wasm.OpenConfig{Operator: name, UID: name, Parallelism: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := operator.Close(); err != nil {
			b.Error(err)
		}
	}()
	batch := benchBatch()
	emitted := 0
	emit := func(_ int, batch record.Batch) { emitted += batch.Count() }
	b.ReportAllocs()
	fuel := operator.Usage().Fuel
	for b.Loop() {
		if err := operator.Process(0, batch, abi.WatermarkMin, 1, emit); err != nil {
			b.Fatal(err)
		}
	}
	if emitted < b.N*benchRecords/2 {
		b.Errorf("%d records came out of %d", emitted, b.N*benchRecords)
	}
	b.ReportMetric(float64(operator.Usage().Fuel-fuel)/float64(b.N)/benchRecords, "fuel/record")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecords, "ns/record")
}
