package state

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// Restore attaches the tables of a checkpoint, oldest first, as far as they lie
// in the task's key groups. They may come from several tasks of another
// parallelism. Nothing is copied: it reads the end of each table at most. It is
// called once, before any state is used.
func (b *Backend) Restore(ctx context.Context, tables []checkpoint.Table) error {
	if b.below || b.log.count > 0 || b.open > 0 {
		return errors.New("state: restore into a state that is in use")
	}
	own := b.ownTables(tables)
	if len(own) == 0 {
		return nil
	}
	if err := b.attachAll(ctx, own); err != nil {
		return err
	}
	for start := 0; start < len(own); {
		end := start + 1
		for end < len(own) && !overlapsAny(own[end], own[start:end]) {
			end++
		}
		if err := b.ingestExternal(ctx, own[start:end]); err != nil {
			return err
		}
		start = end
	}
	b.tables = own
	b.below, b.partial, b.seen = true, true, nil
	b.ingests.Add(1)
	for _, k := range b.operators {
		for _, t := range k.timers {
			t.forget()
		}
	}
	return nil
}

// ownTables cuts tables to the task's key groups, and joins parts of one
// object that follow each other.
func (b *Backend) ownTables(tables []checkpoint.Table) []checkpoint.Table {
	var own []checkpoint.Table
	for _, table := range tables {
		table.First = max(table.First, uint16(b.config.First))
		table.Last = min(table.Last, uint16(b.config.Last))
		if table.First > table.Last {
			continue
		}
		table.Operators = slices.Clone(table.Operators)
		b.restored = append(b.restored, table.Operators...)
		own = append(own, table)
	}
	slices.Sort(b.restored)
	b.restored = slices.Compact(b.restored)
	return own
}

func overlaps(a, b checkpoint.Table) bool { return a.First <= b.Last && b.First <= a.Last }

func overlapsAny(table checkpoint.Table, others []checkpoint.Table) bool {
	return slices.ContainsFunc(others, func(other checkpoint.Table) bool { return overlaps(table, other) })
}

// tailBytes is what is read of each table at once when it is attached: its
// footer, its index and most often its filter.
const tailBytes = 8 * pageBytes

// maxParallelReads bounds the reads of the store in flight while attaching.
const maxParallelReads = 16

// attachAll opens all objects and reads their ends, in parallel, so that the
// store's delay counts once and not for each table.
func (b *Backend) attachAll(ctx context.Context, tables []checkpoint.Table) error {
	slots := make(chan struct{}, maxParallelReads)
	failures := make([]error, len(tables))
	var wait sync.WaitGroup
	for i, table := range tables {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			object, err := b.objects.attach(ctx, table)
			if err == nil && !object.near {
				end := int((object.size - 1) / pageBytes)
				err = object.need(ctx, max(0, end-tailBytes/pageBytes+1), end)
			}
			failures[i] = err
		})
	}
	wait.Wait()
	return errors.Join(failures...)
}

func (b *Backend) ingestExternal(ctx context.Context, tables []checkpoint.Table) error {
	files := make([]pebble.ExternalFile, len(tables))
	for i, table := range tables {
		files[i] = pebble.ExternalFile{
			ObjName: table.Object, Size: uint64(table.Bytes),
			StartKey: groupStart(int(table.First)), EndKey: groupStart(int(table.Last) + 1),
			HasPointKey: true,
		}
	}
	slices.SortFunc(files, func(a, b pebble.ExternalFile) int { return slices.Compare(a.StartKey, b.StartKey) })
	if _, err := b.db.IngestExternalFiles(ctx, files); err != nil {
		return fmt.Errorf("state: attaching table %s: %w", tables[0].Object, err)
	}
	return nil
}

// Prefetch makes the restored tables local as a whole and verifies their
// checksums. It runs beside the task, as long as it likes; without it each
// page is read from the store when it is needed first.
func (b *Backend) Prefetch(ctx context.Context) error {
	ctx, leave, err := b.background.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	objects := b.objects.all()
	far := slices.DeleteFunc(slices.Clone(objects), func(o *cachedObject) bool { return o.near })
	if err := fetchPieces(ctx, far); err != nil {
		return err
	}
	for _, object := range objects {
		if err := object.fetchAll(ctx); err != nil {
			return err
		}
	}
	return nil
}

// fetchPieces reads all objects in large pieces, several at a time: the task
// waits for the store until they are there. For what is near it does not wait,
// and would lose the processors to this.
func fetchPieces(ctx context.Context, objects []*cachedObject) error {
	const piece = fetchBytes / pageBytes
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, maxParallelReads/2)
	var wait sync.WaitGroup
	for _, object := range objects {
		for first := 0; first < len(object.pages); first += piece {
			slots <- struct{}{}
			wait.Go(func() {
				defer func() { <-slots }()
				if err := object.need(ctx, first, min(first+piece, len(object.pages))-1); err != nil {
					cancel(err)
				}
			})
		}
	}
	wait.Wait()
	return context.Cause(ctx)
}
