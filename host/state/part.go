package state

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// part is one dirty log after its swap: all or some of what one epoch changed.
// It becomes a local table, which Pebble ingests, and then an object of the
// store. A part that could not be uploaded waits for the next epoch.
type part struct {
	number uint64
	stamp  uint32
	log    dirtyLog
	arenas []arena
	bottom bool  // no older table exists: tombstones are not needed
	now    int64 // at the swap

	touched uint32

	local    atomic.Bool // in Pebble; written with Backend.ingest held
	uploaded atomic.Bool
	upload   sync.Mutex
	empty    bool   // once local: there was nothing to write
	path     string // once local: the file to upload
	table    checkpoint.Table
}

// swap ends the active log and begins the next. It takes the same time for
// any number of entries.
func (b *Backend) swap() {
	now := b.clock()
	if b.log.count == 0 {
		return
	}
	p := &part{number: b.nextPart, stamp: b.stamp, log: b.log, bottom: !b.below, now: now}
	b.nextPart++
	for _, g := range append([]*generation{b.young, b.old}, b.pinned...) {
		if g != nil {
			p.arenas = append(p.arenas, g.arena)
			g.dirty = 0
		}
	}
	b.log = dirtyLog{}
	b.stamp++
	b.below = true
	b.parts = append(b.parts, p)
}

// reap learns which parts became local, so that their entries may leave the cache.
func (b *Backend) reap() {
	b.unwritten = b.stamp
	for _, p := range b.parts {
		if !p.local.Load() {
			b.unwritten = p.stamp
			return
		}
	}
	b.pinned = nil
}

// maxPinned is how many generations may wait for a table to be written before
// the task itself waits: with it the cache holds at most twice its budget.
const maxPinned = 2

// makeRoom drops the old generation where the young one is full.
func (b *Backend) makeRoom() {
	if b.young.bytes <= b.config.CacheBytes/2 && b.young.bytes <= maxGenerationBytes || b.failed != nil {
		return
	}
	if b.old != nil {
		b.partial = true
		if b.old.dirty > 0 {
			b.metrics.spills++
			b.swap()
			b.failed = b.localize(b.parts)
		}
		if b.reap(); b.unwritten != b.stamp {
			b.pinned = slices.Insert(b.pinned, 0, b.old)
		}
		if len(b.pinned) > maxPinned && b.failed == nil {
			b.failed = b.localize(b.parts)
			b.reap()
		}
	}
	b.old = b.young
	b.young = newGeneration(b.old.sequence+1, b.chunkBytes, b.old.count/2)
	b.scanner.dirty = nil
}

// maxGenerationBytes keeps a generation well below what an address can name.
const maxGenerationBytes = int64(maxChunks) * minChunkBytes / 2

// localize writes and ingests parts in their order, waiting for who else does so.
func (b *Backend) localize(parts []*part) error {
	b.ingest.Lock()
	defer b.ingest.Unlock()
	for _, p := range parts {
		if p.local.Load() {
			continue
		}
		if err := b.localizeOne(p); err != nil {
			return err
		}
		p.log, p.arenas = dirtyLog{}, nil
		p.local.Store(true)
	}
	return nil
}

func (b *Backend) localizeOne(p *part) error {
	path := b.path("tables", fmt.Sprintf("%06d.sst", p.number))
	w, err := newTableWriter(b.fs, path, b.writerOptions(), p.now)
	if err != nil {
		return err
	}
	order := p.sorted()
	for i, a := range order {
		if i%nearEntries == 0 {
			p.touch(order[i:min(i+nearEntries, len(order))])
		}
		e := p.at(a)
		absent := e.absent() || expired(e.value(), p.now)
		if absent && p.bottom {
			continue
		}
		value := e.value()
		if absent {
			value = nil
		}
		if err := w.add(e.key(), value, absent); err != nil {
			return w.abandon(err)
		}
	}
	table, ok, err := w.finish()
	if err != nil {
		return err
	}
	if !ok {
		p.empty = true
		return nil
	}
	// Pebble takes the file; a second link to the same bytes is what is uploaded.
	p.path = path + ".upload"
	if err := b.fs.Link(path, p.path); err != nil {
		return fmt.Errorf("state: linking table %s: %w", path, err)
	}
	if err := b.db.Ingest(context.Background(), []string{path}); err != nil {
		return fmt.Errorf("state: ingesting table %s: %w", path, err)
	}
	b.ingests.Add(1)
	table.Object = b.objectName(table.Checksum)
	p.table = table
	return nil
}

// nearEntries are touched together, so that the processor waits for memory
// once and not for each.
const nearEntries = 16

// touch brings entries near.
func (p *part) touch(order []address) {
	sum := p.touched
	for _, a := range order {
		sum += p.at(a).header.flags
	}
	p.touched = sum // keeps the loads
}

func (p *part) at(a address) entry {
	for i := range p.arenas {
		if p.arenas[i].sequence == a.generation() {
			return p.arenas[i].at(a.place())
		}
	}
	panic("state: dirty log names a generation that is gone")
}

// toStore uploads a local part once.
func (p *part) toStore(ctx context.Context, b *Backend) error {
	p.upload.Lock()
	defer p.upload.Unlock()
	if p.uploaded.Load() {
		return nil
	}
	if !p.empty {
		if err := b.upload(ctx, p.path, p.table); err != nil {
			return err
		}
		if err := b.fs.Remove(p.path); err != nil {
			return fmt.Errorf("state: removing %s: %w", p.path, err)
		}
	}
	p.uploaded.Store(true)
	return nil
}
