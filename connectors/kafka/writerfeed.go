package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

// slabBytesKept is the size beyond which a slab's memory is not kept for another batch.
const slabBytesKept = 4 << 20

// slab holds one batch while the client has its records: the bytes, copied once,
// and the client's form of the records, which refer to them.
type slab struct {
	bytes   []byte
	records []kgo.Record
	headers []kgo.RecordHeader
	feed    *feed
	pending atomic.Int64
	// promise is done, bound once, so that no record needs a closure.
	promise func(*kgo.Record, error)
}

// slabs are shared by all writers of the process.
var slabs sync.Pool

func takeSlab() *slab {
	if s, ok := slabs.Get().(*slab); ok {
		return s
	}
	s := &slab{}
	s.promise = s.done
	return s
}

// done is called for each record when the broker has it, or never will.
func (s *slab) done(r *kgo.Record, err error) {
	if err != nil {
		s.feed.fail(err)
	} else if p := int(r.Partition); p >= len(s.feed.touched) || !s.feed.touched[p] {
		s.feed.touch(p)
	}
	s.release()
}

// release counts down the holders; the last one frees the slab.
func (s *slab) release() {
	if s.pending.Add(-1) > 0 {
		return
	}
	// After a failure the client may still be writing a request from these bytes.
	failed := s.feed.failure.Load() != nil
	s.feed = nil
	if !failed && cap(s.bytes) <= slabBytesKept {
		slabs.Put(s)
	}
}

// produceError is the first failure of a record that the client had taken.
type produceError struct{ Err error }

func (e *produceError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *produceError) Unwrap() error { return e.Err }

// feed gives records to clients and remembers the first failure: nothing may be
// prepared behind one.
type feed struct {
	sink     *sink
	ctx      context.Context // ends with the writer
	cancel   context.CancelFunc
	failure  atomic.Pointer[produceError]
	produced int64 // since the last Prepare
	// touched are the partitions written to since the last Prepare. The client
	// calls back one at a time, and a flush is between its calls and Prepare.
	touched []bool
	refused []connectors.Refused
	names   map[string]string // of headers: they are few, and each is kept once
}

// begin begins anew, after a Prepare.
func (f *feed) begin() {
	f.produced = 0
	clear(f.touched)
}

func (f *feed) touch(partition int) {
	for len(f.touched) <= partition {
		f.touched = append(f.touched, false)
	}
	f.touched[partition] = true
}

func (f *feed) init(s *sink) {
	f.sink = s
	f.ctx, f.cancel = context.WithCancel(context.Background())
}

func (f *feed) close() { f.cancel() }

func (f *feed) fail(err error) {
	f.failure.CompareAndSwap(nil, &produceError{Err: err})
}

// failed gives the first failure.
func (f *feed) failed() error {
	if failure := f.failure.Load(); failure != nil {
		return failure
	}
	return nil
}

// write copies the batch and gives its records to the client. The client keeps a
// record's context until the record is acknowledged, so they get the writer's; the
// call's own ends the writer where it ends first.
func (f *feed) write(ctx context.Context, client *kgo.Client, batch record.Batch) error {
	if err := f.failed(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, f.cancel)
	defer stop()
	s := takeSlab()
	s.feed = f
	s.bytes, s.headers = append(s.bytes[:0], batch...), s.headers[:0]
	count := batch.Count()
	if cap(s.records) < count {
		s.records = make([]kgo.Record, count)
	}
	s.records = s.records[:count]
	s.pending.Store(int64(count) + 1)
	defer s.release()
	i := 0
	for cursor := record.Batch(s.bytes).Records(); cursor.Next(); i++ {
		view := cursor.Record()
		r := &s.records[i]
		*r = kgo.Record{Key: view.Key(), Value: view.Value(), Context: f.ctx}
		if ts := view.Timestamp(); ts != record.NoTimestamp {
			r.Timestamp = time.UnixMilli(ts)
		}
		if len(view.Extensions()) > 0 {
			r.Headers = f.headers(s, view)
		}
		if view.Length()+batchOverheadMax > f.sink.settings.BatchBytesMax {
			if size := loneBatchSize(r); size > f.sink.settings.BatchBytesMax {
				f.refused = append(f.refused, connectors.Refuse(view, f.tooLarge(r, size).Error()))
				s.pending.Add(-1)
				continue
			}
		}
		f.produced++
		client.Produce(f.ctx, r, s.promise)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.failed()
}

// headerNamesMax bounds the names of headers that a writer keeps.
const headerNamesMax = 1 << 10

// headers gives a record's headers in the client's form.
func (f *feed) headers(s *slab, view record.View) []kgo.RecordHeader {
	first := len(s.headers)
	for c := view.Headers(); c.Next(); {
		name, known := f.names[string(c.Name())]
		if !known {
			name = string(c.Name())
			if f.names == nil || len(f.names) >= headerNamesMax {
				f.names = map[string]string{}
			}
			f.names[name] = name
		}
		s.headers = append(s.headers, kgo.RecordHeader{Key: name, Value: c.Value()})
	}
	return s.headers[first:len(s.headers):len(s.headers)]
}

// tooLarge tells why no batch can hold a record.
func (f *feed) tooLarge(r *kgo.Record, size int) *recordTooLargeError {
	err := &recordTooLargeError{Topic: f.sink.settings.Topic, SizeBytes: size, LimitBytes: f.sink.settings.BatchBytesMax}
	if r.Key != nil {
		err.Key = r.Key[:min(len(r.Key), keyShownBytes)]
	}
	return err
}

// take gives the records refused since the last call.
func (f *feed) take() []connectors.Refused {
	refused := f.refused
	f.refused = nil
	return refused
}

// flush waits until the client has no record left.
func (f *feed) flush(ctx context.Context, client *kgo.Client) error {
	for {
		err := f.flushOnce(ctx, client)
		switch {
		case f.failed() != nil:
			return f.failed()
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("kafka: flush: %w", err)
		}
		f.sink.rare.warn("kafka: the brokers do not acknowledge; waiting", "step", f.sink.config.UID, "topic", f.sink.settings.Topic,
			"records", client.BufferedProduceRecords(), "bytes", client.BufferedProduceBytes())
	}
}

func (f *feed) flushOnce(ctx context.Context, client *kgo.Client) error {
	ctx, cancel := context.WithTimeout(ctx, flushWait)
	defer cancel()
	return client.Flush(ctx)
}

const (
	// emptyBatchBytes is the size of a batch without records.
	emptyBatchBytes = 61
	// batchOverheadMax is more than a batch of one record has beside key, value and
	// headers.
	batchOverheadMax = 128
)

// loneBatchSize is the size of a batch that holds one record alone.
func loneBatchSize(r *kgo.Record) int {
	size := 1 + 1 + 1 + bytesSize(len(r.Key)) + bytesSize(len(r.Value)) + varintSize(len(r.Headers))
	for i := range r.Headers {
		size += bytesSize(len(r.Headers[i].Key)) + bytesSize(len(r.Headers[i].Value))
	}
	return emptyBatchBytes + varintSize(size) + size
}

func bytesSize(length int) int { return varintSize(length) + length }

// varintSize is the size of a zigzag number.
func varintSize(n int) int {
	size := 1
	for z := uint64(n) << 1; z >= 0x80; z >>= 7 {
		size++
	}
	return size
}
