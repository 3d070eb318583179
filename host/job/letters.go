package job

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/keygroup"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/plan"
	"github.com/turgo-stream/turgo/host/task"
)

const (
	// lettersIntervalMS is the time between two looks for commands of users.
	lettersIntervalMS = 1000
	// untriedMax bounds the letters that are handed out and not tried yet.
	untriedMax = 1024
	// ordersAhead is how many orders are listed at once.
	ordersAhead = 1 << 16
	// With more letters than this, what looks at all of them is done seldom.
	lettersFew    = 20_000
	lettersRestMS = 10_000
)

// LettersFullError tells that a job has more dead letters than it may have.
type LettersFullError struct {
	Letters, LettersMax int
	Bytes, BytesMax     int64
}

func (e *LettersFullError) Error() string {
	return fmt.Sprintf("job: %d dead letters of %d bytes wait, at most %d of %d bytes are allowed: the job stops, so that none is lost. "+
		"Look at them with \"turgo dlq list\" and discard or resubmit some, or raise dead_letters.letters_max and dead_letters.bytes_max in the job file",
		e.Letters, e.Bytes, e.LettersMax, e.BytesMax)
}

// Fatal tells that a restart meets the same.
func (e *LettersFullError) Fatal() bool { return true }

// letterBox carries out what users order for dead letters, and keeps their
// segments few. An order is handed to a task once in an attempt; whether it was
// carried out, the next manifests tell. So nothing has to be remembered: after a
// crash the orders that no manifest answers are handed out again.
type letterBox struct {
	attempt *Attempt
	worker  task.Worker

	// Of the attempt's goroutine.
	looking bool
	lookMS  int64
	untried int // handed out
	open    bool
	unread  bool // nothing was looked at since the start
	known   letterCounts

	// Of the worker.
	book    *letter.Book
	handed  map[string]uint64           // command by letter
	refused map[string]uint64           // that cannot be handed out
	firstAt map[uint64]checkpoint.Epoch // by command: the newest checkpoint when it was first seen
	unnoted bool                        // firstAt lacks some
	warned  map[string]bool
	queue   []letter.Order // to be handed out
	merges  int
	synced  checkpoint.Epoch // of the book
	swapped checkpoint.Epoch // newest checkpoint when segments were swapped last
	restMS  int64            // until when nothing looks at all letters
	counts  letterCounts
	hasBook bool
}

// letterCounts counts letters that are settled, but still in segments, and those
// that wait.
type letterCounts struct {
	settled      int
	settledBytes int64
}

// look is what one look found.
type look struct {
	orders []*letter.Resubmission
	more   bool
	counts letterCounts
	swap   *checkpoint.LettersSwapped
	err    error
}

func newLetterBox(a *Attempt) *letterBox {
	return &letterBox{
		attempt: a, book: letter.NewBook(a.config.Store), handed: map[string]uint64{}, refused: map[string]uint64{},
		firstAt: map[uint64]checkpoint.Epoch{}, warned: map[string]bool{},
	}
}

// restore reports whether there may be orders to carry out. Where the job has ended
// that decides whether it runs at all, so they are read; else the first look does
// so, beside the tasks, and the input does not end before.
func (b *letterBox) restore(ctx context.Context, m *checkpoint.Manifest) (open bool, err error) {
	if m == nil || len(m.Letters) == 0 {
		return false, nil
	}
	if !m.Ended {
		b.open, b.unread = true, true
		return true, nil
	}
	if err := b.read(ctx, m); err != nil {
		return false, err
	}
	if b.hasBook {
		b.counts.settled, b.counts.settledBytes = b.book.Settled()
		b.known = b.counts
	}
	orders, _ := b.book.Orders(1, b.skip)
	b.open = len(orders) > 0
	return b.open, nil
}

// tick looks for commands when it is time.
func (b *letterBox) tick() bool {
	if b.looking || b.attempt.nowMS() < b.lookMS {
		return false
	}
	m := b.attempt.coordinator.Status().Completed
	if m == nil || len(m.Letters) == 0 {
		b.lookMS = b.attempt.nowMS() + lettersIntervalMS
		return false
	}
	b.looking = true
	room, nowMS := untriedMax-b.untried, b.attempt.nowMS()
	b.worker.Submit(func() func() {
		found := b.look(b.attempt.ctx, m, room, nowMS)
		return func() { b.looked(found) }
	})
	return true
}

func (b *letterBox) deadline() int64 {
	if b.looking {
		return task.Never
	}
	return b.lookMS
}

// look runs on the worker.
func (b *letterBox) look(ctx context.Context, m *checkpoint.Manifest, room int, nowMS int64) look {
	var found look
	if found.err = b.read(ctx, m); found.err != nil {
		return found
	}
	if b.hasBook {
		found.orders, found.more, found.err = b.take(ctx, room)
	}
	if found.err == nil && b.restMS <= nowMS {
		if b.hasBook {
			b.counts.settled, b.counts.settledBytes = b.book.Settled()
		}
		if b.swapped < m.Epoch {
			found.swap, found.err = b.compact(ctx, m)
		}
		if b.book.Len() > lettersFew {
			b.restMS = nowMS + lettersRestMS
		}
	}
	found.counts = b.counts
	return found
}

// read brings the book up to a checkpoint. Without commands and answers there is
// nothing that it could tell.
func (b *letterBox) read(ctx context.Context, m *checkpoint.Manifest) error {
	fresh, err := b.book.ReadCommands(ctx)
	if err != nil {
		return err
	}
	b.unnoted = b.unnoted || fresh
	answers := slices.ContainsFunc(m.Letters, func(s checkpoint.LetterSegment) bool { return s.Answers > 0 })
	if !b.hasBook && !answers && !b.book.HasCommands() {
		return nil
	}
	b.hasBook = true
	if err := b.book.Sync(ctx, m.Letters); err != nil {
		return err
	}
	if b.unnoted {
		b.unnoted = false
		for _, number := range b.book.Numbers() {
			if _, known := b.firstAt[number]; !known {
				b.firstAt[number] = m.Epoch
			}
		}
	}
	if b.synced < m.Epoch {
		b.synced = m.Epoch
		b.forgetAnswered()
	}
	for _, damage := range b.book.Damaged() {
		if text := damage.Error(); !b.warned[text] {
			b.warned[text] = true
			b.attempt.config.Logger.Warn("dead letters cannot be used; the others can", "reason", text)
		}
	}
	return nil
}

func (b *letterBox) skip(id string) bool {
	_, handed := b.handed[id]
	return handed || b.refused[id] > 0
}

// forgetAnswered forgets what was handed out and has its answer in a checkpoint.
func (b *letterBox) forgetAnswered() {
	for id, command := range b.handed {
		item, err := b.book.Item(id)
		if err == nil && (item.Status != letter.Ordered || item.Order != command) && b.book.Answered(id, command) {
			delete(b.handed, id)
		}
	}
}

// take reads the next letters to hand out.
func (b *letterBox) take(ctx context.Context, room int) (taken []*letter.Resubmission, more bool, err error) {
	if len(b.queue) == 0 {
		b.queue, more = b.book.Orders(ordersAhead, b.skip)
	}
	for len(b.queue) > 0 && len(taken) < room {
		o := b.queue[0]
		if item, err := b.book.Item(o.ID); err != nil || item.Order != o.Command || b.skip(o.ID) {
			b.queue = b.queue[1:] // it was discarded, or ordered anew
			continue
		}
		r, err := b.book.Resubmission(ctx, o)
		if err == nil {
			err = b.attempt.canResubmit(r)
		}
		var damaged *checkpoint.DamagedError
		var refused *refusedError
		switch {
		case err == nil:
			b.handed[o.ID] = o.Command
			taken = append(taken, r)
		case errors.As(err, &damaged), errors.As(err, &refused):
			b.refused[o.ID] = o.Command
			b.attempt.config.Logger.Warn("a dead letter cannot be resubmitted, its order waits", "letter", o.ID, "reason", err)
		default:
			return taken, true, err
		}
		b.queue = b.queue[1:]
	}
	return taken, more || len(b.queue) > 0, nil
}

// compact merges segments and drops what is settled.
func (b *letterBox) compact(ctx context.Context, m *checkpoint.Manifest) (*checkpoint.LettersSwapped, error) {
	book := b.book
	if !b.hasBook {
		book = nil
	}
	var swap checkpoint.LettersSwapped
	if c := letter.PlanCompaction(m.Letters, book); c != nil {
		b.merges++
		var err error
		name := fmt.Sprintf("%s%08d/merged-%d", checkpoint.LetterPrefix, b.attempt.number, b.merges)
		if swap, err = c.Run(ctx, b.attempt.config.Store, name); err != nil {
			return nil, err
		}
	}
	if book != nil {
		swap.Commands, swap.CommandNames = book.Dropped(func(c *letter.Command) bool {
			return b.firstAt[c.Number] < m.Epoch && !slices.ContainsFunc(c.IDs, func(id string) bool { return b.handed[id] > 0 })
		})
	}
	if len(swap.Removed)+len(swap.Commands) == 0 {
		return nil, nil
	}
	b.swapped = m.Epoch + 1 // a manifest that is being written does not have it
	return &swap, nil
}

// looked takes what a look found.
func (b *letterBox) looked(found look) {
	b.looking = false
	b.lookMS = b.attempt.nowMS() + lettersIntervalMS
	if found.err != nil && b.attempt.ctx.Err() == nil {
		// What was read is handed out all the same: it is noted as handed out.
		b.attempt.config.Logger.Warn("dead letters: the store fails, it is tried again", "reason", found.err)
	}
	b.known, b.unread = found.counts, b.unread && found.err != nil
	if found.swap != nil {
		b.attempt.event(*found.swap)
	}
	for _, r := range found.orders {
		b.untried++
		b.attempt.taskOf(r).Resubmit(r, func() { b.attempt.mailbox.Post(b.tried) })
	}
	if found.more && len(found.orders) > 0 {
		b.lookMS = b.attempt.nowMS()
	}
	b.setOpen(found.err != nil || found.more || b.untried > 0)
}

// tried notes that a task tried a letter.
func (b *letterBox) tried() {
	b.untried--
	b.attempt.reached(InResubmission)
	if b.untried == 0 {
		b.lookMS = min(b.lookMS, b.attempt.nowMS())
	}
}

// setOpen lets the input end, or not: what is ordered is tried before.
func (b *letterBox) setOpen(open bool) {
	if b.open == open {
		return
	}
	b.open = open
	b.holdEnd()
}

func (b *letterBox) holdEnd() {
	for _, t := range b.attempt.tasks {
		if t.IsSource() {
			t.HoldEnd(b.open)
		}
	}
}

// waiting is how many letters wait, as far as it is known.
func (b *letterBox) waiting() int {
	m := b.attempt.coordinator.Status().Completed
	if m == nil {
		return 0
	}
	letters, _ := m.LetterTotals()
	answers := 0
	for i := range m.Letters {
		answers += m.Letters[i].Answers
	}
	return max(letters-max(b.known.settled, answers), 0)
}

// full tells whether a checkpoint would hold more letters than the job may have.
func (b *letterBox) full(m *checkpoint.Manifest) error {
	if b.unread {
		return nil // how many of them are settled is not known yet
	}
	letters, bytes := m.LetterTotals()
	letters, bytes = letters-b.known.settled, bytes-b.known.settledBytes
	limits := b.attempt.config.Plan.DeadLetters
	if letters > limits.LettersMax || bytes > limits.BytesMax {
		return &LettersFullError{Letters: letters, LettersMax: limits.LettersMax, Bytes: bytes, BytesMax: limits.BytesMax}
	}
	return nil
}

// refusedError tells why the job, as it is now, cannot try a letter.
type refusedError struct{ reason string }

func (e *refusedError) Error() string { return "job: " + e.reason }

// canResubmit tells whether the job has the step that a letter is for.
func (a *Attempt) canResubmit(r *letter.Resubmission) error {
	uid := r.Letter.UID
	if r.AtSource != "" {
		uid = r.AtSource
	}
	v, index, found := a.config.Plan.VertexOf(uid)
	if !found {
		return &refusedError{fmt.Sprintf("the job has no step %q", uid)}
	}
	step := &v.Chain[index]
	switch {
	case r.AtSource != "" && step.Kind != plan.Source:
		return &refusedError{fmt.Sprintf("step %q is no source", uid)}
	case r.AtSource == "" && step.Kind == plan.Source:
		return &refusedError{fmt.Sprintf("a record of source %q goes in behind it only", uid)}
	case r.AtSource != "" || step.Kind != plan.Operator:
		return nil
	case r.Letter.Kind == letter.Timer && r.Letter.Timer >= len(step.Description.Timers):
		return &refusedError{fmt.Sprintf("operator %q declares %d timers, the letter is of number %d", uid, len(step.Description.Timers), r.Letter.Timer)}
	case r.Letter.Kind == letter.Record && r.Letter.Input >= len(step.Description.Inputs):
		return &refusedError{fmt.Sprintf("operator %q has %d inputs, the letter is of number %d", uid, len(step.Description.Inputs), r.Letter.Input)}
	}
	return nil
}

// taskOf is the task that owns a letter: that of its record's key, at the
// parallelism of today; without a key, one that its id chooses.
func (a *Attempt) taskOf(r *letter.Resubmission) *task.Task {
	uid := r.Letter.UID
	if r.AtSource != "" {
		uid = r.AtSource
	}
	v, index, _ := a.config.Plan.VertexOf(uid)
	by := []byte(r.Letter.ID)
	if description := v.Chain[index].Description; description != nil && description.Keyed() {
		records := r.Letter.Record.Records()
		if records.Next(); records.Record().Key() != nil {
			by = records.Record().Key()
		}
	}
	subtask := keygroup.Owner(keygroup.Of(by, a.config.Plan.MaxParallelism), a.config.Plan.MaxParallelism, v.Parallelism)
	return a.byID[taskID(v, subtask)]
}
