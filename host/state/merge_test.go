package state

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// Whatever the epochs write, no key lies in too many tables, and each byte is
// written again only a few times.
func TestMergePlan(t *testing.T) {
	sum := func(sum int64) int64 { return sum }
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name     string
		size     func(epoch int) int64
		combined func(sum int64) int64 // size of a merge
		most     float64               // bytes merged for each byte written
	}{
		{"new keys", func(int) int64 { return 100 }, sum, 8},
		{"the same keys", func(int) int64 { return 100 }, func(sum int64) int64 { return min(sum, 400) }, 3},
		{"part of a state", func(int) int64 { return 100 }, func(sum int64) int64 { return min(sum, 10_000) }, 7},
		{"large first", func(epoch int) int64 { return 100 + 1_000_000*int64(1/(epoch+1)) }, sum, 6},
		{"all sizes", func(int) int64 { return 1 + random.Int64N(1000) }, sum, 10},
		{"mostly tiny", func(epoch int) int64 { return 1 + 10_000*int64(epoch%50/49) }, sum, 12},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tables []checkpoint.Table
			written, merged := int64(0), int64(0)
			for epoch := range 3000 {
				written += c.size(epoch)
				tables = append(tables, checkpoint.Table{Object: fmt.Sprint(epoch), Bytes: c.size(epoch), Last: 127})
				if chosen := planMerge(tables, 8); chosen != nil {
					sum, level := int64(0), 0
					for _, i := range chosen {
						sum += tables[i].Bytes
						level = max(level, tables[i].Level+1)
					}
					sum = c.combined(sum)
					merged += sum
					tables[chosen[0]].Bytes, tables[chosen[0]].Level = sum, level
					tables = slices.Delete(tables, chosen[0]+1, chosen[len(chosen)-1]+1)
				}
				if len(tables) > 8 {
					t.Fatalf("%d tables after epoch %d", len(tables), epoch)
				}
			}
			if ratio := float64(merged) / float64(written); ratio > c.most {
				t.Errorf("%.1f bytes merged for each byte written, want at most %.1f", ratio, c.most)
			} else {
				t.Logf("%.1f bytes merged for each byte written", ratio)
			}
		})
	}
}

func TestMergeClosure(t *testing.T) {
	tables := []checkpoint.Table{{First: 0, Last: 5}, {First: 8, Last: 9}, {First: 4, Last: 7}, {First: 6, Last: 9}, {First: 0, Last: 3}}
	if got := closure(tables, []int{0, 4}); !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
		t.Errorf("closure %v: a table between overlaps one that was added", got)
	}
	tables[2], tables[3] = checkpoint.Table{First: 6, Last: 7}, checkpoint.Table{First: 10, Last: 12}
	if got := closure(tables, []int{0, 4}); !slices.Equal(got, []int{0, 4}) {
		t.Errorf("closure %v, want the chosen alone", got)
	}
}

// The bottom merge leaves neither tombstones nor expired entries.
func TestBottomMergeDropsWhatIsGone(t *testing.T) {
	w := newWorld()
	config := w.config(0, 127, 128)
	config.MaxOverlap = 4
	b, k := open(t, config)
	put(t, k, "stays gone", "x")
	checkpointNow(t, b)
	for _, clear := range []bool{false, true} {
		k.Begin(now(k))
		must(t, k.SetKey([]byte("gone")))
		if clear {
			must(t, k.Clear(stateCount))
		} else {
			must(t, k.ValuePut(stateLease, []byte("expires")))
		}
		must(t, k.Commit())
		checkpointNow(t, b)
	}
	w.now += 50
	m := b.Merge()
	if m == nil || b.Merge() != nil {
		t.Fatal("want one merge at a time")
	}
	must(t, m.Run(context.Background()))
	b.CompleteMerge(m)
	tables := b.Tables()
	if len(tables) != 2 && len(tables) != 1 {
		t.Fatalf("%d tables, want fewer", len(tables))
	}
	for b.Merge() != nil {
		t.Fatal("a merge of few tables")
	}
	entries := int64(0)
	for _, table := range tables {
		entries += table.Entries
	}
	if !m.bottom && entries > 3 || m.bottom && entries > 2 {
		t.Fatalf("%d entries stay in %+v", entries, tables)
	}
}
