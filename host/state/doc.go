// Package state keeps the keyed state of one task: values, lists, maps and
// timers of its operators, in a bounded write-back cache over a local Pebble.
//
// The checkpoint store is the truth. What an epoch changed is written once, as
// a sorted table that is uploaded to the store and ingested locally; a restart
// attaches the tables that a manifest names to a new, empty Pebble without
// copying them first.
//
// A Backend belongs to the goroutine of its task. Only the methods of Frozen,
// Merge and Prefetch run elsewhere, and only they wait for the store.
//
// Read in this order: backend.go, key.go, generation.go and cache.go (the
// cache), transaction.go (staging and undo), keyed.go, collection.go, timer.go,
// part.go and freeze.go (from the dirty log to a table), restore.go, merge.go,
// expiry.go and sweep.go (what becomes of entries whose time is up).
package state
