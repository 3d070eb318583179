package sim

import (
	"context"
	"errors"
	"fmt"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/job"
	"github.com/turgo-stream/turgo/host/state"
)

// Limits of the real state that are small enough for a short run to reach them.
const (
	realCacheBytes   = 1 << 20
	realTableBytes   = 4 << 10
	realOverlapMax   = 3
	realTimersInHeap = 16
)

// realState is the state of the real runtime, over Pebble on the host's disk.
type realState struct {
	backend *state.Backend
	frozen  []*state.Frozen
}

func (h *host) openRealState(ctx context.Context, chain job.Chain) (*realState, keyedState, error) {
	name := fmt.Sprintf("%s-%d", chain.Task.Vertex, chain.Task.Subtask)
	backend, err := state.Open(state.Config{
		FS: h.disk, Dir: "/state/" + name, First: chain.First, Last: chain.Last, MaxParallelism: chain.MaxParallelism,
		Attempt: chain.Attempt, Store: chain.Store, ObjectPrefix: fmt.Sprintf("%s%d/%s/", checkpoint.TablePrefix, chain.Attempt, name),
		Clock: h.world.nowMS, CacheBytes: realCacheBytes, BlockCacheBytes: realCacheBytes, TableBytes: realTableBytes,
		MaxOverlap: realOverlapMax, MaxTimersInHeap: realTimersInHeap,
	})
	if err != nil {
		return nil, nil, err
	}
	if err := backend.Restore(ctx, chain.Tables); err != nil {
		return nil, nil, errors.Join(err, backend.Close())
	}
	keyed, err := backend.Operator(chain.Steps[0].UID, counterDescription.States, counterDescription.Timers)
	if err != nil {
		return nil, nil, errors.Join(err, backend.Close())
	}
	h.states = append(h.states, backend)
	return &realState{backend: backend}, keyed, nil
}

// Freeze implements task.State.
func (s *realState) Freeze() (func(context.Context) error, error) {
	frozen, err := s.backend.Freeze()
	if err != nil {
		return nil, err
	}
	s.frozen = append(s.frozen, frozen)
	return func(ctx context.Context) error {
		_, err := frozen.Write(ctx)
		return err
	}, nil
}

// Settle implements task.State.
func (s *realState) Settle(error) {
	s.backend.Complete(s.frozen[0])
	s.frozen = s.frozen[1:]
}

// Tables implements task.State.
func (s *realState) Tables() []checkpoint.Table { return s.backend.Tables() }

// Prefetch implements task.State. It is left out: it reads beside the task, at
// times that the seed does not choose.
func (s *realState) Prefetch() func(context.Context) error { return nil }

// Merge implements task.State.
func (s *realState) Merge() func(context.Context) func() {
	merge := s.backend.Merge()
	if merge == nil {
		return nil
	}
	return func(ctx context.Context) func() {
		// A merge that fails leaves the tables as they are.
		_ = merge.Run(ctx)
		return func() { s.backend.CompleteMerge(merge) }
	}
}

// Close implements task.State.
func (s *realState) Close() error { return s.backend.Close() }
