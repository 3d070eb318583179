package connector

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
)

const (
	// stepsMax bounds the stops on the way through the input.
	stepsMax = 200
	// tailsMax bounds, twice, the positions from which all of the rest is read.
	tailsMax = 16
	// splitsMax bounds the splits that are stepped through.
	splitsMax = 16
)

// checkResume stops after each delivery and goes on in the other of two
// processes; then it reads the rest from single positions in a third.
func checkResume(ctx context.Context, t *trial) error {
	w, err := t.wholeOf(ctx)
	if err != nil {
		return err
	}
	indices := sample(t.random(), len(w.splits), splitsMax)
	if err := t.stepThrough(ctx, w, indices); err != nil {
		return err
	}
	return t.readTails(ctx, w, indices)
}

// stepThrough reads in steps, each with a reader of its own.
func (t *trial) stepThrough(ctx context.Context, w *wholeReading, indices []int) error {
	var processes [2]*sourceSession
	for i := range processes {
		var err error
		if processes[i], err = t.openSource(ctx, i > 0); err != nil {
			return err
		}
		if _, _, err := processes[i].discover(ctx); err != nil {
			return err
		}
	}
	c := t.newCursors(w, indices...)
	deliveries := 0
	for _, one := range c.list {
		deliveries += w.deliveries(one.split.GetId())
	}
	stride := (deliveries + stepsMax - 1) / stepsMax
	steps := 0
	for _, one := range c.list {
		for !c.done(one) {
			from, had := one.position, len(one.items)
			if err := c.step(ctx, processes[steps%2], steps%subtasks, one, stride); err != nil {
				return fmt.Errorf("split %.64q from position %s: %w", one.split.GetId(), show(from, had), err)
			}
			if steps++; steps > 4*stepsMax && len(one.items) == had {
				return fmt.Errorf("split %.64q from position %s: %d stops, and it does not end: deliveries without records lead nowhere", one.split.GetId(), show(from, had), steps)
			}
			want := w.items(one.split.GetId())
			if err := compareItems(one.items, want[:min(len(want), len(one.items))], t.scenario.Source.Endless); err != nil {
				return fmt.Errorf("split %.64q, stopped and resumed %d times, last at position %s: %w", one.split.GetId(), steps, show(from, had), err)
			}
		}
	}
	return c.compare()
}

// show names a position for people.
func show(position []byte, records int) string {
	if position == nil {
		return "at the split's start"
	}
	return fmt.Sprintf("%.80q (behind %d records)", position, records)
}

// tail is a position from which the rest is read.
type tail struct {
	split, piece int
}

// readTails reads the rest from single positions.
func (t *trial) readTails(ctx context.Context, w *wholeReading, indices []int) error {
	s, err := t.openSource(ctx, true)
	if err != nil {
		return err
	}
	tails := w.tails(t.random(), indices)
	for n := range tails {
		split, at := w.splits[tails[n].split], tails[n].piece
		pieces := w.pieces[split.GetId()]
		want := 0
		for _, p := range pieces[:at+1] {
			want += len(p.items)
		}
		c := t.newCursors(w, tails[n].split)
		one := c.list[0]
		one.position, one.items = pieces[at].position, slices.Clone(w.items(split.GetId())[:want])
		if err := c.readRest(ctx, s, 0); err != nil {
			return fmt.Errorf("split %.64q from position %s: %w", split.GetId(), show(pieces[at].position, want), err)
		}
		if err := c.compare(); err != nil {
			return fmt.Errorf("from position %s: %w", show(pieces[at].position, want), err)
		}
	}
	return nil
}

// tails gives the positions from which the rest is read: the end and the one
// before of some splits, and others at random.
func (w *wholeReading) tails(random *rand.Rand, indices []int) []tail {
	var chosen, others []tail
	for _, i := range indices {
		count := len(w.pieces[w.splits[i].GetId()])
		for piece := range count {
			if one := (tail{i, piece}); piece >= count-2 && len(chosen) < tailsMax {
				chosen = append(chosen, one)
			} else {
				others = append(others, one)
			}
		}
	}
	for _, n := range sample(random, len(others), tailsMax) {
		chosen = append(chosen, others[n])
	}
	return chosen
}

// checkReaders shares the splits among two readers, hands some out late, and
// moves those of one reader to the other.
func checkReaders(ctx context.Context, t *trial) error {
	w, err := t.wholeOf(ctx)
	if err != nil {
		return err
	}
	if len(w.splits) == 0 {
		return skipf("the source has no splits")
	}
	s, err := t.openSource(ctx, true)
	if err != nil {
		return err
	}
	var readers [2]*reader
	for i := range readers {
		if readers[i], err = s.openReader(ctx, i); err != nil {
			return fmt.Errorf("reader %d beside others: %w", i, err)
		}
		if err := readers[i].credit(windowBytes / 4); err != nil {
			return err
		}
	}
	c := t.newCursors(w)
	var dealt [2][]*cursor
	for i, one := range c.list {
		dealt[i%2] = append(dealt[i%2], one)
	}
	// One split first, the others when it is under way.
	if err := assign(readers[0], dealt[0][:1]); err != nil {
		return err
	}
	if err := c.read(ctx, readers[0], dealt[0][:1], 1); err != nil {
		return err
	}
	if err := errors.Join(assign(readers[0], dealt[0][1:]), assign(readers[1], dealt[1])); err != nil {
		return err
	}
	if err := c.read(ctx, readers[0], dealt[0], len(dealt[0])); err != nil {
		return err
	}
	if err := readers[0].halfClose(drop); err != nil {
		return err
	}
	if err := c.read(ctx, readers[1], dealt[1], 1); err != nil {
		return err
	}
	var moved []*cursor
	for _, one := range dealt[0] {
		if !c.done(one) {
			moved = append(moved, one)
		}
	}
	if err := assign(readers[1], moved); err != nil {
		return fmt.Errorf("splits that another reader had: %w", err)
	}
	if err := c.read(ctx, readers[1], c.list, -1); err != nil {
		return err
	}
	if err := readers[1].halfClose(drop); err != nil {
		return err
	}
	return c.compare()
}

func checkCheckpointComplete(ctx context.Context, t *trial) error {
	w, err := t.wholeOf(ctx)
	if err != nil {
		return err
	}
	s, err := t.openSource(ctx, false)
	if err != nil {
		return err
	}
	if _, _, err := s.discover(ctx); err != nil {
		return err
	}
	c := t.newCursors(w)
	r, err := s.openReader(ctx, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(r.credit(1), assign(r, c.list)); err != nil {
		return err
	}
	for epoch := range uint64(3) {
		if err := c.read(ctx, r, c.list, 1); err != nil {
			return err
		}
		if err := s.checkpointComplete(ctx, epoch+1, c.list); err != nil {
			return fmt.Errorf("checkpoint %d: %w", epoch+1, err)
		}
	}
	if err := c.read(ctx, r, c.list, -1); err != nil {
		return fmt.Errorf("after SourceCheckpointComplete: %w", err)
	}
	if err := r.halfClose(drop); err != nil {
		return err
	}
	if err := s.checkpointComplete(ctx, 4, nil); err != nil {
		return fmt.Errorf("a checkpoint without positions: %w", err)
	}
	return c.compare()
}

// checkpointComplete sends the positions in two pages.
func (s *sourceSession) checkpointComplete(ctx context.Context, epoch uint64, list []*cursor) error {
	callContext, cancel := s.t.call(ctx)
	defer cancel()
	pages, err := s.client.SourceCheckpointComplete(callContext)
	if err == nil {
		half := len(list) / 2
		for _, part := range [][]*cursor{list[:half], list[half:]} {
			page := &v1.PositionsPage{Epoch: epoch}
			for _, one := range part {
				page.Positions = append(page.Positions, one.assignment())
			}
			if err = pages.Send(decorated(s, page)); err != nil {
				break // the answer tells why
			}
		}
		_, err = pages.CloseAndRecv()
	}
	return s.t.answered(callContext, s.p, "SourceCheckpointComplete", err)
}

func checkSourceClose(ctx context.Context, t *trial) error {
	w, err := t.wholeOf(ctx)
	if err != nil {
		return err
	}
	for _, deliveries := range []int{0, 1, -1} {
		s, err := t.openSource(ctx, false)
		if err != nil {
			return err
		}
		r, err := s.openReader(ctx, 0)
		if err != nil {
			return err
		}
		c := t.newCursors(w)
		if err := errors.Join(r.credit(1), assign(r, c.list)); err != nil {
			return err
		}
		if err := c.read(ctx, r, c.list, deliveries); err != nil {
			return err
		}
		if err := r.halfClose(drop); err != nil {
			return err
		}
		if err := s.close(ctx); err != nil {
			return err
		}
		s.p.release()
	}
	return nil
}

// checkSourceKill kills the process on the way, again and again.
func checkSourceKill(ctx context.Context, t *trial) error {
	w, err := t.wholeOf(ctx)
	if err != nil {
		return err
	}
	c := t.newCursors(w)
	for round := range 4 {
		s, err := t.openSource(ctx, round > 0)
		if err != nil {
			return fmt.Errorf("start %d, after SIGKILL: %w", round+1, err)
		}
		if _, _, err := s.discover(ctx); err != nil {
			return fmt.Errorf("start %d, after SIGKILL: %w", round+1, err)
		}
		if round == 3 {
			if err := c.readRest(ctx, s, 0); err != nil {
				return fmt.Errorf("after SIGKILL: %w", err)
			}
			break
		}
		r, err := s.openReader(ctx, 0)
		if err != nil {
			return err
		}
		open := c.open()
		if err := errors.Join(r.credit(windowBytes), assign(r, open)); err != nil {
			return err
		}
		if err := c.read(ctx, r, open, 1+w.deliveries("")/5); err != nil {
			return err
		}
		s.p.kill()
		r.cancel()
	}
	return c.compare()
}
