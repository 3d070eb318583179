package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

const resetRounds = 400

// poisonBatch is a batch of n records, of which the last one traps.
func poisonBatch(n int, poison bool) record.Batch {
	var b record.Builder
	value := make([]byte, 60)
	for i := range n {
		timestamp := int64(i)
		if poison && i == n-1 {
			timestamp = -1
		}
		b.Append(record.Record{Key: fmt.Appendf(nil, "key-%08d", i), Value: value, Timestamp: timestamp, Origin: uint32(i)})
	}
	return b.Finish()
}

// measureReset tells what a trap costs: until the failed call has returned and
// its instance is ready, and by how much the call after it takes longer, as
// what it touches has to be fetched again. In a batch of many records the call
// that fails emits none, so only the sum of both tells something.
func measureReset() error {
	var missing error
	for _, b := range guestBuilds {
		data, err := b.build()
		if err != nil {
			missing = errors.Join(missing, err)
			continue
		}
		goal := "<= 10"
		if b.language == "go" {
			goal = "<= 600"
		}
		alone, err := measureResetOf(b.language, data, 1)
		if err != nil {
			return err
		}
		among, err := measureResetOf(b.language, data, boundaryRecords)
		if err != nil {
			return err
		}
		figure("reset_"+b.language+"_us", alone.trap, "us", goal)
		figure("reset_"+b.language+"_next_call_us", alone.next, "us", "")
		figure("reset_"+b.language+"_1000_records_and_next_call_us", among.trap+among.next, "us", "")
	}
	return missing
}

// resetCost is what calls take longer than one that does not trap, in
// microseconds: the one that does, and the one after it.
type resetCost struct{ trap, next float64 }

func measureResetOf(language string, data []byte, n int) (cost resetCost, err error) {
	operator, closeOperator, err := openBenchGuest(data, "poison", false)
	if err != nil {
		return cost, err
	}
	defer func() { err = errors.Join(err, closeOperator()) }()
	clean, poisoned := poisonBatch(n, false), poisonBatch(n, true)
	nothing := func(int, record.Batch) {}
	var problem error
	timed := func(batch record.Batch, fails bool) float64 {
		start := time.Now()
		err := operator.Process(0, batch, abi.WatermarkMin, 1, nothing)
		took := time.Since(start)
		if (err != nil) != fails {
			problem = fmt.Errorf("a batch of %d records by %s: %v", n, language, err)
		}
		return float64(took.Nanoseconds()) / 1000
	}
	var calls, traps, next []float64
	for range resetRounds {
		timed(clean, false)
		calls = append(calls, timed(clean, false))
		traps = append(traps, timed(poisoned, true))
		next = append(next, timed(clean, false))
	}
	if problem != nil {
		return cost, problem
	}
	if u := operator.Usage(); u.Resets != resetRounds || u.Rebuilds != 0 {
		return cost, fmt.Errorf("%d resets and %d new instances after %d traps", u.Resets, u.Rebuilds, resetRounds)
	}
	call := median(calls)
	return resetCost{trap: median(traps) - call, next: median(next) - call}, nil
}
