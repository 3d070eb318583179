package wasm

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sort"
)

// memoryState is keyed state in maps, with real transactions: a transaction
// works on a copy-on-write view, Mark and Undo keep a log of what to put back.
type memoryState struct {
	values     map[string]string // state and key; state, key and entry; list as state, key and cursor
	timers     map[timerID]bool
	undo       []func() // since Begin
	mark       int      // length of undo at the last Mark
	key        string
	open       bool
	commits    int
	rollbacks  int
	failNext   error // what the next access returns
	version    uint16
	prefetched []string // states and key
}

type timerID struct {
	timer     int
	timestamp int64
	key       string
}

func newMemoryState() *memoryState {
	return &memoryState{values: map[string]string{}, timers: map[timerID]bool{}, version: 7}
}

func (s *memoryState) Begin(int64) {
	if s.open {
		panic("transaction in a transaction")
	}
	s.open, s.undo, s.mark, s.key = true, s.undo[:0], 0, "\x00none"
}

func (s *memoryState) Commit() error {
	s.open, s.undo = false, s.undo[:0]
	s.commits++
	return s.take()
}

func (s *memoryState) Rollback() {
	s.back(0)
	s.open = false
	s.rollbacks++
}

func (s *memoryState) Mark() { s.mark = len(s.undo) }
func (s *memoryState) Undo() { s.back(s.mark) }

func (s *memoryState) back(to int) {
	for len(s.undo) > to {
		s.undo[len(s.undo)-1]()
		s.undo = s.undo[:len(s.undo)-1]
	}
}

func (s *memoryState) take() error {
	err := s.failNext
	s.failNext = nil
	return err
}

func (s *memoryState) Prefetch(states []int, keys iter.Seq[[]byte]) error {
	for key := range keys {
		s.prefetched = append(s.prefetched, fmt.Sprint(states, " ", string(key)))
	}
	return s.take()
}

func (s *memoryState) SetKey(key []byte) error { s.key = string(key); return s.take() }

func (s *memoryState) prefix(state int) string { return fmt.Sprintf("%d/%s/", state, s.key) }

func (s *memoryState) put(id, value string) {
	if !s.open {
		panic("write outside of a transaction")
	}
	old, had := s.values[id]
	s.undo = append(s.undo, func() {
		if delete(s.values, id); had {
			s.values[id] = old
		}
	})
	s.values[id] = value
}

func (s *memoryState) remove(id string) {
	if old, had := s.values[id]; had {
		s.undo = append(s.undo, func() { s.values[id] = old })
		delete(s.values, id)
	}
}

func (s *memoryState) get(id string) ([]byte, uint16, bool, error) {
	value, found := s.values[id]
	return []byte(value), s.version, found, s.take()
}

func (s *memoryState) ValueGet(state int) ([]byte, uint16, bool, error) {
	return s.get(s.prefix(state))
}

func (s *memoryState) ValuePut(state int, value []byte) error {
	s.put(s.prefix(state), string(value))
	return s.take()
}

func (s *memoryState) entries(state int) []string {
	prefix := s.prefix(state)
	var ids []string
	for id := range s.values {
		if len(id) >= len(prefix) && id[:len(prefix)] == prefix {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	return ids
}

func (s *memoryState) Clear(state int) error {
	for _, id := range s.entries(state) {
		s.remove(id)
	}
	return s.take()
}

func (s *memoryState) ListAppend(state int, value []byte) error {
	s.put(fmt.Sprintf("%s%08d", s.prefix(state), len(s.entries(state))+1), string(value))
	return s.take()
}

func (s *memoryState) ListRead(state int, from uint64, yield func(uint64, uint16, []byte) bool) error {
	for i, id := range s.entries(state) {
		if cursor := uint64(i + 1); cursor > from && !yield(cursor, s.version, []byte(s.values[id])) {
			break
		}
	}
	return s.take()
}

func (s *memoryState) MapGet(state int, key []byte) ([]byte, uint16, bool, error) {
	return s.get(s.prefix(state) + string(key))
}

func (s *memoryState) MapPut(state int, key, value []byte) error {
	s.put(s.prefix(state)+string(key), string(value))
	return s.take()
}

func (s *memoryState) MapDelete(state int, key []byte) error {
	s.remove(s.prefix(state) + string(key))
	return s.take()
}

func (s *memoryState) MapScan(state int, after []byte, yield func([]byte, uint16, []byte) bool) error {
	for _, id := range s.entries(state) {
		key := id[len(s.prefix(state)):]
		if (after == nil || key > string(after)) && !yield([]byte(key), s.version, []byte(s.values[id])) {
			break
		}
	}
	return s.take()
}

func (s *memoryState) Export(yield func(int, []byte, []byte, uint16, int64) bool) error {
	for state := range 8 {
		for _, id := range s.entries(state) {
			var subKey []byte
			if key := id[len(s.prefix(state)):]; key != "" {
				subKey = []byte(key)
			}
			if !yield(state, subKey, []byte(s.values[id]), s.version, 0) {
				return s.take()
			}
		}
	}
	return s.take()
}

func (s *memoryState) TimerSet(timer int, timestamp int64) error {
	s.timer(timerID{timer, timestamp, s.key}, true)
	return s.take()
}

func (s *memoryState) TimerDelete(timer int, timestamp int64) error {
	s.timer(timerID{timer, timestamp, s.key}, false)
	return s.take()
}

func (s *memoryState) timer(id timerID, set bool) {
	had := s.timers[id]
	s.undo = append(s.undo, func() { s.timers[id] = had })
	s.timers[id] = set
}

func (s *memoryState) due(timer int, upTo int64) []timerID {
	var ids []timerID
	for id := range maps.Keys(s.timers) {
		if s.timers[id] && id.timer == timer && id.timestamp <= upTo {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b timerID) int {
		return cmp.Or(cmp.Compare(a.timestamp, b.timestamp), cmp.Compare(a.key, b.key))
	})
	return ids
}

func (s *memoryState) TimersDue(timer int, upTo int64, limit int, yield func([]byte, int64)) error {
	ids := s.due(timer, upTo)
	for _, id := range ids[:min(limit, len(ids))] {
		s.timer(id, false)
		yield([]byte(id.key), id.timestamp)
	}
	return s.take()
}

func (s *memoryState) TimerNext(timer int) (int64, bool, error) {
	ids := s.due(timer, 1<<63-1)
	if len(ids) == 0 {
		return 0, false, s.take()
	}
	return ids[0].timestamp, true, s.take()
}
