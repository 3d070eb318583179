package state

import (
	"slices"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// mergeSlack is how far below the bound merging begins, so that the epochs
// which end while a merge runs stay within it.
const mergeSlack = 2

// planMerge chooses neighbours to merge, oldest first, or nothing where no key
// lies in too many tables.
//
// A table's rank is how often its bytes were merged already, and more where it
// is larger than such tables are, as after a large first epoch. The newest tables up to the lowest rank that two or more of them stay
// below are merged, into one of the next rank. A table with k places from its
// own to the newest, merged r times, then holds as many epochs as there are
// ways to choose k of r+k. No other order of merges within the bound writes
// fewer bytes: r, which is what each byte costs, grows very slowly.
//
// The chosen are closed: every table between two of them that overlaps one of
// them is chosen too, so that no version passes another.
func planMerge(tables []checkpoint.Table, maxOverlap int) []int {
	column := deepest(tables)
	most := max(1, maxOverlap-mergeSlack)
	if len(column) <= most {
		return nil
	}
	unit := epochBytes(tables, column)
	ranks := make([]int, len(column))
	for i, table := range column {
		ranks[i] = max(tables[table].Level, mergeRank(tables[table].Bytes/8, unit, max(0, most-i)))
	}
	// After a backlog more than two have to go at once.
	first := min(len(column)-2, most-1)
	lowest := slices.Max(ranks[first:])
	for first > 0 && ranks[first-1] <= lowest {
		first--
	}
	return closure(tables, column[first:])
}

// epochBytes is the mean size of the tables that one epoch wrote, or else of
// the smallest.
func epochBytes(tables []checkpoint.Table, column []int) int64 {
	sum, count, least := int64(0), int64(0), tables[column[0]].Bytes
	for _, i := range column[max(0, len(column)-4):] {
		least = min(least, tables[i].Bytes)
		if tables[i].Level == 0 {
			sum += tables[i].Bytes
			count++
		}
	}
	if count == 0 {
		return max(1, least)
	}
	return max(1, sum/count)
}

// mergeRank is the smallest r for which as many units as there are ways to
// choose k of r+k make up size.
func mergeRank(size, unit int64, k int) (rank int) {
	ways := int64(1)
	if k == 0 {
		return 0
	}
	for ; ways < (size+unit-1)/unit && rank < 1000; rank++ {
		ways = ways * int64(rank+1+k) / int64(rank+1)
	}
	return rank
}

// deepest lists the tables that hold the key group which the most tables hold.
func deepest(tables []checkpoint.Table) (column []int) {
	for _, table := range tables {
		var here []int
		for i, other := range tables {
			if other.First <= table.First && table.First <= other.Last {
				here = append(here, i)
			}
		}
		if len(here) > len(column) {
			column = here
		}
	}
	return column
}

// closure adds to chosen, which rises, the tables between its ends that
// overlap any of it.
func closure(tables []checkpoint.Table, chosen []int) []int {
	chosen = slices.Clone(chosen)
	for grown := true; grown; {
		grown = false
		for i := chosen[0]; i <= chosen[len(chosen)-1]; i++ {
			if slices.Contains(chosen, i) {
				continue
			}
			if slices.ContainsFunc(chosen, func(c int) bool { return overlaps(tables[i], tables[c]) }) {
				chosen = append(chosen, i)
				slices.Sort(chosen)
				grown = true
			}
		}
	}
	return chosen
}

// atBottom tells whether no older table may hold a key of the chosen ones.
func atBottom(tables []checkpoint.Table, chosen []int) bool {
	for i := range chosen[len(chosen)-1] {
		if slices.Contains(chosen, i) {
			continue
		}
		if slices.ContainsFunc(chosen, func(c int) bool { return overlaps(tables[i], tables[c]) }) {
			return false
		}
	}
	return true
}
