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

// BenchmarkOperators is what operators cost for each record, with their limits on.
func BenchmarkOperators(b *testing.B) {
	out := filepath.Join(b.TempDir(), "bench.wasm")
	built, err := toolchain.Build(context.Background(), toolchain.Options{Folder: "tests/bench", Out: out})
	if err != nil {
		b.Fatal(err)
	}
	data, err := os.ReadFile(built.Module)
	if err != nil {
		b.Fatal(err)
	}
	engine, err := wasm.NewEngine(wasm.Config{})
	if err != nil {
		b.Fatal(err)
	}
	module, err := engine.Load(context.Background(), "bench", data)
	if err != nil {
		b.Fatal(err)
	}
	for _, description := range module.Description().Operators {
		b.Run(description.Name, func(b *testing.B) { benchmark(b, module, description.Name) })
	}
	b.ReportMetric(float64(len(data)), "bytes")
	if err := engine.Close(); err != nil {
		b.Fatal(err)
	}
}

// benchmark gives batches of 1000 records of 100 bytes: a key of 8, a value of
// 64 and the fixed part of 28.
func benchmark(b *testing.B, module *wasm.Module, name string) {
	operator, err := module.Open(context.Background(), wasm.OpenConfig{Operator: name})
	if err != nil {
		b.Fatal(err)
	}
	var builder record.Builder
	for i := range uint32(benchRecords) {
		builder.Append(record.Record{Key: []byte("key-0001"), Value: []byte(strings.Repeat("v", 64)), Timestamp: 1, Origin: i})
	}
	batch := builder.Finish()
	for b.Loop() {
		if err := operator.Process(0, batch, abi.WatermarkMin, 1, func(int, record.Batch) {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecords, "ns/record")
	usage := operator.Usage()
	b.ReportMetric(float64(usage.Fuel)/float64(usage.Calls)/benchRecords, "fuel/record")
	if err := operator.Close(); err != nil {
		b.Fatal(err)
	}
}
