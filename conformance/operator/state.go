package operator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/localstore"
	"github.com/turgo-stream/turgo/host/state"
	"github.com/turgo-stream/turgo/host/wasm"
)

// maxParallelism is that of the job that the suite stands for.
const maxParallelism = 128

// store is where the states of instances live: the host's own, on a folder.
type store struct {
	objects *localstore.Store
	backend *state.Backend
	folder  string
	attempt uint64
	spaces  int
	clock   int64
}

// newStore opens an empty store. The attempt is as if the job had been started so
// often.
func (s *suite) newStore(attempt uint64) (*store, error) {
	s.folders++
	folder := filepath.Join(s.folder, fmt.Sprint("store-", s.folders))
	objects, err := localstore.Open(filepath.Join(folder, "objects"))
	if err != nil {
		return nil, err
	}
	st := &store{objects: objects, folder: folder, attempt: attempt}
	if err := st.open(); err != nil {
		return nil, errors.Join(err, objects.Close())
	}
	return st, nil
}

func (st *store) open() (err error) {
	st.backend, err = state.Open(state.Config{
		Dir: filepath.Join(st.folder, fmt.Sprint("local-", st.attempt)), First: 0, Last: maxParallelism - 1, MaxParallelism: maxParallelism,
		Attempt: st.attempt, Store: st.objects, ObjectPrefix: fmt.Sprint("tables-", st.attempt), CacheBytes: 64 << 20,
		Clock: func() int64 { return st.clock },
	})
	return err
}

// restart writes a checkpoint, drops all that is local and restores it, as a job
// does that has crashed.
func (st *store) restart(ctx context.Context) error {
	frozen, err := st.backend.Freeze()
	if err != nil {
		return err
	}
	if _, err := frozen.Write(ctx); err != nil {
		return err
	}
	st.backend.Complete(frozen)
	tables := slices.Clone(st.backend.Tables())
	if err := st.backend.Close(); err != nil {
		return err
	}
	st.attempt++
	if err := st.open(); err != nil {
		return err
	}
	return st.restore(ctx, tables)
}

func (st *store) restore(ctx context.Context, tables []checkpoint.Table) error {
	return st.backend.Restore(ctx, tables)
}

func (st *store) close() error {
	return errors.Join(st.backend.Close(), st.objects.Close())
}

// keyed gives the state of the operator, under a name of its own: another name is
// another, empty state.
func (st *store) keyed(name string, description *abi.OperatorDescription) (*state.Keyed, error) {
	return st.backend.Operator(name, description.States, description.Timers)
}

// usedParts are the states and timers that were used.
type usedParts struct {
	states, timers map[int]bool
}

// firedTimer is a timer that was taken to be fired.
type firedTimer struct {
	timer     int
	key       string
	timestamp int64
}

// recorder is a state that remembers what was done with it.
type recorder struct {
	wasm.State
	description *abi.OperatorDescription
	// used is of the whole check of an operator.
	used *usedParts
	// keys are all that became current.
	keys map[string]bool
	// touched are those of them that something was written for since it was cleared.
	touched map[string]bool
	current string
	// fired are the timers of the last slice.
	fired []firedTimer
	// shift is added to the schema versions that reads tell.
	shift int
}

func newRecorder(inner wasm.State, description *abi.OperatorDescription, used *usedParts) *recorder {
	if used.states == nil {
		used.states, used.timers = map[int]bool{}, map[int]bool{}
	}
	return &recorder{State: inner, description: description, used: used, keys: map[string]bool{}, touched: map[string]bool{}}
}

// SetKey implements wasm.State, and so do the methods below.
func (r *recorder) SetKey(key []byte) error {
	r.current = string(key)
	r.keys[r.current] = true
	return r.State.SetKey(key)
}

func (r *recorder) wrote(state int) {
	r.used.states[state] = true
	r.touched[r.current] = true
}

func (r *recorder) version(state int, version uint16) uint16 {
	if r.shift == 0 || r.description.States[state].SchemaVersion == 0 {
		return version
	}
	return uint16(int(version) + r.shift)
}

func (r *recorder) ValueGet(state int) ([]byte, uint16, bool, error) {
	r.used.states[state] = true
	value, version, found, err := r.State.ValueGet(state)
	return value, r.version(state, version), found, err
}

func (r *recorder) ValuePut(state int, value []byte) error {
	r.wrote(state)
	return r.State.ValuePut(state, value)
}

func (r *recorder) Clear(state int) error {
	r.wrote(state)
	return r.State.Clear(state)
}

func (r *recorder) ListAppend(state int, value []byte) error {
	r.wrote(state)
	return r.State.ListAppend(state, value)
}

func (r *recorder) ListRead(state int, from uint64, yield func(uint64, uint16, []byte) bool) error {
	r.used.states[state] = true
	return r.State.ListRead(state, from, func(cursor uint64, version uint16, value []byte) bool {
		return yield(cursor, r.version(state, version), value)
	})
}

func (r *recorder) MapGet(state int, key []byte) ([]byte, uint16, bool, error) {
	r.used.states[state] = true
	value, version, found, err := r.State.MapGet(state, key)
	return value, r.version(state, version), found, err
}

func (r *recorder) MapPut(state int, key, value []byte) error {
	r.wrote(state)
	return r.State.MapPut(state, key, value)
}

func (r *recorder) MapDelete(state int, key []byte) error {
	r.wrote(state)
	return r.State.MapDelete(state, key)
}

func (r *recorder) MapScan(state int, after []byte, yield func([]byte, uint16, []byte) bool) error {
	r.used.states[state] = true
	return r.State.MapScan(state, after, func(key []byte, version uint16, value []byte) bool {
		return yield(key, r.version(state, version), value)
	})
}

func (r *recorder) TimerSet(timer int, timestamp int64) error {
	r.used.timers[timer] = true
	r.touched[r.current] = true
	return r.State.TimerSet(timer, timestamp)
}

func (r *recorder) TimerDelete(timer int, timestamp int64) error {
	r.touched[r.current] = true
	return r.State.TimerDelete(timer, timestamp)
}

func (r *recorder) TimersDue(timer int, upTo int64, limit int, yield func([]byte, int64)) error {
	r.fired = r.fired[:0]
	return r.State.TimersDue(timer, upTo, limit, func(key []byte, timestamp int64) {
		r.fired = append(r.fired, firedTimer{timer, string(key), timestamp})
		yield(key, timestamp)
	})
}

// pendingMax bounds how many timers of a declaration a dump lists.
const pendingMax = 100_000

// dump lists what the state holds for each key: its entries and its timers, in
// their order.
func (r *recorder) dump(processingTime int64) (map[string][]string, error) {
	r.State.Begin(processingTime)
	defer r.State.Rollback()
	dump := map[string][]string{}
	for _, key := range slices.Sorted(maps.Keys(r.keys)) {
		if err := r.State.SetKey([]byte(key)); err != nil {
			return nil, err
		}
		err := r.State.Export(func(state int, subKey, value []byte, version uint16, expiresMS int64) bool {
			declared := &r.description.States[state]
			line := fmt.Sprintf("%s %s", declared.Kind, declared.Name)
			if declared.Kind == "map" {
				line += "[" + show(subKey) + "]"
			}
			line += " = " + show(value)
			if version > 0 {
				line += fmt.Sprintf(" of schema version %d", version)
			}
			if expiresMS > 0 {
				line += fmt.Sprintf(" until %d", expiresMS)
			}
			dump[key] = append(dump[key], line)
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	for timer := range r.description.Timers {
		err := r.State.TimersDue(timer, abi.WatermarkMax, pendingMax, func(key []byte, timestamp int64) {
			line := fmt.Sprintf("timer %s at %d", r.description.Timers[timer].Name, timestamp)
			dump[string(key)] = append(dump[string(key)], line)
		})
		if err != nil {
			return nil, err
		}
	}
	return dump, nil
}
