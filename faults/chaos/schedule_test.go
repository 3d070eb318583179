package main

import (
	"slices"
	"testing"

	"github.com/turgo-stream/turgo/host/job"
)

func TestScheduleIsThatOfItsSeed(t *testing.T) {
	for seed := range uint64(50) {
		one := schedule(seed, 40)
		if !slices.Equal(one, schedule(seed, 40)) {
			t.Fatalf("seed %d gives two schedules", seed)
		}
		if !slices.Equal(one[:20], schedule(seed, 20)) {
			t.Fatalf("seed %d: a shorter run is not the start of a longer one", seed)
		}
		if slices.Equal(one, schedule(seed+1, 40)) {
			t.Fatalf("seeds %d and %d give one schedule", seed, seed+1)
		}
	}
}

// TestTwentyKillsMeetAll checks that a short run has each kind, each point, and
// changes of the parallelism, whatever the seed.
func TestTwentyKillsMeetAll(t *testing.T) {
	changes := 0
	for seed := range uint64(100) {
		kinds, pointsMet := map[kind]int{}, map[job.Point]int{}
		parallelism := parallelismFirst
		for _, k := range schedule(seed, 20) {
			kinds[k.Kind]++
			pointsMet[k.Point]++
			if k.Parallelism != parallelism {
				changes++
			}
			parallelism = k.Parallelism
			if k.Parallelism < 1 || k.Parallelism > parallelismMax {
				t.Fatalf("seed %d: %s", seed, &k)
			}
			if k.Kind == hostAtPoint && k.Count < 1 {
				t.Fatalf("seed %d: %s", seed, &k)
			}
		}
		for _, k := range []kind{hostAtPoint, hostStarting, hostAtRandom, connector, brokerKill, hostAndBroker} {
			if kinds[k] == 0 {
				t.Errorf("seed %d never kills: %s", seed, k)
			}
		}
		for _, p := range points {
			if pointsMet[p] == 0 {
				t.Errorf("seed %d never kills at %s", seed, p)
			}
		}
	}
	if changes < 100 {
		t.Errorf("100 schedules change the parallelism %d times", changes)
	}
}
