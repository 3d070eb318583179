package state

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sort"

	"github.com/turgo-stream/turgo/host/keygroup"
)

// timers are the timers of one declaration. They are entries of the state like
// any other; what is here are hints where to look. The heap holds every timer
// up to the horizon and perhaps some that exist no more, so whatever it gives
// is checked against the state. Timers beyond the horizon are only in the
// state, and are paged in when the heap runs empty. So neither the memory nor
// the time of a restore follows the number of timers.
//
// Timers are ordered by time, then key group, then key. The heap's keys begin
// with the key group.
type timers struct {
	keyed  *Keyed
	number int16
	hash   uint32
	seed   uint64

	heap      timerHeap
	horizon   horizon
	page      int
	pagedIn   bool    // in the open transaction
	checked   bool    // the heap's first timer exists
	unwritten address // head of the chain of timers that are in no table yet
	full      []byte
	hint      []byte
}

// horizon is a place in the order of timers.
type horizon struct {
	kind horizonKind
	time int64
	key  []byte
}

type horizonKind uint8

const (
	everything horizonKind = iota
	nothing
	upToKey
)

func (h *horizon) covers(time int64, key []byte) bool {
	switch h.kind {
	case everything:
		return true
	case nothing:
		return false
	}
	return time < h.time || time == h.time && bytes.Compare(key, h.key) <= 0
}

const firstTimerPage = 1024

// timerValue is the value of each timer's entry: a header that announces nothing.
var timerValue = []byte{0}

func newTimers(k *Keyed, number int16, hash uint32) *timers {
	t := &timers{keyed: k, number: number, hash: hash, seed: uint64(k.hash)<<32 | uint64(hash), page: firstTimerPage}
	if k.backend.below {
		t.horizon.kind = nothing
	}
	return t
}

// forget empties the heap: what is needed is paged in again.
func (t *timers) forget() {
	t.heap = timerHeap{}
	t.horizon = horizon{kind: nothing}
	t.page, t.checked, t.pagedIn = firstTimerPage, false, false
}

func (t *timers) entryHash(keyHash uint64, time int64) uint64 {
	return mix(keyHash, t.seed^uint64(time)*0xff51afd7ed558ccd)
}

// entryKey is the state's key of a timer, whose key begins with its key group.
func (t *timers) entryKey(buffer []byte, time int64, key []byte) []byte {
	buffer = append(buffer, key[:groupBytes]...)
	buffer = binary.BigEndian.AppendUint32(buffer, t.keyed.hash)
	buffer = binary.BigEndian.AppendUint32(buffer, t.hash)
	buffer = binary.BigEndian.AppendUint64(buffer, sortableTime(time))
	return append(buffer, key[groupBytes:]...)
}

// timerOfCurrentKey prepares access to a timer of the current key.
func (k *Keyed) timerOfCurrentKey(timer int, time int64) (*timers, uint64, error) {
	if uint(timer) >= uint(len(k.timers)) {
		return nil, 0, fmt.Errorf("state: operator %q has no timer %d", k.uid, timer)
	}
	if !k.keySet || !k.transaction.open {
		return nil, 0, fmt.Errorf("state: operator %q: timer %d is used without a transaction or a current key", k.uid, timer)
	}
	t := k.timers[timer]
	_, lengthBytes := binary.Uvarint(k.key[prefixBytes:])
	t.hint = append(append(t.hint[:0], k.key[:groupBytes]...), k.key[prefixBytes+lengthBytes:]...)
	t.full = t.entryKey(t.full[:0], time, t.hint)
	k.chain = chain{head: &t.unwritten}
	return t, t.entryHash(k.keyHash, time), nil
}

// TimerSet sets a timer for the current key. One that is set already stays.
func (k *Keyed) TimerSet(timer int, timestamp int64) error {
	t, hash, err := k.timerOfCurrentKey(timer, timestamp)
	if err != nil {
		return err
	}
	e, cached, err := k.backend.lookup(hash, t.full, 0, &k.chain)
	if err != nil || cached && !e.absent() {
		return err
	}
	if err := k.write(hash, t.full, nil, timerValue, 0, &k.chain); err != nil {
		return err
	}
	t.push(timestamp, t.hint)
	return nil
}

func (t *timers) push(time int64, key []byte) {
	if !t.horizon.covers(time, key) {
		return
	}
	t.makeRoom(key)
	if t.horizon.covers(time, key) {
		t.heap.push(time, key)
	}
}

// makeRoom leaves half of the timers to the state where the heap is full.
func (t *timers) makeRoom(key []byte) {
	config := &t.keyed.backend.config
	full := len(t.heap.items) >= config.MaxTimersInHeap || int64(len(t.heap.keys)-t.heap.dead) > config.CacheBytes/4
	if len(t.heap.items) < 2 || !full && t.heap.fits(key) {
		return
	}
	t.cut(len(t.heap.items) / 2)
	t.heap.rebuild()
}

// cut keeps the n earliest timers and moves the horizon to the latest of them.
func (t *timers) cut(n int) {
	latest := t.heap.keepEarliest(n)
	t.horizon = horizon{upToKey, latest.time, append([]byte(nil), t.heap.key(latest)...)}
}

// TimerDelete removes a timer of the current key.
func (k *Keyed) TimerDelete(timer int, timestamp int64) error {
	t, hash, err := k.timerOfCurrentKey(timer, timestamp)
	if err != nil {
		return err
	}
	e, cached, err := k.backend.lookup(hash, t.full, 0, &k.chain)
	if err != nil || cached && e.absent() || !cached && !k.backend.below {
		return err
	}
	t.checked = false
	return k.write(hash, t.full, nil, nil, flagAbsent, &k.chain)
}

// TimersDue removes, within the transaction, up to limit timers of one
// declaration with a timestamp of at most upTo, earliest first, and yields
// them. yield must not call the state.
func (k *Keyed) TimersDue(timer int, upTo int64, limit int, yield func(key []byte, timestamp int64)) error {
	if uint(timer) >= uint(len(k.timers)) {
		return fmt.Errorf("state: operator %q has no timer %d", k.uid, timer)
	}
	if !k.transaction.open {
		return fmt.Errorf("state: operator %q: timers are taken without a transaction", k.uid)
	}
	t := k.timers[timer]
	for limit > 0 {
		item, found, err := t.first()
		if err != nil || !found || item.time > upTo {
			return err
		}
		key, hash := t.entry(item)
		t.pop()
		k.chain = chain{head: &t.unwritten}
		if err := k.write(hash, t.full, nil, nil, flagAbsent, &k.chain); err != nil {
			return err
		}
		yield(key[groupBytes:], item.time)
		limit--
	}
	return nil
}

// TimerNext is the earliest timer of one declaration.
func (k *Keyed) TimerNext(timer int) (timestamp int64, found bool, err error) {
	if uint(timer) >= uint(len(k.timers)) {
		return 0, false, fmt.Errorf("state: operator %q has no timer %d", k.uid, timer)
	}
	item, found, err := k.timers[timer].first()
	return item.time, found, err
}

// first gives the earliest timer that exists, and leaves it in the heap.
func (t *timers) first() (timerItem, bool, error) {
	for {
		if len(t.heap.items) == 0 {
			if t.horizon.kind == everything {
				return timerItem{}, false, nil
			}
			if err := t.pageIn(); err != nil {
				return timerItem{}, false, err
			}
			continue
		}
		item := t.heap.items[0]
		if t.checked {
			return item, true, nil
		}
		_, hash := t.entry(item)
		t.keyed.chain = chain{head: &t.unwritten}
		_, found, err := t.keyed.backend.read(hash, t.full, &t.keyed.chain)
		if err != nil {
			return timerItem{}, false, err
		}
		if found {
			t.checked = true
			return item, true, nil
		}
		t.pop()
	}
}

// entry prepares access to the state of a timer in the heap.
func (t *timers) entry(item timerItem) (key []byte, hash uint64) {
	key = t.heap.key(item)
	t.full = t.entryKey(t.full[:0], item.time, key)
	return key, t.entryHash(keygroup.Hash(key[groupBytes:]), item.time)
}

// pop takes the first timer out of the heap. Even where it does not exist a
// rollback may make it exist again.
func (t *timers) pop() {
	item := t.heap.pop()
	t.checked = false
	if tx := &t.keyed.transaction; tx.open {
		key := t.heap.key(item)
		tx.undos = append(tx.undos, undo{kind: undoTimer, timer: t.number, hash: uint64(item.time), start: tx.save(key), bytes: uint32(len(key))})
	}
}

// restore undoes pop.
func (t *timers) restore(time int64, key []byte) { t.push(time, key) }

// pageIn fills the empty heap with the next page of timers beyond the horizon,
// and moves the horizon to its end.
func (t *timers) pageIn() error {
	k := t.keyed
	want := min(t.page, k.backend.config.MaxTimersInHeap/2)
	t.page = min(t.page*2, 1<<30)
	t.pagedIn = k.transaction.open
	t.checked = false
	from := t.horizon
	t.heap = timerHeap{keys: t.heap.keys[:0], items: t.heap.items[:0]}
	t.horizon = horizon{kind: everything}
	dirty := k.backend.unwrittenOf(&t.unwritten)
	for _, e := range dirty {
		if !e.absent() {
			t.consider(&from, e.key(), want)
		}
	}
	for group := k.backend.config.First; group <= k.backend.config.Last && k.backend.below; group++ {
		if err := t.pageGroup(group, &from, dirty, want); err != nil {
			return err
		}
	}
	if len(t.heap.items) > want {
		t.cut(want)
	}
	t.heap.rebuild()
	k.backend.metrics.timerPages++
	return nil
}

// consider adds the timer of an entry to the page that is being filled. It
// tells whether it lies before the page's end.
func (t *timers) consider(from *horizon, key []byte, want int) bool {
	time := timeOf(binary.BigEndian.Uint64(key[prefixBytes:]))
	t.hint = append(append(t.hint[:0], key[:groupBytes]...), key[timerBytes:]...)
	if !t.horizon.covers(time, t.hint) {
		return false
	}
	if from.covers(time, t.hint) {
		return true
	}
	start := len(t.heap.keys)
	t.heap.keys = append(t.heap.keys, t.hint...)
	t.heap.items = append(t.heap.items, timerItem{time, headOf(t.hint), uint32(start), uint32(len(t.hint))})
	if len(t.heap.items) >= 2*want || !t.heap.fits(t.hint) && len(t.heap.items) > 1 {
		t.cut(max(1, len(t.heap.items)/2))
		t.heap.rebuild()
	}
	return true
}

// pageGroup reads the timers of one key group from Pebble. Those that are
// dirty were considered before.
func (t *timers) pageGroup(group int, from *horizon, dirty []entry, want int) error {
	b := t.keyed.backend
	lower := append(groupStart(group), make([]byte, prefixBytes-groupBytes)...)
	binary.BigEndian.PutUint32(lower[groupBytes:], t.keyed.hash)
	binary.BigEndian.PutUint32(lower[stateOffset:], t.hash)
	upper := prefixEnd(nil, lower)
	if from.kind == upToKey {
		lower = binary.BigEndian.AppendUint64(lower, sortableTime(from.time))
	}
	iterator, err := b.over(lower, upper)
	if err != nil {
		return err
	}
	for ; iterator.Valid(); iterator.Next() {
		key := iterator.Key()
		if len(key) < timerBytes {
			return fmt.Errorf("state: operator %q: timer with a key of %d bytes", t.keyed.uid, len(key))
		}
		i := sort.Search(len(dirty), func(i int) bool { return bytes.Compare(dirty[i].key(), key) >= 0 })
		if i < len(dirty) && bytes.Equal(dirty[i].key(), key) {
			continue
		}
		if !t.consider(from, key, want) {
			break
		}
	}
	if err := iterator.Error(); err != nil {
		return b.readFailed(err)
	}
	return nil
}
