package wasm

import (
	"encoding/binary"
	"strings"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/letter"
)

// Bounds of what a call keeps of the reasons that the guest gives.
const (
	failTextBytesMax  = 1024
	failTextsBytesMax = 4 << 20 // of all reasons of a call
)

// handSet is a set of records of the batch, by index.
type handSet []uint64

// reset empties the set and makes it large enough for count records.
func (s *handSet) reset(count int) {
	words := (count + 63) / 64
	if cap(*s) < words {
		*s = make(handSet, words)
		return
	}
	*s = (*s)[:words]
	clear(*s)
}

func (s handSet) has(hand uint32) bool { return s[hand/64]&(1<<(hand%64)) != 0 }
func (s handSet) add(hand uint32)      { s[hand/64] |= 1 << (hand % 64) }

// failed is what a call knows of the records that its guest failed. What is
// staged for a record can be undone as long as it stands together, at the end of
// what is staged.
type failed struct {
	list      []letter.Failure // by the guest, in the order of its calls
	textBytes int
	hands     handSet // of list; valid where list is not empty
	scattered handSet // taken up a second time; valid where anyScattered
	visited   handSet // with state or metrics staged

	anyScattered bool
}

func (f *failed) reset(count int, staging bool) {
	clear(f.list)
	f.list, f.textBytes, f.anyScattered = f.list[:0], 0, false
	if staging {
		f.visited.reset(count)
	}
}

func (f *failed) has(hand uint32) bool { return len(f.list) > 0 && f.hands.has(hand) }

// Failures are the records or timers that the guest failed in the last call,
// which succeeded for all others: what was staged for them was dropped. They
// are valid until the next call.
func (o *Operator) Failures() []letter.Failure { return o.failed.list }

// fail (code, pointer, length) fails the record in hand; in open, all.
func (o *Operator) fail(stack []uint64) {
	o.enter("fail", inProcess|inOpen)
	code, text := uint32(stack[0]), failText(o.view("fail", stack[1], stack[2]))
	if o.phase != phaseProcess {
		if uint32(stack[2]) > 0 {
			o.declined = text
		}
		return
	}
	hand := o.hand("fail")
	if !o.failed.has(hand) {
		o.failRecord(hand, code, text)
	}
}

func failText(text []byte) string {
	if len(text) == 0 {
		return "the guest gave no reason"
	}
	return strings.ToValidUTF8(string(text[:min(len(text), failTextBytesMax)]), "\uFFFD")
}

// failRecord undoes what is staged for a record of the batch. Where it does not
// stand together, the call fails as a whole: alone, the record's does.
func (o *Operator) failRecord(hand uint32, code uint32, text string) {
	o.mark(hand)
	f := &o.failed
	if f.anyScattered && f.scattered.has(hand) {
		o.abortRecord(hand, code, text)
	}
	if o.state != nil {
		o.state.Undo()
	}
	for i := range o.metrics {
		o.metrics[i].staged = o.metrics[i].marked
	}
	if len(f.list) == 0 {
		f.hands.reset(o.batch.Count())
	}
	f.hands.add(hand)
	if f.textBytes += len(text); f.textBytes > failTextsBytesMax {
		text = "the reason was dropped: the reasons of one call exceed 4 MiB"
	}
	f.list = append(f.list, o.failureOf(hand, letter.Error{Kind: string(KindFailedRecord), Code: code, Reason: text}))
	o.keyed = noRecord // what follows for this record must not be staged
}

// abortRecord ends the guest's call as one that failed at this record.
func (o *Operator) abortRecord(hand uint32, code uint32, text string) {
	failure := o.fault(KindFailedRecord, text)
	failure.RecordIndex, failure.Code = int(hand), code
	o.failure = failure
	panic(errAborted)
}

// abortFailed ends the guest's call where it goes on with a record that it failed.
func (o *Operator) abortFailed(hand uint32) {
	for i := range o.failed.list {
		if f := &o.failed.list[i]; f.Index == int(hand) {
			o.abortRecord(hand, f.Error.Code, f.Error.Reason)
		}
	}
}

// mark begins what failing the record undoes.
func (o *Operator) mark(hand uint32) {
	if o.marked != int64(hand) {
		o.takeUp(hand)
	}
}

func (o *Operator) takeUp(hand uint32) {
	f := &o.failed
	if o.state != nil {
		o.state.Mark()
	}
	for i := range o.metrics {
		o.metrics[i].marked = o.metrics[i].staged
	}
	o.marked = int64(hand)
	if !o.staging() {
		return
	}
	if f.visited.has(hand) {
		if !f.anyScattered {
			f.scattered.reset(o.batch.Count())
			f.anyScattered = true
		}
		f.scattered.add(hand)
	}
	f.visited.add(hand)
}

// staging tells whether a call may stage more than output.
func (o *Operator) staging() bool { return o.state != nil || len(o.metrics) > 0 }

// failureOf makes the failure of a record or timer of the batch, with the state
// of its key as it is now.
func (o *Operator) failureOf(hand uint32, err letter.Error) letter.Failure {
	f := letter.Failure{Index: int(hand), Error: err, Seed: o.random.drawn(hand)}
	view := o.records.find(hand)
	if o.firing {
		var b record.Builder
		b.AppendView(view, 0)
		f.Timer, f.Fired = o.timer, b.Finish()
	}
	if o.config.KeepState && o.state != nil && view.Key() != nil {
		f.State, f.StateIncomplete = o.exportState(view.Key())
	}
	return f
}

// exportState copies what the states hold for a key, within a transaction.
func (o *Operator) exportState(key []byte) (entries []letter.StateEntry, incomplete bool) {
	room := letter.StateBytesMax
	err := o.state.SetKey(key)
	if err == nil {
		err = o.state.Export(func(state int, subKey, value []byte, version uint16, expiresMS int64) bool {
			if room -= len(subKey) + len(value) + stateEntryOverhead; room < 0 {
				return false
			}
			declared := &o.description.States[state]
			entry := letter.StateEntry{
				State: declared.Name, Kind: declared.Kind, Value: append([]byte{}, value...), Version: version, ExpiresMS: expiresMS,
			}
			if o.kinds[state] == mapState {
				entry.Key = append([]byte{}, subKey...)
			}
			entries = append(entries, entry)
			return true
		})
	}
	// State that cannot be read fails the next call that needs it.
	return entries, room < 0 || err != nil
}

// stateEntryOverhead is what an entry in a letter takes besides its bytes.
const stateEntryOverhead = 64

// exportAfter adds to the error of a call with one record alone what the state
// held before: it is that again.
func (o *Operator) exportAfter(guest *GuestError) {
	if o.batch == nil || o.batch.Count() != 1 || guest.Opening {
		return
	}
	if o.state != nil {
		o.state.Begin(o.processingTime)
		defer o.state.Rollback()
	}
	f := o.failureOf(0, letter.Error{})
	guest.alone = &f
}

// dropFailed takes the output of failed records away.
func (o *Operator) dropFailed() {
	if len(o.failed.list) == 0 {
		return
	}
	kept := o.outputs.list[:0]
	for i := range o.outputs.list {
		out := o.outputs.list[i]
		before := record.Batch(out.bytes).Count()
		batch := record.Batch(out.bytes).Keep(func(v record.View) bool { return !o.failed.hands.has(v.Origin()) })
		if out.bytes = batch; batch.Count() == 0 && before > 0 {
			o.outputs.recycle(out.bytes)
			continue
		}
		kept = append(kept, out)
	}
	clear(o.outputs.list[len(kept):])
	o.outputs.list = kept
}

// inHand is what the guest says is in hand.
func (o *Operator) inHand() uint32 {
	return binary.LittleEndian.Uint32(o.memory.bytes[o.control+abi.ControlHand:])
}

// hand is the index of the record in hand, which must be one of the batch.
func (o *Operator) hand(name string) uint32 {
	hand := o.inHand()
	if hand == abi.NoHand {
		o.abortRule(KindProtocol, RuleHand, name, "%s: no record is in hand", name)
	}
	if count := o.batch.Count(); uint64(hand) >= uint64(count) {
		o.abortRule(KindProtocol, RuleHand, name, "%s: record %d is in hand, the batch has %d records", name, hand, count)
	}
	return hand
}
