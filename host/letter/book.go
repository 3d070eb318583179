package letter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// Status is what has become of a letter.
type Status string

// The statuses of letters.
const (
	Waiting   Status = "waiting"   // for somebody to decide
	Ordered   Status = "ordered"   // its resubmission is ordered and not answered yet
	Done      Status = "done"      // a resubmission took effect
	Discarded Status = "discarded" // somebody decided against it
)

// Settled reports whether nothing more can become of the letter.
func (s Status) Settled() bool { return s == Done || s == Discarded }

// Book is what the segments of a checkpoint and the commands of users say of a
// job's letters. It holds an index; contents are read when they are asked for. A
// Book belongs to one goroutine.
type Book struct {
	store    checkpoint.Store
	segments map[string]*indexed
	entries  map[string]*entry
	texts    map[string]string // one copy of each uid and kind
	commands map[uint64]*Command
	orders   map[string][]*Command // by letter, in the order of numbers
	// Damaged are objects that cannot be used, each with the reason. What the
	// others hold is not touched by that.
	damaged map[string]error
	// firstDamaged is the lowest number of a damaged command; 0 = none.
	firstDamaged uint64
	// answersLost is the highest number of a command whose answers may be in a
	// damaged segment; 0 = none.
	answersLost uint64
}

// indexed is a segment that was read.
type indexed struct {
	checkpoint.LetterSegment
	letters []string // ids, in the order of frames
	answers []Answer
}

// entry is the newest version of a letter, and what came of it.
type entry struct {
	id        string
	uid, kind string
	segment   *indexed
	at        int64
	length    int32
	attempts  int32
	firstMS   int64
	lastMS    int64
	command   uint64 // whose resubmission failed
	answered  uint64 // command of the resubmission that took effect
}

// NewBook makes an empty book of the letters in a store.
func NewBook(store checkpoint.Store) *Book {
	return &Book{
		store: store, segments: map[string]*indexed{}, entries: map[string]*entry{}, texts: map[string]string{},
		commands: map[uint64]*Command{}, orders: map[string][]*Command{}, damaged: map[string]error{},
	}
}

// Sync makes the book that of a checkpoint's segments: it reads those that are
// new to it and forgets those that are gone. A damaged segment is no error: see
// Damaged.
func (b *Book) Sync(ctx context.Context, segments []checkpoint.LetterSegment) error {
	named := make(map[string]bool, len(segments))
	fresh := false
	b.answersLost = 0
	for _, s := range segments {
		named[s.Object] = true
		if b.segments[s.Object] != nil {
			continue
		}
		delete(b.damaged, s.Object) // somebody may have put a good copy back
		err := b.load(ctx, s)
		if damage := (*checkpoint.DamagedError)(nil); errors.As(err, &damage) {
			b.damaged[s.Object] = err
			b.answersLost = max(b.answersLost, s.Command)
			continue
		}
		if err != nil {
			return err
		}
		fresh = true
	}
	b.forget(named)
	if !fresh {
		return nil
	}
	// A letter may be newer to the book than its answer, where it was damaged.
	for _, s := range b.segments {
		for _, a := range s.answers {
			if e := b.entries[a.ID]; e != nil {
				e.answered = max(e.answered, a.Command)
			}
		}
	}
	return nil
}

// load indexes a segment. Where it is damaged in the midst, nothing of it counts.
func (b *Book) load(ctx context.Context, s checkpoint.LetterSegment) error {
	data, err := readSegment(ctx, b.store, s)
	if err != nil {
		return err
	}
	loaded := &indexed{LetterSegment: s}
	var found []*entry
	err = each(data, func(at int, payload []byte) error {
		switch payload[0] {
		case frameAnswer:
			a, err := decodeAnswer(payload)
			loaded.answers = append(loaded.answers, a)
			return err
		case frameLetter:
			d := &decoder{rest: payload[1:]}
			h := d.head()
			found = append(found, &entry{
				id: h.id, uid: b.text(h.uid), kind: b.text(h.kind), segment: loaded, at: int64(at), length: int32(frameHead + len(payload)),
				attempts: int32(h.attempts), firstMS: h.firstMS, lastMS: h.lastMS, command: h.command,
			})
			return d.err
		}
		return fmt.Errorf("letter: offset %d: unknown kind of frame %d", at, payload[0])
	})
	if err != nil {
		return &checkpoint.DamagedError{Names: []string{s.Object}, Reason: err.Error()}
	}
	for _, e := range found {
		b.add(e)
		loaded.letters = append(loaded.letters, b.entries[e.id].id)
	}
	b.segments[s.Object] = loaded
	return nil
}

// add takes a version of a letter where it is newer, or a copy of the one known.
func (b *Book) add(e *entry) {
	if known := b.entries[e.id]; known != nil {
		if e.attempts < known.attempts {
			return
		}
		e.answered = known.answered
	}
	b.entries[e.id] = e
}

func (b *Book) text(s string) string {
	if known, found := b.texts[s]; found {
		return known
	}
	b.texts[s] = s
	return s
}

// forget drops the segments that are not named, and the letters in them.
func (b *Book) forget(named map[string]bool) {
	gone := false
	for name := range b.segments {
		if !named[name] {
			delete(b.segments, name)
			gone = true
		}
	}
	maps.DeleteFunc(b.damaged, func(name string, _ error) bool {
		_, isCommand := commandNumber(name)
		return !named[name] && !isCommand
	})
	if !gone {
		return
	}
	maps.DeleteFunc(b.entries, func(_ string, e *entry) bool { return !named[e.segment.Object] })
}

// ReadCommands reads the commands that are new in the store and reports whether
// there were any. What concerns letters that the book does not hold is kept for
// when it does.
func (b *Book) ReadCommands(ctx context.Context) (fresh bool, err error) {
	numbers, err := listCommands(ctx, b.store)
	if err != nil {
		return false, err
	}
	present := make(map[uint64]bool, len(numbers))
	for _, number := range numbers {
		present[number] = true
		if b.commands[number] != nil || b.damaged[commandName(number)] != nil {
			continue
		}
		c, err := readCommand(ctx, b.store, number)
		if damage := (*checkpoint.DamagedError)(nil); errors.As(err, &damage) {
			b.damaged[commandName(number)] = err
			continue
		}
		if errors.Is(err, checkpoint.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			return fresh, err
		}
		fresh = true
		b.commands[number] = c
		for _, id := range c.IDs {
			b.order(id, c)
		}
	}
	b.dropCommands(present)
	return fresh, nil
}

// order adds a command to a letter, by its number.
func (b *Book) order(id string, c *Command) {
	at, found := slices.BinarySearchFunc(b.orders[id], c.Number, func(o *Command, number uint64) int {
		return cmp.Compare(o.Number, number)
	})
	if !found {
		b.orders[id] = slices.Insert(b.orders[id], at, c)
	}
}

// dropCommands forgets the commands that were deleted, and finds the first that
// is damaged.
func (b *Book) dropCommands(present map[uint64]bool) {
	maps.DeleteFunc(b.commands, func(number uint64, c *Command) bool {
		if present[number] {
			return false
		}
		for _, id := range c.IDs {
			b.orders[id] = slices.DeleteFunc(b.orders[id], func(o *Command) bool { return o == c })
			if len(b.orders[id]) == 0 {
				delete(b.orders, id)
			}
		}
		return true
	})
	b.firstDamaged = 0
	for name := range b.damaged {
		number, isCommand := commandNumber(name)
		switch {
		case !isCommand:
		case !present[number]:
			delete(b.damaged, name)
		case b.firstDamaged == 0 || number < b.firstDamaged:
			b.firstDamaged = number
		}
	}
}

// status is what has become of a letter; order is the command that its
// resubmission is due for. A command counts for the version that failed before
// it: what came earlier is in the letter already.
func (b *Book) status(e *entry) (status Status, order *Command) {
	if e.answered > 0 {
		return Done, nil
	}
	status = Waiting
	for _, c := range b.orders[e.id] {
		switch {
		case c.Number <= e.command:
		case c.Kind == DiscardCommand:
			return Discarded, nil
		case c.Kind == ResubmitCommand:
			status, order = Ordered, c
		}
	}
	return status, order
}

// Damaged lists what cannot be used, sorted by the objects' names.
func (b *Book) Damaged() []error {
	var list []error
	for _, name := range slices.Sorted(maps.Keys(b.damaged)) {
		list = append(list, b.damaged[name])
	}
	return list
}

// Len is the number of letters, settled ones included.
func (b *Book) Len() int { return len(b.entries) }

// HasCommands reports whether there are any.
func (b *Book) HasCommands() bool { return len(b.commands) > 0 || b.firstDamaged > 0 }

// AnswersLost is the highest number of a command whose answers may be in a damaged
// segment; 0 = none. Newer orders are carried out.
func (b *Book) AnswersLost() uint64 { return b.answersLost }
