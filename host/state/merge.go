package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// Merge is one merge of neighbouring tables into fewer. It concerns the store:
// the local Pebble holds the same entries already and compacts by itself. Only
// what has expired is removed there, too.
type Merge struct {
	backend *Backend
	inputs  []checkpoint.Table // oldest first
	bottom  bool
	now     int64
	number  uint64
	raises  int   // by how much it raises the level of what it merges
	expired int64 // bytes of expired entries that the local Pebble may hold still
	result  []checkpoint.Table
	done    bool
}

// Merge plans a merge where one is due, else it is nil. One runs at a time:
// the next is planned after CompleteMerge.
func (b *Backend) Merge() *Merge {
	if b.merging {
		return nil
	}
	now, raises := b.clock(), 0
	chosen := planExpired(b.tables, now)
	if chosen == nil {
		if chosen, raises = planMerge(b.tables, b.config.MaxOverlap), 1; chosen == nil {
			return nil
		}
	}
	m := &Merge{backend: b, bottom: atBottom(b.tables, chosen), now: now, number: b.nextPart, raises: raises, expired: b.unswept}
	b.nextPart++
	for _, i := range chosen {
		m.inputs = append(m.inputs, b.tables[i])
	}
	b.merging = true
	return m
}

// CompleteMerge takes over the result of a merge that ended, well or not. The
// old objects stay until the coordinator deletes them.
func (b *Backend) CompleteMerge(m *Merge) {
	b.merging = false
	if !m.done {
		return
	}
	b.unswept = m.expired
	at := slices.IndexFunc(b.tables, m.isInput)
	b.tables = slices.DeleteFunc(b.tables, m.isInput)
	b.tables = slices.Insert(b.tables, at, m.result...)
}

func (m *Merge) isInput(table checkpoint.Table) bool {
	return slices.ContainsFunc(m.inputs, func(input checkpoint.Table) bool {
		return input.Object == table.Object && input.First == table.First
	})
}

// Run merges: off the task's goroutine, as long as it takes. After an error
// the tables stay as they were.
func (m *Merge) Run(ctx context.Context) (err error) {
	ctx, leave, err := m.backend.background.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	var inputs []*mergeInput
	defer func() {
		for _, input := range inputs {
			err = errors.Join(err, input.close())
		}
	}()
	for _, table := range m.inputs {
		input, err := m.backend.openInput(ctx, table)
		if input != nil {
			inputs = append(inputs, input)
		}
		if err != nil {
			return err
		}
	}
	out := &mergeOutput{merge: m}
	if err := out.all(ctx, inputs); err != nil {
		return errors.Join(err, out.drop())
	}
	// What is restored is read by the local Pebble too. The object may be deleted
	// once this result replaces it, so first all of it is made local.
	for _, table := range m.inputs {
		if object := m.backend.objects.get(table.Object); object != nil {
			if err := object.fetchAll(ctx); err != nil {
				return err
			}
		}
	}
	m.result, m.done = out.tables, true
	return m.sweep(ctx)
}

// sweepShare is the part of the merged bytes that has to have expired, since the
// last sweep, for the local Pebble to be swept: reading it costs as much as the
// merge did.
const sweepShare = 4

// sweep sweeps the local Pebble where enough has expired there.
func (m *Merge) sweep(ctx context.Context) error {
	sum := int64(0)
	for _, table := range m.result {
		sum += table.Bytes
	}
	if m.expired == 0 || !m.bottom || m.expired*sweepShare < sum {
		return nil
	}
	if err := m.backend.sweep(ctx, m.now); err != nil {
		return err
	}
	m.expired = 0
	return nil
}

// mergeInput reads one table in order.
type mergeInput struct {
	table    checkpoint.Table
	source   *sequentialReader
	reader   *sstable.Reader
	iterator sstable.Iterator
	key      []byte
	value    []byte
	deleted  bool
	valid    bool
}

// openInput opens a table and reads its first entry. What it returns is to be
// closed even after an error.
func (b *Backend) openInput(ctx context.Context, table checkpoint.Table) (*mergeInput, error) {
	source, err := b.openSequential(ctx, table)
	if err != nil {
		return nil, err
	}
	in := &mergeInput{table: table, source: source}
	in.reader, err = sstable.NewReader(ctx, source, b.options.MakeReaderOptions())
	if err != nil {
		return in, in.failed(err)
	}
	lower, upper := groupStart(int(table.First)), groupStart(int(table.Last)+1)
	in.iterator, err = in.reader.NewIter(sstable.NoTransforms, lower, upper, sstable.AssertNoBlobHandles)
	if err != nil {
		return in, in.failed(err)
	}
	kv := in.iterator.SeekGE(lower, 0)
	if kv == nil {
		return in, in.end()
	}
	value, _, err := kv.Value(nil)
	return in, in.take(kv.K, value, err)
}

func (in *mergeInput) end() error {
	in.valid = false
	if err := in.iterator.Error(); err != nil {
		return in.failed(err)
	}
	return nil
}

// take remembers the entry that the iterator stands on.
func (in *mergeInput) take(key pebble.InternalKey, value []byte, err error) error {
	if err != nil {
		return in.failed(err)
	}
	switch key.Kind() {
	case pebble.InternalKeyKindSet:
		in.deleted = false
	case pebble.InternalKeyKindDelete:
		in.deleted = true
	default:
		return in.failed(fmt.Errorf("it holds an entry of kind %v", key.Kind()))
	}
	in.key, in.value, in.valid = key.UserKey, value, true
	return nil
}

func (in *mergeInput) next() error {
	kv := in.iterator.Next()
	if kv == nil {
		return in.end()
	}
	value, _, err := kv.Value(nil)
	return in.take(kv.K, value, err)
}

func (in *mergeInput) failed(err error) error {
	if pebble.IsCorruptionError(err) {
		return &DamagedTableError{in.table.Object, err}
	}
	return fmt.Errorf("state: merging table %s: %w", in.table.Object, err)
}

func (in *mergeInput) close() (err error) {
	if in.iterator != nil {
		err = in.iterator.Close()
	}
	if in.reader != nil {
		err = errors.Join(err, in.reader.Close())
	} else {
		err = errors.Join(err, in.source.Close())
	}
	if err != nil {
		return fmt.Errorf("state: closing table %s: %w", in.table.Object, err)
	}
	return nil
}

// mergeOutput writes what a merge yields, into tables that end at a key group.
type mergeOutput struct {
	merge  *Merge
	writer *tableWriter
	tables []checkpoint.Table
	files  int
	group  uint16
	bytes  int64
}

func (o *mergeOutput) all(ctx context.Context, inputs []*mergeInput) error {
	for steps := 0; ; steps++ {
		newest := -1
		for i, input := range inputs {
			// Inputs are oldest first, so among equal keys the last is the newest.
			if input.valid && (newest < 0 || bytes.Compare(input.key, inputs[newest].key) <= 0) {
				newest = i
			}
		}
		if newest < 0 {
			return o.finish(ctx)
		}
		if steps&1023 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		winner := inputs[newest]
		for i, input := range inputs {
			if i == newest || !input.valid || !bytes.Equal(input.key, winner.key) {
				continue
			}
			if err := input.next(); err != nil {
				return err
			}
		}
		if err := o.add(ctx, winner); err != nil {
			return err
		}
		if err := winner.next(); err != nil {
			return err
		}
	}
}

func (o *mergeOutput) add(ctx context.Context, winner *mergeInput) error {
	gone := !winner.deleted && expired(winner.value, o.merge.now)
	if gone {
		o.merge.expired += int64(len(winner.key) + len(winner.value))
	}
	// What is gone leaves a tombstone above older tables, lest a version there
	// that lives longer or for ever come back.
	deleted := winner.deleted || gone
	if deleted && o.merge.bottom {
		return nil
	}
	b := o.merge.backend
	if group := groupOf(winner.key); group != o.group || o.writer == nil {
		if o.writer != nil && o.bytes >= b.config.TableBytes {
			if err := o.finish(ctx); err != nil {
				return err
			}
		}
		o.group = group
	}
	if o.writer == nil {
		path := b.path("tables", fmt.Sprintf("merge-%06d-%d", o.merge.number, o.files))
		o.files++
		w, err := newTableWriter(b.fs, path, b.writerOptions(), o.merge.now)
		if err != nil {
			return err
		}
		o.writer, o.bytes = w, 0
	}
	value := winner.value
	if deleted {
		value = nil
	}
	o.bytes += int64(len(winner.key) + len(value))
	if err := o.writer.add(winner.key, value, deleted); err != nil {
		return fmt.Errorf("state: writing table %s: %w", o.writer.path, err)
	}
	return nil
}

// finish ends and uploads the table that is being written, if one is.
func (o *mergeOutput) finish(ctx context.Context) error {
	if o.writer == nil {
		return nil
	}
	b, w := o.merge.backend, o.writer
	o.writer = nil
	table, ok, err := w.finish()
	if err != nil || !ok {
		return err
	}
	table.Object = b.objectName(table.Checksum)
	for _, input := range o.merge.inputs {
		table.Level = max(table.Level, input.Level+o.merge.raises)
		table.Operators = append(table.Operators, input.Operators...)
	}
	slices.Sort(table.Operators)
	table.Operators = slices.Compact(table.Operators)
	if err := errors.Join(b.upload(ctx, w.path, table), b.fs.Remove(w.path)); err != nil {
		return err
	}
	o.tables = append(o.tables, table)
	return nil
}

// drop removes a table that was begun.
func (o *mergeOutput) drop() error {
	if o.writer == nil {
		return nil
	}
	return errors.Join(ignored(o.writer.writer.Close()), o.merge.backend.fs.Remove(o.writer.path))
}
