package replay

import (
	"bytes"
	"errors"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/state"
)

// recorder is the state of the one key, and remembers what the call makes of it,
// also where that is undone.
type recorder struct {
	*state.Keyed
	run           *run
	before, after []letter.StateEntry
	timers        []Timer
	seen          bool // after is there
	err           error
}

// look takes down what the states hold, at the end of the call or before a part
// of it is undone.
func (r *recorder) look() {
	key := Key(r.run.letter)
	if r.seen || key == nil {
		return
	}
	r.seen = true
	if r.err = r.Keyed.SetKey(key); r.err == nil {
		r.after, r.err = export(r.Keyed, r.run.description)
	}
}

// Commit implements wasm.State.
func (r *recorder) Commit() error {
	r.look()
	return errors.Join(r.err, r.Keyed.Commit())
}

// Rollback implements wasm.State.
func (r *recorder) Rollback() {
	r.look()
	r.Keyed.Rollback()
}

// Undo implements wasm.State.
func (r *recorder) Undo() {
	r.look()
	r.Keyed.Undo()
}

func (r *recorder) timer(timer int, timestamp int64, action string) {
	if !r.seen {
		r.timers = append(r.timers, Timer{Timer: r.run.description.Timers[timer].Name, Timestamp: timestamp, Action: action})
	}
}

// TimerSet implements wasm.State.
func (r *recorder) TimerSet(timer int, timestamp int64) error {
	r.timer(timer, timestamp, "set")
	return r.Keyed.TimerSet(timer, timestamp)
}

// TimerDelete implements wasm.State.
func (r *recorder) TimerDelete(timer int, timestamp int64) error {
	r.timer(timer, timestamp, "delete")
	return r.Keyed.TimerDelete(timer, timestamp)
}

// TimersDue implements wasm.State.
func (r *recorder) TimersDue(timer int, upTo int64, limit int, yield func(key []byte, timestamp int64)) error {
	return r.Keyed.TimersDue(timer, upTo, limit, func(key []byte, timestamp int64) {
		r.timer(timer, timestamp, "fire")
		yield(key, timestamp)
	})
}

// export copies all that the states hold for the current key.
func export(keyed *state.Keyed, description *abi.OperatorDescription) ([]letter.StateEntry, error) {
	var entries []letter.StateEntry
	err := keyed.Export(func(state int, subKey, value []byte, version uint16, expiresMS int64) bool {
		declared := &description.States[state]
		entries = append(entries, letter.StateEntry{
			State: declared.Name, Kind: declared.Kind, Key: bytes.Clone(subKey), Value: append([]byte{}, value...), Version: version, ExpiresMS: expiresMS,
		})
		return true
	})
	return entries, err
}

// changes pairs the entries that differ, in the order of the states.
func changes(before, after []letter.StateEntry) []Change {
	type place struct {
		state, key string
		number     int // of a list's element
	}
	places := func(entries []letter.StateEntry) (list []place) {
		number := 0
		for i := range entries {
			e := &entries[i]
			if i > 0 && entries[i-1].State == e.State {
				number++
			} else {
				number = 0
			}
			p := place{state: e.State, key: string(e.Key)}
			if e.Kind == "list" {
				p.number = number
			}
			list = append(list, p)
		}
		return list
	}
	then := map[place]*letter.StateEntry{}
	for i, p := range places(before) {
		then[p] = &before[i]
	}
	var list []Change
	now := map[place]bool{}
	for i, p := range places(after) {
		now[p] = true
		if old := then[p]; old == nil || !bytes.Equal(old.Value, after[i].Value) || old.Version != after[i].Version || old.ExpiresMS != after[i].ExpiresMS {
			list = append(list, Change{Before: old, After: &after[i]})
		}
	}
	for i, p := range places(before) {
		if !now[p] {
			list = append(list, Change{Before: &before[i]})
		}
	}
	return list
}
