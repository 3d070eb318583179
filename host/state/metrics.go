package state

import "sync/atomic"

// Metrics tells how a Backend fares.
type Metrics struct {
	CacheBytes    int64  // held by the cache, at most about twice its budget
	CacheHits     uint64 // look-ups that the cache answered
	CacheMisses   uint64 // look-ups that went on to Pebble, if it held anything
	Prefetched    uint64 // entries that were read before they were asked for
	DirtyEntries  int    // changed since the last freeze
	Spills        uint64 // times that dirty entries left the cache before a freeze
	TimerPages    uint64 // pages of timers read from the state
	Tables        int    // in the next manifest
	TableBytes    int64
	PendingTables int   // epochs that are not uploaded yet
	PagesFetched  int64 // of restored tables, from the store
}

type counters struct {
	hits, misses, prefetched, spills, timerPages uint64
}

type counter struct{ value atomic.Int64 }

func (c *counter) add(n int64) { c.value.Add(n) }

// Metrics is a snapshot. It belongs to the task's goroutine.
func (b *Backend) Metrics() Metrics {
	m := Metrics{
		CacheBytes: b.bytes(), CacheHits: b.metrics.hits, CacheMisses: b.metrics.misses, Prefetched: b.metrics.prefetched,
		DirtyEntries: int(b.log.count), Spills: b.metrics.spills, TimerPages: b.metrics.timerPages,
		Tables: len(b.tables), PendingTables: len(b.parts), PagesFetched: b.objects.pages.value.Load(),
	}
	for i := range b.tables {
		m.TableBytes += b.tables[i].Bytes
	}
	return m
}
