package turgo

import "strconv"

// state is what the kinds of state have in common.
type state struct {
	instance      *instance
	name          string
	kind          string
	index         uint32
	schemaVersion uint16
	timeToLive    int64 // milliseconds; 0 = for ever
	buffer        []byte
}

// read calls get with a buffer until the value fits.
func (s *state) read(get func(buffer []byte) int64) (data []byte, version uint16, found bool) {
	result := get(s.buffer)
	if result < 0 {
		return nil, 0, false
	}
	length := int(uint32(result))
	if length > cap(s.buffer) {
		s.buffer = make([]byte, 0, length+length/2)
		get(s.buffer)
	}
	return s.buffer[:length], uint16(result >> 32), true
}

// corrupt ends the call: the state holds what this program cannot read.
func (s *state) corrupt(version uint16, err error) {
	panic("turgo: state " + s.name + ": an entry of schema version " + strconv.Itoa(int(version)) + " cannot be read: " + err.Error())
}
