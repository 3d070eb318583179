package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/job"
	"github.com/turgo-stream/turgo/host/keygroup"
)

// mergeFrom is the number of tables at which the model merges all of them.
const mergeFrom = 4

// modelState keeps keyed state in a map. It is a task.State with the same rules
// as the real one: what changed up to a barrier becomes a table in the store,
// later tables shadow earlier ones, a failed write is part of the next one.
type modelState struct {
	chain  job.Chain
	prefix string
	tables []checkpoint.Table
	number int

	values  map[string][]byte // a timer's key begins with 't', a value's with 'v'
	staged  map[string][]byte // of the transaction; nil value = deleted
	dirty   map[string][]byte // since the last freeze
	frozen  map[string][]byte // being written
	written *checkpoint.Table
	key     []byte
}

func openModelState(ctx context.Context, chain job.Chain) (*modelState, error) {
	s := &modelState{
		chain:  chain,
		prefix: fmt.Sprintf("%s%d/%s-%d/", checkpoint.TablePrefix, chain.Attempt, chain.Task.Vertex, chain.Task.Subtask),
		values: map[string][]byte{}, dirty: map[string][]byte{},
	}
	for _, table := range chain.Tables {
		if err := s.restore(ctx, table); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *modelState) restore(ctx context.Context, table checkpoint.Table) error {
	object, err := s.chain.Store.Open(ctx, table.Object)
	if err != nil {
		return err
	}
	defer object.Close()
	data, err := io.ReadAll(io.NewSectionReader(object, 0, object.Size()))
	if err != nil {
		return err
	}
	var content map[string][]byte
	if err := json.Unmarshal(data, &content); err != nil {
		return fmt.Errorf("sim: table %s: %w", table.Object, err)
	}
	for key, value := range content {
		if group := keygroup.Of([]byte(key[1:]), s.chain.MaxParallelism); group < int(table.First) || group > int(table.Last) {
			continue
		}
		s.set(s.values, key, value)
	}
	s.tables = append(s.tables, table)
	return nil
}

func (s *modelState) set(into map[string][]byte, key string, value []byte) {
	if value == nil {
		delete(into, key)
		return
	}
	into[key] = value
}

// Begin implements keyedState.
func (s *modelState) Begin(int64) { s.staged = map[string][]byte{} }

// Rollback implements keyedState.
func (s *modelState) Rollback() { s.staged = nil }

// Commit implements keyedState.
func (s *modelState) Commit() error {
	for key, value := range s.staged {
		s.set(s.values, key, value)
		s.dirty[key] = value
	}
	s.staged = nil
	return nil
}

// SetKey implements keyedState.
func (s *modelState) SetKey(key []byte) error {
	if group := keygroup.Of(key, s.chain.MaxParallelism); group < s.chain.First || group > s.chain.Last {
		return fmt.Errorf("sim: key %q of group %d reached the task of groups %d to %d", key, group, s.chain.First, s.chain.Last)
	}
	s.key = bytes.Clone(key)
	return nil
}

func (s *modelState) get(key string) ([]byte, bool) {
	if value, found := s.staged[key]; found {
		return value, value != nil
	}
	value, found := s.values[key]
	return value, found
}

// ValueGet implements keyedState.
func (s *modelState) ValueGet(int) ([]byte, uint16, bool, error) {
	value, found := s.get("v" + string(s.key))
	return value, 0, found, nil
}

// ValuePut implements keyedState.
func (s *modelState) ValuePut(_ int, value []byte) error {
	s.staged["v"+string(s.key)] = bytes.Clone(value)
	return nil
}

// TimerSet implements keyedState. The model knows one time only, the end.
func (s *modelState) TimerSet(int, int64) error {
	s.staged["t"+string(s.key)] = []byte{1}
	return nil
}

// TimersDue implements keyedState.
func (s *modelState) TimersDue(_ int, upTo int64, limit int, yield func([]byte, int64)) error {
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		if _, found := s.get(key); key[0] != 't' || !found || limit == 0 {
			continue
		}
		limit--
		s.staged[key] = nil
		yield([]byte(key[1:]), upTo)
	}
	return nil
}

// Freeze implements task.State.
func (s *modelState) Freeze() (func(context.Context) error, error) {
	s.frozen, s.dirty = s.dirty, map[string][]byte{}
	content := s.frozen
	return func(ctx context.Context) error {
		if len(content) == 0 {
			return nil
		}
		table, err := s.upload(ctx, content)
		s.written = table
		return err
	}, nil
}

func (s *modelState) upload(ctx context.Context, content map[string][]byte) (*checkpoint.Table, error) {
	data, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	s.number++
	name := fmt.Sprintf("%s%d", s.prefix, s.number)
	if err := s.chain.Store.Upload(ctx, name, bytes.NewReader(data), int64(len(data))); err != nil {
		return nil, err
	}
	return &checkpoint.Table{
		Object: name, Bytes: int64(len(data)), Entries: int64(len(content)),
		First: uint16(s.chain.First), Last: uint16(s.chain.Last), Operators: []string{"count"},
	}, nil
}

// Settle implements task.State.
func (s *modelState) Settle(err error) {
	if err != nil {
		for key, value := range s.dirty {
			s.frozen[key] = value
		}
		s.dirty = s.frozen
	} else if s.written != nil {
		s.tables = append(s.tables, *s.written)
	}
	s.frozen, s.written = nil, nil
}

// Tables implements task.State.
func (s *modelState) Tables() []checkpoint.Table { return slices.Clone(s.tables) }

// Prefetch implements task.State. The model reads tables when it is restored.
func (s *modelState) Prefetch() func(context.Context) error { return nil }

// Merge implements task.State: all tables become one.
func (s *modelState) Merge() func(context.Context) func() {
	if len(s.tables) < mergeFrom {
		return nil
	}
	inputs := slices.Clone(s.tables)
	return func(ctx context.Context) func() {
		merged := &modelState{chain: s.chain, prefix: s.prefix + "merged", number: s.number, values: map[string][]byte{}}
		for _, table := range inputs {
			if err := merged.restore(ctx, table); err != nil {
				return func() {}
			}
		}
		table, err := merged.upload(ctx, merged.values)
		if err != nil {
			return func() {}
		}
		return func() { s.tables = append([]checkpoint.Table{*table}, s.tables[len(inputs):]...) }
	}
}

// Close implements task.State.
func (s *modelState) Close() error { return nil }
