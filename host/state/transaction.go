package state

// Staged writes go straight into the cache, and a journal keeps what they
// replaced: so Commit is free, reads see staged writes without a second
// structure, and only a rollback pays.

type undoKind uint8

const (
	undoOverwrite undoKind = iota // the old value's bytes go back in place
	undoReplace                   // the version before becomes current again
	undoTimer                     // a timer that fired waits again
)

// undo is one record, kept small: the hot path writes one for each change.
type undo struct {
	kind     undoKind
	indexed  bool
	found    bool   // previous is set
	timer    int16  // number of the declaration
	flags    uint32 // of the entry before
	previous uint32 // place of the version that the young generation's index gave
	bytes    uint32 // length of the old value, or the timer's key,
	start    uint32 // which is at start in the journal's bytes
	hash     uint64 // undoTimer: the time
	changed  address
	logged   address // what held the place in the log; 0: nothing
}

// maxJournalBytes bounds what one transaction may overwrite.
const maxJournalBytes = 1 << 31

// transaction is one operator's journal.
type transaction struct {
	open  bool
	undos []undo
	bytes []byte
	mark  int
}

// maxIdleJournalBytes is what a journal may keep for the next transaction.
const maxIdleJournalBytes = 4 << 20

func (t *transaction) reset() {
	t.undos, t.bytes, t.mark = t.undos[:0], t.bytes[:0], 0
	if cap(t.bytes) > maxIdleJournalBytes {
		t.bytes = nil
	}
	if cap(t.undos) > maxIdleJournalBytes/64 {
		t.undos = nil
	}
}

func (t *transaction) save(bytes []byte) (start uint32) {
	start = uint32(len(t.bytes))
	t.bytes = append(t.bytes, bytes...)
	return start
}

// write stages a new value, given in two pieces, or with flagAbsent none. chain
// is nil for values. The sizes were admitted.
func (k *Keyed) write(hash uint64, key, header, value []byte, flags uint32, chain *chain) error {
	b := k.backend
	size := len(header) + len(value)
	slot, e, found := b.young.find(hash, key, 0)
	found = found && e.header.flags&flagGhost == 0
	if found && e.header.stamp == b.stamp && size <= int(e.header.valueCapacity) {
		return k.overwrite(e, uint32(b.young.slots[slot])-1, header, value, flags)
	}
	return k.writeVersion(hash, key, header, value, flags, chain, true)
}

// overwrite changes an entry of the active log in place.
func (k *Keyed) overwrite(e entry, place uint32, header, value []byte, flags uint32) error {
	t := &k.transaction
	if len(t.bytes)+int(e.header.valueBytes) > maxJournalBytes {
		return ErrTransactionTooLarge
	}
	t.undos = append(t.undos, undo{
		kind: undoOverwrite, flags: e.header.flags, bytes: e.header.valueBytes, start: t.save(e.value()),
		changed: k.backend.young.address(place),
	})
	e.header.flags = e.header.flags&^flagAbsent | flags
	e.header.valueBytes = uint32(len(header) + len(value))
	body := e.body[e.header.keyBytes:]
	copy(body[copy(body, header):], value)
	return nil
}

// writeVersion stages a new version of an entry. Elements of lists are not
// indexed, since they are only read in order.
func (k *Keyed) writeVersion(hash uint64, key, header, value []byte, flags uint32, chain *chain, indexed bool) error {
	b, young := k.backend, k.backend.young
	var head *address
	if chain != nil {
		var err error
		if head, err = b.chainHead(chain, true); err != nil {
			return err
		}
	}
	size := len(header) + len(value)
	place, e, err := young.allocate(key, size, capacityOf(len(key), size), head != nil)
	if err != nil {
		return err
	}
	body := e.body[len(key):]
	copy(body[copy(body, header):], value)
	e.header.flags |= flags
	e.header.stamp = b.stamp
	change := undo{kind: undoReplace, indexed: indexed, hash: hash, changed: young.address(place)}
	known := !indexed || b.supersede(hash, key, place, e, &change)
	if change.logged != 0 {
		b.logSet(e.header.position, change.changed)
	} else {
		e.header.position = b.logAppend(change.changed, key)
		if b.seen != nil && !known && !b.seen.add(hash) {
			b.seen = nil
		}
	}
	if head != nil {
		*e.link() = *head
		*head = change.changed
	}
	k.transaction.undos = append(k.transaction.undos, change)
	return nil
}

// supersede makes a new version the one that the index gives. Where the one
// before is dirty, the new one inherits its position in the log. known tells
// that the key has a value, so that it was written before.
func (b *Backend) supersede(hash uint64, key []byte, place uint32, e entry, change *undo) (known bool) {
	slot, before, found := b.young.find(hash, key, 0)
	if found && before.header.flags&flagGhost == 0 {
		change.previous, change.found = uint32(b.young.slots[slot])-1, true
		known = !before.absent()
		if before.header.stamp == b.stamp {
			change.logged, e.header.position = b.young.address(change.previous), before.header.position
		}
	} else if b.old != nil && b.old.dirty > 0 {
		oldSlot, before, found := b.old.find(hash, key, 0)
		if found && before.header.flags&flagGhost == 0 && before.header.stamp == b.stamp {
			change.logged, e.header.position = b.old.address(uint32(b.old.slots[oldSlot])-1), before.header.position
		}
	}
	b.young.setSlot(slot, hash, place)
	return known
}

// undoTo undoes what the journal holds from position mark on, newest first.
func (k *Keyed) undoTo(mark int) {
	t := &k.transaction
	k.recent = recent{}
	for i := len(t.undos) - 1; i >= mark; i-- {
		u := &t.undos[i]
		switch u.kind {
		case undoOverwrite:
			e := k.backend.young.at(u.changed.place())
			e.header.flags = u.flags
			e.header.valueBytes = uint32(u.bytes)
			copy(e.body[e.header.keyBytes:], t.bytes[u.start:u.start+u.bytes])
			t.bytes = t.bytes[:u.start]
		case undoReplace:
			k.undoReplace(u)
		case undoTimer:
			k.timers[u.timer].restore(int64(u.hash), t.bytes[u.start:u.start+u.bytes])
			t.bytes = t.bytes[:u.start]
		}
	}
	t.undos = t.undos[:mark]
	k.backend.undoes++
	for _, timers := range k.timers {
		timers.checked = false
		if timers.pagedIn {
			// The page left out what this transaction had removed.
			timers.forget()
		}
	}
}

// undoReplace makes the version a ghost. It stays in its chain, where scans
// pass over it: what was linked since may hang on it.
func (k *Keyed) undoReplace(u *undo) {
	b := k.backend
	e := b.young.at(u.changed.place())
	if u.indexed {
		if slot, ok := b.young.slotOf(u.hash, u.changed.place()); ok && u.found {
			b.young.setSlot(slot, u.hash, u.previous)
		}
	}
	e.header.flags |= flagGhost
	b.logSet(e.header.position, u.logged)
}
