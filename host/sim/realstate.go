package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/job"
	"github.com/turgo-stream/turgo/host/state"
	"github.com/turgo-stream/turgo/host/task"
)

// Limits of the real state that are small enough for a short run to reach them.
const (
	realCacheBytes   = 1 << 20
	realTableBytes   = 4 << 10
	realOverlapMax   = 3
	realTimersInHeap = 16
)

// openRealState opens the state of the real runtime, over Pebble on the host's
// disk. Without prefetch, which reads at times that the seed does not choose.
func (h *host) openRealState(ctx context.Context, chain job.Chain) (task.State, keyedState, error) {
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
	return job.NewState(backend, false, slog.New(slog.DiscardHandler)), keyed, nil
}
