package state

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/cespare/xxhash/v2"
)

// A key in Pebble is
//
//	key group u16 BE | operator u32 BE | state u32 BE | uvarint key length | key | sub-key
//
// and for timers, so that each key group lists them by time,
//
//	key group u16 BE | operator u32 BE | timer u32 BE | time u64 BE, sign flipped | key
//
// Operator and state are hashes of their names: a name keeps its number over
// every restart without a table of numbers. The sub-key is the key of a map
// entry, or the sequence number u64 BE of a list element.
const (
	groupBytes  = 2
	stateOffset = groupBytes + 4
	prefixBytes = stateOffset + 4
	timeBytes   = 8
	timerBytes  = prefixBytes + timeBytes // a timer's key begins here
)

// maxEntryBytes bounds the key and the value of one entry.
const maxEntryBytes = 256 << 20

// nameHash is FNV-1a, 32 bits: it is part of the format and must never change.
func nameHash(kind, name string) uint32 {
	hash := uint32(2166136261)
	for _, text := range [2]string{kind, name} {
		for i := 0; i < len(text); i++ {
			hash = (hash ^ uint32(text[i])) * 16777619
		}
		hash = (hash ^ 0xff) * 16777619 // no name continues a kind
	}
	return hash
}

// mix spreads a key's hash over all bits, differently for each seed. Keys of
// one task share the upper bits of their hash, which are the key group.
func mix(hash, seed uint64) uint64 {
	hash = (hash ^ seed) * 0x9e3779b97f4a7c15
	hash ^= hash >> 29
	return hash * 0xbf58476d1ce4e5b9
}

func subKeyHash(hash uint64, subKey []byte) uint64 { return mix(xxhash.Sum64(subKey), hash) }

// sortableTime maps int64 to uint64 in the same order.
func sortableTime(timestamp int64) uint64 { return uint64(timestamp) ^ 1<<63 }

func timeOf(sortable uint64) int64 { return int64(sortable ^ 1<<63) }

// prefixEnd is the smallest key above all that begin with prefix, appended to
// buffer; nil where there is none.
func prefixEnd(buffer, prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != math.MaxUint8 {
			buffer = append(buffer, prefix[:i+1]...)
			buffer[len(buffer)-1]++
			return buffer
		}
	}
	return nil
}

// groupStart is the smallest key of a key group.
func groupStart(group int) []byte {
	return binary.BigEndian.AppendUint16(nil, uint16(group))
}

func groupOf(key []byte) uint16 { return binary.BigEndian.Uint16(key) }

// An entry's value is a header byte, then what it announces: schema version
// u16 BE, expiry i64 BE in milliseconds, then the author's bytes.
const (
	hasVersion     = 1 << 0
	hasExpiry      = 1 << 1
	knownHeader    = hasVersion | hasExpiry
	maxHeaderBytes = 1 + 2 + 8
)

func appendHeader(buffer []byte, version uint16, expiry int64) []byte {
	flags := byte(0)
	if version != 0 {
		flags |= hasVersion
	}
	if expiry != 0 {
		flags |= hasExpiry
	}
	buffer = append(buffer, flags)
	if version != 0 {
		buffer = binary.BigEndian.AppendUint16(buffer, version)
	}
	if expiry != 0 {
		buffer = binary.BigEndian.AppendUint64(buffer, uint64(expiry))
	}
	return buffer
}

// decodeValue splits an entry's value. Its expiry is 0 where it has none.
func decodeValue(entry []byte) (value []byte, version uint16, expiry int64, err error) {
	if len(entry) > 0 && entry[0] == 0 {
		return entry[1:], 0, 0, nil
	}
	if len(entry) == 0 || entry[0]&^knownHeader != 0 {
		return nil, 0, 0, fmt.Errorf("state: entry of %d bytes has no valid header", len(entry))
	}
	flags, rest := entry[0], entry[1:]
	if flags&hasVersion != 0 {
		if len(rest) < 2 {
			return nil, 0, 0, fmt.Errorf("state: entry of %d bytes ends within its schema version", len(entry))
		}
		version, rest = binary.BigEndian.Uint16(rest), rest[2:]
	}
	if flags&hasExpiry != 0 {
		if len(rest) < 8 {
			return nil, 0, 0, fmt.Errorf("state: entry of %d bytes ends within its expiry", len(entry))
		}
		expiry, rest = int64(binary.BigEndian.Uint64(rest)), rest[8:]
	}
	return rest, version, expiry, nil
}

// expiryOf is an entry's expiry, 0 where it has none or cannot be read.
func expiryOf(entry []byte) int64 {
	if len(entry) == 0 || entry[0]&hasExpiry == 0 {
		return 0
	}
	_, _, expiry, err := decodeValue(entry)
	if err != nil {
		return 0
	}
	return expiry
}

// expired tells whether an entry is gone: from its expiry on, not only after it.
func expired(entry []byte, now int64) bool {
	expiry := expiryOf(entry)
	return expiry != 0 && expiry <= now
}
