package letter

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// Item is what the book knows of a letter without reading it.
type Item struct {
	ID       string `json:"id"`
	UID      string `json:"uid"`
	Kind     Kind   `json:"kind"`
	Status   Status `json:"status"`
	Attempts int    `json:"attempts"`
	FirstMS  int64  `json:"first_ms"`
	LastMS   int64  `json:"last_ms"`
	// Order is the command that ordered the resubmission that is not answered.
	Order uint64 `json:"order,omitempty"`
}

// Event is one thing that somebody did with a letter, or that came of it.
type Event struct {
	Command uint64      `json:"command"`
	Kind    CommandKind `json:"kind"`
	By      string      `json:"by"`
	AtMS    int64       `json:"at_ms"`
	// AtSource is where a resubmission goes in, if not at the step that failed.
	AtSource string `json:"at_source,omitempty"`
	// Outcome is "took effect", "failed again", "waits" or "came too late".
	Outcome string `json:"outcome,omitempty"`
}

// UnknownError tells that a job has no letter of an id.
type UnknownError struct{ ID string }

func (e *UnknownError) Error() string {
	return fmt.Sprintf("letter: there is no letter %q: it may be settled since long, or was never in a complete checkpoint", e.ID)
}

func (b *Book) item(e *entry) Item {
	status, order := b.status(e)
	item := Item{ID: e.id, UID: e.uid, Kind: Kind(e.kind), Status: status, Attempts: int(e.attempts), FirstMS: e.firstMS, LastMS: e.lastMS}
	if order != nil {
		item.Order = order.Number
	}
	return item
}

// Items lists the letters that keep holds of, oldest first.
func (b *Book) Items(keep func(*Item) bool) []Item {
	var items []Item
	for _, e := range b.entries {
		if item := b.item(e); keep(&item) {
			items = append(items, item)
		}
	}
	slices.SortFunc(items, func(x, y Item) int {
		return cmp.Or(cmp.Compare(x.FirstMS, y.FirstMS), cmp.Compare(len(x.ID), len(y.ID)), cmp.Compare(x.ID, y.ID))
	})
	return items
}

// Item is what the book knows of one letter.
func (b *Book) Item(id string) (Item, error) {
	e := b.entries[id]
	if e == nil {
		return Item{}, &UnknownError{ID: id}
	}
	return b.item(e), nil
}

// Counts counts the letters by their status.
func (b *Book) Counts() map[Status]int {
	counts := map[Status]int{}
	for _, e := range b.entries {
		status, _ := b.status(e)
		counts[status]++
	}
	return counts
}

// Read reads a letter as it is now, edits included.
func (b *Book) Read(ctx context.Context, id string) (*Letter, error) {
	e := b.entries[id]
	if e == nil {
		return nil, &UnknownError{ID: id}
	}
	l, err := readLetter(ctx, b.store, e.segment.Object, e.at, int(e.length))
	if err != nil {
		return nil, err
	}
	return l, b.edit(e, l, numberMax)
}

// edit applies the edits that were ordered before a command.
func (b *Book) edit(e *entry, l *Letter, before uint64) error {
	for _, c := range b.orders[e.id] {
		if c.Kind != EditCommand || c.Number <= e.command || c.Number >= before {
			continue
		}
		changed, err := c.Patch.apply(l.Record)
		if err != nil {
			return fmt.Errorf("letter: %s: edit by command %d: %w", l.ID, c.Number, err)
		}
		edit := Edit{By: c.By, AtMS: c.AtMS, Command: c.Number}
		if len(l.Edits) == 0 {
			edit.Original = l.Record
		}
		if len(l.Edits) == EditsMax {
			l.Edits = slices.Delete(l.Edits, 1, 2)
		}
		l.Edits = append(l.Edits, edit)
		l.Record = changed
	}
	return nil
}

// Visit reads letters, segment by segment, and gives each to visit.
func (b *Book) Visit(ctx context.Context, items []Item, visit func(item Item, l *Letter) error) error {
	places := make([]int, len(items))
	for i := range places {
		places[i] = i
	}
	entryOf := func(i int) *entry { return b.entries[items[i].ID] }
	for i := range items {
		if entryOf(i) == nil {
			return &UnknownError{ID: items[i].ID}
		}
	}
	// The order of the items stays, segment by segment of their first letter.
	first := map[*indexed]int{}
	for i := range items {
		if _, seen := first[entryOf(i).segment]; !seen {
			first[entryOf(i).segment] = i
		}
	}
	slices.SortStableFunc(places, func(x, y int) int {
		return cmp.Compare(first[entryOf(x).segment], first[entryOf(y).segment])
	})
	var open *indexed
	var data []byte
	for _, i := range places {
		e := entryOf(i)
		if e.segment != open {
			var err error
			if data, err = readSegment(ctx, b.store, e.segment.LetterSegment); err != nil {
				return err
			}
			open = e.segment
		}
		payload, _, err := frame(data, int(e.at))
		if err != nil {
			return err
		}
		l, err := decodeLetter(payload)
		if err != nil {
			return &checkpoint.DamagedError{Names: []string{open.Object}, Reason: err.Error()}
		}
		if err := b.edit(e, l, numberMax); err != nil {
			return err
		}
		if err := visit(items[i], l); err != nil {
			return err
		}
	}
	return nil
}

// History tells what was ordered for a letter, and what came of it.
func (b *Book) History(id string) []Event {
	e := b.entries[id]
	if e == nil {
		return nil
	}
	status, order := b.status(e)
	discarded := false
	var events []Event
	for _, c := range b.orders[id] {
		event := Event{Command: c.Number, Kind: c.Kind, By: c.By, AtMS: c.AtMS, AtSource: c.AtSource}
		switch {
		case discarded || e.answered > 0 && c.Number > e.answered:
			event.Outcome = "came too late"
		case c.Kind == ResubmitCommand && c.Number == e.answered:
			event.Outcome = "took effect"
		case c.Kind == ResubmitCommand && c.Number <= e.command:
			event.Outcome = "failed again"
		case c == order:
			event.Outcome = "waits"
		}
		discarded = discarded || c.Kind == DiscardCommand && status == Discarded
		events = append(events, event)
	}
	return events
}

// Order is a resubmission that is ordered and not answered.
type Order struct {
	ID, UID string
	Command uint64
}

// Held tells why an order is not carried out, though nothing else keeps it; empty
// = it is. One newer than a damaged command waits, since that may have been an
// edit or a discard. One whose answer may be in a damaged segment could take
// effect twice.
func (b *Book) Held(order uint64) string {
	switch {
	case order == 0:
		return ""
	case order <= b.answersLost:
		return "its outcome may be in a damaged segment: put that right, or order it anew"
	case b.firstDamaged > 0 && order > b.firstDamaged:
		return fmt.Sprintf("command %d before it is damaged: put that right, or delete its object", b.firstDamaged)
	}
	return ""
}

// Orders lists up to limit orders that skip does not hold of and that are not
// held, by their numbers. more tells that there are others.
func (b *Book) Orders(limit int, skip func(id string) bool) (orders []Order, more bool) {
	for id := range b.orders {
		e := b.entries[id]
		if e == nil || skip(id) {
			continue
		}
		status, order := b.status(e)
		if status != Ordered || b.Held(order.Number) != "" {
			continue
		}
		orders = append(orders, Order{ID: id, UID: e.uid, Command: order.Number})
	}
	slices.SortFunc(orders, func(x, y Order) int {
		return cmp.Or(cmp.Compare(x.Command, y.Command), cmp.Compare(x.ID, y.ID))
	})
	if len(orders) > limit {
		return orders[:limit], true
	}
	return orders, false
}

// Resubmission reads what a task needs to carry out an order.
func (b *Book) Resubmission(ctx context.Context, o Order) (*Resubmission, error) {
	e := b.entries[o.ID]
	if e == nil {
		return nil, &UnknownError{ID: o.ID}
	}
	l, err := readLetter(ctx, b.store, e.segment.Object, e.at, int(e.length))
	if err != nil {
		return nil, err
	}
	if err := b.edit(e, l, o.Command); err != nil {
		return nil, err
	}
	r := &Resubmission{Letter: l, Command: o.Command}
	for _, c := range b.orders[o.ID] {
		if c.Number == o.Command {
			r.AtSource = c.AtSource
		}
	}
	return r, nil
}

// Numbers lists the numbers of the commands, rising.
func (b *Book) Numbers() []uint64 { return slices.Sorted(maps.Keys(b.commands)) }

// Answered reports whether the resubmission that a command ordered took effect
// or failed.
func (b *Book) Answered(id string, command uint64) bool {
	e := b.entries[id]
	return e != nil && (e.answered >= command || e.command >= command)
}

// Settled counts the letters that are settled and their bytes in segments.
func (b *Book) Settled() (letters int, bytes int64) {
	for _, s := range b.segments {
		for _, id := range s.letters {
			e := b.entries[id]
			if e != nil && e.segment == s {
				if status, _ := b.status(e); !status.Settled() {
					continue
				}
			}
			letters++
		}
		if live := b.live(s); s.Letters > 0 {
			bytes += s.Bytes - s.Bytes*live/int64(s.Letters)
		}
	}
	return letters, bytes
}
