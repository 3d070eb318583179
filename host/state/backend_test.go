package state

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/keygroup"
)

func TestEveryKindSurvivesRestore(t *testing.T) {
	w := newWorld()
	b, k := open(t, w.config(0, 127, 128))
	k.Begin(now(k))
	must(t, k.SetKey([]byte("alpha")))
	must(t, k.ValuePut(stateCount, []byte("one")))
	must(t, k.ListAppend(stateEvents, []byte("e1")))
	must(t, k.ListAppend(stateEvents, []byte("e2")))
	must(t, k.MapPut(stateItems, []byte("x"), []byte("y")))
	must(t, k.TimerSet(0, 77))
	must(t, k.Commit())
	tables := checkpointNow(t, b)
	if len(tables) != 1 || tables[0].Entries != 5 || !slices.Equal(tables[0].Operators, []string{"counter"}) {
		t.Fatalf("tables %+v, want one of 5 entries of operator counter", tables)
	}

	b, k = open(t, w.config(0, 127, 128))
	must(t, b.Restore(context.Background(), tables))
	k.Begin(now(k))
	must(t, k.SetKey([]byte("alpha")))
	wantValue(t, k, "one")
	var events []string
	must(t, k.ListRead(stateEvents, 0, func(_ uint64, version uint16, value []byte) bool {
		events = append(events, fmt.Sprintf("%s v%d", value, version))
		return true
	}))
	if !slices.Equal(events, []string{"e1 v2", "e2 v2"}) {
		t.Fatalf("events %q", events)
	}
	value, _, found, err := k.MapGet(stateItems, []byte("x"))
	if err != nil || !found || string(value) != "y" {
		t.Fatalf("item %q, found %v, %v", value, found, err)
	}
	if at, found, err := k.TimerNext(0); err != nil || !found || at != 77 {
		t.Fatalf("next timer %d, found %v, %v", at, found, err)
	}
	must(t, k.Commit())
}

func wantValue(t *testing.T, k *Keyed, want string) {
	t.Helper()
	value, _, found, err := k.ValueGet(stateCount)
	if err != nil || found != (want != "") || string(value) != want {
		t.Fatalf("value %q, found %v, %v; want %q", value, found, err, want)
	}
}

func put(t *testing.T, k *Keyed, keys, value string) {
	t.Helper()
	k.Begin(now(k))
	for key := range strings.FieldsSeq(keys) {
		must(t, k.SetKey([]byte(key)))
		must(t, k.ValuePut(stateCount, []byte(value)))
	}
	must(t, k.Commit())
}

// A checkpoint that finds the store full fails; the job goes on, and the next
// checkpoint holds what both changed.
func TestFullStoreLosesNothing(t *testing.T) {
	w := newWorld()
	b, k := open(t, w.config(0, 127, 128))
	put(t, k, "a b", "first")
	w.store.full = true
	f, err := b.Freeze()
	must(t, err)
	if _, err := f.Write(context.Background()); !errors.Is(err, checkpoint.ErrFull) {
		t.Fatalf("write into a full store: %v, want %v", err, checkpoint.ErrFull)
	}
	b.Complete(f)
	if tables := b.Tables(); len(tables) != 0 {
		t.Fatalf("tables %+v after a failed write, want none", tables)
	}
	put(t, k, "b c", "second")
	w.store.full = false
	tables := checkpointNow(t, b)

	b, k = open(t, w.config(0, 127, 128))
	must(t, b.Restore(context.Background(), tables))
	k.Begin(now(k))
	for key, want := range map[string]string{"a": "first", "b": "second", "c": "second"} {
		must(t, k.SetKey([]byte(key)))
		wantValue(t, k, want)
	}
	must(t, k.Commit())
}

// Whatever byte of a table is damaged, either reading or the comparison with
// the manifest's checksum names the object.
func TestDamagedTableIsNamed(t *testing.T) {
	w := newWorld()
	b, k := open(t, w.config(0, 127, 128))
	put(t, k, "a b c d e f", strings.Repeat("x", 3000))
	tables := checkpointNow(t, b)
	name := tables[0].Object
	intact := w.store.objects[name]
	for _, at := range []int{0, 10, len(intact) / 2, len(intact) - 100, len(intact) - 5, len(intact) - 1} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			damaged := slices.Clone(intact)
			damaged[at] ^= 0x40
			w.store.objects[name] = damaged
			err := readAll(t, w, tables)
			var named *DamagedTableError
			if !errors.As(err, &named) || named.Object != name || !strings.Contains(err.Error(), name) {
				t.Fatalf("damage at byte %d of %d: %v; want an error that names %s", at, len(intact), err, name)
			}
		})
	}
	t.Run("truncated", func(t *testing.T) {
		w.store.objects[name] = intact[:len(intact)-10]
		var named *DamagedTableError
		if err := readAll(t, w, tables); !errors.As(err, &named) || named.Object != name {
			t.Fatalf("%v; want an error that names %s", err, name)
		}
	})
	w.store.objects[name] = intact
	must(t, readAll(t, w, tables))
}

func readAll(t *testing.T, w *world, tables []checkpoint.Table) error {
	b, k := open(t, w.config(0, 127, 128))
	if err := b.Restore(context.Background(), tables); err != nil {
		return err
	}
	k.Begin(now(k))
	defer k.Rollback()
	for key := range strings.FieldsSeq("a b c d e f") {
		must(t, k.SetKey([]byte(key)))
		if _, _, _, err := k.ValueGet(stateCount); err != nil {
			return err
		}
	}
	return b.Prefetch(context.Background())
}

// What is near is not copied to be read, only to be kept.
func TestNearStore(t *testing.T) {
	w := newWorld()
	w.store.near = true
	b, k := open(t, w.config(0, 127, 128))
	var keys []string
	for i := range 20_000 {
		keys = append(keys, fmt.Sprint("key", i))
	}
	put(t, k, strings.Join(keys, " "), "value")
	tables := checkpointNow(t, b)
	b, k = open(t, w.config(0, 127, 128))
	must(t, b.Restore(context.Background(), tables))
	k.Begin(now(k))
	defer k.Rollback()
	for i, key := range keys {
		if i == len(keys)/2 {
			if pages := b.Metrics().PagesFetched; pages != 0 {
				t.Errorf("%d pages were copied to be read", pages)
			}
			must(t, b.Prefetch(context.Background()))
			w.store.broken = true // it is needed no more
		}
		must(t, k.SetKey([]byte(key)))
		wantValue(t, k, "value")
	}
}

// A store that stops answering fails reads and merges for as long as it does,
// and no longer.
func TestStoreThatDoesNotAnswer(t *testing.T) {
	w := newWorld()
	config := w.config(0, 127, 128)
	config.MaxOverlap = 2
	b, k := open(t, config)
	noise := rand.NewChaCha8([32]byte{}) // compresses to nothing smaller
	value := make([]byte, 300_000)       // larger than what attaching reads
	for range 3 {
		_, err := noise.Read(value)
		must(t, err)
		put(t, k, "a b c", string(value))
		checkpointNow(t, b)
	}
	tables := b.Tables()
	w.store.broken = true
	m := b.Merge()
	if err := m.Run(context.Background()); !errors.Is(err, errBroken) {
		t.Errorf("merge: %v, want %v", err, errBroken)
	}
	b.CompleteMerge(m)
	if got := b.Tables(); len(got) != len(tables) {
		t.Errorf("%d tables after a failed merge, want %d", len(got), len(tables))
	}

	b, _ = open(t, w.config(0, 127, 128))
	if err := b.Restore(context.Background(), tables); !errors.Is(err, errBroken) {
		t.Errorf("restore: %v, want %v", err, errBroken)
	}
	w.store.broken = false
	b, k = open(t, w.config(0, 127, 128))
	must(t, b.Restore(context.Background(), tables))
	w.store.broken = true
	k.Begin(now(k))
	failed := 0
	for key := range strings.FieldsSeq("a b c") {
		must(t, k.SetKey([]byte(key)))
		if _, _, _, err := k.ValueGet(stateCount); errors.Is(err, errBroken) {
			failed++
		} else if err != nil {
			t.Errorf("get: %v, want %v", err, errBroken)
		}
	}
	if failed == 0 {
		t.Error("each value was read without the store")
	}
	w.store.broken = false
	for key := range strings.FieldsSeq("a b c") {
		must(t, k.SetKey([]byte(key)))
		wantValue(t, k, string(value))
	}
	must(t, k.Commit())
}

func TestMissingTableIsNamed(t *testing.T) {
	w := newWorld()
	b, k := open(t, w.config(0, 127, 128))
	put(t, k, "a", "x")
	tables := checkpointNow(t, b)
	must(t, w.store.Delete(context.Background(), tables[0].Object))
	b, _ = open(t, w.config(0, 127, 128))
	err := b.Restore(context.Background(), tables)
	if !errors.Is(err, checkpoint.ErrNotExist) || !strings.Contains(err.Error(), tables[0].Object) {
		t.Fatalf("restore: %v; want %v that names %s", err, checkpoint.ErrNotExist, tables[0].Object)
	}
}

// rescaled restores tables at another parallelism and gives each value, each
// list and each timer that the tasks hold.
func rescaled(t *testing.T, w *world, parallelism, maxParallelism int, tables []checkpoint.Table, keys []string) (content []string, all []checkpoint.Table) {
	for subtask := range parallelism {
		first, last := keygroup.Range(subtask, maxParallelism, parallelism)
		b, k := open(t, w.config(first, last, maxParallelism))
		must(t, b.Restore(context.Background(), tables))
		k.Begin(now(k))
		for _, key := range keys {
			if group := keygroup.Of([]byte(key), maxParallelism); group < first || group > last {
				if err := k.SetKey([]byte(key)); err == nil {
					t.Fatalf("key of group %d is accepted by groups %d to %d", group, first, last)
				}
				continue
			}
			must(t, k.SetKey([]byte(key)))
			value, _, _, err := k.ValueGet(stateCount)
			must(t, err)
			content = append(content, fmt.Sprintf("%s=%s", key, value))
			must(t, k.ListRead(stateEvents, 0, func(_ uint64, _ uint16, value []byte) bool {
				content = append(content, fmt.Sprintf("%s has %s", key, value))
				return true
			}))
		}
		must(t, k.TimersDue(0, 1<<40, 1000, func(key []byte, at int64) {
			content = append(content, fmt.Sprintf("timer %s at %d", key, at))
		}))
		k.Rollback()
		put(t, k, "", "") // an epoch that changes nothing adds no table
		all = append(all, checkpointNow(t, b)...)
	}
	slices.Sort(content)
	return content, all
}

func TestRescale(t *testing.T) {
	w := newWorld()
	const maxParallelism = 16
	var keys []string
	for i := range 100 {
		keys = append(keys, fmt.Sprintf("key%d", i))
	}
	var want []string
	var tables []checkpoint.Table
	for subtask := range 2 {
		first, last := keygroup.Range(subtask, maxParallelism, 2)
		b, k := open(t, w.config(first, last, maxParallelism))
		for epoch := range 3 {
			k.Begin(now(k))
			for i, key := range keys {
				if group := keygroup.Of([]byte(key), maxParallelism); group < first || group > last || i%3 < epoch {
					continue
				}
				must(t, k.SetKey([]byte(key)))
				must(t, k.ValuePut(stateCount, fmt.Append(nil, epoch)))
				must(t, k.ListAppend(stateEvents, fmt.Append(nil, epoch)))
				must(t, k.TimerSet(0, int64(i)))
			}
			must(t, k.Commit())
			checkpointNow(t, b)
		}
		tables = append(tables, b.Tables()...)
	}
	for i, key := range keys {
		want = append(want, fmt.Sprintf("%s=%d", key, i%3), fmt.Sprintf("timer %s at %d", key, i))
		for epoch := range i%3 + 1 {
			want = append(want, fmt.Sprintf("%s has %d", key, epoch))
		}
	}
	slices.Sort(want)
	for _, parallelism := range []int{3, 1, 5, 2} {
		content, all := rescaled(t, w, parallelism, maxParallelism, tables, keys)
		if !slices.Equal(content, want) {
			t.Fatalf("at parallelism %d:\n%q\nwant\n%q", parallelism, content, want)
		}
		tables = all // each restore builds on the one before
	}
}

func TestOperatorsAreRefused(t *testing.T) {
	b, _ := open(t, newWorld().config(0, 127, 128))
	for _, c := range []struct {
		name, uid, want string
		states          []abi.StateDescription
	}{
		{"twice", "counter", "opened twice", nil},
		{"kind", "x", "unknown kind", []abi.StateDescription{{Name: "s", Kind: "queue"}}},
		{"name twice", "y", "collides", []abi.StateDescription{{Name: "s", Kind: kindValue}, {Name: "s", Kind: kindMap}}},
		{"time-to-live", "z", "negative", []abi.StateDescription{{Name: "s", Kind: kindValue, TimeToLiveMS: -1}}},
	} {
		if _, err := b.Operator(c.uid, c.states, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
	}
}

// Two uids with one hash would share their state.
func TestCollidingUidsAreRefused(t *testing.T) {
	seen := map[uint32]string{}
	for i := 0; ; i++ {
		uid := fmt.Sprintf("operator-%d", i)
		other, collides := seen[nameHash("operator", uid)]
		if !collides {
			seen[nameHash("operator", uid)] = uid
			continue
		}
		b, _ := open(t, newWorld().config(0, 127, 128))
		_, err := b.Operator(other, nil, nil)
		must(t, err)
		if _, err := b.Operator(uid, nil, nil); err == nil || !strings.Contains(err.Error(), other) {
			t.Fatalf("%s after %s: %v, want an error that names both", uid, other, err)
		}
		return
	}
}

func TestNamesNeverChangeTheirHash(t *testing.T) {
	if got := nameHash("operator", "count"); got != 0x4a38d09e {
		t.Fatalf("hash %#x: state that exists would be lost", got)
	}
}
