package connector

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/connectors"
)

func sourceChecks() []check {
	return []check{
		{GroupSource, CheckConfig, []string{Describe}, checkSourceConfig},
		{GroupSource, Discovery, []string{Describe}, checkDiscovery},
		{GroupSource, Read, []string{Discovery}, checkRead},
		{GroupSource, Undecodable, []string{Read}, checkUndecodable},
		{GroupSource, Stop, []string{Read}, checkReaderStop},
		{GroupSource, Cancellation, []string{Read}, checkReaderCancellation},
		{GroupSource, BackPressure, []string{Read}, checkReaderBackPressure},
		{GroupSource, Resume, []string{Read, Stop}, checkResume},
		{GroupSource, Readers, []string{Resume}, checkReaders},
		{GroupSource, CheckpointComplete, []string{Resume}, checkCheckpointComplete},
		{GroupSource, Close, []string{Read, Stop}, checkSourceClose},
		{GroupSource, UnknownFields, []string{Read, Stop, CheckpointComplete, Close}, checkSourceUnknownFields},
		{GroupSource, Kill, []string{Resume}, checkSourceKill},
		{GroupSource, Host, []string{Resume, Close, Kill, CleanExit, CheckConfig, BackPressure, Undecodable, Cancellation, CheckpointComplete}, checkSourceHost},
	}
}

func checkDiscovery(ctx context.Context, t *trial) error {
	var first []string
	for process, restored := range []bool{false, false, true} {
		s, err := t.openSource(ctx, restored)
		if err != nil {
			return err
		}
		for call := range 2 {
			ids, err := t.discoverIDs(ctx, s)
			if err != nil {
				return err
			}
			if process == 0 && call == 0 {
				first = ids
			}
			if restored { // what the host knows already may be missing
				err = noOthers(first, ids, t.scenario.Source.Endless)
			} else {
				err = sameSplits(first, ids, t.scenario.Source.Endless)
			}
			if err != nil {
				return fmt.Errorf("call %d in process %d (restored: %v): %w", call+1, process+1, restored, err)
			}
		}
		s.p.release()
	}
	return nil
}

func (t *trial) discoverIDs(ctx context.Context, s *sourceSession) ([]string, error) {
	splits, finals, err := s.discover(ctx)
	if err != nil {
		return nil, err
	}
	ids, err := splitIDs(splits)
	if err != nil {
		return nil, err
	}
	return ids, t.checkFinal(finals)
}

func splitIDs(splits []*v1.Split) ([]string, error) {
	seen := map[string]bool{}
	var ids []string
	for _, split := range splits {
		id := split.GetId()
		switch {
		case id == "" || len(id) > connectors.SplitIDBytesMax || !utf8.ValidString(id):
			return nil, fmt.Errorf("SourceDiscover: a split has the ID %.64q of %d bytes; 1 to %d bytes of UTF-8 are allowed", id, len(id), connectors.SplitIDBytesMax)
		case len(split.GetData()) > connectors.SplitDataBytesMax:
			return nil, fmt.Errorf("SourceDiscover: split %.64q has data of %d bytes; at most %d are allowed", id, len(split.GetData()), connectors.SplitDataBytesMax)
		case seen[id]:
			return nil, fmt.Errorf("SourceDiscover: the ID %.64q comes twice; it has to be unique in the source", id)
		}
		seen[id] = true
		ids = append(ids, id)
	}
	return ids, nil
}

// checkFinal checks that the last page alone says whether the splits are all.
func (t *trial) checkFinal(finals []bool) error {
	if len(finals) == 0 {
		if t.scenario.Source.Endless {
			return nil
		}
		return fmt.Errorf("SourceDiscover ended without a page; send one, though it be empty, with final set, as other splits will not come")
	}
	last := finals[len(finals)-1]
	for i, final := range finals[:len(finals)-1] {
		if final {
			return fmt.Errorf("SourceDiscover: page %d of %d is final; only the last one may be", i+1, len(finals))
		}
	}
	if !last && !t.scenario.Source.Endless {
		return fmt.Errorf("SourceDiscover: the last page is not final: a job over this source would never end; set final, or endless: true in FILE where others may come")
	}
	return nil
}

// sameSplits checks that splits are found again; where others may come, more are allowed.
func sameSplits(first, now []string, more bool) error {
	if id, found := firstWithout(first, now); found {
		return fmt.Errorf("SourceDiscover no longer finds split %.64q; the IDs of splits have to last, also over restarts", id)
	}
	return noOthers(first, now, more)
}

// noOthers checks that no others are found than were said to be all.
func noOthers(first, now []string, more bool) error {
	if id, found := firstWithout(now, first); found && !more {
		return fmt.Errorf("SourceDiscover finds split %.64q, which was not among the %d that it first said were all", id, len(first))
	}
	return nil
}

// firstWithout gives the first of a list that the other does not have.
func firstWithout(list, other []string) (id string, found bool) {
	has := make(map[string]bool, len(other))
	for _, id := range other {
		has[id] = true
	}
	for _, id := range list {
		if !has[id] {
			return id, true
		}
	}
	return "", false
}

func checkRead(ctx context.Context, t *trial) error {
	w, err := t.wholeOf(ctx)
	if err != nil {
		return err
	}
	source := t.scenario.Source
	if source.Records != nil && !source.Endless && w.records != *source.Records {
		return fmt.Errorf("%d records were read; FILE says that there are %d", w.records, *source.Records)
	}
	return nil
}

func checkUndecodable(ctx context.Context, t *trial) error {
	w, err := t.wholeOf(ctx)
	if err != nil {
		return err
	}
	if len(w.bad) > 0 {
		return errors.New(w.bad[0])
	}
	if w.seen == 0 {
		return skipf("the input holds nothing that is no record")
	}
	return nil
}

// cancellations is how often a check cancels: more than a server has threads.
const cancellations = 40

// checkReaderStop closes readers: with nothing to read, without credit, and in
// the middle of what is under way.
func checkReaderStop(ctx context.Context, t *trial) error {
	w, err := t.wholeOf(ctx)
	if err != nil {
		return err
	}
	s, err := t.openSource(ctx, true)
	if err != nil {
		return err
	}
	for _, assigned := range []bool{false, true} {
		r, err := s.openReader(ctx, 0)
		if err != nil {
			return err
		}
		if assigned {
			err = assign(r, t.newCursors(w).list)
		}
		if err != nil {
			return err
		}
		if err := r.halfClose(drop); err != nil {
			return fmt.Errorf("a reader that had no credit (splits assigned: %v): %w", assigned, err)
		}
	}
	c := t.newCursors(w)
	for taken := range 3 { // deliveries before the stop
		r, err := s.openReader(ctx, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(r.credit(windowBytes), assign(r, c.open())); err != nil {
			return err
		}
		if err := c.read(ctx, r, c.open(), taken); err != nil {
			return err
		}
		if err := r.halfClose(c.inFlight(r)); err != nil {
			return fmt.Errorf("a reader with credit left, after %d deliveries: %w", taken, err)
		}
	}
	return nil
}

func checkReaderCancellation(ctx context.Context, t *trial) error {
	w, err := t.wholeOf(ctx)
	if err != nil {
		return err
	}
	s, err := t.openSource(ctx, true)
	if err != nil {
		return err
	}
	for i := range cancellations {
		r, err := s.openReader(ctx, 0)
		if err != nil {
			return fmt.Errorf("after %d readers were cancelled: %w", i, err)
		}
		if err := assign(r, t.newCursors(w).list); err != nil {
			return fmt.Errorf("after %d readers were cancelled: %w", i, err)
		}
		if i%2 == 0 {
			if err := r.credit(windowBytes); err != nil {
				return err
			}
		}
		r.cancel()
		s.cancelledCall(ctx)
	}
	c := t.newCursors(w)
	r, err := s.openReader(ctx, 0)
	if err == nil {
		err = errors.Join(r.credit(1), assign(r, c.list))
	}
	if err == nil {
		err = c.read(ctx, r, c.list, 1)
	}
	if err == nil {
		_, _, err = s.discover(ctx)
	}
	if err != nil {
		return fmt.Errorf("after %d readers and calls were cancelled: %w", cancellations, err)
	}
	return nil
}

// cancelledCall gives up on a discovery while it is under way.
func (s *sourceSession) cancelledCall(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_, _ = s.client.SourceDiscover(ctx, &v1.DiscoverRequest{})
}

// checkReaderBackPressure gives credit drop by drop.
func checkReaderBackPressure(ctx context.Context, t *trial) error {
	w, err := t.wholeOf(ctx)
	if err != nil {
		return err
	}
	s, err := t.openSource(ctx, true)
	if err != nil {
		return err
	}
	r, err := s.openReader(ctx, 0)
	if err != nil {
		return err
	}
	m := meter{t: t, r: r, c: t.newCursors(w)}
	if err := assign(r, m.c.list); err != nil {
		return err
	}
	for _, credit := range []int64{0, 1, 1, costMin + 1, 64 << 10, 256 << 10} {
		if err := m.give(credit); err != nil {
			return err
		}
		if len(m.c.open()) == 0 {
			break
		}
	}
	if w.deliveries("") < 2 {
		return skipf("the source gives all in one delivery, so that there is nothing to hold back: give an input of several batches")
	}
	return nil
}

// quiet is how long a sender without credit has to be silent.
const quiet = 200 * time.Millisecond

// meter counts the credit of a reader and what it costs.
type meter struct {
	t           *trial
	r           *reader
	c           *cursors
	given, used int64
}

// give gives so much credit above what is overdrawn, and takes what comes for it.
func (m *meter) give(credit int64) error {
	if credit > 0 {
		amount := max(0, m.used-m.given) + credit
		m.given += amount
		if err := m.r.credit(amount); err != nil {
			return err
		}
	}
	for len(m.c.open()) > 0 {
		limit := m.r.limit
		if m.used >= m.given {
			limit = quiet
		}
		d, err := m.r.deliveryWithin(limit)
		switch {
		case errors.Is(err, errQuiet) && (m.used >= m.given || m.t.scenario.Source.Endless):
			return nil
		case errors.Is(err, errQuiet):
			return fmt.Errorf("nothing came within %v, though %d bytes of credit are left of %d and %d splits are open: go on when credit comes", limit, m.given-m.used, m.given, len(m.c.open()))
		case err != nil:
			return m.r.failed("await a delivery", err)
		case m.used >= m.given:
			return fmt.Errorf("a delivery of %d bytes came though no credit was left: %d bytes were given, and what came before cost %d; a frame costs its length, at least %d", d.cost, m.given, m.used, costMin)
		}
		m.used += d.cost
		if err := m.c.take(d); err != nil {
			return err
		}
	}
	return nil
}
