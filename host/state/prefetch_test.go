package state

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

func keysOf(prefix string, count int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range count {
			if !yield(fmt.Appendf(nil, "%s%04d", prefix, i)) {
				return
			}
		}
	}
}

// restoredWith gives a state that was restored with values under many keys.
func restoredWith(t testing.TB, w *world, count int, cacheBytes int64) (*Backend, *Keyed) {
	b, k := open(t, w.config(0, 127, 128))
	k.Begin(now(k))
	for key := range keysOf("key", count) {
		must(t, k.SetKey(key))
		must(t, k.ValuePut(stateCount, key))
	}
	must(t, k.Commit())
	tables := checkpointNow(t, b)
	config := w.config(0, 127, 128)
	config.CacheBytes = cacheBytes
	b, k = open(t, config)
	must(t, b.Restore(context.Background(), tables))
	return b, k
}

func TestPrefetchReadsEachKeyOnce(t *testing.T) {
	b, k := restoredWith(t, newWorld(), 500, 0)
	k.Begin(now(k))
	must(t, k.SetKey([]byte("key0003")))
	must(t, k.ValuePut(stateCount, []byte("staged")))
	twice := slices.Concat(slices.Collect(keysOf("key", 400)), slices.Collect(keysOf("none", 50)), slices.Collect(keysOf("key", 400)), [][]byte{nil})
	must(t, k.Prefetch([]int{stateCount}, slices.Values(twice)))
	if m := b.Metrics(); m.Prefetched != 449 {
		t.Errorf("prefetched %d entries, want 399 and the 50 that are not there", m.Prefetched)
	}
	misses := b.Metrics().CacheMisses
	for key := range keysOf("key", 400) {
		must(t, k.SetKey(key))
		want := string(key)
		if want == "key0003" {
			want = "staged"
		}
		wantValue(t, k, want)
	}
	for key := range keysOf("none", 50) {
		must(t, k.SetKey(key))
		wantValue(t, k, "")
	}
	if m := b.Metrics(); m.CacheMisses != misses {
		t.Errorf("%d look-ups missed the cache after the prefetch", m.CacheMisses-misses)
	}
	must(t, k.Commit())
}

// What a state that began with nothing holds is in its cache, until the cache is full.
func TestPrefetchDoesNothingWhereTheCacheHoldsAll(t *testing.T) {
	b, k := open(t, newWorld().config(0, 127, 128))
	put(t, k, "a b c d e f g h", "value")
	checkpointNow(t, b)
	k.Begin(now(k))
	must(t, k.Prefetch([]int{stateCount}, keysOf("other", 100)))
	must(t, k.Commit())
	if m := b.Metrics(); m.Prefetched != 0 {
		t.Errorf("prefetched %d", m.Prefetched)
	}
}

// gate lets reads of a store's objects through only when several wait at once.
type gate struct {
	checkpoint.Store
	together int

	mu      sync.Mutex
	waiting int
	open    chan struct{}
	closed  bool // reads wait
}

type gatedObject struct {
	checkpoint.Object
	gate *gate
}

func (g *gate) Open(ctx context.Context, name string) (checkpoint.Object, error) {
	o, err := g.Store.Open(ctx, name)
	return &gatedObject{o, g}, err
}

func (o *gatedObject) ReadAt(p []byte, offset int64) (int, error) {
	o.gate.pass()
	return o.Object.ReadAt(p, offset)
}

func (g *gate) pass() {
	g.mu.Lock()
	if !g.closed {
		g.mu.Unlock()
		return
	}
	if g.waiting++; g.waiting == g.together {
		g.closed = false
		close(g.open)
	}
	g.mu.Unlock()
	<-g.open
}

// A store that answers only several reads at once is answered by a prefetch:
// its reads do not wait for each other.
func TestPrefetchReadsInParallel(t *testing.T) {
	w := newWorld()
	b, k := open(t, w.config(0, 127, 128))
	k.Begin(now(k))
	random := rand.NewChaCha8([32]byte{}) // what is compressed away needs no reads
	for key := range keysOf("key", 4000) {
		value := make([]byte, 1000)
		random.Read(value)
		must(t, k.SetKey(key))
		must(t, k.ValuePut(stateCount, value))
	}
	must(t, k.Commit())
	tables := checkpointNow(t, b)
	g := &gate{Store: w.store, together: 3, open: make(chan struct{})}
	config := w.config(0, 127, 128)
	config.Store = g
	b, k = open(t, config)
	must(t, b.Restore(context.Background(), tables))
	k.Begin(now(k))
	must(t, k.SetKey([]byte("key3999"))) // opens the table
	_, _, _, err := k.ValueGet(stateCount)
	must(t, err)
	g.closed = true
	must(t, k.Prefetch([]int{stateCount}, keysOf("key", 2000)))
	must(t, k.Commit())
	if g.closed {
		t.Error("no reads came together")
	}
}

func BenchmarkPrefetch(b *testing.B) {
	const count = 20000
	for _, prefetched := range []bool{false, true} {
		b.Run(map[bool]string{false: "none", true: "prefetched"}[prefetched], func(b *testing.B) {
			_, k := restoredWith(b, newWorld(), count, 1<<20)
			keys := slices.Collect(keysOf("key", count))
			b.ReportAllocs()
			for next := 0; b.Loop(); next = (next + 1000) % count {
				k.Begin(now(k))
				batch := keys[next : next+1000]
				if prefetched {
					must(b, k.Prefetch([]int{stateCount}, slices.Values(batch)))
				}
				for _, key := range batch {
					must(b, k.SetKey(key))
					if _, _, found, err := k.ValueGet(stateCount); !found || err != nil {
						b.Fatal(found, err)
					}
				}
				must(b, k.Commit())
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/key")
		})
	}
}
