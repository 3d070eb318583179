package wasm

import (
	"context"
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

// BenchmarkStateCall is one state_get and one state_put from a WAT guest, for
// each record, on a state that does nothing.
func BenchmarkStateCall(b *testing.B) {
	operator := open(b, load(b, newEngine(b, Config{}), "state-calls", assemble(b, "state-calls")), OpenConfig{State: nothing{}})
	benchProcess(b, operator)
}

// nothing is a State without content.
type nothing struct{ State }

func (nothing) Begin(int64)                                {}
func (nothing) Commit() error                              { return nil }
func (nothing) Rollback()                                  {}
func (nothing) Mark()                                      {}
func (nothing) SetKey([]byte) error                        { return nil }
func (nothing) ValueGet(int) ([]byte, uint16, bool, error) { return nil, 0, false, nil }
func (nothing) ValuePut(int, []byte) error                 { return nil }

// BenchmarkTrapAndReset is a call that traps at once, and the reset after it.
func BenchmarkTrapAndReset(b *testing.B) {
	engine := newEngine(b, Config{})
	for name, module := range map[string]*Module{
		"wat": load(b, engine, "traps", assemble(b, "traps-on-record")),
		"go":  load(b, engine, "misbehave", buildGo(b, "testdata/misbehave")),
	} {
		b.Run(name, func(b *testing.B) {
			operator := open(b, module, OpenConfig{})
			batch := batchOf(map[string]string{"wat": "x", "go": "exit"}[name])
			for b.Loop() {
				if err := operator.Process(0, batch, 0, 1, func(int, record.Batch) {}); err == nil {
					b.Fatal("no trap")
				}
			}
			b.ReportMetric(float64(operator.Usage().Rebuilds), "rebuilds")
		})
	}
}

// BenchmarkOpen is a new instance with its operator open and its snapshot taken.
func BenchmarkOpen(b *testing.B) {
	engine := newEngine(b, Config{})
	for name, module := range map[string]*Module{
		"wat": load(b, engine, "passthrough", assemble(b, "passthrough")),
		"go":  load(b, engine, "passthrough", buildGo(b, "../../examples/passthrough/operator")),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				operator, err := module.Open(context.Background(), OpenConfig{})
				if err != nil {
					b.Fatal(err)
				}
				if err := operator.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLoadGo is loading a module of 1.9 MB, compiled and from the cache.
func BenchmarkLoadGo(b *testing.B) {
	data := buildGo(b, "../../examples/passthrough/operator")
	dir := b.TempDir() + "/cache"
	for _, name := range []string{"compile", "cached"} {
		b.Run(name, func(b *testing.B) {
			load(b, newEngine(b, Config{CacheDir: dir}), "m", data)
			for b.Loop() {
				config := Config{CacheDir: dir}
				if name == "compile" {
					config.CacheDir = b.TempDir() + "/cache"
				}
				engine, err := NewEngine(config)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := engine.Load(context.Background(), "m", data); err != nil {
					b.Fatal(err)
				}
				if err := engine.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
