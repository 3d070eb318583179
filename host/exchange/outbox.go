package exchange

import (
	"fmt"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/keygroup"
)

// Partitioning says to which channels of an edge a record goes.
type Partitioning uint8

// The ways to partition an edge.
const (
	Forward   Partitioning = iota // to the one channel
	Key                           // by the key group of the record's key
	Rebalance                     // whole batches, each channel in turn
	Broadcast                     // to every channel
)

// RecordError blames records of a batch: they were not taken, all others were.
type RecordError struct {
	Indexes []int // of the records in the batch, in order
	Reason  string
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("exchange: record %d of the batch: %s", e.Indexes[0], e.Reason)
}

// NullKeyReason is why a key edge does not take a record without a key.
const NullKeyReason = "its key is null, and a key edge needs one: set a key in the step before this edge"

// Outbox is the sending end of one edge in one subtask. It belongs to the
// task's goroutine.
type Outbox struct {
	partitioning Partitioning
	lanes        []lane
	owners       []uint16 // lane of each key group
	turn         int
	pending      bool // some lane holds records that are not sent
	records      int64
}

// lane is what waits for one channel. Elements that the channel had no room for
// wait in overflow: a call's output is never refused, but no new call starts
// until the overflow is gone.
type lane struct {
	channel  *Channel
	building *Buffer
	builder  record.Builder
	place    *Place // of the last record in it
	overflow []Element
}

// NewOutbox makes the sending end for the given channels, in the order of the
// receiving subtasks.
func NewOutbox(partitioning Partitioning, maxParallelism int, channels []*Channel) *Outbox {
	o := &Outbox{partitioning: partitioning, lanes: make([]lane, len(channels))}
	for i, c := range channels {
		o.lanes[i].channel = c
	}
	if partitioning == Key {
		o.owners = make([]uint16, maxParallelism)
		for group := range o.owners {
			o.owners[group] = uint16(keygroup.Owner(group, maxParallelism, len(channels)))
		}
	}
	return o
}

// Room sends what waits in overflow and reports whether a call may start.
func (o *Outbox) Room() bool {
	room := true
	for i := range o.lanes {
		if !o.lanes[i].drain() || !o.lanes[i].channel.Room() {
			room = false
		}
	}
	return room
}

// Records is the number of records taken so far.
func (o *Outbox) Records() int64 { return o.records }

// Pending reports whether records wait for Flush.
func (o *Outbox) Pending() bool { return o.pending }

// Add takes the records of a batch, whose bytes are the caller's again after.
// Its error is a *RecordError.
func (o *Outbox) Add(batch record.Batch, trace Trace) error {
	o.records += int64(batch.Count())
	switch o.partitioning {
	case Key:
		return o.addByKey(batch, &trace)
	case Rebalance:
		o.addWhole(&o.lanes[o.turn], batch, &trace)
		o.turn = (o.turn + 1) % len(o.lanes)
	default:
		for i := range o.lanes {
			o.addWhole(&o.lanes[i], batch, &trace)
		}
	}
	return nil
}

func (o *Outbox) addByKey(batch record.Batch, trace *Trace) error {
	groups := len(o.owners)
	var failed []int
	records := batch.Records()
	for index := 0; records.Next(); index++ {
		view := records.Record()
		key := view.Key()
		if key == nil {
			failed = append(failed, index)
			continue
		}
		place, origin := trace.of(index, view)
		o.lanes[o.owners[keygroup.Of(key, groups)]].add(view, place, origin)
	}
	o.pending = true
	if len(failed) > 0 {
		return &RecordError{Indexes: failed, Reason: NullKeyReason}
	}
	return nil
}

// addWhole sends large batches as they are and gathers small ones.
func (o *Outbox) addWhole(l *lane, batch record.Batch, trace *Trace) {
	if len(batch) >= BatchBytes/2 {
		l.flush()
		buffer := CopyOf(batch)
		trace.label(buffer)
		l.send(Element{Kind: Batch, Buffer: buffer})
		return
	}
	records := batch.Records()
	for index := 0; records.Next(); index++ {
		view := records.Record()
		place, origin := trace.of(index, view)
		l.add(view, place, origin)
	}
	o.pending = true
}

// Flush sends all records that wait.
func (o *Outbox) Flush() {
	for i := range o.lanes {
		o.lanes[i].flush()
	}
	o.pending = false
}

// Send puts a watermark, barrier, idle or end behind all records taken so far,
// on every channel.
func (o *Outbox) Send(e Element) {
	o.Flush()
	for i := range o.lanes {
		o.lanes[i].send(e)
	}
}

func (l *lane) open() {
	l.building, l.place = NewBuffer(), nil
	l.builder.Reset(l.building.Batch)
}

func (l *lane) flush() {
	if l.building == nil {
		return
	}
	l.building.Batch = l.builder.Finish()
	l.send(Element{Kind: Batch, Buffer: l.building})
	l.building = nil
}

func (l *lane) send(e Element) {
	if len(l.overflow) > 0 || !l.channel.offer(e) {
		l.overflow = append(l.overflow, e)
	}
}

// drain offers the overflow and reports whether none is left.
func (l *lane) drain() bool {
	sent := 0
	for sent < len(l.overflow) && l.channel.offer(l.overflow[sent]) {
		sent++
	}
	if sent > 0 {
		rest := copy(l.overflow, l.overflow[sent:])
		clear(l.overflow[rest:])
		l.overflow = l.overflow[:rest]
	}
	return len(l.overflow) == 0
}
