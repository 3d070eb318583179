package state

import (
	"slices"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// mergeSlack is how far below the bound merging begins, so that the epochs
// which end while a merge runs stay within it.
const mergeSlack = 3

// planMerge chooses neighbours to merge, oldest first, or nothing where no key
// lies in many tables. It takes those that cost the fewest bytes for each table
// that they save: neighbours of like size, most often the newest. A table is
// merged again only after others of its size have come, so the bytes written
// grow with the logarithm of the state and not with it.
//
// The chosen are closed: every table between two of them that overlaps one of
// them is chosen too, so that no version passes another.
func planMerge(tables []checkpoint.Table, maxOverlap int) []int {
	column := deepest(tables)
	if len(column) <= max(1, maxOverlap-mergeSlack) {
		return nil
	}
	var best []int
	bestCost := 0.0
	for first := range column {
		bytes := int64(0)
		for last := first; last < len(column); last++ {
			bytes += tables[column[last]].Bytes
			if last == first {
				continue
			}
			cost := float64(bytes) / float64(last-first)
			if best == nil || cost < bestCost {
				best, bestCost = column[first:last+1], cost
			}
		}
	}
	return closure(tables, best)
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
