package turgo

import (
	"iter"
	"unsafe"
)

// List is a state with a list of elements for each key.
type List[T any] struct{ *listState[T] }

type listState[T any] struct {
	state
	codec   Codec[T]
	migrate func(version uint16, data []byte) (T, error)
}

// NewList declares a list state.
func NewList[T any](d *Declaration, name string, codec Codec[T]) List[T] {
	s := &listState[T]{codec: codec}
	d.state(&s.state, name, "list")
	return List[T]{s}
}

// Versioned declares the schema version of what is written from now on.
// migrate reads elements of other versions.
func (l List[T]) Versioned(version uint16, migrate func(version uint16, data []byte) (T, error)) List[T] {
	l.schemaVersion, l.migrate = version, migrate
	return l
}

// Expiring declares that an element vanishes so many milliseconds after it was
// written.
func (l List[T]) Expiring(timeToLiveMS int64) List[T] {
	l.timeToLive = timeToLiveMS
	return l
}

// Append adds an element to the list of the key in hand. It reads nothing.
func (s *listState[T]) Append(value T) {
	s.buffer = s.codec.Append(s.buffer[:0], value)
	s.instance.host.ListAppend(s.index, s.buffer)
}

// Clear removes all elements of the key in hand.
func (s *listState[T]) Clear() { s.instance.host.StateClear(s.index) }

const listHead = 16 // u64 cursor, u32 length, u16 schema version, u16 0

// All walks the list of the key in hand, in the order of the appends.
func (s *listState[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		buffer := s.takePage()
		defer func() { s.page = buffer }()
		cursor := uint64(0)
		for {
			result := uint64(s.instance.host.ListRead(s.index, cursor, buffer))
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
				end := listHead + int(load32(head, 8))
				cursor = load64(head, 0)
				if !yield(s.decode(data[listHead:end], load16(head, 12))) {
					return
				}
				data = data[end:]
			}
		}
	}
}

func (s *listState[T]) decode(data []byte, version uint16) T {
	return decode(&s.state, s.codec, s.migrate, data, version)
}
