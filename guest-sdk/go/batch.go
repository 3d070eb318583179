package turgo

import "unsafe"

// Kind tells what a record does to the collection that it belongs to.
type Kind uint8

// The change kinds. A stream without updates holds inserts only.
const (
	Insert Kind = iota
	UpdateBefore
	UpdateAfter
	Delete
)

// NoTimestamp marks a record without a timestamp.
const NoTimestamp = -1 << 63

// Batch walks the records of one call: an input's batch, or fired timers. Each
// Next takes the next record in hand: state, timers, Fail and the origin of what
// is emitted belong to it. After the last one it stays in hand. Slices from Key
// and Value are valid during the call.
//
//	for in.Next() {
//		output.Emit(in.Key(), in.Value())
//	}
type Batch struct {
	base     unsafe.Pointer // of the bytes that the records are in
	offset   uintptr        // of the record in hand, from base
	size     uintptr        // of the record in hand; at first of the header
	left     uint32         // records after the one in hand
	fixed    uint32
	instance *instance
}

// placeholder stands for the record in hand before the first batch.
var placeholder = [fixedLength]byte{
	0: fixedLength, 4: flagKeyNull | flagValueNull, 15: 0x80,
}

// start takes a batch that the host wrote: it is valid.
func (b *Batch) start(data []byte) {
	b.base = unsafe.Pointer(unsafe.SliceData(data))
	b.offset = 0
	b.size = headerLength
	b.fixed = uint32(load16(b.base, 6))
	b.left = load32(b.base, 8)
	b.instance.control.hand = noHand
}

// at is the address of the record in hand. It is computed, not kept: a pointer
// that is stored costs a write barrier.
func (b *Batch) at() unsafe.Pointer { return unsafe.Add(b.base, b.offset) }

// Len is the number of records that Next has not yet taken.
func (b *Batch) Len() int { return int(b.left) }

// Next takes the next record in hand and reports whether there is one.
func (b *Batch) Next() bool {
	if b.left == 0 {
		return false
	}
	b.left--
	b.instance.control.hand++ // from noHand to 0 at first
	b.offset += b.size
	b.size = uintptr(load32(b.base, b.offset))
	return true
}

// Key is the key of the record in hand, nil where null.
func (b *Batch) Key() []byte {
	at := b.at()
	if *(*byte)(unsafe.Add(at, 4))&flagKeyNull != 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Add(at, b.fixed)), load32(at, 20))
}

// Value is the value of the record in hand, nil where null.
func (b *Batch) Value() []byte {
	at := b.at()
	if *(*byte)(unsafe.Add(at, 4))&flagValueNull != 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Add(at, b.fixed+load32(at, 20))), load32(at, 24))
}

// Kind is the change kind of the record in hand.
func (b *Batch) Kind() Kind { return Kind(*(*byte)(unsafe.Add(b.at(), 4)) >> kindShift & 3) }

// Timestamp is that of the record in hand in milliseconds since the epoch, or
// NoTimestamp; of a fired timer, its time.
func (b *Batch) Timestamp() int64 { return int64(load64(b.at(), 8)) }

// Extensions is the encoded extensions of the record in hand, empty where there
// are none.
func (b *Batch) Extensions() []byte {
	at := b.at()
	start := b.fixed + load32(at, 20) + load32(at, 24)
	return unsafe.Slice((*byte)(unsafe.Add(at, start)), uint32(b.size)-start)
}

// Header is the value of the last header of that name, nil where it is null. Like
// the key, it lies in the batch's memory.
func (b *Batch) Header(name string) (value []byte, found bool) {
	const (
		head        = 8 // type, reserved, length
		headerType  = 1
		lengthBytes = 4
		null        = 1 << 31 // in the length of the name
	)
	for rest := b.Extensions(); len(rest) > 0; {
		kind, end := uint16(load32(unsafe.Pointer(&rest[0]), 0)), head+load32(unsafe.Pointer(&rest[0]), 4)
		content := rest[head:end]
		rest = rest[end:]
		if kind != headerType {
			continue
		}
		length := load32(unsafe.Pointer(&content[0]), 0)
		content = content[lengthBytes:]
		if string(content[:length&^null]) != name {
			continue
		}
		value, found = nil, true
		if length&null == 0 {
			value = content[length:len(content):len(content)]
		}
	}
	return value, found
}

// Fail fails the record in hand: what was emitted and written for it is undone,
// and the operator's failure policy decides what becomes of it. The code is the
// author's own. Go on with the next record.
func (b *Batch) Fail(code uint32, text string) { b.instance.host.Fail(code, text) }

// Watermark is the operator's watermark at the start of the call.
func (b *Batch) Watermark() int64 { return b.instance.control.watermark }

// ProcessingTime is the clock at the start of the call, in milliseconds since
// the epoch. It stands still during the call.
func (b *Batch) ProcessingTime() int64 { return b.instance.control.processingTime }
