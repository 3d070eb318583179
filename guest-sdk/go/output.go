package turgo

import (
	"strconv"
	"unsafe"
)

const (
	flushLength   = 1 << 20 // an output's buffer is emitted when it holds this much
	keepLength    = 4 << 20 // a larger buffer is given back after the call
	initialLength = 64 << 10
	runLength     = 4 << 10 // forwarded records of this length are emitted where they lie
	batchLength   = 64 << 20

	// slack bytes stand after the bytes in use of every buffer: short copies may
	// run into them, and no address stands past a buffer's end, which Go's
	// collector would take for a bad pointer.
	slack = 16
)

// Output is one output of the operator. Records gather in a buffer, which goes
// to the host at the end of the call, or earlier when it is full. Forwarded ones
// stay where they lie in the batch, for as long as they follow each other.
type Output struct{ *output }

type output struct {
	instance *instance
	base     unsafe.Pointer // of buffer
	length   int            // in use; the header's at least
	room     int            // that is left; 0 while there is a run
	count    uint32         // of records in the buffer
	index    uint32
	name     string
	buffer   []byte // its length is its capacity, slack included

	// The run: forwarded records, behind those in the buffer, by their offsets in
	// the batch. runHand is the index of the first.
	run, runEnd uintptr
	runHand     uint32
}

// noRun is a runEnd that is no offset.
const noRun = ^uintptr(0)

func newOutput(i *instance, name string, index uint32) *output {
	return &output{instance: i, name: name, index: index, length: headerLength, runEnd: noRun}
}

// Record is one record to emit. A nil Key or Value is null; an empty one is not.
type Record struct {
	Key, Value []byte
	Kind       Kind
	Timestamp  int64 // milliseconds since the epoch, or NoTimestamp
	Extensions []byte
}

// Emit emits a record with the timestamp of the record in hand.
func (o *output) Emit(key, value []byte) {
	// A short piece of the input as key and no value need no calls and one
	// branch: two loads copy it, past its end too, since the argument has slack and
	// so has the output. Each term is negative where it does not hold.
	i := o.instance
	from := unsafe.Pointer(unsafe.SliceData(key))
	into := int(uintptr(from) - i.argumentStart)
	if (slack-len(key))|into|(i.argumentLength-into)|(o.room-fixedLength-len(key))|-len(value) < 0 {
		o.emit(key, value)
		return
	}
	size := fixedLength + len(key)
	flags := uint64(0)
	if value == nil {
		flags = flagValueNull << 32
	}
	p := unsafe.Add(o.base, o.length)
	store64(p, 0, uint64(size)|flags)
	store64(p, 8, load64(i.batch.at(), 8))
	store64(p, 16, uint64(i.control.hand)|uint64(len(key))<<32)
	store32(p, 24, 0)
	store64(p, fixedLength, load64(from, 0))
	store64(p, fixedLength+8, load64(from, 8))
	o.length += size
	o.room -= size
	o.count++
}

func (o *output) emit(key, value []byte) {
	o.EmitRecord(Record{Key: key, Value: value, Timestamp: o.instance.batch.Timestamp()})
}

// EmitRecord emits a record that tells all its parts. One that is larger than a
// batch may be, 64 MiB, fails the record in hand instead.
func (o *output) EmitRecord(r Record) {
	size := fixedLength + len(r.Key) + len(r.Value) + len(r.Extensions)
	if size > batchLength-headerLength {
		o.instance.host.Fail(0, "turgo: a record of "+strconv.Itoa(size)+" bytes is larger than a batch")
		return
	}
	p := o.reserve(size)
	flags := uint64(r.Kind&3) << kindShift
	if r.Key == nil {
		flags |= flagKeyNull
	}
	if r.Value == nil {
		flags |= flagValueNull
	}
	store64(p, 0, uint64(size)|flags<<32)
	store64(p, 8, uint64(r.Timestamp))
	store64(p, 16, uint64(o.instance.control.hand)|uint64(len(r.Key))<<32)
	store32(p, 24, uint32(len(r.Value)))
	p = unsafe.Add(p, fixedLength)
	put(p, r.Key)
	put(unsafe.Add(p, len(r.Key)), r.Value)
	put(unsafe.Add(p, len(r.Key)+len(r.Value)), r.Extensions)
}

// Forward emits the record in hand as it is. A fired timer is a record of its key
// and time; a group, one of its key and the accumulator that it came with.
func (o *output) Forward() {
	if o.runEnd != o.instance.batch.offset {
		o.beginRun()
		return
	}
	o.runEnd += o.instance.batch.size
}

// beginRun forwards a record that does not follow the one before.
func (o *output) beginRun() {
	in := &o.instance.batch
	if in.fixed != fixedLength || in.offset < headerLength {
		o.EmitRecord(Record{Key: in.Key(), Value: in.Value(), Kind: in.Kind(), Timestamp: in.Timestamp(), Extensions: in.Extensions()})
		return
	}
	o.settle()
	o.run, o.runEnd, o.runHand = in.offset, in.offset+in.size, o.instance.control.hand
	o.room = 0
}

// settle ends a run: a short one moves into the buffer, a long one is emitted
// where it lies. Its header stands on the record before it for so long.
func (o *output) settle() {
	if o.runEnd == noRun {
		return
	}
	length, base := int(o.runEnd-o.run), o.instance.batch.base
	hand := o.runHand
	for at := o.run; at < o.runEnd; hand++ {
		p := unsafe.Add(base, at)
		store32(p, 16, hand) // the origin: the batch is the guest's to change
		at += uintptr(load32(p, 0))
	}
	count := hand - o.runHand
	o.runEnd = noRun
	if length < runLength {
		o.makeRoom(length)
		copy(unsafe.Slice((*byte)(unsafe.Add(o.base, o.length)), length), unsafe.Slice((*byte)(unsafe.Add(base, o.run)), length))
		o.length += length
		o.room -= length
		o.count += count
		return
	}
	o.flushBuffer()
	header := (*[headerLength]byte)(unsafe.Add(base, o.run-headerLength))
	before := *header
	o.emitBatch(unsafe.Pointer(header), headerLength+length, count)
	*header = before
}

// reserve makes room for one record and returns its address.
func (o *output) reserve(size int) unsafe.Pointer {
	if size > o.room {
		o.settle()
		o.makeRoom(size)
	}
	p := unsafe.Add(o.base, o.length)
	o.length += size
	o.room -= size
	o.count++
	return p
}

// makeRoom emits what the buffer holds or grows it, until size fits.
func (o *output) makeRoom(size int) {
	if o.length+size > flushLength {
		o.flushBuffer()
	}
	if need := o.length + size + slack; need > len(o.buffer) {
		grown := make([]byte, max(need, min(2*len(o.buffer), flushLength), initialLength))
		copy(grown, o.buffer[:min(o.length, len(o.buffer))])
		o.buffer = grown
		o.base = unsafe.Pointer(unsafe.SliceData(grown))
	}
	o.room = len(o.buffer) - slack - o.length
}

// flush emits all that the output holds.
func (o *output) flush() {
	o.settle()
	o.flushBuffer()
}

// flushBuffer emits what the buffer holds and empties it.
func (o *output) flushBuffer() {
	if o.count == 0 {
		return
	}
	o.emitBatch(o.base, o.length, o.count)
	if len(o.buffer) > keepLength {
		o.buffer, o.base = nil, nil
	}
	o.length, o.count = headerLength, 0
	o.room = len(o.buffer) - slack - headerLength
}

// emitBatch makes a batch of records that have room for its header before them,
// and emits it.
func (o *output) emitBatch(p unsafe.Pointer, length int, count uint32) {
	store32(p, 0, headerMagic)
	store32(p, 4, version|fixedLength<<16)
	store32(p, 8, count)
	store32(p, 12, uint32(length))
	store64(p, 16, 0)
	o.instance.host.Emit(o.index, unsafe.Slice((*byte)(p), length))
}

// put copies data to p, short data without a call to the runtime: keys are
// short, and there one bulk copy costs more than a few loads and stores.
func put(p unsafe.Pointer, data []byte) {
	n := uintptr(len(data))
	from := unsafe.Pointer(unsafe.SliceData(data))
	switch {
	case n > 16:
		copy(unsafe.Slice((*byte)(p), n), data)
	case n >= 8:
		last := load64(from, n-8)
		store64(p, 0, load64(from, 0))
		store64(p, n-8, last)
	case n >= 4:
		last := load32(from, n-4)
		store32(p, 0, load32(from, 0))
		store32(p, n-4, last)
	case n > 0:
		*(*byte)(p) = *(*byte)(from)
		*(*byte)(unsafe.Add(p, n>>1)) = *(*byte)(unsafe.Add(from, n>>1))
		*(*byte)(unsafe.Add(p, n-1)) = *(*byte)(unsafe.Add(from, n-1))
	}
}
