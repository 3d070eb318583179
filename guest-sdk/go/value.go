package turgo

// Value is a state with one value for each key.
type Value[T any] struct {
	*state
	codec   Codec[T]
	migrate func(version uint16, data []byte) (T, error)
}

// NewValue declares a value state.
func NewValue[T any](d *Declaration, name string, codec Codec[T]) Value[T] {
	s := d.state(name, "value")
	s.buffer = make([]byte, 0, 64)
	return Value[T]{state: s, codec: codec}
}

// Get reads the value of the key in hand.
func (v Value[T]) Get() (value T, found bool) {
	s := v.state
	result := s.instance.host.StateGet(s.index, s.buffer)
	if result < 0 {
		return value, false
	}
	data, version := s.buffer[:0], uint16(result>>32)
	if length := int(uint32(result)); length <= cap(data) {
		data = data[:length]
	} else {
		data = make([]byte, length, length+length/2)
		s.buffer = data
		s.instance.host.StateGet(s.index, data)
	}
	var err error
	if version != s.schemaVersion && v.migrate != nil {
		value, err = v.migrate(version, data)
	} else {
		value, err = v.codec.Decode(data)
	}
	if err != nil {
		s.corrupt(version, err)
	}
	return value, true
}

// Put writes the value of the key in hand.
func (v Value[T]) Put(value T) {
	s := v.state
	s.buffer = v.codec.Append(s.buffer[:0], value)
	s.instance.host.StatePut(s.index, s.buffer)
}

// Clear removes the value of the key in hand.
func (v Value[T]) Clear() { v.state.instance.host.StateClear(v.state.index) }
