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
	prefetch      bool
	buffer        []byte
	page          []byte // for walks; nil while one has it
}

// pageLength is how much a walk reads at once, at first.
const pageLength = 4 << 10

// takePage gives a walk a buffer. A walk within another gets one of its own.
func (s *state) takePage() []byte {
	page := s.page
	s.page = nil
	if page == nil {
		page = make([]byte, 0, pageLength)
	}
	return page
}

// decode reads an entry that was written under a schema version.
func decode[T any](s *state, codec Codec[T], migrate func(uint16, []byte) (T, error), data []byte, version uint16) (value T) {
	var err error
	if version != s.schemaVersion && migrate != nil {
		value, err = migrate(version, data)
	} else {
		value, err = codec.Decode(data)
	}
	if err != nil {
		s.corrupt(version, err)
	}
	return value
}

// corrupt ends the call: the state holds what this program cannot read.
func (s *state) corrupt(version uint16, err error) {
	panic("turgo: state " + s.name + ": an entry of schema version " + strconv.Itoa(int(version)) + " cannot be read: " + err.Error())
}
