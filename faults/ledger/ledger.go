// Package ledger compares what a job was given with what its readers see: each
// record once, the records of each key in order, running totals exact.
package ledger

import (
	"fmt"
	"slices"
)

// Input is one record that the job was given. The records of a key are numbered
// by Sequence from 1 in the order in which the job was given them.
type Input struct {
	ID       uint64
	Key      string
	Sequence uint64
	Amount   int64
}

// Output is one record that a reader saw, in the order of its partition. Count
// and Sum are the operator's running totals of the key.
type Output struct {
	Partition int32
	Offset    int64
	Key       string
	ID        uint64
	Count     uint64
	Sum       int64
}

// Report is the outcome of a comparison.
type Report struct {
	// Records is the number of inputs.
	Records int
	// Lost counts inputs that do not appear, and those that a running total misses.
	Lost int
	// Doubled counts outputs that appear again or that no input explains, and
	// inputs that a running total holds twice.
	Doubled int
	// OutOfOrder counts outputs behind one that its key was given later, or in
	// another partition than the key's first.
	OutOfOrder int
	// WrongSums counts outputs whose sum is not that of their count of inputs.
	WrongSums int
	// Findings describe the first of what is wrong.
	Findings []string
}

// Exact reports whether nothing is wrong.
func (r *Report) Exact() bool {
	return r.Lost == 0 && r.Doubled == 0 && r.OutOfOrder == 0 && r.WrongSums == 0
}

// findingsMax bounds the descriptions.
const findingsMax = 20

func (r *Report) find(count *int, n int, format string, args ...any) {
	*count += n
	if len(r.Findings) < findingsMax {
		r.Findings = append(r.Findings, fmt.Sprintf(format, args...))
	}
}

// key is what the comparison knows of one key.
type key struct {
	sums      []int64 // sums[n] = sum of the first n amounts
	partition int32
	seen      bool
	newest    uint64 // largest sequence so far
	drift     int64  // count of the newest output minus its sequence
}

// Check compares. Outputs stand in the order of each partition. It refuses
// inputs that are not numbered as they should be: they would prove nothing.
func Check(inputs []Input, outputs []Output) (*Report, error) {
	keys := map[string]*key{}
	byID := make(map[uint64]*Input, len(inputs))
	for i := range inputs {
		in := &inputs[i]
		k := keys[in.Key]
		if k == nil {
			k = &key{sums: []int64{0}}
			keys[in.Key] = k
		}
		if byID[in.ID] != nil {
			return nil, fmt.Errorf("ledger: the input holds id %d twice", in.ID)
		}
		if want := uint64(len(k.sums)); in.Sequence != want {
			return nil, fmt.Errorf("ledger: the input of key %q holds number %d in the place of %d", in.Key, in.Sequence, want)
		}
		byID[in.ID] = in
		k.sums = append(k.sums, k.sums[len(k.sums)-1]+in.Amount)
	}
	r := &Report{Records: len(inputs)}
	times := make(map[uint64]int, len(inputs))
	for i := range outputs {
		out := &outputs[i]
		in := byID[out.ID]
		if in == nil || in.Key != out.Key {
			r.find(&r.Doubled, 1, "%s: no input explains it", out)
			continue
		}
		if times[out.ID]++; times[out.ID] > 1 {
			r.find(&r.Doubled, 1, "%s: it appears for the %d. time", out, times[out.ID])
			continue
		}
		r.follow(keys[out.Key], in, out)
	}
	for i := range inputs {
		if in := &inputs[i]; times[in.ID] == 0 {
			r.find(&r.Lost, 1, "id %d, number %d of key %q: it does not appear", in.ID, in.Sequence, in.Key)
		}
	}
	slices.Sort(r.Findings)
	return r, nil
}

// follow checks the place and the totals of an output that appears for the
// first time.
func (r *Report) follow(k *key, in *Input, out *Output) {
	switch {
	case !k.seen:
		k.seen, k.partition = true, out.Partition
	case out.Partition != k.partition:
		r.find(&r.OutOfOrder, 1, "%s: its key began in partition %d", out, k.partition)
	case in.Sequence < k.newest:
		r.find(&r.OutOfOrder, 1, "%s: it is number %d of its key, behind number %d", out, in.Sequence, k.newest)
	}
	k.newest = max(k.newest, in.Sequence)
	// A total that is off stays off: only its change counts.
	drift := int64(out.Count) - int64(in.Sequence)
	switch change := drift - k.drift; {
	case change < 0:
		r.find(&r.Lost, int(-change), "%s: its count lacks %d, being number %d of its key", out, -change, in.Sequence)
	case change > 0:
		r.find(&r.Doubled, int(change), "%s: its count is %d too high, being number %d of its key", out, change, in.Sequence)
	}
	k.drift = drift
	if out.Count >= uint64(len(k.sums)) || k.sums[out.Count] != out.Sum {
		r.find(&r.WrongSums, 1, "%s: its sum is wrong", out)
	}
}

// String names an output.
func (o *Output) String() string {
	return fmt.Sprintf("partition %d, offset %d: key %q, id %d, count %d, sum %d", o.Partition, o.Offset, o.Key, o.ID, o.Count, o.Sum)
}
