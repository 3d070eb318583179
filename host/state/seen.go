package state

// seenKeys is a filter of all keys that were ever written, for a task that
// began with nothing: the first sight of a key then costs one look at memory
// and not one at each table. A task that was restored has none.
type seenKeys struct {
	words []uint64
	room  int
}

// seenBitsForKey keeps the keys that are taken for others at about one in
// fifty when the filter is full. It is given up then.
const seenBitsForKey = 10

func newSeenKeys(bytes int64) *seenKeys {
	words := 1024
	for int64(words)*16 <= bytes {
		words *= 2
	}
	return &seenKeys{words: make([]uint64, words), room: words * 64 / seenBitsForKey}
}

// slot is a word and four bits of it.
func (s *seenKeys) slot(hash uint64) (word *uint64, bits uint64) {
	bits = 1<<(hash&63) | 1<<(hash>>6&63) | 1<<(hash>>12&63) | 1<<(hash>>18&63)
	return &s.words[hash>>24&uint64(len(s.words)-1)], bits
}

// add tells whether there is room for more.
func (s *seenKeys) add(hash uint64) bool {
	word, bits := s.slot(hash)
	if *word&bits != bits {
		*word |= bits
		s.room--
	}
	return s.room > 0
}

func (s *seenKeys) has(hash uint64) bool {
	word, bits := s.slot(hash)
	return *word&bits == bits
}
