package turgo

import "unsafe"

// Value is a state with one value for each key.
type Value[T any] struct{ *valueState[T] }

type valueState[T any] struct {
	// What a read returns where the value is one word in the current schema
	// version, the usual case: no codec is called then. -2 = T is not a word.
	wordResult int64
	word       *uint64 // where such a value is read to and written from
	state
	codec   Codec[T]
	migrate func(version uint16, data []byte) (T, error)
}

const noWord = -2

// NewValue declares a value state.
func NewValue[T any](d *Declaration, name string, codec Codec[T]) Value[T] {
	s := &valueState[T]{codec: codec, wordResult: noWord}
	d.state(&s.state, name, "value")
	s.buffer = make([]byte, 0, 64)
	s.word = (*uint64)(unsafe.Pointer(unsafe.SliceData(s.buffer)))
	switch any(codec).(type) {
	case uint64Codec, int64Codec:
		s.wordResult = 8
	}
	return Value[T]{s}
}

// Versioned declares the schema version of what is written from now on.
// migrate reads values of other versions.
func (v Value[T]) Versioned(version uint16, migrate func(version uint16, data []byte) (T, error)) Value[T] {
	v.schemaVersion, v.migrate = version, migrate
	if v.wordResult != noWord {
		v.wordResult = int64(version)<<32 | 8
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
	result := s.instance.host.StateGet(s.index, s.buffer)
	if result == s.wordResult {
		*(*uint64)(unsafe.Pointer(&value)) = *s.word
		return value, true
	}
	if result < 0 {
		return value, false
	}
	return s.decode(result), true
}

func (s *valueState[T]) decode(result int64) T {
	length, version := int(uint32(result)), uint16(result>>32)
	if length > cap(s.buffer) {
		s.buffer = make([]byte, 0, length+length/2)
		s.word = (*uint64)(unsafe.Pointer(unsafe.SliceData(s.buffer)))
		s.instance.host.StateGet(s.index, s.buffer)
	}
	return decode(&s.state, s.codec, s.migrate, s.buffer[:length], version)
}

// Put writes the value of the key in hand.
func (s *valueState[T]) Put(value T) {
	if s.wordResult != noWord {
		*s.word = *(*uint64)(unsafe.Pointer(&value))
		s.instance.host.StatePut(s.index, s.buffer[:8])
		return
	}
	s.encode(value)
}

func (s *valueState[T]) encode(value T) {
	s.buffer = s.codec.Append(s.buffer[:0], value)
	s.instance.host.StatePut(s.index, s.buffer)
}

// Clear removes the value of the key in hand.
func (s *valueState[T]) Clear() { s.instance.host.StateClear(s.index) }
