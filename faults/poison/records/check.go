package records

import (
	"fmt"
	"maps"
	"slices"
)

// Report is the outcome of a comparison.
type Report struct {
	Inputs, Outputs, DeadLetters int
	// Lost counts records that are neither output nor dead letter, Doubled those
	// that are more than one of these, once for each too many.
	Lost, Doubled int
	// Wrong counts what else is not as it should be: a record on the wrong side,
	// out of order for its key, with a wrong total.
	Wrong int
	// Findings describe the first of what is wrong.
	Findings []string
}

// Exact reports whether the totals are as they should be, and the order.
func (r *Report) Exact() bool { return r.Wrong == 0 }

// OK reports whether nothing at all is wrong.
func (r *Report) OK() bool {
	return r.Inputs == r.Outputs+r.DeadLetters && r.Lost == 0 && r.Doubled == 0 && r.Wrong == 0
}

const findingsMax = 20

func (r *Report) find(count *int, format string, arguments ...any) {
	*count++
	if len(r.Findings) < findingsMax {
		r.Findings = append(r.Findings, fmt.Sprintf(format, arguments...))
	}
}

// Result is what a job made of records.
type Result struct {
	// Outputs stand in the order in which they became visible.
	Outputs []Output
	// Letters are the ids of the records that are dead letters still.
	Letters []int
	// Mended are the records that were dead letters, were edited to be good, and
	// resubmitted. They count as good, in no order among the others.
	Mended map[int]bool
	// Ended tells that the input has ended, so that the totals are there.
	Ended bool
}

// keyState is what the check knows of a key.
type keyState struct {
	good       []int // ids, in order
	next       int   // of good
	count, sum uint64
	totals     int
}

// Check compares a result with what it should be.
func Check(list []Record, result Result) *Report {
	r := &Report{Inputs: len(list), DeadLetters: len(result.Letters)}
	keys := map[string]*keyState{}
	for i := range list {
		k := keys[KeyText(list[i].Key)]
		if k == nil {
			k = &keyState{}
			keys[KeyText(list[i].Key)] = k
		}
		if list[i].Kind == Good {
			k.good = append(k.good, list[i].ID)
		}
	}
	times := make([]int, len(list))
	for _, o := range result.Outputs {
		k := keys[o.Key]
		switch {
		case k == nil:
			r.find(&r.Wrong, "%+v: no input has this key", o)
		case o.Total:
			k.total(r, &o, result.Ended)
		case o.ID < 0 || o.ID >= len(list) || KeyText(list[o.ID].Key) != o.Key:
			r.Outputs++
			r.find(&r.Doubled, "%+v: no input explains it", o)
		default:
			r.Outputs++
			times[o.ID]++
			k.output(r, &list[o.ID], &o, result.Mended[o.ID], times[o.ID] > 1)
		}
	}
	r.letters(list, result, times)
	if result.Ended {
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if k := keys[key]; k.count > 0 && k.totals != 1 {
				r.find(&r.Wrong, "key %s has %d totals at the end, not one", key, k.totals)
			}
		}
	}
	return r
}

// output follows one output: its totals must be those of the one before and
// its own amount.
func (k *keyState) output(r *Report, in *Record, o *Output, mended, again bool) {
	if again {
		return // it is counted as doubled
	}
	k.count++
	k.sum += in.Amount
	if o.Count != k.count || o.Sum != k.sum {
		r.find(&r.Wrong, "%+v: the totals should be %d and %d", *o, k.count, k.sum)
		k.count, k.sum = o.Count, o.Sum // tell each fault once
	}
	switch {
	case mended:
	case in.Kind != Good:
		r.find(&r.Wrong, "%+v: a poison record (%c) has output", *o, in.Kind)
	case k.next < len(k.good) && k.good[k.next] == in.ID:
		k.next++
	default:
		r.find(&r.Wrong, "%+v: it is out of order for its key", *o)
		if at := slices.Index(k.good, in.ID); at >= 0 {
			k.next = max(k.next, at+1)
		}
	}
}

// total checks the totals at the end of the input.
func (k *keyState) total(r *Report, o *Output, ended bool) {
	k.totals++
	if !ended || o.Count != k.count || o.Sum != k.sum {
		r.find(&r.Wrong, "%+v at the end: the totals should be %d and %d", *o, k.count, k.sum)
	}
}

// letters checks that each record is on one side, and on the right one.
func (r *Report) letters(list []Record, result Result, times []int) {
	letters := make([]int, len(list))
	for _, id := range result.Letters {
		if id < 0 || id >= len(list) {
			r.find(&r.Doubled, "dead letter of record %d: there is no such input", id)
			continue
		}
		letters[id]++
		if list[id].Kind == Good {
			r.find(&r.Wrong, "record %d is good, and a dead letter", id)
		}
	}
	for id := range list {
		sides := times[id] + letters[id]
		if sides == 0 {
			r.find(&r.Lost, "record %d of key %s (%c) is neither output nor dead letter", id, KeyText(list[id].Key), list[id].Kind)
		}
		for range sides - 1 {
			r.find(&r.Doubled, "record %d of key %s is output %d times, dead letter %d times", id, KeyText(list[id].Key), times[id], letters[id])
		}
	}
}
