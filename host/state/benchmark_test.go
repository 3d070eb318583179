package state

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func benchmarkBackend(b *testing.B, cacheBytes int64) (*world, *Backend, *Keyed) {
	b.Helper()
	w := newWorld()
	config := w.config(0, 127, 128)
	config.FS, config.Dir, config.CacheBytes = vfs.Default, b.TempDir()+"/task", cacheBytes
	backend, keyed := open(b, config)
	return w, backend, keyed
}

func benchmarkKeys(count int) [][]byte {
	keys := make([][]byte, count)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key-%08d", i)
	}
	return keys
}

// increment is the hot path of a count: one record.
func increment(b *testing.B, k *Keyed, key []byte) {
	if err := k.SetKey(key); err != nil {
		b.Fatal(err)
	}
	value, _, found, err := k.ValueGet(stateCount)
	if err != nil {
		b.Fatal(err)
	}
	var next [8]byte
	if found {
		binary.LittleEndian.PutUint64(next[:], binary.LittleEndian.Uint64(value)+1)
	}
	if err := k.ValuePut(stateCount, next[:]); err != nil {
		b.Fatal(err)
	}
}

func fill(b *testing.B, k *Keyed, keys [][]byte) {
	for start := 0; start < len(keys); start += 1000 {
		k.Begin(now(k))
		for _, key := range keys[start:min(start+1000, len(keys))] {
			increment(b, k, key)
		}
		must(b, k.Commit())
	}
}

func BenchmarkIncrement(b *testing.B) {
	for _, count := range []int{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", count), func(b *testing.B) {
			_, _, k := benchmarkBackend(b, 512<<20)
			keys := benchmarkKeys(count)
			fill(b, k, keys)
			b.ReportAllocs()
			b.ResetTimer()
			k.Begin(now(k))
			at := 0
			for i := range b.N {
				if i%1000 == 999 {
					must(b, k.Commit())
					k.Begin(now(k))
				}
				at = (at + 7919) % count
				increment(b, k, keys[at])
			}
			must(b, k.Commit())
		})
	}
}

// BenchmarkIncrementMap is the same with a Go map and no guarantee, to compare
// with: at many keys both wait for memory most of the time.
func BenchmarkIncrementMap(b *testing.B) {
	const count = 1_000_000
	keys := benchmarkKeys(count)
	counts := make(map[string]*uint64, count)
	for _, key := range keys {
		counts[string(key)] = new(uint64)
	}
	b.ReportAllocs()
	b.ResetTimer()
	at := 0
	for range b.N {
		at = (at + 7919) % count
		*counts[string(keys[at])]++
	}
}

func BenchmarkTimers(b *testing.B) {
	const count = 500_000
	keys := benchmarkKeys(count)
	b.Run("set", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			b.StopTimer()
			_, _, k := benchmarkBackend(b, 512<<20)
			b.StartTimer()
			setTimers(b, k, keys)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/timer")
	})
	b.Run("fire", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			b.StopTimer()
			_, _, k := benchmarkBackend(b, 512<<20)
			setTimers(b, k, keys)
			b.StartTimer()
			fired := 0
			for fired < count {
				k.Begin(now(k))
				must(b, k.TimersDue(0, 1<<63-1, 1000, func([]byte, int64) { fired++ }))
				must(b, k.Commit())
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*count), "ns/timer")
	})
}

func setTimers(b *testing.B, k *Keyed, keys [][]byte) {
	for start := 0; start < len(keys); start += 1000 {
		k.Begin(now(k))
		for _, key := range keys[start : start+1000] {
			if err := k.SetKey(key); err != nil {
				b.Fatal(err)
			}
			if err := k.TimerSet(0, 1<<63-1); err != nil {
				b.Fatal(err)
			}
		}
		must(b, k.Commit())
	}
}

// BenchmarkNewKeys is the first sight of a key where tables exist: a look-up
// that filters answer, then a write.
func BenchmarkNewKeys(b *testing.B) {
	_, backend, k := benchmarkBackend(b, 128<<20)
	keys := benchmarkKeys(1_000_000)
	const epoch = 100_000
	for start := 0; start < 500_000; start += epoch {
		fill(b, k, keys[start:start+epoch])
		checkpointNow(b, backend)
	}
	b.ResetTimer()
	at := 500_000
	for range b.N {
		if at == len(keys) {
			b.StopTimer()
			_, backend, k = benchmarkBackend(b, 128<<20)
			for start := 0; start < 500_000; start += epoch {
				fill(b, k, keys[start:start+epoch])
				checkpointNow(b, backend)
			}
			at = 500_000
			b.StartTimer()
		}
		fill(b, k, keys[at:at+1000])
		at += 1000
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(1000*b.N), "ns/key")
}

// BenchmarkWriteTable makes a local table of what one epoch changed, in random
// order: words and keys that differ late.
func BenchmarkWriteTable(b *testing.B) {
	const count = 100_000
	for _, format := range []string{"%x", "key-%08d"} {
		b.Run(format, func(b *testing.B) {
			_, backend, k := benchmarkBackend(b, 512<<20)
			keys := make([][]byte, count)
			for i := range keys {
				keys[i] = fmt.Appendf(nil, format, uint32(i)*2654435761)
			}
			for range b.N {
				b.StopTimer()
				fill(b, k, keys)
				frozen, err := backend.Freeze()
				must(b, err)
				b.StartTimer()
				must(b, backend.localize(frozen.parts))
				b.StopTimer()
				_, err = frozen.Write(b.Context())
				must(b, err)
				backend.Complete(frozen)
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(count*b.N), "ns/entry")
		})
	}
}
