package state

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// cache is two generations of entries, by recency. When the young one exceeds
// half of the budget the old one is dropped and the young one becomes the old.
// A read that hits the old one copies the entry into the young one.
//
// A generation with entries that are in no table yet cannot be dropped. It
// waits in pinned, first in, first out: an entry's chain links only lead to
// generations that are as old or older, so that whatever a chain can reach
// beyond a dropped generation is not needed either.
type cache struct {
	young, old *generation
	pinned     []*generation // newest first
	chunkBytes int

	log   dirtyLog
	stamp uint32 // of the active log
	// unwritten is the stamp of the oldest log that is not known to be in Pebble.
	unwritten uint32
}

func (c *cache) generation(sequence uint32) *generation {
	if sequence == c.young.sequence {
		return c.young
	}
	if c.old != nil && sequence == c.old.sequence {
		return c.old
	}
	for _, g := range c.pinned {
		if g.sequence == sequence {
			return g
		}
	}
	return nil
}

func (c *cache) bytes() (total int64) {
	total = c.young.bytes
	if c.old != nil {
		total += c.old.bytes
	}
	for _, g := range c.pinned {
		total += g.bytes
	}
	return total
}

// logSet points a position of the active log to a (0: a hole), and counts which
// generation holds how many of its entries.
func (c *cache) logSet(position uint32, a address) {
	if previous := c.log.at(position); previous != 0 {
		c.generation(previous.generation()).dirty--
	}
	if a != 0 {
		c.generation(a.generation()).dirty++
	} else if position == c.log.count-1 {
		c.log.count--
	}
	if position < c.log.count {
		c.log.set(position, a)
	}
}

// logAppend lists an entry of the young generation.
func (c *cache) logAppend(a address, key []byte) uint32 {
	c.young.dirty++
	return c.log.append(a, key)
}

// lookup finds the newest version of a key, in the young generation afterwards.
// chain is the key's collection, nil for values.
func (b *Backend) lookup(hash uint64, key []byte, head uint32, chain *chain) (entry, bool, error) {
	slot, e, ok := b.young.find(hash, key, head)
	if ok && e.header.flags&flagGhost == 0 {
		b.metrics.hits++
		return e, true, nil
	}
	source := b.old
	for i := -1; i < len(b.pinned); i++ {
		if i >= 0 {
			source = b.pinned[i]
		}
		if source == nil {
			continue
		}
		_, e, ok = source.find(hash, key, head)
		if ok && e.header.flags&flagGhost == 0 {
			b.metrics.hits++
			promoted, err := b.promote(slot, hash, e, chain)
			return promoted, true, err
		}
	}
	return entry{}, false, nil
}

// promote copies an older generation's entry into the young one. A dirty entry
// takes its place in the active log along.
func (b *Backend) promote(slot uint32, hash uint64, e entry, chain *chain) (entry, error) {
	dirty := e.header.stamp == b.stamp
	head := e.header.flags&flagHead != 0
	var first *address
	if dirty && chain != nil {
		var err error
		if first, err = b.chainHead(chain, true); err != nil {
			return entry{}, err
		}
		slot, _, _ = b.young.find(hash, e.key(), 0) // the head's entry may have moved slots
	}
	place, copied, err := b.young.allocate(e.key(), int(e.header.valueBytes), int(e.header.valueCapacity), first != nil || head)
	if err != nil {
		return entry{}, err
	}
	if head {
		*copied.link() = *e.link()
	}
	copy(copied.body[len(e.key()):], e.value())
	copied.header.flags |= e.header.flags & (flagAbsent | flagHead)
	if dirty {
		copied.header.stamp, copied.header.position = e.header.stamp, e.header.position
		b.logSet(e.header.position, b.young.address(place))
		if first != nil {
			*copied.link() = *first
			*first = b.young.address(place)
		}
	}
	b.young.setSlot(slot, hash, place)
	return copied, nil
}

// read gives the encoded value of a key, from the cache or else from Pebble.
func (b *Backend) read(hash uint64, key []byte, chain *chain) (value []byte, found bool, err error) {
	e, ok, err := b.lookup(hash, key, 0, chain)
	if err != nil {
		return nil, false, err
	}
	if ok {
		if e.absent() {
			return nil, false, nil
		}
		return e.value(), true, nil
	}
	b.metrics.misses++
	if !b.below || b.seen != nil && !b.seen.has(hash) {
		return nil, false, nil
	}
	stored, closer, err := b.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, b.fill(hash, key, nil, flagAbsent)
	}
	if err != nil {
		return nil, false, b.readFailed(err)
	}
	err = b.fill(hash, key, stored, 0)
	if closeErr := closer.Close(); err == nil && closeErr != nil {
		err = b.readFailed(closeErr)
	}
	if err != nil {
		return nil, false, err
	}
	_, e, _ = b.young.find(hash, key, 0)
	return e.value(), true, nil
}

// fill puts what Pebble holds for a key, or that it holds nothing, into the cache.
func (b *Backend) fill(hash uint64, key, value []byte, flags uint32) error {
	place, e, err := b.young.allocate(key, len(value), capacityOf(len(key), len(value)), false)
	if err != nil {
		return err
	}
	copy(e.body[len(key):], value)
	e.header.flags |= flags
	slot, _, _ := b.young.find(hash, key, 0)
	b.young.setSlot(slot, hash, place)
	return nil
}

// capacityOf leaves a value room to grow in place: to the end of its unit, and
// an eighth where it is long, because such values often grow step by step.
func capacityOf(keyBytes, valueBytes int) int {
	capacity := valueBytes
	if valueBytes > 64 {
		capacity += valueBytes / 8
	}
	return align(entryHeaderBytes+keyBytes+capacity) - entryHeaderBytes - keyBytes
}

// chain is how the entries of one collection that are in no table yet are
// found: each links to the one that was written before it. The address of the
// newest lies in the cache under the collection's prefix, or, for timers, in
// the timer's own structure.
type chain struct {
	head   *address
	hash   uint64
	prefix []byte
}

// chainHead gives the place of the newest entry's address. With create it is
// made where there is none; else the result may be nil. It stays valid until
// the end of the transaction.
func (b *Backend) chainHead(c *chain, create bool) (*address, error) {
	if c.head != nil {
		return c.head, nil
	}
	e, ok, err := b.lookup(c.hash, c.prefix, flagHead, nil)
	if err != nil {
		return nil, err
	}
	if !ok {
		if !create {
			return nil, nil
		}
		slot, _, _ := b.young.find(c.hash, c.prefix, flagHead)
		var place uint32
		if place, e, err = b.young.allocate(c.prefix, 0, 0, true); err != nil {
			return nil, err
		}
		e.header.flags |= flagHead
		*e.link() = 0
		b.young.setSlot(slot, c.hash, place)
	}
	return e.link(), nil
}

// admit refuses what the format or the memory cannot hold.
func admit(keyBytes, valueBytes int) error {
	if keyBytes > maxEntryBytes || valueBytes > maxEntryBytes-maxHeaderBytes {
		return fmt.Errorf("state: entry with a key of %d and a value of %d bytes exceeds the limit of %d", keyBytes, valueBytes, maxEntryBytes)
	}
	return nil
}
