package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

const logChunkBits = 13

// dirtyLog lists the entries that one epoch changed, each once: an entry knows
// its position and a newer version takes it over. After the swap at a freeze
// nothing changes it any more. 0 is a hole.
//
// Beside each address it keeps the beginning of the key, taken while the entry
// is near: sorting then looks at few entries, which lie anywhere in memory.
type dirtyLog struct {
	chunks [][]address
	ranks  [][]rank
	count  uint32

	states []uint64 // operator and state of keys, numbered by their first sight
	state  uint64   // the last one, under number
	number uint64
}

// rank orders most keys without a look at them: hi is the key group u16, the
// number of operator and state u8, and five bytes of what follows; lo is eight more.
type rank struct{ hi, lo uint64 }

const (
	rankStateShift = 40
	rankBytes      = 5 + 8
	maxRanked      = 1 << 8 // states that have a number
)

func (l *dirtyLog) at(position uint32) address {
	return l.chunks[position>>logChunkBits][position&(1<<logChunkBits-1)]
}

func (l *dirtyLog) set(position uint32, a address) {
	l.chunks[position>>logChunkBits][position&(1<<logChunkBits-1)] = a
}

func (l *dirtyLog) append(a address, key []byte) uint32 {
	position := l.count
	if int(position>>logChunkBits) == len(l.chunks) {
		l.chunks = append(l.chunks, make([]address, 1<<logChunkBits))
		l.ranks = append(l.ranks, make([]rank, 1<<logChunkBits))
	}
	l.count++
	l.set(position, a)
	l.ranks[position>>logChunkBits][position&(1<<logChunkBits-1)] = l.rankOf(key)
	return position
}

func (l *dirtyLog) rankOf(key []byte) rank {
	state := binary.BigEndian.Uint64(key[groupBytes:])
	if state != l.state || len(l.states) == 0 {
		l.numberState(state)
	}
	r := rank{hi: uint64(groupOf(key))<<48 | l.number<<rankStateShift}
	rest := key[prefixBytes:]
	if len(rest) >= rankBytes {
		r.hi |= binary.BigEndian.Uint64(rest) >> 24
		r.lo = binary.BigEndian.Uint64(rest[5:])
		return r
	}
	var padded [rankBytes]byte
	copy(padded[:], rest)
	r.hi |= binary.BigEndian.Uint64(padded[:]) >> 24
	r.lo = binary.BigEndian.Uint64(padded[5:])
	return r
}

func (l *dirtyLog) numberState(state uint64) {
	i := slices.Index(l.states, state)
	if i < 0 {
		// Where there are too many, numbers mean nothing: see sorted.
		if i = len(l.states); i < maxRanked {
			l.states = append(l.states, state)
		}
	}
	l.state, l.number = state, uint64(i)%maxRanked
}

// sortItem is one position of a log that is no hole.
type sortItem struct {
	rank
	position uint32
}

// sorted gives the part's entries by key; of several versions the newest.
func (p *part) sorted() []address {
	items, ends := p.byGroup()
	start := uint32(0)
	for _, end := range ends {
		slices.SortFunc(items[start:end], p.compare)
		start = end
	}
	newest := make([]address, 0, len(items))
	for i := range items {
		a := p.log.at(items[i].position)
		if n := len(newest); n > 0 && items[i-1].rank == items[i].rank && bytes.Equal(p.at(newest[n-1]).key(), p.at(a).key()) {
			newest[n-1] = a
			continue
		}
		newest = append(newest, a)
	}
	return newest
}

// compare orders by key, and versions of one key by age.
func (p *part) compare(x, y sortItem) int {
	if x.hi != y.hi {
		return cmp.Compare(x.hi, y.hi)
	}
	if x.lo != y.lo {
		return cmp.Compare(x.lo, y.lo)
	}
	if c := bytes.Compare(p.at(p.log.at(x.position)).key(), p.at(p.log.at(y.position)).key()); c != 0 {
		return c
	}
	return cmp.Compare(x.position, y.position)
}

// byGroup lists the entries by key group, and where each group ends. Groups
// are hashes, so that what is left to sort is short.
func (p *part) byGroup() (items []sortItem, ends []uint32) {
	numbers := p.log.ranked()
	counts := make([]uint32, 1<<16)
	p.log.each(func(_ uint32, r *rank) { counts[r.hi>>48]++ })
	sum := uint32(0)
	for group, count := range counts {
		counts[group] = sum
		sum += count
	}
	items = make([]sortItem, sum)
	p.log.each(func(position uint32, r *rank) {
		item := sortItem{rank{r.hi >> 48 << 48, 0}, position}
		if numbers != nil {
			item.hi |= numbers[r.hi>>rankStateShift&(maxRanked-1)]<<rankStateShift | r.hi&(1<<rankStateShift-1)
			item.lo = r.lo
		}
		items[counts[r.hi>>48]] = item
		counts[r.hi>>48]++
	})
	return items, slices.Compact(counts)
}

// ranked maps the numbers of states to others in the states' order. It is nil
// where there were too many to number.
func (l *dirtyLog) ranked() []uint64 {
	if len(l.states) >= maxRanked {
		return nil
	}
	order := slices.Clone(l.states)
	slices.Sort(order)
	numbers := make([]uint64, maxRanked)
	for i, state := range l.states {
		numbers[i] = uint64(slices.Index(order, state))
	}
	return numbers
}

// each visits the positions that are no holes.
func (l *dirtyLog) each(visit func(position uint32, r *rank)) {
	for i, chunk := range l.chunks {
		base := uint32(i) << logChunkBits
		if base >= l.count {
			return
		}
		for j, a := range chunk[:min(len(chunk), int(l.count-base))] {
			if a != 0 {
				visit(base+uint32(j), &l.ranks[i][j])
			}
		}
	}
}
