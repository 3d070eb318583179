package state

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/keygroup"
)

// seenOf lists what a key holds in the states with a time-to-live.
func seenOf(t *testing.T, k *Keyed, at int64, key string) string {
	t.Helper()
	k.Begin(at)
	defer k.Rollback()
	must(t, k.SetKey([]byte(key)))
	var seen []string
	value, _, found, err := k.ValueGet(stateLease)
	must(t, err)
	if found {
		seen = append(seen, "lease="+string(value))
	}
	must(t, k.ListRead(stateSession, 0, func(_ uint64, _ uint16, value []byte) bool {
		seen = append(seen, "session="+string(value))
		return true
	}))
	must(t, k.MapScan(stateRecent, nil, func(subKey []byte, _ uint16, value []byte) bool {
		seen = append(seen, fmt.Sprintf("recent[%s]=%s", subKey, value))
		return true
	}))
	for _, subKey := range []string{"x", "y"} {
		value, _, found, err := k.MapGet(stateRecent, []byte(subKey))
		must(t, err)
		if scanned := slices.Contains(seen, fmt.Sprintf("recent[%s]=%s", subKey, value)); found != scanned {
			t.Fatalf("entry %q of %q at %d: get finds it: %v, scan: %v", subKey, key, at, found, scanned)
		}
	}
	return strings.Join(seen, " ")
}

// Each value, list element and map entry vanishes on its own, at the very
// millisecond that its time is up, wherever it lies by then.
func TestEachEntryExpiresOnItsOwn(t *testing.T) {
	w := newWorld()
	b, k := open(t, w.config(0, 127, 128))
	write := func(at int64, put func() error) {
		k.Begin(at)
		must(t, k.SetKey([]byte("key")))
		must(t, put())
		must(t, k.Commit())
	}
	write(1000, func() error { return k.ValuePut(stateLease, []byte("1")) })
	write(1005, func() error { return k.ListAppend(stateSession, []byte("1")) })
	write(1010, func() error { return k.ListAppend(stateSession, []byte("2")) })
	write(1011, func() error { return k.MapPut(stateRecent, []byte("x"), []byte("1")) })
	write(1012, func() error { return k.MapPut(stateRecent, []byte("y"), []byte("1")) })
	write(1020, func() error { return k.MapPut(stateRecent, []byte("x"), []byte("2")) })
	timeline := []struct {
		at   int64
		want string
	}{
		{1034, "lease=1 session=1 session=2 recent[x]=2 recent[y]=1"},
		{1035, "lease=1 session=2 recent[x]=2 recent[y]=1"},
		{1039, "lease=1 session=2 recent[x]=2 recent[y]=1"},
		{1040, "lease=1 recent[x]=2 recent[y]=1"},
		{1049, "lease=1 recent[x]=2 recent[y]=1"},
		{1050, "recent[x]=2 recent[y]=1"},
		{1052, "recent[x]=2"},
		{1059, "recent[x]=2"},
		{1060, ""},
	}
	w.now = 1020
	tables := checkpointNow(t, b)
	backends := map[string]*Keyed{"cache": k}
	restored, keyed := open(t, w.config(0, 127, 128))
	must(t, restored.Restore(context.Background(), tables))
	backends["restored"] = keyed
	group := keygroup.Of([]byte("key"), 128)
	restored, keyed = open(t, w.config(group, group, 128))
	must(t, restored.Restore(context.Background(), tables))
	backends["rescaled"] = keyed
	for _, step := range timeline {
		for place, keyed := range backends {
			if got := seenOf(t, keyed, step.at, "key"); got != step.want {
				t.Errorf("%s at %d: %q, want %q", place, step.at, got, step.want)
			}
		}
	}
}

// Under a program without a time-to-live a version was written that lives for
// ever. The next program's version above it expires, and takes it along.
func TestAnExpiredEntryUncoversNothing(t *testing.T) {
	ever := slices.Clone(testStates)
	for i := range ever {
		ever[i].TimeToLiveMS = 0
	}
	for _, c := range []struct {
		name           string
		frozen, merged bool // after it has expired
	}{{"in a table", false, false}, {"frozen", true, false}, {"merged", true, true}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			old, err := Open(w.config(0, 127, 128))
			must(t, err)
			k, err := old.Operator("counter", ever, testTimers)
			must(t, err)
			writeKinds(t, k, w.now, "ever")
			tables := checkpointNow(t, old)
			must(t, old.Close())

			b, k := open(t, w.config(0, 127, 128))
			must(t, b.Restore(context.Background(), tables))
			if got := seenOf(t, k, w.now, "key"); !strings.Contains(got, "lease=ever") {
				t.Fatalf("restored: %q", got)
			}
			writeKinds(t, k, w.now, "brief")
			if !c.frozen || c.merged {
				w.now += 10
				checkpointNow(t, b)
			}
			w.now += 60
			tables = checkpointNow(t, b)
			if c.merged {
				put(t, k, "key", "another state's")
				tables = checkpointNow(t, b)
				m := &Merge{backend: b, inputs: tables[1:], now: b.clock(), number: 99}
				must(t, m.Run(context.Background()))
				b.CompleteMerge(m)
				if tables = b.Tables(); len(tables) != 2 || tables[1].Entries != 4 {
					t.Fatalf("tables %+v: want the old program's, and one of a value and three tombstones", tables)
				}
			}
			// Elements are entries of their own: those without an expiry stay.
			const want = "session=ever"
			if got := seenOf(t, k, w.now, "key"); got != want {
				t.Errorf("%q, want %q", got, want)
			}
			b, k = open(t, w.config(0, 127, 128))
			must(t, b.Restore(context.Background(), tables))
			if got := seenOf(t, k, w.now, "key"); got != want {
				t.Errorf("after a restart: %q, want %q", got, want)
			}
		})
	}
}

func writeKinds(t *testing.T, k *Keyed, at int64, value string) {
	t.Helper()
	k.Begin(at)
	must(t, k.SetKey([]byte("key")))
	must(t, k.ValuePut(stateLease, []byte(value)))
	must(t, k.ListAppend(stateSession, []byte(value)))
	must(t, k.MapPut(stateRecent, []byte("x"), []byte(value)))
	must(t, k.Commit())
}

// mergeAll checkpoints and merges until there is nothing more to merge.
func mergeAll(t *testing.T, b *Backend) []checkpoint.Table {
	t.Helper()
	checkpointNow(t, b)
	for m := b.Merge(); m != nil; m = b.Merge() {
		must(t, m.Run(context.Background()))
		b.CompleteMerge(m)
	}
	return b.Tables()
}

// Where the host's clock goes back, time stands still: nothing that has expired
// is seen again, neither in the cache nor in the tables.
func TestAClockThatGoesBackShowsNothingAgain(t *testing.T) {
	const hour = 3_600_000
	w := newWorld()
	w.now = 10 * hour
	b, k := open(t, w.config(0, 127, 128))
	writeKinds(t, k, w.now, "old")
	checkpointNow(t, b)
	writeKinds(t, k, w.now+hour, "young") // the clock leaps forward
	for _, back := range []int64{0, hour, 2 * hour} {
		if got := seenOf(t, k, w.now-back, "key"); got != "lease=young session=young recent[x]=young" {
			t.Errorf("clock back by %d ms: %q", back, got)
		}
	}
	w.now += hour + 30
	tables := checkpointNow(t, b) // takes the clock by which the list's element is gone
	w.now -= hour
	if got := seenOf(t, k, w.now, "key"); got != "lease=young recent[x]=young" {
		t.Errorf("after a checkpoint: %q", got)
	}
	b, k = open(t, w.config(0, 127, 128))
	must(t, b.Restore(context.Background(), tables))
	if got := seenOf(t, k, w.now, "key"); strings.Contains(got, "session=young") {
		t.Errorf("what was dropped is back after a restart: %q", got)
	}
	if got := seenOf(t, k, w.now+hour+50, "key"); got != "" {
		t.Errorf("when the clock is right again: %q", got)
	}
}

// Keys that are never touched again do not stay, neither in the store nor on
// the local disk.
func TestSpaceFollowsWhatIsAlive(t *testing.T) {
	const epochs, keysAnEpoch, epochsAlive = 400, 300, 20
	w := newWorld()
	config := w.config(0, 127, 128)
	config.CacheBytes = 1 << 20
	b, k := open(t, config)
	value := make([]byte, 64)
	random := rand.NewChaCha8([32]byte{}) // compresses to nothing smaller
	written, merged := int64(0), int64(0)
	for epoch := range epochs {
		w.now += 50 / epochsAlive // the lease lasts 50 ms
		k.Begin(w.now)
		for i := range keysAnEpoch {
			must(t, k.SetKey(fmt.Appendf(nil, "%x", (epoch*keysAnEpoch+i)*0x9e3779b9)))
			_, err := random.Read(value)
			must(t, err)
			must(t, k.ValuePut(stateLease, value))
		}
		must(t, k.Commit())
		tables := checkpointNow(t, b)
		written += tables[len(tables)-1].Bytes
		for m := b.Merge(); m != nil; m = b.Merge() {
			must(t, m.Run(context.Background()))
			b.CompleteMerge(m)
			for _, table := range m.result {
				merged += table.Bytes
			}
		}
		if depth := len(deepest(b.Tables())); depth > b.config.MaxOverlap {
			t.Fatalf("epoch %d: %d tables overlap", epoch, depth)
		}
	}
	alive, held := written/epochs*epochsAlive, int64(0)
	for _, table := range b.Tables() {
		held += table.Bytes
	}
	t.Logf("%d bytes alive, %d in the store's tables, %.1f merged for each byte written", alive, held, float64(merged)/float64(written))
	t.Logf("%d bytes on the local disk", b.db.Metrics().DiskSpaceUsage())
	if held > 4*alive {
		t.Errorf("the tables hold %d bytes, %d are alive", held, alive)
	}
	must(t, b.db.Compact(context.Background(), groupStart(0), groupStart(128), false))
	if disk := int64(b.db.Metrics().DiskSpaceUsage()); disk > 4*alive {
		t.Errorf("the local disk holds %d bytes, %d are alive", disk, alive)
	}

	w.now += 1000 // nobody comes any more
	if tables := mergeAll(t, b); len(tables) != 0 {
		t.Errorf("all has expired, and %d tables stay: %+v", len(tables), tables)
	}
}

// What the sweep removes has expired in Pebble; a newer version that is not
// there yet, and one that lives, stay.
func TestASweepLeavesWhatIsAlive(t *testing.T) {
	w := newWorld()
	b, k := open(t, w.config(0, 127, 128))
	const keys = 2*sweepEntries + 100 // in several parts
	name := func(i int) []byte { return fmt.Appendf(nil, "key%d", i) }
	lease := func(from, step int, value string) {
		k.Begin(w.now)
		for i := from; i < keys; i += step {
			must(t, k.SetKey(name(i)))
			must(t, k.ValuePut(stateLease, []byte(value)))
		}
		must(t, k.Commit())
	}
	lease(0, 1, "old")
	checkpointNow(t, b)
	w.now += 49
	lease(0, 3, "in a table")
	checkpointNow(t, b)
	lease(1, 3, "in the cache")
	w.now++
	must(t, b.sweep(context.Background(), b.clock()))
	stored := 0
	iterator, err := b.db.NewIter(nil)
	must(t, err)
	for iterator.First(); iterator.Valid(); iterator.Next() {
		stored++
	}
	must(t, iterator.Close())
	if want := (keys + 2) / 3; stored != want {
		t.Errorf("%d entries stay in Pebble, want %d", stored, want)
	}
	tables := checkpointNow(t, b)
	restored, again := open(t, w.config(0, 127, 128))
	must(t, restored.Restore(context.Background(), tables))
	for place, k := range map[string]*Keyed{"swept": k, "restored": again} {
		k.Begin(w.now)
		for i := range keys {
			must(t, k.SetKey(name(i)))
			value, _, _, err := k.ValueGet(stateLease)
			must(t, err)
			if want := []string{"in a table", "in the cache", ""}[i%3]; string(value) != want {
				t.Fatalf("%s: key %d: %q, want %q", place, i, value, want)
			}
		}
		k.Rollback()
	}
}

// The time that a table tells is that of its median, or somewhat later.
func TestHalfDead(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	for round := range 300 {
		l := lifetimes{now: 1_700_000_000_000}
		var ends []int64
		for range random.IntN(50) {
			left := random.Int64N(1 << random.IntN(45))
			if round%3 == 0 {
				left -= 1 << 20
			}
			l.add(10, l.now+left, false)
			ends = append(ends, max(left, 0))
		}
		for range random.IntN(50) {
			l.add(10, 0, false)
			ends = append(ends, 1<<62)
		}
		slices.Sort(ends)
		got := l.halfDead()
		if len(ends) == 0 || ends[(len(ends)-1)/2] == 1<<62 {
			if got != 0 {
				t.Fatalf("%d of %v, want never", got, ends)
			}
			continue
		}
		median := ends[(len(ends)-1)/2]
		if left := got - l.now; left < median || left > median+median/4+1 {
			t.Fatalf("half is dead in %d ms, by the median in %d", left, median)
		}
	}
	for _, left := range []int64{1, 2, 3, 4, 7, 8, 1 << 40, 1<<62 + 1, 1<<63 - 1} {
		if bucket := lifetimeBucket(left); lifetimeEnd(bucket) < left || lifetimeEnd(bucket-1) >= left {
			t.Errorf("%d is in bucket %d, from %d to %d", left, bucket, lifetimeEnd(bucket-1)+1, lifetimeEnd(bucket))
		}
	}
	l := lifetimes{now: 1_700_000_000_000}
	l.add(1, 1<<63-1, false)
	if got := l.halfDead(); got != 0 {
		t.Errorf("what lives for ever dies at %d", got)
	}
	l.add(1, 0, true)
	if got := l.halfDead(); got != l.now {
		t.Errorf("half are tombstones: half dead at %d, want now", got)
	}
}

func TestExpiredTablesAreMerged(t *testing.T) {
	table := func(bytes, halfDead int64, first, last uint16) checkpoint.Table {
		return checkpoint.Table{Bytes: bytes, HalfDead: halfDead, First: first, Last: last}
	}
	for _, c := range []struct {
		name   string
		tables []checkpoint.Table
		want   []int
	}{
		{"none", nil, nil},
		{"none with an expiry", []checkpoint.Table{table(9, 0, 0, 9)}, nil},
		{"one that is dead", []checkpoint.Table{table(9, 100, 0, 9)}, []int{0}},
		{"not yet", []checkpoint.Table{table(9, 101, 0, 9)}, nil},
		{"the oldest", []checkpoint.Table{table(9, 50, 0, 9), table(1, 0, 0, 9)}, []int{0}},
		{"too little", []checkpoint.Table{table(9, 0, 0, 9), table(8, 50, 0, 9)}, nil},
		{"enough", []checkpoint.Table{table(9, 0, 0, 9), table(9, 50, 0, 9), table(99, 0, 0, 9)}, []int{0, 1}},
		{"elsewhere", []checkpoint.Table{table(99, 0, 0, 4), table(9, 50, 5, 9), table(9, 0, 0, 4)}, []int{1}},
		{"by way of another", []checkpoint.Table{table(1, 0, 0, 4), table(1, 0, 4, 6), table(9, 50, 5, 9)}, []int{0, 1, 2}},
		{"not what is above", []checkpoint.Table{table(9, 50, 5, 9), table(1, 0, 4, 6), table(1, 0, 0, 4)}, []int{0}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := planExpired(c.tables, 100)
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
			if got != nil && !atBottom(c.tables, got) {
				t.Errorf("%v is not at the bottom", got)
			}
		})
	}
}

// Merges and sweeps run beside the task, with a cache so small that reads go to
// the tables: each read is right all the same.
func TestReadsWhileSweeping(t *testing.T) {
	const epochs, calls, keys = 40, 400, 5000
	w := newWorld()
	config := w.config(0, 127, 128)
	config.CacheBytes = 1
	b, k := open(t, config)
	random := rand.New(rand.NewPCG(8, 8))
	type lease struct {
		value  string
		expiry int64
	}
	leases := map[int]lease{}
	work := func() {
		at := now(k)
		k.Begin(at)
		for range calls {
			key := random.IntN(keys)
			must(t, k.SetKey(fmt.Append(nil, key)))
			value, _, found, err := k.ValueGet(stateLease)
			must(t, err)
			want := leases[key]
			if want.expiry <= at {
				want = lease{}
			}
			if found != (want.expiry > 0) || string(value) != want.value {
				t.Fatalf("key %d at %d: %q, %v; want %+v", key, at, value, found, want)
			}
			if random.IntN(2) == 0 {
				leases[key] = lease{fmt.Sprint("value", random.Int()), at + 50}
				must(t, k.ValuePut(stateLease, []byte(leases[key].value)))
			}
		}
		must(t, k.Commit())
	}
	for range epochs {
		w.now += 10
		work()
		frozen, err := b.Freeze()
		must(t, err)
		ended := make(chan error, 2)
		go func() {
			_, err := frozen.Write(context.Background())
			ended <- err
		}()
		merge := b.Merge()
		if merge == nil {
			ended <- nil
		} else {
			go func() { ended <- merge.Run(context.Background()) }()
		}
		for range 5 {
			work()
		}
		must(t, <-ended)
		must(t, <-ended)
		if merge != nil {
			b.CompleteMerge(merge)
		}
		b.Complete(frozen)
	}
	m := b.Metrics()
	if swept := b.db.Metrics().Ingest.Count - epochs - m.Spills; m.Spills == 0 || swept < 10 || swept > epochs*10 {
		t.Errorf("%d spills, %d tables of the sweep: all was in the cache, or nothing swept", m.Spills, swept)
	}
}
