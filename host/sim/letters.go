package sim

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/letter"
)

// mendedPrefix begins the values of records that a user has mended.
const mendedPrefix = "mended:"

// user is whoever deals with the dead letters: beside the hosts, with the store
// as the only thing in common.
type user struct {
	poison    map[string]bool // values of records at which the operator fails
	discarded map[string]int  // by key
	atSource  map[string]bool // mended values that go in behind the source
	mended    map[string]bool // ids of letters
	Ordered   int
}

func newUser(w *World) *user {
	u := &user{poison: map[string]bool{}, discarded: map[string]int{}, atSource: map[string]bool{}, mended: map[string]bool{}}
	if w.random.IntN(3) > 0 {
		return u
	}
	for _, split := range w.input.splits {
		for i := range split.keys {
			if w.random.IntN(5) == 0 {
				u.poison[fmt.Sprintf("%s:%d", split.id, i)] = true
			}
		}
	}
	return u
}

// poisonError is how the operator fails as a whole at one record.
type poisonError struct{ index int }

func (e *poisonError) Error() string { return fmt.Sprintf("sim: record %d is poison", e.index) }

// Failure tells which record is to blame.
func (e *poisonError) Failure() (letter.Failure, bool) {
	return letter.Failure{Index: e.index, Error: letter.Error{Kind: "trap", Reason: e.Error()}}, true
}

// traps tells in which of two ways the operator fails at a poison record: as a
// whole, or the record alone.
func traps(value string) bool { return len(value)%2 == 0 }

// desk opens the letters as another process does, without faults.
func (w *World) desk() *letter.Desk {
	w.quiet = true
	defer func() { w.quiet = false }()
	d, err := letter.OpenDesk(context.Background(), w.store)
	if err != nil {
		w.violated("the letters cannot be read: %v", err)
		return nil
	}
	if damaged := d.Damaged(); len(damaged) > 0 {
		w.violated("letters are damaged: %v", damaged)
		return nil
	}
	return d
}

// actOnLetters lets the user deal with some letters, or with all. It reports
// whether any letter is open then.
func (w *World) actOnLetters(all bool) (open bool) {
	if len(w.user.poison) == 0 {
		return false
	}
	d := w.desk()
	if d == nil {
		return false
	}
	w.quiet = true
	defer func() { w.quiet = false }()
	waiting := d.Items(func(item *letter.Item) bool { return item.Status == letter.Waiting })
	ordered := len(d.Items(func(item *letter.Item) bool { return item.Status == letter.Ordered }))
	open = ordered > 0
	for _, item := range waiting {
		if !all && w.random.IntN(2) == 0 || w.actOn(d, item, all) {
			open = true
		}
	}
	return open
}

// actOn mends, discards or resubmits one letter, and reports whether it is
// ordered then.
func (w *World) actOn(d *letter.Desk, item letter.Item, all bool) (ordered bool) {
	u := w.user
	order := func(c letter.Command) {
		c.IDs, c.By = []string{item.ID}, "user"
		if _, err := d.Append(context.Background(), c); err != nil {
			w.violated("the user cannot %s: %v", c.Kind, err)
		}
	}
	choice := w.random.IntN(4)
	l, err := d.Read(context.Background(), item.ID)
	if err != nil {
		w.violated("letter %s cannot be read: %v", item.ID, err)
		return false
	}
	records := l.Record.Records()
	records.Next()
	value, key := string(records.Record().Value()), string(records.Record().Key())
	switch {
	case choice == 0 && !u.mended[item.ID]:
		w.note("user discards %s", item.ID)
		u.discarded[key]++
		order(letter.Command{Kind: letter.DiscardCommand})
		return false
	case (choice == 1 || all) && !u.mended[item.ID]:
		u.mended[item.ID] = true
		value = mendedPrefix + value
		order(letter.Command{Kind: letter.EditCommand, Patch: &letter.Patch{SetValue: true, Value: []byte(value)}})
	}
	c := letter.Command{Kind: letter.ResubmitCommand}
	if u.mended[item.ID] && w.random.IntN(3) == 0 {
		c.AtSource = "in"
		u.atSource[value] = true
	}
	w.note("user resubmits %s with %s at %q", item.ID, value, c.AtSource)
	u.Ordered++
	order(c)
	return true
}

// poisoned tells whether the operator fails at a record.
func (u *user) poisoned(value []byte) bool { return len(u.poison) > 0 && u.poison[string(value)] }

// checkCounts holds the output of the counter against the input. With final, all
// letters are settled: then it must be all that was not discarded.
func (w *World) checkCounts(final bool) error {
	clean, poison := map[string]int{}, map[string]int{}
	for _, split := range w.input.splits {
		for i, key := range split.keys {
			if w.user.poison[fmt.Sprintf("%s:%d", split.id, i)] {
				poison[key]++
			} else {
				clean[key]++
			}
		}
	}
	counted, totals := map[string]int{}, map[string]int{}
	for line := range w.ledgers["out"].visible {
		if key, total, isTotal := strings.Cut(line, "="); isTotal {
			n, err := strconv.Atoi(total)
			if _, twice := totals[key]; twice || err != nil {
				return fmt.Errorf("key %s has two totals, or one that is no number: %s", key, line)
			}
			totals[key] = n
			continue
		}
		key, _, _ := strings.Cut(line, "#")
		counted[key]++
	}
	for _, split := range w.input.splits {
		for _, key := range split.keys {
			least, most := clean[key], clean[key]+poison[key]-w.user.discarded[key]
			if final {
				least = most
			}
			n := counted[key]
			if n < least || n > most {
				return fmt.Errorf("key %s is counted %d times, must be %d to %d", key, n, least, most)
			}
			for i := range n {
				if !w.ledgers["out"].visible[fmt.Sprintf("%s#%d", key, i+1)] {
					return fmt.Errorf("%s#%d is missing of %d", key, i+1, n)
				}
			}
			if total, found := totals[key]; n > 0 && (!found || total < max(1, clean[key]) || total > n) {
				return fmt.Errorf("the total of key %s is %d (%v), must be %d to %d", key, total, found, clean[key], n)
			}
		}
	}
	return nil
}

// checkRaw holds the output of the sink beside the counter against the input, and
// what went in behind the source.
func (w *World) checkRaw(final bool) error {
	expected := w.input.raw()
	for line := range w.user.atSource {
		if final || w.ledgers["raw"].visible[line] {
			expected[line] = true
		}
	}
	return w.ledgers["raw"].compare(expected)
}

// failPoison counts a batch but for its poison records.
func (c *counter) failPoison(batch record.Batch) error {
	c.failures = c.failures[:0]
	u := c.host.world.user
	index := 0
	for cursor := batch.Records(); cursor.Next(); index++ {
		view := cursor.Record()
		if u.poisoned(view.Value()) {
			if traps(string(view.Value())) {
				return &poisonError{index}
			}
			failure, _ := (&poisonError{index}).Failure()
			failure.Error.Kind = "failed"
			c.failures = append(c.failures, failure)
			continue
		}
		if err := c.count(view.Key()); err != nil {
			return err
		}
	}
	return nil
}
