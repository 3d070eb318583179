package wasm

import (
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
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

func benchProcess(b *testing.B, operator *Operator) {
	batch := benchBatch()
	emitted := 0
	emit := func(_ int, batch record.Batch) { emitted += batch.Count() }
	b.ReportAllocs()
	for b.Loop() {
		if err := operator.Process(0, batch, abi.WatermarkMin, 1, emit); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecords, "ns/record")
}

func BenchmarkPassthroughWAT(b *testing.B) {
	benchProcess(b, open(b, load(b, newEngine(b, Config{}), "passthrough", assemble(b, "passthrough")), OpenConfig{}))
}

func BenchmarkPassthroughGo(b *testing.B) {
	module := load(b, newEngine(b, Config{}), "passthrough", buildGo(b, "../../examples/passthrough/operator"))
	benchProcess(b, open(b, module, OpenConfig{}))
}

// BenchmarkPassthroughGoUnmetered is what the same costs without fuel and depth.
func BenchmarkPassthroughGoUnmetered(b *testing.B) {
	engine := newEngine(b, Config{})
	engine.unmetered = true
	benchProcess(b, open(b, load(b, engine, "passthrough", buildGo(b, "../../examples/passthrough/operator")), OpenConfig{}))
}

func BenchmarkSplitGo(b *testing.B) {
	for _, unmetered := range []bool{false, true} {
		b.Run(map[bool]string{false: "metered", true: "unmetered"}[unmetered], func(b *testing.B) {
			engine := newEngine(b, Config{})
			engine.unmetered = unmetered
			operator := open(b, load(b, engine, "wordcount", buildGo(b, "../../examples/wordcount/operator")), OpenConfig{Operator: "split"})
			var builder record.Builder
			for i := range uint32(benchRecords) {
				builder.Append(record.Record{Value: []byte(strings.Repeat("some text of a line ", 4)), Origin: i})
			}
			batch := builder.Finish()
			b.ReportAllocs()
			for b.Loop() {
				if err := operator.Process(0, batch, 0, 1, func(int, record.Batch) {}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecords, "ns/record")
		})
	}
}

func BenchmarkKeyedCountGo(b *testing.B) {
	module := load(b, newEngine(b, Config{}), "keyedcount", buildGo(b, "../../examples/keyedcount/operator"))
	benchProcess(b, open(b, module, OpenConfig{State: newMemoryState()}))
}
