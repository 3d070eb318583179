package state

import (
	"errors"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// Bounds of one prefetch.
const (
	prefetchReaders    = 128     // reads at once: from a slow store they wait more than they work
	prefetchShare      = 8       // keys that make another reader worth its start
	prefetchMin        = 4       // fewer are read when they are asked for
	prefetchKeysMax    = 1 << 16 // further ones are read when they are asked for
	prefetchCacheShare = 8       // of the cache's budget, for keys and for values
)

// wanted is one entry to read: its key stands in the keys of the prefetch, its
// value afterwards in what its reader read.
type wanted struct {
	hash     uint64
	from, to int
	value    []byte
	found    bool
	err      error
}

// prefetch is what one call needs; its memory is used again.
type prefetch struct {
	keys   []byte
	wanted []wanted
}

// Prefetch brings the values of many keys into the cache, for states of kind
// value, by reads in parallel. It belongs between Begin and Commit, and changes
// what later reads cost, not what they give. Where the cache holds all there is,
// it does nothing.
func (k *Keyed) Prefetch(states []int, keys iter.Seq[[]byte]) error {
	b := k.backend
	if !b.below || !b.partial {
		return nil
	}
	p := &b.prefetch
	p.keys, p.wanted = p.keys[:0], p.wanted[:0]
	for key := range keys {
		if key == nil {
			continue
		}
		if len(p.wanted) >= prefetchKeysMax || int64(len(p.keys)) >= b.config.CacheBytes/prefetchCacheShare {
			break
		}
		if err := k.SetKey(key); err != nil {
			return err
		}
		for _, state := range states {
			if err := k.want(p, state); err != nil {
				return err
			}
		}
	}
	k.keySet = false
	if len(p.wanted) < prefetchMin {
		return nil
	}
	b.readWanted(p)
	return b.fillWanted(p)
}

// want notes a value that is not in the cache. A key that comes twice is
// noted twice, and filled once.
func (k *Keyed) want(p *prefetch, state int) error {
	if k.states[state].kind != kindValue {
		return nil
	}
	b := k.backend
	_, hash, err := k.at(state, kindValue)
	if err != nil || b.cached(hash, k.key) || b.seen != nil && !b.seen.has(hash) {
		return err
	}
	from := len(p.keys)
	p.keys = append(p.keys, k.key...)
	p.wanted = append(p.wanted, wanted{hash: hash, from: from, to: len(p.keys)})
	return nil
}

// cached reports whether the cache knows a key. Nothing is promoted.
func (b *Backend) cached(hash uint64, key []byte) bool {
	known := func(g *generation) bool {
		if g == nil {
			return false
		}
		_, e, ok := g.find(hash, key, 0)
		return ok && e.header.flags&flagGhost == 0
	}
	if known(b.young) || known(b.old) {
		return true
	}
	for _, g := range b.pinned {
		if known(g) {
			return true
		}
	}
	return false
}

// readWanted reads all that is wanted from Pebble.
func (b *Backend) readWanted(p *prefetch) {
	readers := min(prefetchReaders, (len(p.wanted)+prefetchShare-1)/prefetchShare)
	var next, bytes atomic.Int64
	var group sync.WaitGroup
	read := func() {
		var buffer []byte
		for bytes.Load() < b.config.CacheBytes/prefetchCacheShare {
			i := int(next.Add(1)) - 1
			if i >= len(p.wanted) {
				return
			}
			w := &p.wanted[i]
			value, closer, err := b.db.Get(p.keys[w.from:w.to])
			if errors.Is(err, pebble.ErrNotFound) {
				w.found = true // that there is none
				continue
			}
			if w.err = err; err != nil {
				continue
			}
			start := len(buffer)
			buffer = append(buffer, value...)
			w.value, w.found = buffer[start:len(buffer):len(buffer)], true
			bytes.Add(int64(len(value)))
			w.err = closer.Close()
		}
	}
	for range readers - 1 {
		group.Go(read)
	}
	read()
	group.Wait()
}

// fillWanted puts what was read into the cache.
func (b *Backend) fillWanted(p *prefetch) error {
	for i := range p.wanted {
		w := &p.wanted[i]
		key := p.keys[w.from:w.to]
		switch {
		case w.err != nil:
			return b.readFailed(w.err)
		case !w.found || b.cached(w.hash, key):
			continue
		}
		flags := uint32(0)
		if w.value == nil {
			flags = flagAbsent
		}
		if err := b.fill(w.hash, key, w.value, flags); err != nil {
			return err
		}
		*w = wanted{}
		b.metrics.prefetched++
	}
	return nil
}
