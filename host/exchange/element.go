// Package exchange moves elements between tasks: partitioning on the way out,
// barrier alignment and watermark merging on the way in. Nothing in it blocks:
// a full channel shows as no room, an empty one as nothing to read.
package exchange

import (
	"sync"

	"github.com/turgo-stream/turgo/abi/record"
)

// Kind says what an Element is.
type Kind uint8

// The kinds of element. They are the frames of abi/record.
const (
	Batch     Kind = iota // records
	Watermark             // event time has reached Value
	Barrier               // what follows belongs to the epoch after Value
	Idle                  // no records for a while: leave this channel out of the watermark
	End                   // no more records; barriers still come
)

func (k Kind) String() string {
	return [...]string{"batch", "watermark", "barrier", "idle", "end"}[k]
}

// Element is what travels through a Channel.
type Element struct {
	Kind   Kind
	Value  int64   // milliseconds for a watermark, the epoch for a barrier
	Buffer *Buffer // for a batch; whoever receives it calls Release
}

// Buffer owns the memory of one batch. It has one owner at a time.
type Buffer struct {
	Batch record.Batch
	// Places tells where the records came into the job.
	Places []Run
}

const (
	// BatchBytes is the size at which a batch is sent on.
	BatchBytes = 64 << 10
	// bufferBytesMax is the largest memory that is kept for reuse.
	bufferBytesMax = 1 << 20
)

var buffers = sync.Pool{New: func() any { return &Buffer{Batch: make([]byte, 0, BatchBytes+BatchBytes/4)} }}

// NewBuffer gives a buffer with an empty batch slice to append to.
func NewBuffer() *Buffer {
	b := buffers.Get().(*Buffer)
	b.Batch, b.Places = b.Batch[:0], b.Places[:0]
	return b
}

// CopyOf gives a buffer with a copy of batch.
func CopyOf(batch record.Batch) *Buffer {
	b := NewBuffer()
	b.Batch = append(b.Batch, batch...)
	return b
}

// Release gives the memory back. Nobody may use the batch after.
func (b *Buffer) Release() {
	if b != nil && cap(b.Batch) <= bufferBytesMax {
		clear(b.Places) // they hold on to memory
		buffers.Put(b)
	}
}
