package state

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cockroachdb/pebble/v2/objstorage"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// sequentialReader reads a table from its beginning to its end, in pieces
// large enough that a store's delay does not count. It implements Pebble's
// objstorage.Readable: the one that Pebble makes of a remote object outside its
// own store panics where a read fails.
type sequentialReader struct {
	name   string
	size   int64
	read   func(ctx context.Context, p []byte, offset int64) error
	closer io.Closer

	mu     sync.Mutex
	pieces [3]piece // data, index and what comes between
	clock  int
}

type piece struct {
	bytes  []byte
	offset int64
	used   int
}

// aheadBytes is one piece.
const aheadBytes = 512 << 10

// openSequential opens a table: the copy that is being made of a restored one,
// else the store's object.
func (b *Backend) openSequential(ctx context.Context, table checkpoint.Table) (*sequentialReader, error) {
	if o := b.objects.get(table.Object); o != nil {
		return &sequentialReader{name: table.Object, size: table.Bytes, read: o.readLocal, closer: o}, nil
	}
	object, err := b.config.Store.Open(ctx, table.Object)
	if err != nil {
		return nil, fmt.Errorf("state: opening table %s: %w", table.Object, err)
	}
	if object.Size() != table.Bytes {
		return nil, errors.Join(&DamagedTableError{table.Object, fmt.Errorf("it has %d bytes, the manifest says %d", object.Size(), table.Bytes)}, object.Close())
	}
	read := func(_ context.Context, p []byte, offset int64) error {
		if _, err := object.ReadAt(p, offset); err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("state: reading table %s: %w", table.Object, err)
		}
		return nil
	}
	return &sequentialReader{name: table.Object, size: table.Bytes, read: read, closer: object}, nil
}

// ReadAt reads len(p) bytes at an offset.
func (r *sequentialReader) ReadAt(ctx context.Context, p []byte, offset int64) error {
	if offset < 0 || offset+int64(len(p)) > r.size {
		return fmt.Errorf("state: reading table %s: %d bytes at %d are beyond its %d", r.name, len(p), offset, r.size)
	}
	if len(p) > aheadBytes/2 {
		return r.read(ctx, p, offset)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	oldest := &r.pieces[0]
	for i := range r.pieces {
		held := &r.pieces[i]
		if offset >= held.offset && offset+int64(len(p)) <= held.offset+int64(len(held.bytes)) {
			oldest = held
			break
		}
		if held.used < oldest.used {
			oldest = held
		}
	}
	if offset < oldest.offset || offset+int64(len(p)) > oldest.offset+int64(len(oldest.bytes)) {
		size := min(aheadBytes, r.size-offset)
		if int64(cap(oldest.bytes)) < size {
			oldest.bytes = make([]byte, size)
		}
		oldest.bytes, oldest.offset = oldest.bytes[:size], offset
		if err := r.read(ctx, oldest.bytes, offset); err != nil {
			oldest.bytes = oldest.bytes[:0]
			return err
		}
	}
	r.clock++
	oldest.used = r.clock
	copy(p, oldest.bytes[offset-oldest.offset:])
	return nil
}

// Size is the table's size in bytes.
func (r *sequentialReader) Size() int64 { return r.size }

// NewReadHandle gives a handle that reads like the reader itself.
func (r *sequentialReader) NewReadHandle(objstorage.ReadBeforeSize) objstorage.ReadHandle {
	handle := objstorage.MakeNoopReadHandle(r)
	return &handle
}

// Close closes the object.
func (r *sequentialReader) Close() error { return r.closer.Close() }
