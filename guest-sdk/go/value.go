package turgo

import "unsafe"

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
	word   unsafe.Pointer // of value, where it is one word
	result int64          // of a read that filled the word; noWord = value is no word
	state
	decode func(result int64) // what a read gave, which did not fill the word
	encode func()             // of what is no word
}

const (
	noWord     = -2
	notFound   = -1
	wordLength = 8
)

// NewValue declares a value state.
func NewValue[T any](d *Declaration, name string, codec Codec[T]) Value[T] {
	s := &valueState[T]{codec: codec}
	s.result, s.decode, s.encode = noWord, s.decodeValue, s.encodeValue
	d.state(&s.state, name, "value")
	s.buffer = make([]byte, 0, 64)
	switch any(codec).(type) {
	case uint64Codec, int64Codec:
		s.result, s.word = wordLength, unsafe.Pointer(&s.value)
	}
	return Value[T]{s}
}

// Versioned declares the schema version of what is written from now on.
// migrate reads values of other versions.
func (v Value[T]) Versioned(version uint16, migrate func(version uint16, data []byte) (T, error)) Value[T] {
	v.schemaVersion, v.migrate = version, migrate
	if v.result != noWord {
		v.result = int64(version)<<32 | wordLength
	}
	return v
}

// Expiring declares that a value vanishes so many milliseconds after it was
// written.
func (v Value[T]) Expiring(timeToLiveMS int64) Value[T] {
	v.timeToLive = timeToLiveMS
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
	if s.result == noWord {
		result := s.get()
		s.decode(result)
		return result != notFound
	}
	result := s.instance.host.StateGet(s.index, s.word, wordLength)
	if result == s.result {
		return true
	}
	s.decode(result)
	return result != notFound
}

// write writes the value of the key in hand.
//
//go:nosplit
func (s *slot) write() {
	if s.result == noWord {
		s.encode()
		return
	}
	s.instance.host.StatePut(s.index, s.word, wordLength)
}

// decodeValue decodes what a read gave into value.
func (s *valueState[T]) decodeValue(result int64) {
	var value T
	if result != notFound {
		length := int(uint32(result))
		value = decode(&s.state, s.codec, s.migrate, s.bytes(length), uint16(result>>32))
	}
	s.value = value
}

// bytes are those of the value that was read last.
func (s *slot) bytes(length int) []byte {
	if s.result != noWord && length <= wordLength {
		return append(s.buffer[:0], unsafe.Slice((*byte)(s.word), length)...)
	}
	if length > cap(s.buffer) || s.result != noWord {
		s.buffer = make([]byte, 0, length+length/2)
		s.get()
	}
	return s.buffer[:length]
}

// get reads into the buffer.
func (s *slot) get() int64 {
	return s.instance.host.StateGet(s.index, unsafe.Pointer(unsafe.SliceData(s.buffer)), uint32(cap(s.buffer)))
}

// encodeValue writes a value that is no word.
func (s *valueState[T]) encodeValue() {
	var none T
	s.buffer = s.codec.Append(s.buffer[:0], s.value)
	s.value = none
	s.instance.host.StatePut(s.index, unsafe.Pointer(unsafe.SliceData(s.buffer)), uint32(len(s.buffer)))
}

// Clear removes the value of the key in hand.
func (s *valueState[T]) Clear() { s.instance.host.StateClear(s.index) }
