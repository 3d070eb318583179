package state

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/turgo-stream/turgo/host/keygroup"
)

// Timers of the same time fire in one order, whatever the order in which they
// were set, and whether they were restored or not: else a call that is repeated
// after a restart would get another batch.
func TestTimersOfOneTimeFireInOneOrder(t *testing.T) {
	const groups, count = 16, 3000
	random := rand.New(rand.NewPCG(1, 2))
	keys := make([]string, count)
	for i := range keys {
		// Long and short keys, many of which begin alike.
		keys[i] = fmt.Sprintf("%.*s%d", random.IntN(12), "account-number", i)
	}
	want := slices.Clone(keys)
	slices.SortFunc(want, func(a, b string) int {
		if x, y := keygroup.Of([]byte(a), groups), keygroup.Of([]byte(b), groups); x != y {
			return x - y
		}
		return bytes.Compare([]byte(a), []byte(b))
	})
	w := newWorld()
	set := func(k *Keyed) {
		random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		k.Begin(now(k))
		for _, key := range keys {
			must(t, k.SetKey([]byte(key)))
			must(t, k.TimerSet(0, 70))
		}
		must(t, k.Commit())
	}
	fire := func(k *Keyed) (fired []string) {
		for {
			k.Begin(now(k))
			n := 0
			must(t, k.TimersDue(0, 100, 700, func(key []byte, _ int64) {
				fired = append(fired, string(key))
				n++
			}))
			must(t, k.Commit())
			if n == 0 {
				return fired
			}
		}
	}
	for _, heap := range []int{0, 64} {
		config := w.config(0, groups-1, groups)
		config.MaxTimersInHeap = heap
		b, k := open(t, config)
		set(k)
		tables := checkpointNow(t, b)
		if got := fire(k); !slices.Equal(got, want) {
			t.Errorf("heap of %d: timers as they were set fire in another order", heap)
		}
		config = w.config(0, groups-1, groups)
		config.MaxTimersInHeap = heap
		b, k = open(t, config)
		must(t, b.Restore(context.Background(), tables))
		if got := fire(k); !slices.Equal(got, want) {
			t.Errorf("heap of %d: restored timers fire in another order", heap)
		}
	}
}
