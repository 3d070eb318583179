package kafka

import (
	"sync"
	"time"
)

// ledger knows which slots have output that may yet be committed again, and so
// must stay as they are. That its commit has succeeded is not enough: the host
// may die before a manifest records it, and the next attempt then commits the
// same committable once more. If the slot had moved on by then, the broker would
// answer as if the output were lost.
//
// The ledger learns from the order of calls what the host has recorded. Let N be
// a transaction whose commit was answered, X one whose Prepare was called after
// that, and Y one whose Prepare was called after the first Commit of X.
//
//   - X was not yet there when the host sent Commit of N. The host sends
//     commits of a sink one order at a time, and takes in the answer of one before
//     it makes the next. So when Commit of X comes, the host knows that N is confirmed.
//   - The manifest of Y is written after Prepare of Y, so it does not name N any
//     more. Commit of Y comes after that manifest is durable.
//
// So at Commit of Y no start of the job will commit N again. The ledger holds one
// such X at a time.
type ledger struct {
	mutex sync.Mutex
	ticks uint64 // counts calls; the order of all that follows
	// known: what was answered before tick `before` the host had taken in at tick
	// `at`. Zero = nothing.
	known    struct{ before, at uint64 }
	recorded uint64                  // what was answered before this tick is recorded
	slots    map[string]*ledgerEntry // by transactional id; prepared ones
}

// ledgerEntry is one slot with a prepared transaction.
type ledgerEntry struct {
	slot      *slot
	prepared  uint64 // tick at which its Prepare was called
	confirmed uint64 // tick of the last success that was answered; 0 = none yet
	ordered   bool   // a Commit has come: its manifest is durable
	opened    time.Time
}

func newLedger() *ledger { return &ledger{slots: map[string]*ledgerEntry{}} }

// tick gives the time of a call.
func (l *ledger) tick() uint64 {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.ticks++
	return l.ticks
}

// prepared takes up a slot whose Prepare was called at a tick.
func (l *ledger) prepared(s *slot, at uint64) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.slots[s.id] = &ledgerEntry{slot: s, prepared: at, opened: s.opened}
}

// committing notes that Commit was called, and gives the slots that are free by
// what the call proves. first says that nobody asked for this commit before.
func (l *ledger) committing(id string) (free []*slot, first bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.ticks++
	entry := l.slots[id]
	if entry == nil || entry.ordered {
		return nil, false // of an earlier attempt, or a repeated call: proves nothing
	}
	entry.ordered = true
	switch {
	case l.known.at == 0:
	case entry.prepared > l.known.at:
		l.recorded = max(l.recorded, l.known.before)
	default:
		return nil, true // X as it stands is proven by a later call
	}
	l.known.before, l.known.at = entry.prepared, l.ticks
	for id, entry := range l.slots {
		if entry.confirmed > 0 && entry.confirmed < l.recorded {
			delete(l.slots, id)
			free = append(free, entry.slot)
		}
	}
	return free, true
}

// committed notes that the success of a commit is about to be answered.
func (l *ledger) committed(id string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.ticks++
	if entry := l.slots[id]; entry != nil {
		entry.confirmed = l.ticks
	}
}

// failed notes that a call of Commit gives an error: the host then forgets the
// answers that went before in the same order, and asks again.
func (l *ledger) failed() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.ticks++
	for _, entry := range l.slots {
		if entry.confirmed > 0 {
			entry.confirmed = l.ticks
		}
	}
}

// drop forgets the slots of a writer that is closed.
func (l *ledger) drop(s *slot) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if entry := l.slots[s.id]; entry != nil && entry.slot == s {
		delete(l.slots, s.id)
	}
}

// oldest is the longest time that a prepared transaction of a subtask is open.
// One that has a confirmed commit is not.
func (l *ledger) oldest(subtask int, now time.Time) (s *slot, age time.Duration) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, entry := range l.slots {
		if entry.slot.subtask != subtask || entry.confirmed > 0 {
			continue
		}
		if open := now.Sub(entry.opened); s == nil || open > age {
			s, age = entry.slot, open
		}
	}
	return s, age
}
