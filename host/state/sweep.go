package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// sweepEntries is how many entries of the local Pebble are looked at while
// nothing else may become local.
const sweepEntries = 1 << 14

// sweep removes what has expired from the local Pebble, whose own compactions
// know nothing of time. Merges do so in the store; this follows them. It reads
// all that the task holds, and writes a tombstone for each entry that is dead.
//
// While the lock is held Pebble takes no table. So what has expired there is the
// newest version there, and a newer one that waits in the cache comes above the
// tombstone.
func (b *Backend) sweep(ctx context.Context, now int64) error {
	from, end := groupStart(b.config.First), groupStart(b.config.Last+1)
	for part := 0; from != nil; part++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var err error
		if from, err = b.sweepFrom(ctx, from, end, now, part); err != nil {
			return fmt.Errorf("state: dropping expired entries: %w", err)
		}
	}
	return nil
}

// sweepFrom sweeps some entries, and gives the key after them, nil after the last.
func (b *Backend) sweepFrom(ctx context.Context, from, end []byte, now int64, part int) (next []byte, err error) {
	b.ingest.Lock()
	defer b.ingest.Unlock()
	var dead deadKeys
	next, err = b.deadKeysFrom(from, end, now, &dead)
	if err != nil || len(dead.ends) == 0 {
		return next, err
	}
	path := b.path("tables", fmt.Sprintf("sweep-%06d", part))
	w, err := newTableWriter(b.fs, path, b.writerOptions(), now)
	if err != nil {
		return nil, err
	}
	start := 0
	for _, end := range dead.ends {
		if err := w.add(dead.keys[start:end], nil, true); err != nil {
			return nil, w.abandon(err)
		}
		start = end
	}
	if _, _, err := w.finish(); err != nil {
		return nil, err
	}
	return next, b.db.Ingest(ctx, []string{path})
}

// deadKeys are keys, one after the other.
type deadKeys struct {
	keys []byte
	ends []int
}

// deadKeysFrom collects the keys of expired entries among the next ones.
func (b *Backend) deadKeysFrom(from, end []byte, now int64, dead *deadKeys) (next []byte, err error) {
	iterator, err := b.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: end})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, iterator.Close()) }()
	iterator.First()
	for range sweepEntries {
		if !iterator.Valid() {
			return nil, iterator.Error()
		}
		value, err := iterator.ValueAndErr()
		if err != nil {
			return nil, err
		}
		if expired(value, now) {
			dead.keys = append(dead.keys, iterator.Key()...)
			dead.ends = append(dead.ends, len(dead.keys))
		}
		iterator.Next()
	}
	if !iterator.Valid() {
		return nil, iterator.Error()
	}
	return bytes.Clone(iterator.Key()), nil
}
