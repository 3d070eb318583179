package turgotest

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/turgo-stream/turgo/abi"
)

// store is the keyed state and the timers of one operator. Entries are kept in
// the order of their addresses; all that a test needs is small.
type store struct {
	entries map[address]entry
	timers  map[timer]bool
	cursor  uint64 // of the last list element
}

// address names one entry: the value of a key, one element of a list (by its
// cursor), or one entry of a map (by its sub-key).
type address struct {
	state  uint32
	key    string
	cursor uint64
	sub    string
}

type entry struct {
	data    string
	version uint16
	expires int64 // processing time; 0 = never
}

type timer struct {
	declaration uint32
	key         string
	timestamp   int64
}

func newStore() *store {
	return &store{entries: map[address]entry{}, timers: map[timer]bool{}}
}

// restored is a copy of the store, as a restore from a snapshot makes it.
func (s *store) restored() *store {
	next := newStore()
	next.cursor = s.cursor
	for a, e := range s.entries {
		next.entries[a] = e
	}
	for t := range s.timers {
		next.timers[t] = true
	}
	return next
}

// of returns the addresses of one state of a key, in order, without those that
// expired.
func (s *store) of(state uint32, key string, now int64) []address {
	var found []address
	for a, e := range s.entries {
		if a.state == state && a.key == key && !e.expired(now) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b address) int {
		return cmp.Or(cmp.Compare(a.cursor, b.cursor), bytes.Compare([]byte(a.sub), []byte(b.sub)))
	})
	return found
}

func (e entry) expired(now int64) bool { return e.expires != 0 && e.expires <= now }

// renumbered is a copy whose states and timers have the numbers of another
// description, by their names. What it does not have is dropped.
func (s *store) renumbered(from, to abi.OperatorDescription) *store {
	states, timers := map[string]uint32{}, map[string]uint32{}
	for i, state := range to.States {
		states[state.Name+" "+state.Kind] = uint32(i)
	}
	for i, t := range to.Timers {
		timers[t.Name] = uint32(i)
	}
	next := newStore()
	next.cursor = s.cursor
	for a, e := range s.entries {
		state := from.States[a.state]
		if index, found := states[state.Name+" "+state.Kind]; found {
			a.state = index
			next.entries[a] = e
		}
	}
	for t := range s.timers {
		if index, found := timers[from.Timers[t.declaration].Name]; found {
			t.declaration = index
			next.timers[t] = true
		}
	}
	return next
}
