// Package keygroup maps a key to its key group and a key group to the subtask
// that owns it. SPEC.md fixes both maps: they never change for a running job,
// since state and exchanged records must agree on them.
package keygroup

import "github.com/cespare/xxhash/v2"

// MaxParallelismLimit bounds a job's max parallelism: a key group is a u16.
const MaxParallelismLimit = 1 << 15

// Hash is XXH64 with seed 0.
func Hash(key []byte) uint64 { return xxhash.Sum64(key) }

// Of is the key group of a key, below maxParallelism.
func Of(key []byte, maxParallelism int) int { return OfHash(Hash(key), maxParallelism) }

// OfHash is Of for a key whose hash is known. It reduces the upper 32 bits by
// multiplication, which needs no division and keeps the order of hashes.
func OfHash(hash uint64, maxParallelism int) int {
	return int((hash >> 32) * uint64(maxParallelism) >> 32)
}

// Owner is the subtask that owns a key group. Each subtask owns a range.
func Owner(group, maxParallelism, parallelism int) int {
	return group * parallelism / maxParallelism
}

// Range is the key groups of one subtask, both ends included. Together the
// ranges of all subtasks cover each group once; parallelism is at most
// maxParallelism, so none is empty.
func Range(subtask, maxParallelism, parallelism int) (first, last int) {
	first = (subtask*maxParallelism + parallelism - 1) / parallelism
	last = ((subtask+1)*maxParallelism - 1) / parallelism
	return first, last
}
