package connector

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
)

// stepsInSequence is how many steps a sequence of the check order has.
const stepsInSequence = 24

// checkOrder runs random sequences against a model.
func checkOrder(ctx context.Context, t *trial) error {
	random := t.random()
	var visible []string // by the sequences before
	for number := range t.options.Sequences {
		m := &model{t: t, random: random, who: t.identity(100 + number), committed: visible}
		err := m.run(ctx)
		m.release()
		visible = m.committed
		if err != nil {
			return fmt.Errorf("sequence %d (seed %d): %s: %w", number+1, t.options.Seed, strings.Join(m.history, ", "), err)
		}
	}
	return nil
}

// model is a job as a sink sees it, and what must be visible of its output. It
// does what a host may do: a checkpoint names what was prepared since the one before
// and what that one named and nobody has confirmed; what it names is committed, again
// after a crash; what no checkpoint names is dropped with its attempt.
type model struct {
	t       *trial
	random  *rand.Rand
	who     identity
	history []string

	attempt uint64
	epoch   uint64
	session *sinkSession
	writers [subtasks]*writer

	loose      []*output // prepared since the newest checkpoint
	checkpoint []*output // what the newest checkpoint names
	aborted    []*output
	unprepared int      // records
	committed  []string // IDs that have to be visible
}

// output is what one writer prepared of one epoch.
type output struct {
	ids       []string
	list      []*v1.Committable
	confirmed bool
}

func (m *model) note(format string, arguments ...any) {
	m.history = append(m.history, fmt.Sprintf(format, arguments...))
}

func (m *model) release() {
	if m.session != nil {
		m.session.p.release()
	}
}

func (m *model) run(ctx context.Context) error {
	if err := m.start(ctx); err != nil {
		return err
	}
	if err := m.session.needsExactlyOnce(); err != nil {
		return err
	}
	for range stepsInSequence {
		if err := m.step(ctx); err != nil {
			return err
		}
	}
	if err := m.takeCheckpoint(); err != nil {
		return err
	}
	if err := m.commit(ctx, m.checkpoint); err != nil {
		return err
	}
	if err := m.write(0); err != nil {
		return err
	}
	if err := m.crash(ctx); err != nil {
		return err
	}
	return m.look(ctx)
}

// step does one thing at random.
func (m *model) step(ctx context.Context) error {
	switch n := m.random.IntN(20); {
	case n < 3:
		return m.write(m.random.IntN(subtasks))
	case n < 5:
		return m.prepare()
	case n < 7:
		return m.takeCheckpoint()
	case n < 11:
		return m.commitInParts(ctx)
	case n < 13:
		return m.commit(ctx, m.some(m.checkpoint))
	case n < 14:
		return m.abort(ctx)
	case n < 15:
		return m.look(ctx)
	case n < 16:
		return m.closeAndStart(ctx)
	case n < 17:
		return m.commitAndCrash(ctx)
	}
	return m.crash(ctx)
}

// start begins the next attempt from the newest checkpoint.
func (m *model) start(ctx context.Context) error {
	m.attempt++
	m.loose, m.aborted, m.unprepared = nil, nil, 0
	var keep []*v1.Committable
	for _, o := range m.checkpoint {
		keep = append(keep, o.list...)
	}
	m.note("start %d, keep %d", m.attempt, len(keep))
	var err error
	if m.session, err = m.t.openSink(ctx, sinkOptions{who: m.who, attempt: m.attempt, keep: keep}); err != nil {
		return err
	}
	for i := range m.writers {
		if m.writers[i], err = m.session.openWriter(ctx, i); err != nil {
			return err
		}
	}
	if len(m.checkpoint) == 0 {
		return nil
	}
	// All that the checkpoint names is committed, whatever was confirmed since.
	return m.commit(ctx, m.checkpoint)
}

func (m *model) write(subtask int) error {
	records := 1 + m.random.IntN(8)
	m.note("write %d by %d", records, subtask)
	ids, err := m.writers[subtask].writeIDs(records)
	m.unprepared += records
	m.pending(subtask, ids)
	return err
}

// pending keeps the IDs of what a writer has not prepared yet.
func (m *model) pending(subtask int, ids []string) {
	m.writers[subtask].unprepared = append(m.writers[subtask].unprepared, ids...)
}

// prepare ends an epoch in all writers, most of which have written something.
func (m *model) prepare() error {
	for subtask := range m.writers {
		if m.random.IntN(4) > 0 {
			if err := m.write(subtask); err != nil {
				return err
			}
		}
	}
	m.epoch++
	m.note("prepare %d", m.epoch)
	for _, w := range m.writers {
		list, err := w.prepare(m.epoch)
		if err != nil {
			return err
		}
		m.loose = append(m.loose, &output{ids: w.unprepared, list: list})
		w.unprepared = nil
	}
	m.unprepared = 0
	return nil
}

// takeCheckpoint makes a manifest durable, with an epoch of its own.
func (m *model) takeCheckpoint() error {
	if err := m.prepare(); err != nil {
		return err
	}
	m.note("checkpoint")
	next := m.loose
	for _, o := range m.checkpoint {
		if !o.confirmed {
			next = append(next, o)
		}
	}
	m.checkpoint, m.loose = next, nil
	return nil
}

// some gives some of the outputs, in any order.
func (m *model) some(list []*output) []*output {
	list = slices.Clone(list)
	m.random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	if len(list) == 0 {
		return nil
	}
	return list[:1+m.random.IntN(len(list))]
}

// commit commits outputs in one call, which may have been committed before.
func (m *model) commit(ctx context.Context, list []*output) error {
	var all []*v1.Committable
	again := 0
	for _, o := range list {
		all = append(all, o.list...)
		if o.confirmed {
			again++
		}
	}
	m.note("commit %d outputs, %d of them again", len(list), again)
	if err := m.session.commit(ctx, all); err != nil {
		return err
	}
	for _, o := range list {
		if !slices.Contains(m.committed, firstOf(o.ids)) {
			m.committed = append(m.committed, o.ids...)
		}
		o.confirmed = true
	}
	return nil
}

// commitInParts commits a part of a new checkpoint, and then all of it, in this
// or, after a crash, in the next process.
func (m *model) commitInParts(ctx context.Context) error {
	if err := m.takeCheckpoint(); err != nil {
		return err
	}
	if err := m.commit(ctx, m.some(m.checkpoint)); err != nil {
		return err
	}
	if m.random.IntN(2) == 0 {
		return m.crash(ctx)
	}
	return m.commit(ctx, m.some(m.checkpoint))
}

func firstOf(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return ids[0]
}

// abort drops an output that no checkpoint names, or one that was dropped before.
func (m *model) abort(ctx context.Context) error {
	var o *output
	switch {
	case len(m.loose) > 0:
		last := len(m.loose) - 1
		o, m.loose = m.loose[last], m.loose[:last]
		m.aborted = append(m.aborted, o)
	case len(m.aborted) > 0:
		o = m.aborted[m.random.IntN(len(m.aborted))]
	default:
		return nil
	}
	m.note("abort %d committables", len(o.list))
	return m.session.abort(ctx, o.list)
}

func (m *model) look(ctx context.Context) error {
	m.note("look")
	return m.session.expect(ctx, "what is visible is not what the model says", m.committed...)
}

func (m *model) crash(ctx context.Context) error {
	m.note("SIGKILL with %d records not prepared", m.unprepared)
	m.session.p.kill()
	return m.start(ctx)
}

// commitAndCrash kills the process while it commits. The next attempt commits again.
func (m *model) commitAndCrash(ctx context.Context) error {
	list := m.some(m.checkpoint)
	var all []*v1.Committable
	for _, o := range list {
		all = append(all, o.list...)
	}
	m.note("commit %d outputs, SIGKILL at once", len(list))
	m.session.commitInVain(ctx, all, 0)
	m.session.p.kill()
	return m.start(ctx)
}

func (m *model) closeAndStart(ctx context.Context) error {
	m.note("close")
	for _, w := range m.writers {
		if err := w.halfClose(w.take); err != nil {
			return err
		}
	}
	if err := m.session.close(ctx); err != nil {
		return err
	}
	m.session.p.release()
	return m.start(ctx)
}
