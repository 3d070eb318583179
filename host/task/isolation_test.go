package task

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// isolate runs the strategy over units of which some fail, with hints that say
// where. It gives the units in the order in which they took effect, those to
// blame, and the number of calls.
func isolate(s *isolation, count int, poison map[int]bool, hint func(from, first int) int) (done, blamed []int, calls int) {
	for at := 0; at < count; {
		n := s.try(count - at)
		calls++
		first := -1
		for i := at; i < at+n && first < 0; i++ {
			if poison[i] {
				first = i
			}
		}
		switch {
		case first < 0:
			for range n {
				done = append(done, at)
				at++
			}
			s.succeeded(n)
		case s.failed(n, hint(at, first), false):
			blamed = append(blamed, at)
			at++
		}
	}
	return done, blamed, calls
}

// TestIsolationFindsAllAndOnlyThosePoisoned runs random units with right, wrong,
// missing and changing hints.
func TestIsolationFindsAllAndOnlyThosePoisoned(t *testing.T) {
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 1))
		count := 1 + random.IntN(400)
		poison := map[int]bool{}
		ratio := []float64{0, 0.005, 0.02, 0.1, 0.5, 1}[random.IntN(6)]
		for i := range count {
			if random.Float64() < ratio {
				poison[i] = true
			}
		}
		hints := []func(from, first int) int{
			func(from, first int) int { return first - from },
			func(int, int) int { return -1 },
			func(int, int) int { return 0 },
			func(int, int) int { return random.IntN(count) - 1 },
			func(from, first int) int { return max(first-from-1, 0) },
		}
		kind := random.IntN(len(hints))
		s := isolation{hint: -1}
		calls := 0
		for range 3 { // batch after batch, as it learns
			done, blamed, c := isolate(&s, count, poison, hints[kind])
			calls += c
			both := append(slices.Clone(done), blamed...)
			slices.Sort(both)
			for i, unit := range both {
				if unit != i {
					t.Fatalf("seed %d: unit %d is at place %d of all", seed, unit, i)
				}
			}
			if len(both) != count || !slices.IsSorted(done) {
				t.Fatalf("seed %d: %d of %d units, in order %v", seed, len(both), count, slices.IsSorted(done))
			}
			for _, unit := range blamed {
				if !poison[unit] {
					t.Fatalf("seed %d: unit %d is blamed and was good", seed, unit)
				}
			}
			if len(blamed) != len(poison) {
				t.Fatalf("seed %d: %d are blamed of %d", seed, len(blamed), len(poison))
			}
		}
		// Whole, those before, alone; without a good hint halves of what is left.
		perFailure := 3
		if kind != 0 {
			perFailure = 2*bits.Len(uint(count)) + 6
		}
		if most := 3 * (1 + perFailure*len(poison) + 2*count/sliceMin + 1); calls > most {
			t.Errorf("seed %d: %d calls for %d units of which %d fail, hints of kind %d, want at most %d", seed, calls, 3*count, len(poison), kind, most)
		}
	}
}
