package turgotest

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/turgo-stream/turgo/abi/record"
	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

// host answers an operator's calls. What breaks the rules panics, as it traps
// under the real host.
type host struct {
	harness *Harness
	store   *store
	opened  bool
	batch   record.Batch
	keys    [][]byte

	undo    []func() // of the running call, newest last
	emitted []emitted
	staged  []int64 // metrics
	metrics []int64
	log     []string
	failure *handFailure
}

type emitted struct {
	output  uint32
	records []Record
}

func newHost(h *Harness) *host {
	n := len(h.description.Metrics)
	return &host{harness: h, store: newStore(), metrics: make([]int64, n), staged: make([]int64, n)}
}

func (h *host) begin(batch record.Batch) {
	h.opened = batch != nil
	h.batch, h.keys = batch, h.keys[:0]
	h.undo, h.emitted, h.failure = h.undo[:0], h.emitted[:0], nil
	copy(h.staged, h.metrics)
	if batch == nil {
		return
	}
	for c := batch.Records(); c.Next(); {
		h.keys = append(h.keys, c.Record().Key())
	}
}

func (h *host) rollback() {
	for i := len(h.undo) - 1; i >= 0; i-- {
		h.undo[i]()
	}
}

func (h *host) commit() {
	copy(h.metrics, h.staged)
	for _, e := range h.emitted {
		o := &h.harness.outputs[e.output]
		o.unread = append(o.unread, e.records...)
		o.all = append(o.all, e.records...)
	}
}

// hand is the index of the record in hand.
func (h *host) hand(call string) uint32 {
	if !h.opened {
		panic(call + ": not allowed in Open")
	}
	hand := h.harness.instance.Hand()
	if int64(hand) >= int64(len(h.keys)) {
		panic(call + ": no record is in hand")
	}
	return hand
}

// key is that of the record in hand.
func (h *host) key(call string) string {
	key := h.keys[h.hand(call)]
	if key == nil {
		panic(call + ": the record has a null key, and keyed state needs one")
	}
	return string(key)
}

// Emit takes a batch, which it checks as the host does.
func (h *host) Emit(index uint32, data []byte) {
	if !h.opened {
		panic("emit: not allowed in Open")
	}
	batch, err := record.Parse(slices.Clone(data))
	if err != nil {
		panic("emit: " + err.Error())
	}
	if index >= accumulatorOutput {
		h.accumulate(index-accumulatorOutput, batch)
		return
	}
	e := emitted{output: index}
	for c := batch.Records(); c.Next(); {
		v := c.Record()
		if v.Origin() >= uint32(len(h.keys)) {
			panic(fmt.Sprintf("emit: a record has the origin %d, the input batch has %d records", v.Origin(), len(h.keys)))
		}
		e.records = append(e.records, recordOf(v))
	}
	h.emitted = append(h.emitted, e)
}

// Fail fails the record in hand, or refuses to open.
func (h *host) Fail(code uint32, text string) {
	failure := &handFailure{Failure: Failure{Code: code, Text: text}}
	if h.opened {
		hand := h.hand("fail")
		failure.hand = &hand
	}
	if h.failure == nil {
		h.failure = failure
	}
}

// Log keeps a line.
func (h *host) Log(level uint32, text string) {
	h.log = append(h.log, []string{"debug", "info", "warn", "error"}[min(level, 3)]+": "+text)
}

// Metric adds to a counter or sets a gauge.
func (h *host) Metric(index uint32, value int64) {
	if h.harness.description.Metrics[index].Kind == "counter" {
		value += h.staged[index]
	}
	h.staged[index] = value
}

// TimerSet sets a timer of the key in hand.
func (h *host) TimerSet(declaration uint32, timestamp int64) {
	h.setTimer(timer{declaration, h.key("timer_set"), timestamp}, true)
}

// TimerDelete removes a timer of the key in hand.
func (h *host) TimerDelete(declaration uint32, timestamp int64) {
	h.setTimer(timer{declaration, h.key("timer_delete"), timestamp}, false)
}

func (h *host) setTimer(t timer, set bool) {
	was := h.store.timers[t]
	h.undo = append(h.undo, func() { h.replaceTimer(t, was) })
	h.replaceTimer(t, set)
}

func (h *host) replaceTimer(t timer, set bool) {
	if set {
		h.store.timers[t] = true
	} else {
		delete(h.store.timers, t)
	}
}

// due takes the timers of the declaration whose turn it is: the earliest, and
// those of the same declaration that are due before any other.
func (h *host) due(watermark, processingTime int64) (declaration int, fired []Record) {
	var due []timer
	for t := range h.store.timers {
		bound := watermark
		if h.harness.description.Timers[t.declaration].Domain == "processing" {
			bound = processingTime
		}
		if t.timestamp <= bound {
			due = append(due, t)
		}
	}
	slices.SortFunc(due, func(a, b timer) int {
		return cmp.Or(cmp.Compare(a.timestamp, b.timestamp), cmp.Compare(a.declaration, b.declaration), cmp.Compare(a.key, b.key))
	})
	for _, t := range due {
		if t.declaration != due[0].declaration {
			break
		}
		delete(h.store.timers, t)
		fired = append(fired, Record{Key: []byte(t.key), Value: []byte{}, Timestamp: t.timestamp})
	}
	if len(due) > 0 {
		declaration = int(due[0].declaration)
	}
	return declaration, fired
}

// give copies data to a buffer where it fits, and returns version and length.
func give(buffer []byte, e entry, found bool) int64 {
	if !found {
		return -1
	}
	if len(e.data) <= cap(buffer) {
		copy(buffer[:cap(buffer)], e.data)
	}
	return int64(e.version)<<32 | int64(len(e.data))
}

func recordOf(v record.View) Record {
	return Record{Key: v.Key(), Value: v.Value(), Kind: turgo.Kind(v.Kind()), Timestamp: v.Timestamp(), Extensions: v.Extensions()}
}

var order = binary.LittleEndian
