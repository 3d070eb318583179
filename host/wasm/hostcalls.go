package wasm

import (
	"github.com/turgo-stream/turgo/abi/record"
)

// output is one batch that the guest emitted.
type output struct {
	index int
	bytes []byte
}

// outputs keeps what a call emits until the call succeeds, in buffers that
// are used again.
type outputs struct {
	list    []output
	free    [][]byte
	bytes   int64
	records int64
}

// Bounds of the buffers that are kept between calls.
const (
	keptBuffers     = 64
	keptBufferBytes = 4 << 20
)

// batchesPerCall bounds how many batches one call emits, however small.
const batchesPerCall = 1 << 16

func (s *outputs) reset() {
	for i := range s.list {
		s.recycle(s.list[i].bytes)
		s.list[i].bytes = nil
	}
	s.list, s.bytes, s.records = s.list[:0], 0, 0
}

func (s *outputs) recycle(b []byte) {
	if len(s.free) < keptBuffers && cap(b) <= keptBufferBytes {
		s.free = append(s.free, b[:0])
	}
}

// add copies a batch.
func (s *outputs) add(index int, data []byte) record.Batch {
	var b []byte
	if n := len(s.free); n > 0 {
		b, s.free = s.free[n-1], s.free[:n-1]
	}
	b = append(b[:0], data...)
	s.list = append(s.list, output{index: index, bytes: b})
	return b
}

func (s *outputs) deliver(emit func(output int, batch record.Batch)) {
	for i := range s.list {
		emit(s.list[i].index, s.list[i].bytes)
	}
	s.reset()
}

// emit (output, pointer, length) stages one batch.
func (o *Operator) emit(stack []uint64) {
	o.enter("emit", inProcess)
	index := int(uint32(stack[0]))
	if index >= accumulatorOutput {
		o.emitAccumulators(index-accumulatorOutput, o.view("emit", stack[1], stack[2]))
		return
	}
	if index >= len(o.description.Outputs) {
		o.abortRule(KindProtocol, RuleDeclared, "emit", "emit: output %d is not declared, there are %d", index, len(o.description.Outputs))
	}
	data := o.view("emit", stack[1], stack[2])
	if len(o.outputs.list) >= batchesPerCall {
		o.abortRule(KindOutput, RuleBatches, "emit", "the call emits more than %d batches", batchesPerCall)
	}
	o.outputs.bytes += int64(len(data))
	if o.outputs.bytes > o.limits.OutputBytes {
		o.abort(KindOutput, "the call emits more than %d bytes", o.limits.OutputBytes)
	}
	batch, err := record.ParseOutput(o.outputs.add(index, data), o.batch.Count())
	if err != nil {
		rule := RuleBatch
		if len(data) > record.LengthMax {
			rule = RuleSize
		}
		o.abortRule(KindOutput, rule, "emit", "emit: %v", err)
	}
	if index < len(o.config.KeyedOutputs) && o.config.KeyedOutputs[index] {
		if view, found := batch.NullKey(); found {
			o.abortRecord(view.Origin(), 0, "emit: a record of output "+o.description.Outputs[index].Name+" has a null key, and the key edge behind it needs one")
		}
	}
	if o.config.OnEmit != nil {
		o.config.OnEmit(index, batch)
	}
	o.outputs.records += max(int64(batch.Count()), 1)
	if o.outputs.records > o.limits.OutputRecords {
		o.abort(KindOutput, "the call emits more than %d records", o.limits.OutputRecords)
	}
}

// key makes the key of the record in hand the state's current key. Where it is
// that already, nothing is to be checked: the hand was good when it became so.
func (o *Operator) key(name string) {
	if o.keyed == int64(o.inHand()) {
		return
	}
	o.setKey(name)
}

func (o *Operator) setKey(name string) {
	hand := o.hand(name)
	if o.failed.has(hand) {
		o.abortFailed(hand)
	}
	key := o.records.find(hand).Key()
	if key == nil {
		o.abort(KindFailedRecord, "%s: the record has a null key, and keyed state needs one", name)
	}
	o.mark(hand)
	if err := o.state.SetKey(key); err != nil {
		o.abortState(err)
	}
	o.keyed = int64(hand)
}

// logLine (level, pointer, length) writes to the operator's log.
func (o *Operator) logLine(stack []uint64) {
	o.enter("log", always)
	o.log.line(uint32(stack[0]), o.view("log", stack[1], stack[2]))
}
