package exchange

import "github.com/turgo-stream/turgo/abi/record"

// Place is where a batch of a source came into the job. All its records share one.
type Place struct {
	Source, Split string
	Position      []byte // of the split behind the batch
}

// Run says that the records of a buffer from First on, up to the next run, came
// into the job at a place; nil = that is not known. Which record of the place's
// batch each is, its origin tells.
type Run struct {
	First int
	Place *Place
}

// Trace tells where the records of one batch came into the job. In its zero
// value it does not know. It costs no more than the origin that is written anyway
// where all records are of one place.
type Trace struct {
	// Place is that of all records. Their index there is their index in this batch
	// with ByIndex, else their origin.
	Place   *Place
	ByIndex bool
	// Places and Indexes tell it of each record instead, where they are not nil.
	Places  []*Place
	Indexes []uint32
}

func (t *Trace) of(index int, view record.View) (*Place, uint32) {
	switch {
	case t.Indexes != nil:
		return t.Places[index], t.Indexes[index]
	case t.ByIndex:
		return t.Place, uint32(index)
	}
	return t.Place, view.Origin()
}

// label writes a trace into a buffer that holds a copy of the batch.
func (t *Trace) label(b *Buffer) {
	if t.Indexes == nil && !t.ByIndex {
		b.Places = append(b.Places, Run{Place: t.Place})
		return
	}
	var last *Place
	index := 0
	for offset := record.HeaderLength; offset < len(b.Batch); index++ {
		view := b.Batch.At(offset)
		place, origin := t.of(index, view)
		if index == 0 || place != last {
			b.Places = append(b.Places, Run{First: index, Place: place})
			last = place
		}
		b.Batch.SetOrigin(offset, origin)
		offset += view.Length()
	}
}

// add appends a record to what the lane builds.
func (l *lane) add(view record.View, place *Place, origin uint32) {
	if l.building == nil {
		l.open()
	}
	if place != l.place {
		l.building.Places = append(l.building.Places, Run{First: l.builder.Count(), Place: place})
		l.place = place
	}
	l.builder.AppendView(view, origin)
	if l.builder.Length() >= BatchBytes {
		l.flush()
	}
}

// PlaceOf finds the place of a record in runs; nil = it is not known.
func PlaceOf(runs []Run, index int) *Place {
	low, high := 0, len(runs)
	for low < high {
		if middle := (low + high) / 2; runs[middle].First <= index {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == 0 {
		return nil
	}
	return runs[low-1].Place
}
