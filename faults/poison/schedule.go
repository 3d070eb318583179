package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/turgo-stream/turgo/host/job"
)

// kill is one step of the schedule: when the host ends, and at which parallelism
// it runs until then.
type kill struct {
	// Point and Count: the host kills itself the Count-th time at this point. Where
	// Point is empty it is killed after Delay.
	Point job.Point
	Count int
	// Starting counts Delay from the host's start, else from its first output.
	Starting    bool
	Delay       time.Duration
	Parallelism int
}

// String tells the kill in a few words.
func (k *kill) String() string {
	switch {
	case k.Point != "":
		return fmt.Sprintf("at %s, time %d, parallelism %d", k.Point, k.Count, k.Parallelism)
	case k.Starting:
		return fmt.Sprintf("%v after its start, parallelism %d", k.Delay, k.Parallelism)
	}
	return fmt.Sprintf("%v after new output, parallelism %d", k.Delay, k.Parallelism)
}

const (
	parallelismMax = 3
	countMax       = 3
	delayMax       = 400 * time.Millisecond
	startDelayMax  = 500 * time.Millisecond
)

// schedule is a pure function of the seed. The kills are dealt from decks of all
// kinds, so that a short run meets most of them.
func schedule(seed uint64, kills int) []kill {
	random := rand.New(rand.NewPCG(seed, 0x6b69_6c6c))
	var list []kill
	for len(list) < kills {
		var deck []kill
		for _, point := range job.Points {
			if point != job.InResubmission { // which has its own kill
				deck = append(deck, kill{Point: point})
			}
		}
		deck = append(deck, kill{Starting: true}, kill{}, kill{}, kill{})
		random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		for _, k := range deck {
			// Every number is drawn for every kill, used or not.
			count, delay, starting := 1+random.IntN(countMax), random.Int64N(int64(delayMax)), random.Int64N(int64(startDelayMax))
			k.Parallelism = 1 + random.IntN(parallelismMax)
			switch {
			case k.Point == job.DuringRestore:
				k.Count = 1
			case k.Point == job.InCommits:
				// With one subtask there is one committable, and no middle.
				k.Count, k.Parallelism = 1, max(k.Parallelism, 2)
			case k.Point == job.AfterCommits:
				k.Count = 1 // how many epochs have output is not known, but that one has
			case k.Point != "":
				k.Count = count
			case k.Starting:
				k.Delay = time.Duration(starting).Round(time.Millisecond)
			default:
				k.Delay = time.Duration(delay).Round(time.Millisecond)
			}
			list = append(list, k)
		}
	}
	return list[:kills]
}
