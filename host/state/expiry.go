package state

import (
	"math/bits"
	"slices"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// Entries that nobody touches again are dropped only where a merge takes the
// tables they lie in, down to the oldest ones. Merges that only bound the
// overlap reach those ever more rarely. So each table tells when half of it
// will be dead, and planExpired merges tables of which half is.

// lifetimes sums the bytes of a table by the time that is left to them when
// it is written.
type lifetimes struct {
	now     int64
	total   int64
	buckets [lifetimeBuckets]int64
}

// A bucket spans a quarter of the power of two below its end. The first one is
// what is dead already: expired entries, and tombstones.
const lifetimeBuckets = 4 * 64

func lifetimeBucket(left int64) int {
	if left <= 0 {
		return 0
	}
	exponent := bits.Len64(uint64(left))
	if exponent < 3 {
		return exponent * 4
	}
	return exponent*4 + int(left>>(exponent-3)&3)
}

// lifetimeEnd is the most time that what is in a bucket has left.
func lifetimeEnd(bucket int) int64 {
	exponent, quarter := bucket/4, bucket%4
	switch {
	case exponent == 0:
		return 0
	case exponent < 3:
		return 1<<exponent - 1
	}
	return int64(uint64(5+quarter)<<(exponent-3)) - 1
}

// add counts an entry. Its expiry is 0 where it has none.
func (l *lifetimes) add(size int, expiry int64, tombstone bool) {
	l.total += int64(size)
	switch {
	case tombstone:
		l.buckets[0] += int64(size)
	case expiry != 0:
		l.buckets[lifetimeBucket(expiry-l.now)] += int64(size)
	}
}

// halfDead is when at least half of the bytes are dead; 0: never.
func (l *lifetimes) halfDead() int64 {
	sum := int64(0)
	for i, size := range l.buckets {
		if sum += size; sum > 0 && sum*2 >= l.total {
			end := l.now + lifetimeEnd(i)
			if end < l.now {
				return 0 // in more time than there is
			}
			return max(end, 1)
		}
	}
	return 0
}

// planExpired chooses the tables of which half is dead, and with them all that
// is older and overlaps them, so that what is dead goes without a trace; nothing
// where the dead ones are less than half of the bytes to merge. So each byte that
// it merges gives back a quarter of a byte at least.
//
// The result takes the place of the oldest. No version passes another: what is
// not chosen and lies between overlaps nothing that is newer and chosen.
func planExpired(tables []checkpoint.Table, now int64) (chosen []int) {
	deadBytes, bytes := int64(0), int64(0)
	for i := len(tables) - 1; i >= 0; i-- {
		dead := tables[i].HalfDead != 0 && tables[i].HalfDead <= now
		if dead {
			deadBytes += tables[i].Bytes
		}
		if dead || slices.ContainsFunc(chosen, func(c int) bool { return overlaps(tables[i], tables[c]) }) {
			chosen = append(chosen, i)
			bytes += tables[i].Bytes
		}
	}
	if len(chosen) == 0 || deadBytes*2 < bytes {
		return nil
	}
	slices.Reverse(chosen)
	return chosen
}
