package turgo

import "unsafe"

// Aggregation is a keyed aggregation over the records of a batch. The host
// groups the records of its input by key and passes each group with its
// accumulator, so that state is read and written once for a group:
//
//	c.total = turgo.NewAggregation(d, "total", turgo.Uint64)
//	c.total.Input("words", c.add)
//
//	func (c *count) add(groups *turgo.Groups[uint64]) {
//		for groups.Next() {
//			total, _ := groups.Accumulator()
//			total += uint64(groups.Len())
//			groups.Put(total)
//			c.totals.Emit(groups.Key(), strconv.AppendUint(nil, total, 10))
//		}
//	}
//
// How records are divided into groups of calls has no meaning: the same key comes
// again in the next call.
type Aggregation[T any] struct{ *aggregation[T] }

type aggregation[T any] struct {
	declaration *Declaration
	state       Value[T]
	accumulated *output
	process     func(*Groups[T])
	groups      Groups[T]
}

// aggregator is an aggregation without its type.
type aggregator interface {
	declared() *slot
	run(records []byte)
	flush()
}

const accumulatorOutput = 1 << 31

// NewAggregation declares an aggregation.
func NewAggregation[T any](d *Declaration, name string, codec Codec[T]) Aggregation[T] {
	for _, other := range d.aggregations {
		unique("aggregation", other.declared().name, name)
	}
	a := &aggregation[T]{declaration: d, state: newValue(d, codec)}
	a.state.name, a.state.kind = name, "value"
	a.accumulated = newOutput(d.instance, name, accumulatorOutput+uint32(len(d.aggregations)))
	a.groups.aggregation = a
	d.aggregations = append(d.aggregations, a)
	return Aggregation[T]{a}
}

// Versioned declares the schema version of the accumulators that are written
// from now on. migrate reads those of other versions.
func (a Aggregation[T]) Versioned(version uint16, migrate func(version uint16, data []byte) (T, error)) Aggregation[T] {
	a.state.Versioned(version, migrate)
	return a
}

// Expiring declares that an accumulator vanishes so many milliseconds after it
// was written.
func (a Aggregation[T]) Expiring(timeToLiveMS int64) Aggregation[T] {
	a.state.timeToLive = timeToLiveMS
	return a
}

// Input declares an input whose records are aggregated. An aggregation has one.
func (a Aggregation[T]) Input(name string, process func(*Groups[T]), changes ...Kind) {
	a.process = process
	a.declaration.Input(name, nil, changes...)
	a.declaration.inputs[len(a.declaration.inputs)-1].aggregation = a.state.name
}

// Get reads the accumulator of the key in hand. It is for timers: a walk over
// groups has Accumulator.
func (a Aggregation[T]) Get() (accumulator T, found bool) { return a.state.Get() }

// Clear removes the accumulator of the key in hand. It is for timers: a walk
// over groups has Remove.
func (a Aggregation[T]) Clear() { a.state.Clear() }

func (a *aggregation[T]) declared() *slot { return &a.state.slot }

// Groups walks the groups of one call. Each Next takes the next group in hand:
// state, timers, Fail and the origin of what is emitted belong to it.
type Groups[T any] struct {
	aggregation *aggregation[T]
	records     Records
	value       []byte
}

// Records walks the records of a group, in the order of the input.
type Records struct {
	batch Batch
	left  uint32  // of the group
	end   uintptr // of the group's records
}

// run handles the groups that the instance's batch has begun, whose records are
// a batch of their own.
func (a *aggregation[T]) run(records []byte) {
	g := &a.groups
	b := &g.records.batch
	b.base = unsafe.Pointer(unsafe.SliceData(records))
	b.fixed, b.left = uint32(load16(b.base, 6)), load32(b.base, 8)
	g.records.end = headerLength
	a.process(g)
}

func (a *aggregation[T]) flush() { a.accumulated.flush() }

func (g *Groups[T]) batch() *Batch { return &g.aggregation.declaration.instance.batch }

// Next takes the next group in hand and reports whether there is one.
func (g *Groups[T]) Next() bool {
	b := g.batch()
	if !b.Next() {
		return false
	}
	at, r := b.at(), &g.records
	r.left = load32(at, 16)
	r.batch.offset, r.batch.size = r.end, 0
	r.end += uintptr(load32(at, 48))
	return true
}

// Key is the key of the group in hand.
func (g *Groups[T]) Key() []byte { return g.batch().Key() }

// Timestamp is the greatest timestamp of the group's records.
func (g *Groups[T]) Timestamp() int64 { return g.batch().Timestamp() }

// Len is the number of records of the group that Records has not yet taken.
func (g *Groups[T]) Len() int { return int(g.records.left) }

// Records are the records of the group in hand.
func (g *Groups[T]) Records() *Records { return &g.records }

// Accumulator is the group's accumulator before this call; found is false where
// it has none.
func (g *Groups[T]) Accumulator() (accumulator T, found bool) {
	b := g.batch()
	data := b.Value()
	if data == nil {
		return accumulator, false
	}
	s := g.aggregation.state.valueState
	return decode(&s.state, s.codec, s.migrate, data, load16(b.at(), 44)), true
}

// Put makes a value the group's new accumulator.
func (g *Groups[T]) Put(accumulator T) {
	g.value = g.aggregation.state.codec.Append(g.value[:0], accumulator)
	if g.value == nil {
		g.value = []byte{} // null would remove it
	}
	g.aggregation.accumulated.EmitRecord(Record{Value: g.value})
}

// Remove removes the group's accumulator.
func (g *Groups[T]) Remove() { g.aggregation.accumulated.EmitRecord(Record{}) }

// Fail fails the group in hand, and so all its records: what was emitted and
// written for it is undone. Go on with the next group.
func (g *Groups[T]) Fail(code uint32, text string) { g.batch().Fail(code, text) }

// Watermark is the operator's watermark at the start of the call.
func (g *Groups[T]) Watermark() int64 { return g.batch().Watermark() }

// ProcessingTime is the clock at the start of the call.
func (g *Groups[T]) ProcessingTime() int64 { return g.batch().ProcessingTime() }

// Next moves to the next record of the group and reports whether there is one.
func (r *Records) Next() bool {
	if r.left == 0 {
		return false
	}
	r.left--
	b := &r.batch
	b.offset += b.size
	b.size = uintptr(load32(b.base, b.offset))
	return true
}

// Value is the value of the record, nil where null.
func (r *Records) Value() []byte { return r.batch.Value() }

// Kind is the change kind of the record.
func (r *Records) Kind() Kind { return r.batch.Kind() }

// Timestamp is that of the record in milliseconds since the epoch, or NoTimestamp.
func (r *Records) Timestamp() int64 { return r.batch.Timestamp() }

// Extensions is the encoded extensions of the record.
func (r *Records) Extensions() []byte { return r.batch.Extensions() }
