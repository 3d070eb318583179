package task

import (
	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/exchange"
	"github.com/turgo-stream/turgo/host/letter"
)

// Where a record came into the job is found from origins, when it is asked for:
// an operator's output has the index of the input in each record. On edges the
// origins are indexes in the batch of the source, and runs beside the records
// name that batch. So following a record costs next to nothing until it fails.

// untraced is the origin of a record that came from none of a source.
const untraced = abi.NoHand

// came is where each record that a step handles came into the job.
type came struct {
	known   bool
	places  []*exchange.Place
	indexes []uint32

	// Of what the step emits, to be used again.
	outPlaces  []*exchange.Place
	outIndexes []uint32
}

// placeOf tells where a record came into the job, as far as it is known.
func (t *Task) placeOf(s *step, p part, index int, view record.View) letter.Place {
	if t.resubmits.trying {
		return t.resubmits.place
	}
	place, index := t.find(s, p, index, view)
	return placeFor(place, index)
}

func placeFor(place *exchange.Place, index int) letter.Place {
	if place == nil {
		return letter.Place{}
	}
	return letter.Place{Source: place.Source, Split: place.Split, Position: place.Position, Index: index}
}

// find follows one record back to its source.
func (t *Task) find(s *step, p part, index int, view record.View) (*exchange.Place, int) {
	origin := int(view.Origin())
	switch {
	case p.traced && view.Origin() == untraced:
		return nil, 0
	case p.traced:
		return exchange.PlaceOf(p.runs, p.base+index), origin
	case s.index == 0:
		return nil, 0
	case s.index == 1 && t.source != nil:
		return t.source.place, index
	}
	before := &t.steps[s.index-1]
	if before.current.batch == nil || origin >= before.current.batch.Count() { // a timer emitted it
		return nil, 0
	}
	return t.find(before, before.current, origin, recordAt(before.current.batch, origin))
}

// origins finds where all records that a step handles now came into the job;
// false where it handles none.
func (t *Task) origins(s *step) bool {
	p := s.current
	if p.batch == nil || t.resubmits.trying {
		return false
	}
	if s.came.known {
		return true
	}
	s.came.known = true
	s.came.places, s.came.indexes = s.came.places[:0], s.came.indexes[:0]
	t.eachOrigin(s, p, func(place *exchange.Place, index uint32) {
		s.came.places = append(s.came.places, place)
		s.came.indexes = append(s.came.indexes, index)
	})
	return true
}

// eachOrigin yields where each record of a part came into the job.
func (t *Task) eachOrigin(s *step, p part, yield func(place *exchange.Place, index uint32)) {
	var before *step
	behindSource := s.index == 1 && t.source != nil
	if !p.traced && !behindSource && s.index > 0 && t.origins(&t.steps[s.index-1]) {
		before = &t.steps[s.index-1]
	}
	run := 0
	index := 0
	for records := p.batch.Records(); records.Next(); index++ {
		origin := records.Record().Origin()
		switch {
		case p.traced && origin != untraced:
			for run+1 < len(p.runs) && p.runs[run+1].First <= p.base+index {
				run++
			}
			if run < len(p.runs) && p.runs[run].First <= p.base+index {
				yield(p.runs[run].Place, origin)
				continue
			}
		case !p.traced && behindSource && !t.resubmits.trying:
			yield(t.source.place, uint32(index))
			continue
		case before != nil && int(origin) < len(before.came.indexes):
			yield(before.came.places[origin], before.came.indexes[origin])
			continue
		}
		yield(nil, untraced)
	}
}

// trace makes a part that was copied stand for itself: its origins become indexes
// in the source's batch, since what they refer to is gone when it is handled.
func (t *Task) trace(s *step, p *part) {
	var runs []exchange.Run
	if p.traced { // the buffer that holds the runs goes back
		p.runs = append(runs, p.runs...)
		return
	}
	offset, count := record.HeaderLength, 0
	t.eachOrigin(s, *p, func(place *exchange.Place, index uint32) {
		if count == 0 || runs[len(runs)-1].Place != place {
			runs = append(runs, exchange.Run{First: count, Place: place})
		}
		p.batch.SetOrigin(offset, index)
		offset += p.batch.At(offset).Length()
		count++
	})
	p.traced, p.runs, p.base = true, runs, 0
}

// traceOf tells an outbox where a step's output came into the job. Behind the
// source, where most records go to an edge, that takes no work.
func (t *Task) traceOf(s *step, batch record.Batch) exchange.Trace {
	switch {
	case t.resubmits.trying:
		return t.traceTrial(s, batch)
	case s.index == 0 && t.source != nil:
		return exchange.Trace{Place: t.source.place, ByIndex: true}
	case s.index == 1 && t.source != nil && s.current.batch != nil && !s.current.traced:
		return exchange.Trace{Place: t.source.place}
	case !t.origins(s):
		return exchange.Trace{}
	}
	c := &s.came
	c.outPlaces, c.outIndexes = c.outPlaces[:0], c.outIndexes[:0]
	for records := batch.Records(); records.Next(); {
		place, index := (*exchange.Place)(nil), uint32(untraced)
		if origin := int(records.Record().Origin()); origin < len(c.indexes) {
			place, index = c.places[origin], c.indexes[origin]
		}
		c.outPlaces, c.outIndexes = append(c.outPlaces, place), append(c.outIndexes, index)
	}
	return exchange.Trace{Places: c.outPlaces, Indexes: c.outIndexes}
}

// traceTrial tells where the record of a letter came from that is tried again.
func (t *Task) traceTrial(s *step, batch record.Batch) exchange.Trace {
	from := t.resubmits.place
	if from.Source == "" {
		return exchange.Trace{}
	}
	place := &exchange.Place{Source: from.Source, Split: from.Split, Position: from.Position}
	c := &s.came
	c.outPlaces, c.outIndexes = c.outPlaces[:0], c.outIndexes[:0]
	for range batch.Count() {
		c.outPlaces, c.outIndexes = append(c.outPlaces, place), append(c.outIndexes, uint32(from.Index))
	}
	return exchange.Trace{Places: c.outPlaces, Indexes: c.outIndexes}
}
