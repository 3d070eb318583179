package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
)

// timerHeap is a heap of timers by time and key. Keys lie in one byte slice, so
// that a timer is 24 bytes without pointers and setting one allocates nothing.
// The order is that of the state: a restored heap gives the same timers in the
// same order as the one that was filled by setting them.
type timerHeap struct {
	items []timerItem
	keys  []byte
	dead  int // bytes of keys that no item uses
}

type timerItem struct {
	time  int64
	head  uint64 // the key's first bytes, which tell most keys apart
	start uint32
	bytes uint32
}

// headOf is the first bytes of a key, filled up with zeros: their order is that
// of the keys, as far as they differ.
func headOf(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var head [8]byte
	copy(head[:], key)
	return binary.BigEndian.Uint64(head[:])
}

// maxHeapKeyBytes bounds keys to what start can address.
const maxHeapKeyBytes = 1<<32 - 1

func (h *timerHeap) key(item timerItem) []byte {
	return h.keys[item.start : uint64(item.start)+uint64(item.bytes)]
}

// fits tells whether a key can still be added.
func (h *timerHeap) fits(key []byte) bool {
	return uint64(len(h.keys))+uint64(len(key)) <= maxHeapKeyBytes
}

func (h *timerHeap) push(time int64, key []byte) {
	if h.dead > 1<<16 && h.dead > len(h.keys)/2 {
		h.compact()
	}
	start := uint32(len(h.keys))
	h.keys = append(h.keys, key...)
	h.items = append(h.items, timerItem{time, headOf(key), start, uint32(len(key))})
	h.up(len(h.items) - 1)
}

// pop removes the earliest timer. Its key stays readable until the next push.
func (h *timerHeap) pop() timerItem {
	top := h.items[0]
	last := len(h.items) - 1
	h.items[0] = h.items[last]
	h.items = h.items[:last]
	if last > 0 {
		h.down(0)
	}
	h.dead += int(top.bytes)
	return top
}

const heapArity = 4

func (h *timerHeap) up(i int) {
	item := h.items[i]
	for i > 0 {
		parent := (i - 1) / heapArity
		if h.compare(h.items[parent], item) <= 0 {
			break
		}
		h.items[i] = h.items[parent]
		i = parent
	}
	h.items[i] = item
}

func (h *timerHeap) down(i int) {
	item := h.items[i]
	for {
		first := i*heapArity + 1
		if first >= len(h.items) {
			break
		}
		least := first
		for child := first + 1; child < min(first+heapArity, len(h.items)); child++ {
			if h.compare(h.items[child], h.items[least]) < 0 {
				least = child
			}
		}
		if h.compare(item, h.items[least]) <= 0 {
			break
		}
		h.items[i] = h.items[least]
		i = least
	}
	h.items[i] = item
}

func (h *timerHeap) compact() {
	keys := make([]byte, 0, len(h.keys)-h.dead)
	for i, item := range h.items {
		h.items[i].start = uint32(len(keys))
		keys = append(keys, h.key(item)...)
	}
	h.keys, h.dead = keys, 0
}

// rebuild restores the heap's order after items were changed at will.
func (h *timerHeap) rebuild() {
	used := 0
	for _, item := range h.items {
		used += int(item.bytes)
	}
	h.dead = len(h.keys) - used
	h.compact()
	for i := (len(h.items) - 2) / heapArity; i >= 0 && len(h.items) > 1; i-- {
		h.down(i)
	}
}

// keepEarliest drops all but the n earliest timers by time and key, and gives
// the latest that stays. The heap has to be rebuilt after it.
func (h *timerHeap) keepEarliest(n int) timerItem {
	low, high := 0, len(h.items)-1
	for low < high {
		pivot := h.items[low+(high-low)/2]
		i, j := low, high
		for i <= j {
			for h.compare(h.items[i], pivot) < 0 {
				i++
			}
			for h.compare(pivot, h.items[j]) < 0 {
				j--
			}
			if i <= j {
				h.items[i], h.items[j] = h.items[j], h.items[i]
				i++
				j--
			}
		}
		if n-1 <= j {
			high = j
		} else if n-1 >= i {
			low = i
		} else {
			break
		}
	}
	h.items = h.items[:n]
	return h.items[n-1]
}

func (h *timerHeap) compare(a, b timerItem) int {
	if a.time != b.time {
		return cmp.Compare(a.time, b.time)
	}
	if a.head != b.head {
		return cmp.Compare(a.head, b.head)
	}
	return bytes.Compare(h.key(a), h.key(b))
}
