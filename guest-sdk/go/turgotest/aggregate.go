package turgotest

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

const (
	accumulatorOutput = 1 << 31
	groupFixedLength  = record.FixedLength + 24
)

// withAccumulators adds the states that hold the accumulators, as the host does.
func withAccumulators(o abi.OperatorDescription) abi.OperatorDescription {
	for _, a := range o.Aggregations {
		o.States = append(o.States, abi.StateDescription{Name: a.Name, Kind: "value", TimeToLiveMS: a.TimeToLiveMS, SchemaVersion: a.SchemaVersion, Prefetch: true})
	}
	return o
}

// accumulatorState is the number of the state with an aggregation's accumulators.
func (h *Harness) accumulatorState(aggregation int) uint32 {
	return uint32(len(h.description.States) - len(h.description.Aggregations) + aggregation)
}

// aggregate runs records as groups by key. Where a group fails, all its records
// fail, and the others run again without them, in a new instance.
func (h *Harness) aggregate(name string, records []Record) {
	h.Helper()
	aggregation := slices.IndexFunc(h.description.Aggregations, func(a abi.AggregationDescription) bool { return a.Name == name })
	for len(records) > 0 {
		if h.mode == Restored {
			h.restore()
		}
		groups := groupsOf(records)
		batch := h.groupBatch(h.accumulatorState(aggregation), groups)
		argument := append(slices.Clone([]byte(batch)), make([]byte, (8-len(batch)%8)%8)...)
		argument = append(argument, build(slices.Concat(groups...))...)
		failure := h.run(argument, batch, func(length int) int32 { return h.instance.Aggregate(aggregation, length) })
		if failure == nil {
			return
		}
		hand := h.instance.Hand()
		if failure.hand != nil {
			hand = *failure.hand
		}
		if int64(hand) >= int64(len(groups)) {
			h.Fatalf("the operator failed with no group in hand: %s", failure.Text)
		}
		for _, r := range groups[hand] {
			failure.Record = r
			h.failures = append(h.failures, failure.Failure)
		}
		key := string(groups[hand][0].Key)
		records = slices.DeleteFunc(slices.Clone(records), func(r Record) bool { return string(r.Key) == key })
		h.reopen()
	}
}

// groupsOf divides records by key, in the order of the first of each.
func groupsOf(records []Record) (groups [][]Record) {
	numbers := map[string]int{}
	for _, r := range records {
		n, known := numbers[string(r.Key)]
		if !known {
			n = len(groups)
			numbers[string(r.Key)] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], r)
	}
	return groups
}

// groupBatch is the batch of groups with their accumulators.
func (h *Harness) groupBatch(state uint32, groups [][]Record) record.Batch {
	b := append([]byte("TRGB"), record.Version, 0, groupFixedLength, 0)
	b = order.AppendUint32(b, uint32(len(groups)))
	b = append(b, make([]byte, record.HeaderLength-12)...)
	for _, group := range groups {
		key, latest := group[0].Key, int64(record.NoTimestamp)
		for _, r := range group {
			latest = max(latest, r.Timestamp)
		}
		e, found := h.host.store.entries[address{state: state, key: string(key)}]
		flags := uint32(0)
		if !found || e.expired(h.processingTime) {
			e, flags = entry{}, 1<<1
		}
		b = order.AppendUint32(b, uint32(groupFixedLength+len(key)+len(e.data)))
		b = order.AppendUint32(b, flags)
		b = order.AppendUint64(b, uint64(latest))
		b = order.AppendUint32(b, uint32(len(group)))
		b = order.AppendUint32(b, uint32(len(key)))
		b = order.AppendUint32(b, uint32(len(e.data)))
		b = order.AppendUint64(b, 1<<63)
		b = order.AppendUint64(b, 1<<63)
		b = order.AppendUint32(b, uint32(e.version))
		b = order.AppendUint32(b, uint32(len(build(group))-record.HeaderLength))
		b = append(append(b, key...), e.data...)
	}
	binary.LittleEndian.PutUint32(b[12:], uint32(len(b)))
	return b
}

// accumulate takes new accumulators.
func (h *host) accumulate(aggregation uint32, batch record.Batch) {
	for c := batch.Records(); c.Next(); {
		v := c.Record()
		if v.Origin() >= uint32(len(h.keys)) {
			panic(fmt.Sprintf("emit: an accumulator has the origin %d, there are %d groups", v.Origin(), len(h.keys)))
		}
		a := address{state: h.harness.accumulatorState(int(aggregation)), key: string(h.keys[v.Origin()])}
		if v.Value() == nil {
			h.set(a, nil)
		} else {
			h.put(a, v.Value())
		}
	}
}
