package connector

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
)

// cursor is how far one split was read.
type cursor struct {
	split    *v1.Split
	position []byte // nil = the split's start
	items    []uint64
	ended    bool
}

// assignment hands the split on from where the cursor is.
func (c *cursor) assignment() *v1.Assignment {
	return &v1.Assignment{Split: c.split, Position: c.position}
}

// cursors are those of a reading, in the order of the splits.
type cursors struct {
	whole   *wholeReading
	endless bool
	list    []*cursor
	byID    map[string]*cursor
}

// newCursors starts a reading of all splits, or of those at the given indices.
func (t *trial) newCursors(w *wholeReading, indices ...int) *cursors {
	c := &cursors{whole: w, endless: t.scenario.Source.Endless, byID: map[string]*cursor{}}
	for i, split := range w.splits {
		if len(indices) > 0 && !slices.Contains(indices, i) {
			continue
		}
		one := &cursor{split: split}
		c.list = append(c.list, one)
		c.byID[split.GetId()] = one
	}
	return c
}

// done reports whether enough of a split was read: all of it, or as much of an
// endless one as is known.
func (c *cursors) done(one *cursor) bool {
	return one.ended || c.endless && len(one.items) >= len(c.whole.items(one.split.GetId()))
}

// open lists the cursors that are not done.
func (c *cursors) open() []*cursor {
	var list []*cursor
	for _, one := range c.list {
		if !c.done(one) {
			list = append(list, one)
		}
	}
	return list
}

// take moves a cursor by a delivery.
func (c *cursors) take(d *delivery) error {
	one := c.byID[d.split]
	switch {
	case one == nil:
		return fmt.Errorf("a delivery names the split %.64q, which is not assigned", d.split)
	case one.ended:
		return fmt.Errorf("a delivery of split %.64q came after its end", d.split)
	case d.invalid != nil:
		return fmt.Errorf("split %.64q: the batch is not valid: %w", d.split, d.invalid)
	}
	one.position = append([]byte{}, d.position...)
	one.items = append(one.items, itemsOf(d)...)
	one.ended = d.end
	if known := len(c.whole.items(d.split)); !c.endless && len(one.items) > 2*known+surplusMax {
		return fmt.Errorf("%d records of split %.64q came, which holds %d", len(one.items), d.split, known)
	}
	return nil
}

// surplusMax is how many records too many are taken before a reading is given up.
const surplusMax = 10_000

// read reads up to so many deliveries, or with -1 until the cursors that are
// given to the reader are done.
func (c *cursors) read(ctx context.Context, r *reader, mine []*cursor, deliveries int) error {
	for n := 0; deliveries < 0 || n < deliveries; n++ {
		open := 0
		for _, one := range mine {
			if !c.done(one) {
				open++
			}
		}
		if open == 0 {
			return nil
		}
		d, err := r.nextDelivery()
		if err != nil {
			return r.failed(fmt.Sprintf("await a delivery, with %d splits open", open), err)
		}
		if err := c.take(d); err != nil {
			return err
		}
		if err := r.credit(d.cost); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("it was not done within %v: give a smaller input", checkLimit)
		}
	}
	return nil
}

// assign gives cursors to a reader, where they are.
func assign(r *reader, list []*cursor) error {
	if len(list) == 0 {
		return nil
	}
	var assignments []*v1.Assignment
	for _, one := range list {
		assignments = append(assignments, one.assignment())
	}
	return r.assign(assignments...)
}

// compare checks what was read against what the source holds.
func (c *cursors) compare() error {
	for _, one := range c.list {
		want := c.whole.items(one.split.GetId())
		if err := compareItems(one.items, want, c.endless); err != nil {
			return fmt.Errorf("split %.64q: %w", one.split.GetId(), err)
		}
	}
	return nil
}

// compareItems tells the first difference.
func compareItems(got, want []uint64, endless bool) error {
	for i := range min(len(got), len(want)) {
		if got[i] == want[i] {
			continue
		}
		switch {
		case i+1 < len(want) && got[i] == want[i+1]:
			return fmt.Errorf("record %d is lost: the one behind it came in its place", i+1)
		case i > 0 && got[i] == want[i-1]:
			return fmt.Errorf("record %d came again in place of record %d", i, i+1)
		}
		return fmt.Errorf("record %d is another than when the split was read without a stop", i+1)
	}
	switch {
	case len(got) < len(want):
		return fmt.Errorf("%d records came, %d are lost at the end", len(got), len(want)-len(got))
	case len(got) > len(want) && !endless:
		return fmt.Errorf("%d records came, %d more than when it was read without a stop", len(got), len(got)-len(want))
	}
	return nil
}

// items are the records of a split.
func (w *wholeReading) items(id string) []uint64 {
	if items, found := w.flat[id]; found {
		return items
	}
	items := []uint64{}
	for _, p := range w.pieces[id] {
		items = append(items, p.items...)
	}
	if w.flat == nil {
		w.flat = map[string][]uint64{}
	}
	w.flat[id] = items
	return items
}

// deliveries counts those of a split, or of all with "".
func (w *wholeReading) deliveries(id string) int {
	if id != "" {
		return len(w.pieces[id])
	}
	n := 0
	for _, pieces := range w.pieces {
		n += len(pieces)
	}
	return n
}

// readRest opens a reader, gives it what is open, reads to the end and closes it.
func (c *cursors) readRest(ctx context.Context, s *sourceSession, subtask int) error {
	r, err := s.openReader(ctx, subtask)
	if err != nil {
		return err
	}
	if err := r.credit(windowBytes); err != nil {
		return err
	}
	open := c.open()
	if err := assign(r, open); err != nil {
		return err
	}
	if err := c.read(ctx, r, open, -1); err != nil {
		return err
	}
	return r.halfClose(drop)
}

// step reads so many deliveries of one split through a reader of its own.
func (c *cursors) step(ctx context.Context, s *sourceSession, subtask int, one *cursor, deliveries int) error {
	r, err := s.openReader(ctx, subtask)
	if err != nil {
		return err
	}
	if err := r.credit(1); err != nil {
		return err
	}
	if err := assign(r, []*cursor{one}); err != nil {
		return err
	}
	if err := c.read(ctx, r, []*cursor{one}, deliveries); err != nil {
		return err
	}
	return r.halfClose(drop)
}

// inFlight gives what comes after the host closed its side to the cursors.
func (c *cursors) inFlight(r *reader) func(frame) error {
	return func(f frame) error {
		r.early = append(r.early, f)
		if f.kind != frameDelivery {
			return nil
		}
		d, err := r.nextDelivery()
		if err != nil {
			return err
		}
		return c.take(d)
	}
}

// sample gives up to n of the numbers below count, the first and the last among them.
func sample(random *rand.Rand, count, n int) []int {
	if count <= n {
		list := make([]int, count)
		for i := range list {
			list[i] = i
		}
		return list
	}
	list := []int{0, count - 1}
	for len(list) < n {
		if next := random.IntN(count); !slices.Contains(list, next) {
			list = append(list, next)
		}
	}
	return list
}

// random is the check's own sequence of random numbers.
func (t *trial) random() *rand.Rand {
	first, second := t.options.Seed, uint64(0)
	for _, c := range []byte(t.check) {
		second = second*31 + uint64(c)
	}
	return rand.New(rand.NewPCG(first, second))
}
