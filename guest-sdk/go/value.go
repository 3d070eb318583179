package turgo

import (
	"unsafe"

	"github.com/turgo-stream/turgo/guest-sdk/go/internal/hostcall"
)

// Value is a state with one value for each key.
type Value[T any] struct{ *valueState[T] }

// valueState is laid out for the usual case, a value that is one word in the
// current schema version: the host reads and writes it in place, and no codec
// is called. What Get and Put do themselves is little enough to be inlined.
type valueState[T any] struct {
	value T // what read gave, and what write takes
	slot
	codec   Codec[T]
	migrate func(version uint16, data []byte) (T, error)
}

// slot is the part of a value state that has no type parameter, since generic
// code costs more.
type slot struct {
	host   hostcall.Host
	into   unsafe.Pointer // where the host reads to: value, where it is a word, or buffer
	room   uint32         // there
	number uint32         // the state's
	word   int64          // result of a read that gave a word; noWord = value is none
	state
	decode func(result int64) // what a read gave, other than the word
	encode func()             // of what is no word
}

const (
	notFound   = -1
	noWord     = -2
	wordLength = 8
)

// NewValue declares a value state.
func NewValue[T any](d *Declaration, name string, codec Codec[T]) Value[T] {
	v := newValue(d, codec)
	d.state(&v.state, name, "value")
	v.number = v.index
	return v
}

// newValue makes a value state that has no name and no number yet.
func newValue[T any](d *Declaration, codec Codec[T]) Value[T] {
	s := &valueState[T]{codec: codec}
	s.instance = d.instance
	s.host, s.word = d.instance.host, noWord
	s.decode, s.encode = s.decodeValue, s.encodeValue
	s.hold(make([]byte, 0, 64))
	switch any(codec).(type) {
	case uint64Codec, int64Codec:
		s.word, s.into, s.room = wordLength, unsafe.Pointer(&s.value), wordLength
	}
	return Value[T]{s}
}

// hold makes a buffer the one in use.
func (s *slot) hold(buffer []byte) {
	s.buffer = buffer
	if s.word == noWord {
		s.into, s.room = unsafe.Pointer(unsafe.SliceData(buffer)), uint32(cap(buffer))
	}
}

// Versioned declares the schema version of what is written from now on.
// migrate reads values of other versions.
func (v Value[T]) Versioned(version uint16, migrate func(version uint16, data []byte) (T, error)) Value[T] {
	v.schemaVersion, v.migrate = version, migrate
	if v.word != noWord {
		v.word = int64(version)<<32 | wordLength
	}
	return v
}

// Expiring declares that a value vanishes so many milliseconds after it was
// written.
func (v Value[T]) Expiring(timeToLiveMS int64) Value[T] {
	v.timeToLive = timeToLiveMS
	return v
}

// Prefetched declares that the host reads the values of all keys of a batch
// before it calls: for state that is larger than memory.
func (v Value[T]) Prefetched() Value[T] {
	v.prefetch = true
	return v
}

// Get reads the value of the key in hand.
func (s *valueState[T]) Get() (value T, found bool) {
	found = s.read()
	return s.value, found
}

// Put writes the value of the key in hand.
func (s *valueState[T]) Put(value T) {
	s.value = value
	s.write()
}

// read reads the value of the key in hand; where there is none it is zero.
//
//go:nosplit
func (s *slot) read() (found bool) {
	result := s.host.StateGet(s.number, s.into, s.room)
	if result == s.word {
		return true
	}
	return s.other(result)
}

// other is a read that gave no word.
func (s *slot) other(result int64) (found bool) {
	s.decode(result)
	return result != notFound
}

// write writes the value of the key in hand.
//
//go:nosplit
func (s *slot) write() {
	if s.word == noWord {
		s.encode()
		return
	}
	s.host.StatePut(s.number, s.into, wordLength)
}

// decodeValue decodes what a read gave into value.
func (s *valueState[T]) decodeValue(result int64) {
	var value T
	if result != notFound {
		value = decode(&s.state, s.codec, s.migrate, s.bytes(int(uint32(result))), uint16(result>>32))
	}
	s.value = value
}

// bytes are those of the value that was read last.
func (s *slot) bytes(length int) []byte {
	if length <= int(s.room) && s.word != noWord {
		return append(s.buffer[:0], unsafe.Slice((*byte)(s.into), length)...)
	}
	if length > int(s.room) {
		if length > cap(s.buffer) {
			s.hold(make([]byte, 0, length+length/2))
		}
		s.host.StateGet(s.number, unsafe.Pointer(unsafe.SliceData(s.buffer)), uint32(cap(s.buffer)))
	}
	return s.buffer[:length]
}

// encodeValue writes a value that is no word.
func (s *valueState[T]) encodeValue() {
	var none T
	s.hold(s.codec.Append(s.buffer[:0], s.value))
	s.value = none
	s.host.StatePut(s.number, s.into, uint32(len(s.buffer)))
}

// Clear removes the value of the key in hand.
func (s *valueState[T]) Clear() { s.instance.host.StateClear(s.index) }
