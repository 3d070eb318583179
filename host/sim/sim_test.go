package sim

import (
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seeds     = flag.Uint64("sim.seeds", 10_000, "seeds to run on the model state")
	realSeeds = flag.Uint64("sim.real-seeds", 200, "seeds to run on the real state")
	firstSeed = flag.Uint64("sim.first-seed", 1, "seed to begin with")
)

// shortShare is the part of the seeds that go test -short runs.
const shortShare = 10

func share(seeds uint64) uint64 {
	if testing.Short() {
		return max(1, seeds/shortShare)
	}
	return seeds
}

// TestModelState runs many seeds with a model of the keyed state.
func TestModelState(t *testing.T) { runSeeds(t, share(*seeds), false) }

// TestRealState runs some seeds with the real keyed state over Pebble.
func TestRealState(t *testing.T) { runSeeds(t, share(*realSeeds), true) }

// runSeeds runs worlds side by side and reports what they went through, so that
// a simulation that no longer meets its faults shows.
func runSeeds(t *testing.T, count uint64, real bool) {
	t.Helper()
	started := time.Now()
	var next, turns atomic.Uint64
	next.Store(*firstSeed)
	var mu sync.Mutex
	var struck [faults]int
	ends := map[string]int{}
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for !t.Failed() {
				seed := next.Add(1) - 1
				if seed >= *firstSeed+count {
					return
				}
				w, err := runSeed(seed, real)
				if err != nil {
					t.Errorf("%v\nrun it again: go test ./host/sim -run %s -sim.first-seed %d -sim.seeds 1 -sim.real-seeds 1", err, t.Name(), seed)
					return
				}
				turns.Add(uint64(w.Turns))
				mu.Lock()
				for f, n := range w.Struck {
					struck[f] += n
				}
				for end, n := range w.Ends {
					ends[end] += n
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	t.Logf("%d seeds, %d turns in %v; attempts: %v; faults: %s", count, turns.Load(), time.Since(started).Round(time.Millisecond), ends, describeFaults(struck))
	if count < 100 {
		return
	}
	for f, n := range struck {
		if n == 0 && !(real && fault(f) == failRead) {
			t.Errorf("no seed met the fault %q", faultNames[f])
		}
	}
}

func runSeed(seed uint64, real bool) (*World, error) {
	w, err := NewWorld(Config{Seed: seed, RealState: real})
	if err != nil {
		return nil, err
	}
	return w, w.Run()
}

func describeFaults(struck [faults]int) string {
	text := ""
	for f, n := range struck {
		text += fmt.Sprintf("%s %d, ", faultNames[f], n)
	}
	return text[:len(text)-2]
}

// TestSeedRepeats runs a seed twice: the same must happen.
func TestSeedRepeats(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		first, err := runSeed(seed, false)
		if err != nil {
			t.Fatal(err)
		}
		second, err := runSeed(seed, false)
		if err != nil {
			t.Fatal(err)
		}
		if first.Turns != second.Turns || first.Struck != second.Struck || first.random.Uint64() != second.random.Uint64() {
			t.Errorf("seed %d took %d turns, then %d", seed, first.Turns, second.Turns)
		}
	}
}
