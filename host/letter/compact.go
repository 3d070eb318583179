package letter

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// Bounds of a compaction.
const (
	// compactFanIn is how many segments of about one size are merged.
	compactFanIn = 8
	// compactInputsMax bounds the segments of one compaction.
	compactInputsMax = 256
	// commandsDroppedMax bounds the commands that go at once.
	commandsDroppedMax = 1024
)

// Compaction replaces segments by one that holds what still counts of them. It
// rests on durable facts only, so it is right whenever it takes effect.
type Compaction struct {
	inputs []checkpoint.LetterSegment
	book   *Book // nil = all counts
}

// PlanCompaction says what to compact in a checkpoint's segments, or nil. The
// book is nil where there are neither commands nor answers.
func PlanCompaction(segments []checkpoint.LetterSegment, book *Book) *Compaction {
	var worn []checkpoint.LetterSegment
	byTier := map[int][]checkpoint.LetterSegment{}
	var wornBytes int64
	for _, s := range segments {
		live := int64(s.Letters)
		if book != nil {
			loaded := book.segments[s.Object]
			if loaded == nil {
				continue // damaged: it stays as it is
			}
			live = book.live(loaded)
		}
		bytes := s.Bytes
		if frames := int64(s.Letters + s.Answers); frames > 0 {
			bytes = s.Bytes * live / frames
		}
		switch {
		case book != nil && live*2 <= int64(s.Letters+s.Answers) && len(worn) < compactInputsMax && wornBytes+bytes <= SegmentBytesAim:
			worn = append(worn, s)
			wornBytes += bytes
		case s.Bytes < SegmentBytesAim/2:
			t := tier(s.Bytes)
			byTier[t] = append(byTier[t], s)
		}
	}
	if book != nil && book.gains(worn) {
		return &Compaction{inputs: worn, book: book}
	}
	for t := range bits.UintSize {
		if group := byTier[t]; len(group) >= compactFanIn {
			return &Compaction{inputs: upToAim(group), book: book}
		}
	}
	return nil
}

// tier sorts segments by size: each tier is four times the one below.
func tier(bytes int64) int { return bits.Len64(uint64(bytes)>>12) / 2 }

// upToAim takes the oldest segments that together have about the size of one.
func upToAim(group []checkpoint.LetterSegment) []checkpoint.LetterSegment {
	slices.SortStableFunc(group, func(a, b checkpoint.LetterSegment) int { return cmp.Compare(a.Epoch, b.Epoch) })
	var total int64
	for i := range group {
		if total += group[i].Bytes; total > SegmentBytesAim && i >= compactFanIn || i == compactInputsMax {
			return group[:i]
		}
	}
	return group
}

// live counts the letters of a segment that still count.
func (b *Book) live(s *indexed) int64 {
	var live int64
	for _, id := range s.letters {
		if e := b.entries[id]; e != nil && e.segment == s {
			if status, _ := b.status(e); !status.Settled() {
				live++
			}
		}
	}
	return live
}

// gains reports whether rewriting segments leaves less than there was.
func (b *Book) gains(worn []checkpoint.LetterSegment) bool {
	c := &Compaction{inputs: worn, book: b}
	outside := c.outside()
	before, after := 0, 0
	for _, s := range worn {
		loaded := b.segments[s.Object]
		before += len(loaded.letters) + len(loaded.answers)
		after += c.kept(loaded, outside)
	}
	return after*2 <= before && before > 0
}

// outside are the settled letters of the inputs of which there is a version in
// another segment. What tells that they are settled must stay: else the older
// version would count.
func (c *Compaction) outside() map[string]bool {
	inside := map[string]bool{}
	settled := map[string]bool{}
	for _, s := range c.inputs {
		loaded := c.book.segments[s.Object]
		inside[s.Object] = true
		for _, a := range loaded.answers {
			settled[a.ID] = true
		}
		for _, id := range loaded.letters {
			if c.book.settled(id) {
				settled[id] = true
			}
		}
	}
	for name := range c.book.damaged {
		if _, isCommand := commandNumber(name); !isCommand {
			return settled // it may hold a version of any letter
		}
	}
	outside := map[string]bool{}
	for name, s := range c.book.segments {
		if inside[name] || len(settled) == 0 {
			continue
		}
		for _, id := range s.letters {
			if settled[id] {
				outside[id] = true
			}
		}
	}
	return outside
}

func (b *Book) settled(id string) bool {
	e := b.entries[id]
	if e == nil {
		return false
	}
	status, _ := b.status(e)
	return status.Settled()
}

// kept counts the frames of a segment that still count.
func (c *Compaction) kept(loaded *indexed, outside map[string]bool) int {
	kept := 0
	for _, id := range loaded.letters {
		if e := c.book.entries[id]; e != nil && e.segment == loaded && c.counts(e, outside) {
			kept++
		}
	}
	for _, a := range loaded.answers {
		if outside[a.ID] {
			kept++
		}
	}
	return kept
}

// counts tells whether the newest version of a letter must stay.
func (c *Compaction) counts(e *entry, outside map[string]bool) bool {
	return !c.book.settled(e.id) || outside[e.id]
}

// Run writes the replacement under a name that nobody else uses, where there is
// anything left to write.
func (c *Compaction) Run(ctx context.Context, store checkpoint.Store, name string) (checkpoint.LettersSwapped, error) {
	swapped := checkpoint.LettersSwapped{}
	out := segment{data: appendSegmentHead(nil)}
	out.Object = name
	var outside map[string]bool
	if c.book != nil {
		outside = c.outside()
	}
	for _, s := range c.inputs {
		swapped.Removed = append(swapped.Removed, s.Object)
		out.Epoch = max(out.Epoch, s.Epoch)
		if err := c.copy(ctx, store, s, outside, &out); err != nil {
			return checkpoint.LettersSwapped{}, err
		}
	}
	if out.Letters+out.Answers == 0 {
		return swapped, nil
	}
	out.Bytes, out.Checksum = int64(len(out.data)), checksum(out.data)
	if err := store.Upload(ctx, name, bytes.NewReader(out.data), out.Bytes); err != nil {
		return checkpoint.LettersSwapped{}, fmt.Errorf("letter: write %s: %w", name, err)
	}
	swapped.Added = []checkpoint.LetterSegment{out.LetterSegment}
	return swapped, nil
}

// copy copies the frames of a segment that still count.
func (c *Compaction) copy(ctx context.Context, store checkpoint.Store, s checkpoint.LetterSegment, outside map[string]bool, out *segment) error {
	var loaded *indexed
	if c.book != nil {
		loaded = c.book.segments[s.Object]
		if c.kept(loaded, outside) == 0 {
			return nil
		}
	}
	data, err := readSegment(ctx, store, s)
	if err != nil {
		return err
	}
	letters := 0
	return each(data, func(at int, payload []byte) error {
		counts, isLetter := true, payload[0] == frameLetter
		var answer Answer
		if !isLetter {
			var err error
			if answer, err = decodeAnswer(payload); err != nil {
				return err
			}
		}
		switch {
		case loaded == nil:
		case isLetter:
			e := c.book.entries[loaded.letters[letters]]
			counts = e != nil && e.segment == loaded && e.at == int64(at) && c.counts(e, outside)
		default:
			counts = outside[answer.ID]
		}
		if isLetter {
			letters++
		}
		if !counts {
			return nil
		}
		out.data = append(out.data, data[at:at+frameHead+len(payload)]...)
		if isLetter {
			out.Letters++
		} else {
			out.Answers++
			out.Command = max(out.Command, answer.Command)
		}
		return nil
	})
}

// Dropped lists commands that name no letter of the book: they may be deleted.
// ripe tells whether one was there before the checkpoint of the book, and nobody
// works at its letters.
func (b *Book) Dropped(ripe func(*Command) bool) (numbers []uint64, names []string) {
	for name := range b.damaged {
		if _, isCommand := commandNumber(name); !isCommand {
			return nil, nil // its letters are not known
		}
	}
	for number, c := range b.commands {
		if !ripe(c) || slices.ContainsFunc(c.IDs, func(id string) bool { return b.entries[id] != nil }) {
			continue
		}
		numbers, names = append(numbers, number), append(names, commandName(number))
		if len(numbers) == commandsDroppedMax {
			break
		}
	}
	slices.Sort(numbers)
	slices.Sort(names)
	return numbers, names
}
