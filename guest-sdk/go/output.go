package turgo

import "unsafe"

const (
	flushLength   = 1 << 20 // an output's buffer is emitted when it holds this much
	keepLength    = 4 << 20 // a larger buffer is given back after the call
	initialLength = 64 << 10
)

// Output is one output of the operator. Records gather in a buffer, which goes
// to the host at the end of the call, or earlier when it is full.
type Output struct{ *output }

type output struct {
	instance *instance
	name     string
	index    uint32
	buffer   []byte // its length is its capacity
	length   int    // in use; 0 = no batch begun
	count    uint32
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
	p := o.reserve(fixedLength + len(key) + len(value))
	flags := uint64(0)
	if key == nil {
		flags = flagKeyNull
	}
	if value == nil {
		flags |= flagValueNull
	}
	store64(p, 0, uint64(fixedLength+len(key)+len(value))|flags<<32)
	store64(p, 8, load64(o.instance.batch.at, 8))
	store64(p, 16, uint64(o.instance.control.hand)|uint64(len(key))<<32)
	store32(p, 24, uint32(len(value)))
	put(unsafe.Add(p, fixedLength), key)
	if len(value) != 0 {
		put(unsafe.Add(p, fixedLength+len(key)), value)
	}
}

// EmitRecord emits a record that tells all its parts.
func (o *output) EmitRecord(r Record) {
	size := fixedLength + len(r.Key) + len(r.Value) + len(r.Extensions)
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

// Forward emits the record in hand as it is.
func (o *output) Forward() {
	in := &o.instance.batch
	if in.fixed != fixedLength {
		o.EmitRecord(Record{Key: in.Key(), Value: in.Value(), Kind: in.Kind(), Timestamp: in.Timestamp(), Extensions: in.Extensions()})
		return
	}
	size := int(in.size)
	if size == 0 {
		return // no record in hand
	}
	p := o.reserve(size)
	copy(unsafe.Slice((*byte)(p), size), unsafe.Slice((*byte)(in.at), size))
	store32(p, 16, o.instance.control.hand)
}

// reserve makes room for one record and returns its address.
func (o *output) reserve(size int) unsafe.Pointer {
	if o.length == 0 || o.length+size > len(o.buffer) {
		o.makeRoom(size)
	}
	p := unsafe.Add(unsafe.Pointer(unsafe.SliceData(o.buffer)), o.length)
	o.length += size
	o.count++
	return p
}

// makeRoom begins a batch, grows the buffer, or emits what it holds.
func (o *output) makeRoom(size int) {
	if o.length >= flushLength || (o.count > 0 && o.length+size > flushLength) {
		o.flush()
	}
	if o.length == 0 {
		o.length = headerLength
	}
	if need := o.length + size; need > len(o.buffer) {
		grown := make([]byte, max(need, min(2*len(o.buffer), flushLength), initialLength))
		if o.count > 0 {
			copy(grown, o.buffer[:o.length])
		}
		o.buffer = grown
	}
}

// flush emits what the buffer holds and empties it.
func (o *output) flush() {
	if o.count == 0 {
		return
	}
	p := unsafe.Pointer(unsafe.SliceData(o.buffer))
	store32(p, 0, headerMagic)
	store32(p, 4, version|fixedLength<<16)
	store32(p, 8, o.count)
	store32(p, 12, uint32(o.length))
	store64(p, 16, 0)
	o.instance.host.Emit(o.index, o.buffer[:o.length])
	o.length, o.count = 0, 0
	if len(o.buffer) > keepLength {
		o.buffer = nil
	}
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
