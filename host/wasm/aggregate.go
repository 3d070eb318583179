package wasm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"math"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

// Bulk aggregation: the records of a batch are put in groups by key, and one call
// gets all groups with their accumulators. So state is read and written once for
// a group, and the guest makes no calls for it. While such a call runs, the batch
// that is handled is the batch of groups: what is in hand is a group.

// group is the records of one key in a batch.
type group struct {
	hash   uint64
	key    []byte // in the batch
	latest int64  // the greatest timestamp
	count  uint32
	first  uint32 // index of its first record
	bytes  int    // of its records
	end    int    // where its next record goes, from the argument's start
}

// groups is what an aggregating call is made of. All of it is used again.
type groups struct {
	active      bool
	aggregation int
	state       int // that holds the accumulators
	list        []group
	of          []uint32 // the group of each record
	table       []uint32 // by hash: group plus one; its length is a power of two
	seed        maphash.Seed
	batch       []byte // one record for each group
	emitted     outputs
}

// groupFixedLength is the fixed part of a group's record: that of a record, then
// the window's start and end, the schema version of the accumulator, 16 bits 0,
// and the length of the group's records.
const groupFixedLength = record.FixedLength + 24

// aggregate handles one batch of an input whose records are aggregated.
func (o *Operator) aggregate(aggregation int, batch record.Batch, watermark, processingTime int64, emit func(output int, batch record.Batch)) error {
	g := &o.groups
	if err := o.begin(nil, watermark, processingTime); err != nil {
		return err
	}
	g.active, g.aggregation = true, aggregation
	g.state = len(o.description.States) - len(o.description.Aggregations) + aggregation
	defer func() { g.active = false }()
	err := o.gather(batch)
	if err == nil {
		err = o.runGroups(batch)
	}
	g.emitted.reset()
	err = o.finish(err, emit)
	o.failGroups()
	return err
}

// runGroups calls the guest. Where it fails with a group in hand, the group's
// first record is the hint.
func (o *Operator) runGroups(batch record.Batch) error {
	if err := o.deliverGroups(batch); err != nil {
		if guest := (*GuestError)(nil); errors.As(err, &guest) && guest.RecordIndex >= 0 {
			guest.RecordIndex = int(o.groups.list[guest.RecordIndex].first)
		}
		return err
	}
	return o.accumulate()
}

// gather puts the records in groups and reads their accumulators.
func (o *Operator) gather(batch record.Batch) error {
	g := &o.groups
	g.reset(batch.Count())
	index := uint32(0)
	for records := batch.Records(); records.Next(); index++ {
		view := records.Record()
		if view.Key() == nil {
			failure := o.fault(KindFailedRecord, "the record has a null key, and an aggregation needs one")
			failure.RecordIndex = int(index)
			return failure
		}
		g.add(view, index)
	}
	return o.readAccumulators()
}

func (g *groups) reset(count int) {
	if g.table == nil {
		g.seed = maphash.MakeSeed()
	}
	size := 64
	for size < 2*count {
		size *= 2
	}
	if len(g.table) < size {
		g.table = make([]uint32, size)
	} else {
		g.table = g.table[:size]
		clear(g.table)
	}
	g.list, g.of = g.list[:0], g.of[:0]
}

// add puts one record in its group.
func (g *groups) add(view record.View, index uint32) {
	key := view.Key()
	hash := maphash.Bytes(g.seed, key)
	mask := uint64(len(g.table) - 1)
	slot := hash & mask
	for ; g.table[slot] != 0; slot = (slot + 1) & mask {
		n := g.table[slot] - 1
		if at := &g.list[n]; at.hash == hash && string(at.key) == string(key) {
			at.count++
			at.bytes += view.Length()
			at.latest = max(at.latest, view.Timestamp())
			g.of = append(g.of, n)
			return
		}
	}
	n := uint32(len(g.list))
	g.table[slot] = n + 1
	g.of = append(g.of, n)
	g.list = append(g.list, group{hash: hash, key: key, latest: view.Timestamp(), count: 1, first: index, bytes: view.Length()})
}

// keys are those of the groups.
func (g *groups) keys(yield func([]byte) bool) {
	for i := range g.list {
		if !yield(g.list[i].key) {
			return
		}
	}
}

// readAccumulators writes the batch of groups. It is a batch of records: the key,
// the accumulator as value, the count of the group's records as origin.
func (o *Operator) readAccumulators() error {
	g := &o.groups
	if err := o.state.Prefetch(o.prefetches, g.keys); err != nil {
		return o.stateFault(err)
	}
	b := append(g.batch[:0], "TRGB"...)
	b = append(b, record.Version, 0, groupFixedLength, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(g.list)))
	b = append(b, make([]byte, record.HeaderLength-12)...)
	for i := range g.list {
		at := &g.list[i]
		if err := o.state.SetKey(at.key); err != nil {
			return o.stateFault(err)
		}
		value, version, found, err := o.state.ValueGet(g.state)
		if err != nil {
			return o.stateFault(err)
		}
		b = appendGroup(b, at, value, version, found)
		if len(b) > record.LengthMax {
			return o.fault(KindState, fmt.Sprintf("the accumulators of %d groups exceed %d bytes", len(g.list), record.LengthMax))
		}
	}
	binary.LittleEndian.PutUint32(b[12:], uint32(len(b)))
	g.batch = b
	o.take(b)
	return nil
}

func appendGroup(b []byte, at *group, accumulator []byte, version uint16, found bool) []byte {
	flags := uint32(0)
	if !found {
		accumulator, flags = nil, 1<<1
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(groupFixedLength+len(at.key)+len(accumulator)))
	b = binary.LittleEndian.AppendUint32(b, flags)
	b = binary.LittleEndian.AppendUint64(b, uint64(at.latest))
	b = binary.LittleEndian.AppendUint32(b, at.count)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(at.key)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(accumulator)))
	b = binary.LittleEndian.AppendUint64(b, 1<<63) // no window
	b = binary.LittleEndian.AppendUint64(b, 1<<63)
	b = binary.LittleEndian.AppendUint32(b, uint32(version))
	b = binary.LittleEndian.AppendUint32(b, uint32(at.bytes))
	b = append(b, at.key...)
	return append(b, accumulator...)
}

func (o *Operator) stateFault(err error) error {
	return &hostFault{fmt.Errorf("wasm: operator %s: state: %w", o.name, err)}
}

// deliverGroups writes the groups and behind them the batch of their records,
// group by group, into the guest, and calls it.
func (o *Operator) deliverGroups(batch record.Batch) error {
	g := &o.groups
	start := (len(g.batch) + 7) &^ 7
	end := start + record.HeaderLength
	for i := range g.list {
		g.list[i].end = end
		end += g.list[i].bytes
	}
	if err := o.reserve(end); err != nil {
		return err
	}
	to := o.memory.bytes[o.buffer.address:][:end:end]
	copy(to, g.batch)
	clear(to[len(g.batch):start])
	copy(to[start:], batch[:record.HeaderLength])
	binary.LittleEndian.PutUint32(to[start+12:], uint32(end-start))
	at := record.HeaderLength
	for _, n := range g.of {
		length := int(binary.LittleEndian.Uint32(batch[at:]))
		into := &g.list[n]
		copy(to[into.end:], batch[at:at+length])
		into.end += length
		at += length
	}
	return o.enterGuest(phaseProcess, o.functions.aggregate, uint64(g.aggregation), end)
}

// emitAccumulators stages what the guest gives as new accumulators.
func (o *Operator) emitAccumulators(aggregation int, data []byte) {
	g := &o.groups
	if !g.active || aggregation != g.aggregation {
		o.abortRule(KindProtocol, RuleDeclared, "emit", "emit: accumulators of aggregation %d, which is not under way", aggregation)
	}
	if len(g.emitted.list) >= batchesPerCall {
		o.abortRule(KindOutput, RuleBatches, "emit", "the call emits more than %d batches", batchesPerCall)
	}
	batch, err := record.ParseOutput(g.emitted.add(aggregation, data), o.batch.Count())
	if err != nil {
		o.abortRule(KindOutput, RuleBatch, "emit", "emit: accumulators: %v", err)
	}
	o.stateWrites += int64(batch.Count()) - 1
	o.written("emit", len(data)+batch.Count()*entryOverhead)
}

// accumulate stages the accumulators of all groups that did not fail.
func (o *Operator) accumulate() error {
	g := &o.groups
	for i := range g.emitted.list {
		for records := record.Batch(g.emitted.list[i].bytes).Records(); records.Next(); {
			view := records.Record()
			if o.failed.has(view.Origin()) {
				continue
			}
			err := o.state.SetKey(g.list[view.Origin()].key)
			switch value := view.Value(); {
			case err != nil:
			case value == nil:
				err = o.state.Clear(g.state)
			default:
				err = o.state.ValuePut(g.state, value)
			}
			if err != nil {
				return o.stateFault(err)
			}
		}
	}
	return nil
}

// ungroup turns the origins of output, which are groups, into records: the first
// of each group.
func (o *Operator) ungroup() {
	for i := range o.outputs.list {
		batch := record.Batch(o.outputs.list[i].bytes)
		for offset := record.HeaderLength; offset < len(batch); {
			view := batch.At(offset)
			batch.SetOrigin(offset, o.groups.list[view.Origin()].first)
			offset += view.Length()
		}
	}
}

// failGroups turns the groups that the guest failed into their records: each is
// failed for the group's reason, and may be tried again alone.
func (o *Operator) failGroups() {
	f, g := &o.failed, &o.groups
	if len(f.list) == 0 {
		return
	}
	reasons := make(map[uint32]int, len(f.list))
	for i := range f.list {
		reasons[uint32(f.list[i].Index)] = i
	}
	groupsFailed := f.list
	f.list = nil
	for index, n := range g.of {
		if i, failed := reasons[n]; failed {
			failure := groupsFailed[i]
			failure.Index = index
			f.list = append(f.list, failure)
		}
	}
}

// aggregations finds for each input the aggregation that takes its records, or -1.
func aggregations(d *abi.OperatorDescription) []int {
	of := make([]int, len(d.Inputs))
	for i := range d.Inputs {
		of[i] = -1
		for n := range d.Aggregations {
			if d.Aggregations[n].Name == d.Inputs[i].Aggregation {
				of[i] = n
			}
		}
	}
	return of
}

// accumulatorOutput is the number of the output for the accumulators of aggregation 0.
const accumulatorOutput = math.MaxInt32 + 1
