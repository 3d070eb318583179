package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// slowStore adds a delay to each read, as an object store over a network does.
type slowStore struct {
	checkpoint.Store
	delay time.Duration
}

func (s slowStore) Open(ctx context.Context, name string) (checkpoint.Object, error) {
	object, err := s.Store.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return slowObject{object, s.delay}, nil
}

type slowObject struct {
	checkpoint.Object
	delay time.Duration
}

func (o slowObject) ReadAt(p []byte, offset int64) (int, error) {
	time.Sleep(o.delay)
	return o.Object.ReadAt(p, offset)
}

const (
	recoveryEpochs = 100
	recoveryTries  = 3
	recoveryBatch  = 1000
)

// recovery is how one restart went.
type recovery struct{ first, steady time.Duration }

func measureRecovery() error {
	delays := []time.Duration{0, 5 * time.Millisecond}
	first := map[time.Duration][]float64{}
	for _, keys := range []int{1_000_000, 10_000_000} {
		h, err := newHeldState()
		if err != nil {
			return err
		}
		err = h.open(h.store, nil)
		if err == nil {
			err = h.fill(keys)
		}
		if err == nil {
			_, _, err = h.epochs(recoveryEpochs, keys, changedKeys/10)
		}
		for _, delay := range delays {
			if err != nil {
				break
			}
			var firsts, steadies []float64
			for range recoveryTries {
				var r recovery
				if r, err = h.recover(delay, keys); err != nil {
					break
				}
				firsts, steadies = append(firsts, r.first.Seconds()*1000), append(steadies, r.steady.Seconds()*1000)
			}
			if err == nil {
				name := fmt.Sprintf("recovery_%dm_keys_%dms_reads", keys/1_000_000, delay.Milliseconds())
				figure(name+"_first_output", median(firsts), "ms", "")
				figure(name+"_90_percent_rate", median(steadies), "ms", "")
				first[delay] = append(first[delay], median(firsts))
			}
		}
		if err = errors.Join(err, h.close()); err != nil {
			return err
		}
	}
	for _, delay := range delays {
		figure(fmt.Sprintf("recovery_first_output_10m_to_1m_%dms_reads", delay.Milliseconds()), first[delay][1]/first[delay][0], "ratio", "<= 1.5")
	}
	return nil
}

// recover restarts the task from its tables and counts records on random keys:
// until the first batch is done, and until batches are as fast as they get.
func (h *heldState) recover(delay time.Duration, keys int) (recovery, error) {
	tables := h.task.Tables()
	if err := h.stop(); err != nil {
		return recovery{}, err
	}
	start := time.Now()
	var store checkpoint.Store = h.store
	if delay > 0 {
		store = slowStore{h.store, delay}
	}
	if err := h.open(store, tables); err != nil {
		return recovery{}, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	fetched := make(chan error, 1)
	go func() { fetched <- h.task.Prefetch(ctx) }()
	var ends []time.Duration
	var err error
	whole := false
	for batch := 0; err == nil && (!whole || batch < 400); batch++ {
		err = h.increment(batch*recoveryBatch*104_729, recoveryBatch, 104_729, keys)
		ends = append(ends, time.Since(start))
		select {
		case err = <-fetched:
			whole = true
			fetched <- err
		default:
		}
	}
	cancel()
	err = errors.Join(err, <-fetched)
	return recovery{ends[0], steadyAt(ends)}, err
}

// steadyAt is when the rate first reached 90 % of the median rate of the last
// quarter, over ten batches.
func steadyAt(ends []time.Duration) time.Duration {
	const window = 10
	var last []float64
	for i := len(ends) * 3 / 4; i+window < len(ends); i++ {
		last = append(last, (ends[i+window] - ends[i]).Seconds())
	}
	goal := median(last) / 0.9
	for i := 0; i+window < len(ends); i++ {
		if (ends[i+window] - ends[i]).Seconds() <= goal {
			return ends[i]
		}
	}
	return ends[len(ends)-1]
}
