package generator

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

const (
	// idleMax is how long Next waits at most.
	idleMax = 100 * time.Millisecond
	// pace is how long a limited reader lets events gather, so that a batch
	// holds more than one.
	pace = 10 * time.Millisecond
	// splitRun is how many neighbouring events belong to one split.
	splitRun = nexmarkCycle
)

// split is one assigned split. Its events are runs of 50 numbers, splits*50 apart.
type split struct {
	id      string
	next    uint64 // number of the next event
	made    uint64 // events since started, for the rate
	started time.Time
}

// reader makes the events of its splits, a batch of each in turn.
type reader struct {
	source *source
	splits []*split
	turn   int

	nexmark nexmark
	builder record.Builder
	batch   []byte // memory for the builder
	key     []byte
	value   []byte
}

func newReader(source *source) *reader {
	return &reader{
		source:  source,
		nexmark: nexmark{seed: source.settings.Seed, eventRate: source.settings.EventRate},
		batch:   make([]byte, 0, source.settings.BatchBytes+source.settings.valueBytes()+1024),
		value:   make([]byte, 0, 1024),
	}
}

// Assign adds splits. A position is the number of the next event, as text.
func (r *reader) Assign(_ context.Context, assignments []connectors.Assignment) error {
	for _, assignment := range assignments {
		index, err := r.source.parseSplitID(assignment.Split.ID)
		if err != nil {
			return err
		}
		next := index * splitRun
		if assignment.Position != nil {
			next, err = strconv.ParseUint(string(assignment.Position), 10, 64)
			if err != nil || next/splitRun%r.source.settings.Splits != index {
				return fmt.Errorf("generator: position %.64q is no event number of split %s", assignment.Position, assignment.Split.ID)
			}
		}
		r.splits = append(r.splits, &split{id: assignment.Split.ID, next: next, started: r.source.now()})
	}
	return nil
}

// Next makes the next batch.
func (r *reader) Next(ctx context.Context) (connectors.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return connectors.Delivery{}, err
	}
	delivery, wait := r.make()
	if wait == 0 {
		return delivery, nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return connectors.Delivery{}, ctx.Err()
	case <-timer.C:
	}
	delivery, _ = r.make()
	return delivery, nil
}

// make takes the next split that may give events now. Where there is none, wait
// says how long to wait for one.
func (r *reader) make() (delivery connectors.Delivery, wait time.Duration) {
	wait = idleMax
	for range len(r.splits) {
		if r.turn >= len(r.splits) {
			r.turn = 0
		}
		s := r.splits[r.turn]
		if s.next >= r.source.settings.end() {
			r.splits = append(r.splits[:r.turn], r.splits[r.turn+1:]...)
			return connectors.Delivery{SplitID: s.id, Position: s.position(), End: true}, 0
		}
		allowed, splitWait := r.allowance(s)
		if allowed > 0 {
			r.turn++
			return r.fill(s, allowed), 0
		}
		wait = min(wait, splitWait)
		r.turn++
	}
	return connectors.Delivery{}, wait
}

func (s *split) position() []byte { return strconv.AppendUint(nil, s.next, 10) }

// allowance is how many events the rate allows a split by now, and where that
// is none, how long to wait.
func (r *reader) allowance(s *split) (events uint64, wait time.Duration) {
	rate, splits := r.source.settings.Rate, r.source.settings.Splits
	if rate == 0 {
		return 1 << 62, 0
	}
	perSecond := float64(rate) / float64(splits)
	elapsed := r.source.now().Sub(s.started)
	due := uint64(elapsed.Seconds() * perSecond)
	if due > s.made {
		return due - s.made, 0
	}
	next := time.Duration(float64(s.made+1) / perSecond * float64(time.Second))
	return 0, min(idleMax, max(pace, next-elapsed))
}

// fill makes events until the batch is full, the allowance is used up, or the
// split ends.
func (r *reader) fill(s *split, allowed uint64) connectors.Delivery {
	settings := &r.source.settings
	end := settings.end()
	r.builder.Reset(r.batch)
	for r.builder.Length() < settings.BatchBytes && allowed > 0 && s.next < end {
		r.appendEvent(s.next)
		allowed--
		s.made++
		s.next++
		if s.next%splitRun == 0 {
			s.next += (settings.Splits - 1) * splitRun
		}
	}
	batch := r.builder.Finish()
	r.batch = batch
	return connectors.Delivery{SplitID: s.id, Batch: batch, Position: s.position(), LagRecords: r.lag(s)}
}

// lag is how many events of a bounded split are left, or, where the rate is
// limited and the events never end, how many are overdue.
func (r *reader) lag(s *split) int64 {
	settings := &r.source.settings
	if settings.Count == nil {
		return 0
	}
	if s.next >= *settings.Count {
		return 0
	}
	return int64((*settings.Count - s.next) / settings.Splits)
}

func (r *reader) appendEvent(event uint64) {
	settings := &r.source.settings
	rec := record.Record{Timestamp: r.nexmark.time(event)}
	switch settings.Kind {
	case kindNexmark:
		r.value = r.nexmark.append(r.value[:0], event)
	case kindCounter:
		r.value = appendDecimal(r.value[:0], event)
		if keys := settings.keys(); keys > 0 {
			r.key = appendDecimal(r.key[:0], event%keys)
			rec.Key = r.key
		}
	case kindRandom:
		d := drawOf(settings.Seed, event)
		r.key = appendDecimal(r.key[:0], r.randomKey(d))
		r.value = d.text(r.value[:0], 16, settings.valueBytes())
		rec.Key = r.key
	}
	rec.Value = r.value
	r.builder.Append(rec)
}

// randomKey draws from the hot keys, which are the first, or from the others.
func (r *reader) randomKey(d draw) uint64 {
	settings := &r.source.settings
	keys, hot := settings.keys(), settings.HotKeys
	if hot == 0 {
		return d.below(0, keys)
	}
	if d.below(0, 100) < settings.HotPercent || hot == keys {
		return d.below(1, hot)
	}
	return hot + d.below(1, keys-hot)
}

func appendDecimal(to []byte, n uint64) []byte { return strconv.AppendUint(to, n, 10) }

// Close has nothing to release.
func (r *reader) Close() error { return nil }
