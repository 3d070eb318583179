package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/localstore"
	"github.com/turgo-stream/turgo/host/state"
)

// heldState is one task's state with many keys, on a store in a folder.
type heldState struct {
	folder string
	store  *localstore.Store
	task   *state.Backend
	keyed  *state.Keyed
	opens  int

	states []abi.StateDescription
	timers []abi.TimerDescription
}

const (
	heldGroups     = 128
	changedKeys    = 100_000
	heldValueBytes = 16
)

var heldStates = []abi.StateDescription{{Name: "count", Kind: "value", Prefetch: true}}

func newHeldState() (*heldState, error) {
	folder, err := os.MkdirTemp("", "turgo-bench-state-")
	if err != nil {
		return nil, err
	}
	h := &heldState{folder: folder, states: heldStates}
	if h.store, err = localstore.Open(filepath.Join(folder, "store")); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return h, nil
}

// open starts the task anew from tables in store.
func (h *heldState) open(store checkpoint.Store, tables []checkpoint.Table) (err error) {
	h.opens++
	h.task, err = state.Open(state.Config{
		Dir: filepath.Join(h.folder, "local"), First: 0, Last: heldGroups - 1, MaxParallelism: heldGroups,
		Attempt: uint64(h.opens), Store: store, ObjectPrefix: fmt.Sprintf("tables/%d", h.opens),
		Clock: func() int64 { return time.Now().UnixMilli() },
	})
	if err != nil {
		return err
	}
	if h.keyed, err = h.task.Operator("count", h.states, h.timers); err != nil {
		return err
	}
	return h.task.Restore(context.Background(), tables)
}

func (h *heldState) stop() error {
	if h.task == nil {
		return nil
	}
	err := h.task.Close()
	h.task = nil
	return err
}

func (h *heldState) close() error {
	return errors.Join(h.stop(), h.store.Close(), os.RemoveAll(h.folder))
}

// increment counts keys from first on, every step-th, in calls of 1000 records,
// whose keys are prefetched.
func (h *heldState) increment(first, count, step, modulo int) error {
	key, value := make([]byte, 8), make([]byte, heldValueBytes)
	// A key is scattered, so that neighbours in time are none in the table.
	place := func(i int) {
		binary.BigEndian.PutUint64(key, uint64((first+i*step)%modulo)*0x9e3779b97f4a7c15)
	}
	for i := range count {
		if i%1000 == 0 {
			h.keyed.Begin(time.Now().UnixMilli())
			err := h.keyed.Prefetch([]int{0}, func(yield func([]byte) bool) {
				for n := i; n < min(i+1000, count); n++ {
					if place(n); !yield(key) {
						return
					}
				}
			})
			if err != nil {
				return err
			}
		}
		place(i)
		if err := h.keyed.SetKey(key); err != nil {
			return err
		}
		before, _, found, err := h.keyed.ValueGet(0)
		if err != nil {
			return err
		}
		clear(value)
		if found {
			copy(value, before)
		}
		binary.LittleEndian.PutUint64(value, binary.LittleEndian.Uint64(value)+1)
		if err := h.keyed.ValuePut(0, value); err != nil {
			return err
		}
		if i%1000 == 999 || i == count-1 {
			if err := h.keyed.Commit(); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkpoint takes one and gives the task's pause and the bytes it wrote.
func (h *heldState) checkpoint() (pause time.Duration, bytes int64, err error) {
	start := time.Now()
	frozen, err := h.task.Freeze()
	if err != nil {
		return 0, 0, err
	}
	pause = time.Since(start)
	tables, err := frozen.Write(context.Background())
	if err != nil {
		return 0, 0, err
	}
	start = time.Now()
	h.task.Complete(frozen)
	pause += time.Since(start)
	for _, table := range tables {
		bytes += table.Bytes
	}
	for m := h.task.Merge(); m != nil; m = h.task.Merge() {
		if err := m.Run(context.Background()); err != nil {
			return 0, 0, err
		}
		h.task.CompleteMerge(m)
	}
	return pause, bytes, nil
}

// fill makes the task hold keys, in a few checkpoints.
func (h *heldState) fill(keys int) error {
	for first := 0; first < keys; first += 1_000_000 {
		if err := h.increment(first, min(1_000_000, keys-first), 1, keys); err != nil {
			return err
		}
		if _, _, err := h.checkpoint(); err != nil {
			return err
		}
	}
	return nil
}

// epochs takes checkpoints after changing changed keys each.
func (h *heldState) epochs(count, keys, changed int) (pauses, bytes []float64, err error) {
	for epoch := range count {
		if err := h.increment(epoch*changed*7919, changed, 7919, keys); err != nil {
			return nil, nil, err
		}
		pause, written, err := h.checkpoint()
		if err != nil {
			return nil, nil, err
		}
		pauses, bytes = append(pauses, pause.Seconds()*1000), append(bytes, float64(written))
	}
	return pauses, bytes, nil
}

func measureCheckpoint() error {
	var pauseOf, bytesOf []float64
	for _, keys := range []int{1_000_000, 10_000_000} {
		h, err := newHeldState()
		if err != nil {
			return err
		}
		err = h.open(h.store, nil)
		if err == nil {
			err = h.fill(keys)
		}
		var pauses, bytes, few []float64
		if err == nil {
			pauses, bytes, err = h.epochs(9, keys, changedKeys)
		}
		if err == nil {
			_, few, err = h.epochs(3, keys, changedKeys/10)
		}
		if err = errors.Join(err, h.close()); err != nil {
			return err
		}
		name := fmt.Sprintf("checkpoint_%dm_keys", keys/1_000_000)
		figure(name+"_pause", median(pauses), "ms", "<= 5")
		figure(name+"_written_100k_changed", median(bytes)/1e6, "MB", "")
		figure(name+"_written_10k_changed", median(few)/1e6, "MB", "")
		pauseOf, bytesOf = append(pauseOf, median(pauses)), append(bytesOf, median(bytes))
	}
	figure("checkpoint_pause_10m_to_1m", pauseOf[1]/pauseOf[0], "ratio", "")
	figure("checkpoint_written_10m_to_1m", bytesOf[1]/bytesOf[0], "ratio", "<= 1.2")
	return nil
}
