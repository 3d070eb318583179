package turgo

import (
	"iter"
	"unsafe"
)

// Map is a state with a map for each key. Its entries stand in the byte order
// of their encoded keys.
type Map[K, V any] struct{ *mapState[K, V] }

type mapState[K, V any] struct {
	state
	keys    Codec[K]
	values  Codec[V]
	migrate func(version uint16, data []byte) (V, error)
	key     []byte
}

// NewMap declares a map state. Values have a schema version, keys have not.
func NewMap[K, V any](d *Declaration, name string, keys Codec[K], values Codec[V]) Map[K, V] {
	s := &mapState[K, V]{keys: keys, values: values}
	d.state(&s.state, name, "map")
	s.buffer = make([]byte, 0, 64)
	return Map[K, V]{s}
}

// Versioned declares the schema version of values that are written from now
// on. migrate reads values of other versions.
func (m Map[K, V]) Versioned(version uint16, migrate func(version uint16, data []byte) (V, error)) Map[K, V] {
	m.schemaVersion, m.migrate = version, migrate
	return m
}

// Expiring declares that an entry vanishes so many milliseconds after it was
// written.
func (m Map[K, V]) Expiring(timeToLiveMS int64) Map[K, V] {
	m.timeToLive = timeToLiveMS
	return m
}

// Get reads one entry.
func (s *mapState[K, V]) Get(key K) (value V, found bool) {
	s.key = s.keys.Append(s.key[:0], key)
	result := s.instance.host.MapGet(s.index, s.key, s.buffer)
	if result < 0 {
		return value, false
	}
	length := int(uint32(result))
	if length > cap(s.buffer) {
		s.buffer = make([]byte, 0, length+length/2)
		s.instance.host.MapGet(s.index, s.key, s.buffer)
	}
	return decode(&s.state, s.values, s.migrate, s.buffer[:length], uint16(result>>32)), true
}

// Put writes one entry.
func (s *mapState[K, V]) Put(key K, value V) {
	s.key = s.keys.Append(s.key[:0], key)
	s.buffer = s.values.Append(s.buffer[:0], value)
	s.instance.host.MapPut(s.index, s.key, s.buffer)
}

// Delete removes one entry. Removing one that is not there does nothing.
func (s *mapState[K, V]) Delete(key K) {
	s.key = s.keys.Append(s.key[:0], key)
	s.instance.host.MapDelete(s.index, s.key)
}

// Clear removes all entries of the key in hand.
func (s *mapState[K, V]) Clear() { s.instance.host.StateClear(s.index) }

// All walks the entries of the key in hand. Entries that the loop writes are
// seen where they stand after the current one and were not read ahead.
func (s *mapState[K, V]) All() iter.Seq2[K, V] { return s.scan(nil, true) }

// After walks the entries whose encoded keys stand after that of key.
func (s *mapState[K, V]) After(key K) iter.Seq2[K, V] {
	return s.scan(s.keys.Append(nil, key), false)
}

const mapHead = 12 // u32 key length, u32 value length, u16 schema version, u16 0

func (s *mapState[K, V]) scan(after []byte, first bool) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		buffer := s.takePage()
		defer func() { s.page = buffer }()
		after, first := append([]byte{}, after...), first
		for {
			result := uint64(s.instance.host.MapScan(s.index, after, first, buffer))
			count, used := result>>32, int(uint32(result))
			if count == 0 {
				if used == 0 {
					return
				}
				buffer = make([]byte, 0, used+used/2)
				continue
			}
			for data := buffer[:used]; count > 0; count-- {
				head := unsafe.Pointer(unsafe.SliceData(data))
				middle := mapHead + int(load32(head, 0))
				end := middle + int(load32(head, 4))
				key, err := s.keys.Decode(data[mapHead:middle])
				if err != nil {
					s.corrupt(load16(head, 8), err)
				}
				if count == 1 {
					after, first = append(after[:0], data[mapHead:middle]...), false
				}
				if !yield(key, decode(&s.state, s.values, s.migrate, data[middle:end], load16(head, 8))) {
					return
				}
				data = data[end:]
			}
		}
	}
}
