// Package record is the layout of a batch of records: the same bytes on the
// connector wire, in a guest's memory, between tasks and between hosts.
//
// All integers are little-endian and nothing is aligned. A batch is a header
// followed by its records, one after the other:
//
//	offset  size  header
//	0       4     magic "TRGB"
//	4       1     version, 1
//	5       1     encoding, 0 = rows
//	6       2     length of each record's fixed part, at least 28
//	8       4     count of records
//	12      4     byte length of the whole batch, header included
//	16      4     flags, 0
//	20      4     reserved, 0
//
//	offset  size  record, fixed part
//	0       4     byte length of the whole record, fixed part included
//	4       1     flags: bit 0 key is null, bit 1 value is null, bits 2-3 change kind
//	5       3     reserved, 0
//	8       8     timestamp, signed milliseconds since the epoch; the smallest = none
//	16      4     origin: index of the input record that this one came from
//	20      4     key length
//	24      4     value length
//
// After the fixed part stand the key, the value, and until the record's end
// the extensions: u16 type, u16 reserved (0), u32 length, bytes. A reader skips
// and passes on a type that it does not know, unless its top bit is set.
package record

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

const (
	// HeaderLength is the size of a batch header in bytes.
	HeaderLength = 24
	// FixedLength is the size in bytes of a record's fixed part as this
	// package writes it. Readers accept a longer one and skip what they do not know.
	FixedLength = 28
	// LengthMax bounds a batch, in bytes: 64 MiB.
	LengthMax = 1 << 26
	// NoTimestamp marks a record without a timestamp.
	NoTimestamp = math.MinInt64
	// Version is the layout's version.
	Version = 1

	magic = "TRGB"

	flagKeyNull   = 1 << 0
	flagValueNull = 1 << 1
	kindShift     = 2
	flagsKnown    = 0x0f
)

// Kind tells what a record does to the collection that it belongs to.
type Kind uint8

// The change kinds. A stream without updates holds inserts only.
const (
	Insert Kind = iota
	UpdateBefore
	UpdateAfter
	Delete
)

// Record is one record to append. A nil Key or Value is null; an empty one is
// not. Extensions are encoded already.
type Record struct {
	Key, Value []byte
	Kind       Kind
	Timestamp  int64 // milliseconds since the epoch, or NoTimestamp
	Origin     uint32
	Extensions []byte
}

// Batch is the bytes of a valid batch. Make one with Parse or a Builder; the
// methods do not check again.
type Batch []byte

// Count is the number of records.
func (b Batch) Count() int { return int(binary.LittleEndian.Uint32(b[8:])) }

// Records starts a walk over the records, in order.
func (b Batch) Records() Cursor {
	return Cursor{rest: b[HeaderLength:], fixed: int(binary.LittleEndian.Uint16(b[6:]))}
}

// At is the record that starts at an offset: HeaderLength is the first one's,
// and the next one's is View.Length further.
func (b Batch) At(offset int) View {
	end := offset + int(binary.LittleEndian.Uint32(b[offset:]))
	return View{data: b[offset:end:end], fixed: int(binary.LittleEndian.Uint16(b[6:]))}
}

// Cursor walks a batch. It is a value: copying it copies the position.
type Cursor struct {
	rest  []byte
	fixed int
	view  View
}

// Next moves to the next record and reports whether there is one.
func (c *Cursor) Next() bool {
	if len(c.rest) == 0 {
		return false
	}
	size := binary.LittleEndian.Uint32(c.rest)
	c.view = View{data: c.rest[:size:size], fixed: c.fixed}
	c.rest = c.rest[size:]
	return true
}

// Record is the record that Next moved to.
func (c *Cursor) Record() View { return c.view }

// View reads one record in place. It is valid as long as the batch's bytes.
type View struct {
	data  []byte
	fixed int
}

// Key is the record's key, nil where null.
func (v View) Key() []byte {
	if v.data[4]&flagKeyNull != 0 {
		return nil
	}
	end := v.fixed + int(binary.LittleEndian.Uint32(v.data[20:]))
	return v.data[v.fixed:end:end]
}

// Value is the record's value, nil where null.
func (v View) Value() []byte {
	if v.data[4]&flagValueNull != 0 {
		return nil
	}
	start := v.fixed + int(binary.LittleEndian.Uint32(v.data[20:]))
	end := start + int(binary.LittleEndian.Uint32(v.data[24:]))
	return v.data[start:end:end]
}

// Extensions is the encoded extensions, empty where there are none.
func (v View) Extensions() []byte {
	start := v.fixed + int(binary.LittleEndian.Uint32(v.data[20:])) + int(binary.LittleEndian.Uint32(v.data[24:]))
	return v.data[start:]
}

// Kind is the record's change kind.
func (v View) Kind() Kind { return Kind(v.data[4] >> kindShift & 3) }

// Timestamp is in milliseconds since the epoch, or NoTimestamp.
func (v View) Timestamp() int64 { return int64(binary.LittleEndian.Uint64(v.data[8:])) }

// Origin is the index of the input record that this one came from.
func (v View) Origin() uint32 { return binary.LittleEndian.Uint32(v.data[16:]) }

// Length is the record's encoded size in bytes.
func (v View) Length() int { return len(v.data) }

// Builder makes a batch by appending. The zero value is ready; Reset gives it
// a buffer to use again. It never re-encodes a view: it copies its bytes.
// Appending more than Room is the caller's mistake and panics.
type Builder struct {
	buf   []byte
	count uint32
}

// Reset empties the builder and takes buf's memory, which may be nil.
func (b *Builder) Reset(buf []byte) {
	b.buf = append(buf[:0], emptyHeader[:]...)
	b.count = 0
}

var emptyHeader [HeaderLength]byte

// Count is the number of records appended.
func (b *Builder) Count() int { return int(b.count) }

// Length is the encoded size so far in bytes, header included.
func (b *Builder) Length() int { return max(len(b.buf), HeaderLength) }

// Room is how many bytes of records the batch can still take.
func (b *Builder) Room() int { return LengthMax - b.Length() }

// Length is the encoded size of the record in bytes.
func (r *Record) Length() int {
	return FixedLength + len(r.Key) + len(r.Value) + len(r.Extensions)
}

// Append adds one record.
func (b *Builder) Append(r Record) {
	size := r.Length()
	fixed := b.grow(size)
	flags := uint64(r.Kind&3) << kindShift
	if r.Key == nil {
		flags |= flagKeyNull
	}
	if r.Value == nil {
		flags |= flagValueNull
	}
	binary.LittleEndian.PutUint64(fixed[0:], uint64(size)|flags<<32)
	binary.LittleEndian.PutUint64(fixed[8:], uint64(r.Timestamp))
	binary.LittleEndian.PutUint64(fixed[16:], uint64(r.Origin)|uint64(len(r.Key))<<32)
	binary.LittleEndian.PutUint32(fixed[24:], uint32(len(r.Value)))
	n := FixedLength + copy(fixed[FixedLength:], r.Key)
	n += copy(fixed[n:], r.Value)
	copy(fixed[n:], r.Extensions)
}

// AppendView copies a record and gives it a new origin.
func (b *Builder) AppendView(v View, origin uint32) {
	if v.fixed != FixedLength {
		b.Append(Record{Key: v.Key(), Value: v.Value(), Kind: v.Kind(), Timestamp: v.Timestamp(), Origin: origin, Extensions: v.Extensions()})
		return
	}
	to := b.grow(len(v.data))
	copy(to, v.data)
	binary.LittleEndian.PutUint32(to[16:], origin)
}

// grow makes room for one record and returns its bytes.
func (b *Builder) grow(size int) []byte {
	if size > b.Room() {
		panic(fmt.Sprintf("record: a batch of %d bytes has no room for a record of %d", b.Length(), size))
	}
	if len(b.buf) == 0 {
		b.Reset(b.buf)
	}
	start := len(b.buf)
	b.buf = slices.Grow(b.buf, size)[:start+size]
	b.count++
	return b.buf[start:]
}

// Finish writes the header and returns the batch, which owns the builder's
// memory until the next Reset.
func (b *Builder) Finish() Batch {
	if len(b.buf) == 0 {
		b.Reset(b.buf)
	}
	copy(b.buf, magic)
	b.buf[4], b.buf[5] = Version, 0
	binary.LittleEndian.PutUint16(b.buf[6:], FixedLength)
	binary.LittleEndian.PutUint32(b.buf[8:], b.count)
	binary.LittleEndian.PutUint32(b.buf[12:], uint32(len(b.buf)))
	binary.LittleEndian.PutUint64(b.buf[16:], 0)
	return Batch(b.buf)
}
