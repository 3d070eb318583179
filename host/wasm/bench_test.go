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

func BenchmarkKeyedCountGo(b *testing.B) {
	module := load(b, newEngine(b, Config{}), "keyedcount", buildGo(b, "../../examples/keyedcount/operator"))
	benchProcess(b, open(b, module, OpenConfig{State: newMemoryState()}))
}
