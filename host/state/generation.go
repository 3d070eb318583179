package state

import (
	"errors"
	"unsafe"
)

// ErrTransactionTooLarge tells that one transaction touched more state than
// the cache can address at all.
var ErrTransactionTooLarge = errors.New("state: one transaction touches too much state: let the operator change less in one call")

// address names one version of an entry: the generation's number in the upper
// half, its place within in the lower. 0 is no address.
type address uint64

func (a address) generation() uint32 { return uint32(a >> 32) }
func (a address) place() uint32      { return uint32(a) }

// A place is a chunk's number and an offset in units of 8 bytes.
const (
	unitBytes     = 8
	chunkUnitBits = 17
	maxChunkBytes = unitBytes << chunkUnitBits
	minChunkBytes = 64 << 10
	maxChunks     = 1 << (32 - chunkUnitBits)
)

// entryHeader begins each version of an entry; key, value and, where linked,
// the address of the next version in its chain follow. It holds no Go
// pointers: the collector never looks into an arena.
type entryHeader struct {
	keyBytes      uint32
	valueBytes    uint32
	valueCapacity uint32
	stamp         uint32 // the dirty log that it is in; 0: none, it is in Pebble
	position      uint32 // within that log
	flags         uint32
}

const entryHeaderBytes = int(unsafe.Sizeof(entryHeader{}))

const (
	flagAbsent uint32 = 1 << iota // the key is known to have no value
	flagGhost                     // undone: as if it were not here
	flagHead                      // not an entry but the head of a collection's chain
	flagLinked                    // a link follows the value
)

// entry is a view of one version.
type entry struct {
	header *entryHeader
	body   []byte // key, value, link
}

func (e entry) key() []byte { return e.body[:e.header.keyBytes:e.header.keyBytes] }

func (e entry) value() []byte {
	start := e.header.keyBytes
	return e.body[start : start+e.header.valueBytes : start+e.header.valueBytes]
}

func (e entry) absent() bool { return e.header.flags&flagAbsent != 0 }

// link is the next older version in the chain, for entries with flagLinked.
func (e entry) link() *address {
	return (*address)(unsafe.Pointer(&e.body[len(e.body)-8]))
}

// arena is chunks of memory that entries are appended to. A copy of it sees
// all entries that existed when it was copied, from any goroutine.
type arena struct {
	sequence uint32
	chunks   [][]byte
}

func (a *arena) at(place uint32) entry {
	chunk := a.chunks[place>>chunkUnitBits]
	chunk = chunk[int(place&(1<<chunkUnitBits-1))*unitBytes:]
	header := (*entryHeader)(unsafe.Pointer(unsafe.SliceData(chunk)))
	size := int(header.keyBytes + header.valueCapacity)
	if header.flags&flagLinked != 0 {
		size = align(size) + 8
	}
	return entry{header, chunk[entryHeaderBytes : entryHeaderBytes+size : entryHeaderBytes+size]}
}

func align(size int) int { return (size + unitBytes - 1) &^ (unitBytes - 1) }

// generation is one half of the cache: an arena and an open-addressed index of
// the newest version of each key in it. A slot is the hash's upper half and
// the place plus one; slots never move but on growth, and are never emptied.
type generation struct {
	arena
	chunkBytes int
	open       int // the chunk that is being filled; -1: none
	used       int
	bytes      int64
	slots      []uint64
	count      int
	dirty      int // entries of the active log that lie here
}

func newGeneration(sequence uint32, chunkBytes, expectedEntries int) *generation {
	slots := 1024
	for slots*5/8 < expectedEntries {
		slots *= 2
	}
	g := &generation{chunkBytes: chunkBytes, open: -1, slots: make([]uint64, slots)}
	g.sequence = sequence
	g.bytes = int64(slots) * 8
	return g
}

func (g *generation) address(place uint32) address {
	return address(uint64(g.sequence)<<32 | uint64(place))
}

// find gives the slot of a key. The version there may be a ghost.
func (g *generation) find(hash uint64, key []byte, head uint32) (slot uint32, found entry, ok bool) {
	mask := uint32(len(g.slots) - 1)
	tag := uint32(hash >> 32)
	for i := tag & mask; ; i = (i + 1) & mask {
		s := g.slots[i]
		if s == 0 {
			return i, entry{}, false
		}
		if uint32(s>>32) == tag {
			e := g.at(uint32(s) - 1)
			if e.header.flags&flagHead == head && string(e.key()) == string(key) {
				return i, e, true
			}
		}
	}
}

// setSlot makes place the newest version of the key whose slot find gave.
func (g *generation) setSlot(slot uint32, hash uint64, place uint32) {
	fresh := g.slots[slot] == 0
	g.slots[slot] = hash>>32<<32 | uint64(place+1)
	if !fresh {
		return
	}
	g.count++
	if g.count > len(g.slots)/4*3 {
		g.grow()
	}
}

// slotOf gives the slot that points to place.
func (g *generation) slotOf(hash uint64, place uint32) (slot uint32, ok bool) {
	mask := uint32(len(g.slots) - 1)
	want := hash>>32<<32 | uint64(place+1)
	for i := uint32(hash>>32) & mask; g.slots[i] != 0; i = (i + 1) & mask {
		if g.slots[i] == want {
			return i, true
		}
	}
	return 0, false
}

func (g *generation) grow() {
	grown := make([]uint64, len(g.slots)*2)
	mask := uint32(len(grown) - 1)
	for _, s := range g.slots {
		if s == 0 {
			continue
		}
		i := uint32(s>>32) & mask
		for grown[i] != 0 {
			i = (i + 1) & mask
		}
		grown[i] = s
	}
	g.bytes += int64(len(grown)-len(g.slots)) * 8
	g.slots = grown
}

// allocate makes room for one version and fills in its sizes and key. Callers
// bound keys and values by maxEntryBytes.
func (g *generation) allocate(key []byte, valueBytes, valueCapacity int, linked bool) (uint32, entry, error) {
	body := len(key) + valueCapacity
	flags := uint32(0)
	if linked {
		body = align(body) + 8
		flags = flagLinked
	}
	size := align(entryHeaderBytes + body)
	chunk, offset, err := g.reserve(size)
	if err != nil {
		return 0, entry{}, err
	}
	memory := g.chunks[chunk][offset:]
	header := (*entryHeader)(unsafe.Pointer(unsafe.SliceData(memory)))
	*header = entryHeader{keyBytes: uint32(len(key)), valueBytes: uint32(valueBytes), valueCapacity: uint32(valueCapacity), flags: flags}
	e := entry{header, memory[entryHeaderBytes : entryHeaderBytes+body : entryHeaderBytes+body]}
	copy(e.body, key)
	return uint32(chunk)<<chunkUnitBits | uint32(offset/unitBytes), e, nil
}

// reserve finds size bytes. What is large has a chunk of its own, so that the
// rest of the open chunk is not lost.
func (g *generation) reserve(size int) (chunk, offset int, err error) {
	if g.open >= 0 && g.used+size <= g.chunkBytes {
		offset = g.used
		g.used += size
		return g.open, offset, nil
	}
	if len(g.chunks) == maxChunks {
		return 0, 0, ErrTransactionTooLarge
	}
	if size > g.chunkBytes/4 {
		g.chunks = append(g.chunks, make([]byte, size))
		g.bytes += int64(size)
		return len(g.chunks) - 1, 0, nil
	}
	g.chunks = append(g.chunks, make([]byte, g.chunkBytes))
	g.bytes += int64(g.chunkBytes)
	g.open, g.used = len(g.chunks)-1, size
	return g.open, 0, nil
}
