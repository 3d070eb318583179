package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/keygroup"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/state"
)

// StateOf reads what a checkpoint holds of one key of an operator. The store is
// only read: it may be a view of one that another process writes. What has expired by nowMS is left out.
func StateOf(ctx context.Context, store checkpoint.Store, m *checkpoint.Manifest, uid string, description *abi.OperatorDescription, key []byte, nowMS int64) ([]letter.StateEntry, error) {
	at := slices.IndexFunc(m.Operators, func(o checkpoint.OperatorInfo) bool { return o.UID == uid })
	if at < 0 {
		return nil, fmt.Errorf("replay: the checkpoint of epoch %d holds no operator %q", m.Epoch, uid)
	}
	group := keygroup.Of(key, m.MaxParallelism)
	backend, err := state.Open(state.Config{
		FS: vfs.NewMem(), Dir: "replay", First: group, Last: group, MaxParallelism: m.MaxParallelism, Attempt: 1,
		Store: store, ObjectPrefix: "replay", CacheBytes: stateCacheBytes, Clock: func() int64 { return nowMS },
	})
	if err != nil {
		return nil, err
	}
	entries, err := readKey(ctx, backend, m, m.Operators[at].Vertex, uid, description, key, nowMS)
	return entries, errors.Join(err, backend.Close())
}

func readKey(ctx context.Context, backend *state.Backend, m *checkpoint.Manifest, vertex, uid string, description *abi.OperatorDescription, key []byte, nowMS int64) ([]letter.StateEntry, error) {
	var tables []checkpoint.Table
	for i := range m.Tasks {
		if m.Tasks[i].Task.Vertex == vertex {
			tables = append(tables, m.Tasks[i].Tables...)
		}
	}
	if err := backend.Restore(ctx, tables); err != nil {
		return nil, err
	}
	keyed, err := backend.Operator(uid, description.States, description.Timers)
	if err != nil {
		return nil, err
	}
	keyed.Begin(nowMS)
	defer keyed.Rollback()
	if err := keyed.SetKey(key); err != nil {
		return nil, err
	}
	return export(keyed, description)
}
