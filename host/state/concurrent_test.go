package state

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Uploads and merges run beside the task, with a cache so small that it spills
// and pins; every count is right after each restart.
func TestCountsWhileWritingAndMerging(t *testing.T) {
	const keys, restarts, epochs, records = 3000, 2, 6, 3000
	w := newWorld()
	random := rand.New(rand.NewPCG(7, 7))
	counts := make([]uint64, keys)
	config := w.config(0, 127, 128)
	config.CacheBytes = 400 << 10
	b, k := open(t, config)
	spills := uint64(0)
	for range restarts {
		for range epochs {
			countRecords(t, k, random, counts, records)
			frozen, err := b.Freeze()
			must(t, err)
			written := make(chan error, 2)
			go func() {
				_, err := frozen.Write(context.Background())
				written <- err
			}()
			merge := b.Merge()
			if merge != nil {
				go func() { written <- merge.Run(context.Background()) }()
			}
			countRecords(t, k, random, counts, records/2)
			must(t, <-written)
			if merge != nil {
				must(t, <-written)
				b.CompleteMerge(merge)
			}
			b.Complete(frozen)
		}
		checkpointNow(t, b)
		for m := b.Merge(); m != nil; m = b.Merge() {
			must(t, m.Run(context.Background()))
			b.CompleteMerge(m)
		}
		tables := b.Tables()
		m := b.Metrics()
		spills += m.Spills
		if m.CacheBytes > 4*config.CacheBytes {
			t.Errorf("the cache holds %d bytes, its budget is %d", m.CacheBytes, config.CacheBytes)
		}
		if overlap := len(deepest(tables)); overlap > b.config.MaxOverlap {
			t.Errorf("%d tables overlap", overlap)
		}
		config := w.config(0, 127, 128)
		config.CacheBytes = 400 << 10
		b, k = open(t, config)
		must(t, b.Restore(context.Background(), tables))
		restored := b
		prefetched := make(chan error, 1)
		go func() { prefetched <- restored.Prefetch(context.Background()) }()
		t.Cleanup(func() {
			if err := <-prefetched; err != nil {
				t.Error(err)
			}
		})
		wantCounts(t, k, counts)
	}
	if spills == 0 {
		t.Error("nothing spilled: the cache was too large for this test")
	}
}

func countRecords(t *testing.T, k *Keyed, random *rand.Rand, counts []uint64, records int) {
	t.Helper()
	for i := range records {
		if i%100 == 0 {
			k.Begin(now(k))
		}
		key := random.IntN(len(counts))
		must(t, k.SetKey(fmt.Append(nil, key)))
		value, _, found, err := k.ValueGet(stateCount)
		must(t, err)
		if have := valueOf(value); found != (counts[key] > 0) || have != counts[key] {
			t.Fatalf("key %d: %d, found %v; want %d", key, have, found, counts[key])
		}
		counts[key]++
		must(t, k.ValuePut(stateCount, binary.LittleEndian.AppendUint64(nil, counts[key])))
		if i%100 == 99 {
			must(t, k.Commit())
		}
	}
}

func valueOf(value []byte) uint64 {
	if len(value) == 0 {
		return 0
	}
	return binary.LittleEndian.Uint64(value)
}

func wantCounts(t *testing.T, k *Keyed, counts []uint64) {
	t.Helper()
	k.Begin(now(k))
	for key, want := range counts {
		must(t, k.SetKey(fmt.Append(nil, key)))
		value, _, _, err := k.ValueGet(stateCount)
		must(t, err)
		if have := valueOf(value); have != want {
			t.Fatalf("key %d: %d after a restart, want %d", key, have, want)
		}
	}
	must(t, k.Commit())
}

// Timers far beyond what the heap holds fire in order, each once.
func TestManyTimersAreFiredInOrder(t *testing.T) {
	w := newWorld()
	config := w.config(0, 127, 128)
	config.MaxTimersInHeap = 100
	b, k := open(t, config)
	random := rand.New(rand.NewPCG(3, 3))
	want := map[modelTimer]bool{}
	for i := range 5000 {
		timer := modelTimer{fmt.Sprint(i % 700), random.Int64N(300)}
		want[timer] = true
		k.Begin(now(k))
		must(t, k.SetKey([]byte(timer.key)))
		must(t, k.TimerSet(0, timer.time))
		must(t, k.Commit())
		if i == 2500 {
			checkpointNow(t, b)
		}
	}
	tables := checkpointNow(t, b)
	b, k = open(t, w.config(0, 127, 128))
	must(t, b.Restore(context.Background(), tables))
	for last := int64(-1 << 63); len(want) > 0; {
		k.Begin(now(k))
		fired := 0
		must(t, k.TimersDue(0, 1<<40, 64, func(key []byte, at int64) {
			if timer := (modelTimer{string(key), at}); !want[timer] || at < last {
				t.Fatalf("%+v fired after %d", timer, last)
			}
			delete(want, modelTimer{string(key), at})
			last = at
			fired++
		}))
		must(t, k.Commit())
		if fired == 0 {
			t.Fatalf("%d timers never fire", len(want))
		}
	}
	if b.Metrics().TimerPages < 2 {
		t.Error("all timers were read at once")
	}
}

// What runs beside the task ends when the state is closed, and does not start
// afterwards.
func TestCloseCutsOffWork(t *testing.T) {
	w := newWorld()
	b, k := open(t, w.config(0, 127, 128))
	put(t, k, "a b c", strings.Repeat("x", 1000))
	tables := checkpointNow(t, b)
	config := w.config(0, 127, 128)
	b, err := Open(config)
	must(t, err)
	must(t, b.Restore(context.Background(), tables))
	frozen, err := b.Freeze()
	must(t, err)
	ctx, leave, err := b.background.enter(context.Background())
	must(t, err)
	closed := make(chan error, 1)
	go func() { closed <- b.Close() }()
	<-ctx.Done()
	select {
	case <-closed:
		t.Error("closed while work ran")
	default:
	}
	leave()
	must(t, <-closed)
	if _, err := frozen.Write(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("write after close: %v, want %v", err, ErrClosed)
	}
	if err := b.Prefetch(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("prefetch after close: %v, want %v", err, ErrClosed)
	}
}
