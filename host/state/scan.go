package state

import (
	"bytes"
	"slices"
	"sort"

	"github.com/cockroachdb/pebble/v2"
)

// scanner holds what one scan leaves for the next: guests read a collection in
// pages.
type scanner struct {
	iterator *pebble.Iterator
	ingests  uint64 // of Pebble's content that the iterator sees

	// dirty are the newest unwritten versions of one collection's entries, by key,
	// as of a state of the cache.
	dirty      []entry
	prefix     []byte
	head       address
	generation uint32
	undoes     uint64
	upper      []byte
}

func (s *scanner) close() error {
	if s.iterator == nil {
		return nil
	}
	err := s.iterator.Close()
	s.iterator = nil
	return err
}

// over gives Pebble's iterator, positioned on its first key within the bounds,
// or nil where there is nothing in Pebble.
func (b *Backend) over(lower, upper []byte) (*pebble.Iterator, error) {
	if !b.below {
		return nil, nil
	}
	s := &b.scanner
	if ingests := b.ingests.Load(); s.iterator == nil || s.ingests != ingests {
		if err := s.close(); err != nil {
			return nil, b.readFailed(err)
		}
		iterator, err := b.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
		if err != nil {
			return nil, b.readFailed(err)
		}
		s.iterator, s.ingests = iterator, ingests
	} else {
		s.iterator.SetBounds(lower, upper)
	}
	s.iterator.First()
	return s.iterator, nil
}

// unwrittenOf lists the newest versions of a chain's entries that may be in no
// table yet, tombstones too, sorted by key.
func (b *Backend) unwrittenOf(head *address) []entry {
	s := &b.scanner
	s.dirty, s.head = s.dirty[:0], 0
	for a := *head; a != 0; {
		g := b.generation(a.generation())
		if g == nil {
			break
		}
		e := g.at(a.place())
		if e.header.stamp < b.unwritten {
			break
		}
		if e.header.flags&flagGhost == 0 {
			s.dirty = append(s.dirty, e)
		}
		a = *e.link()
	}
	// Newest come first in the chain, and the sort is stable.
	slices.SortStableFunc(s.dirty, func(a, b entry) int { return bytes.Compare(a.key(), b.key()) })
	s.dirty = slices.CompactFunc(s.dirty, func(a, b entry) bool { return bytes.Equal(a.key(), b.key()) })
	return s.dirty
}

// dirtyOf is unwrittenOf for the current collection, kept for the next page.
func (k *Keyed) dirtyOf() ([]entry, error) {
	b := k.backend
	s := &b.scanner
	head, err := b.chainHead(&k.chain, false)
	if err != nil || head == nil {
		return nil, err
	}
	if *head == 0 {
		return nil, nil
	}
	if s.head == *head && s.generation == b.young.sequence && s.undoes == b.undoes && bytes.Equal(s.prefix, k.chain.prefix) {
		return s.dirty, nil
	}
	dirty := b.unwrittenOf(head)
	s.head, s.generation, s.undoes = *head, b.young.sequence, b.undoes
	s.prefix = append(s.prefix[:0], k.chain.prefix...)
	return dirty, nil
}

// scan yields the entries of the current collection from key lower on, merged
// from the cache and Pebble.
func (k *Keyed) scan(lower []byte, yield func(key, stored []byte) (bool, error)) error {
	b := k.backend
	dirty, err := k.dirtyOf()
	if err != nil {
		return err
	}
	dirty = dirty[sort.Search(len(dirty), func(i int) bool { return bytes.Compare(dirty[i].key(), lower) >= 0 }):]
	b.scanner.upper = prefixEnd(b.scanner.upper[:0], k.chain.prefix)
	iterator, err := b.over(lower, b.scanner.upper)
	if err != nil {
		return err
	}
	for {
		stored := iterator != nil && iterator.Valid()
		order := 0
		switch {
		case !stored && len(dirty) == 0:
			if iterator != nil && iterator.Error() != nil {
				return b.readFailed(iterator.Error())
			}
			return nil
		case !stored:
			order = -1
		case len(dirty) == 0:
			order = 1
		default:
			order = bytes.Compare(dirty[0].key(), iterator.Key())
		}
		more := true
		if order <= 0 {
			e := dirty[0]
			dirty = dirty[1:]
			if !e.absent() {
				more, err = yield(e.key(), e.value())
			}
		} else {
			var value []byte
			if value, err = iterator.ValueAndErr(); err != nil {
				return b.readFailed(err)
			}
			more, err = yield(iterator.Key(), value)
		}
		if err != nil || !more {
			return err
		}
		if order >= 0 {
			iterator.Next()
		}
	}
}
