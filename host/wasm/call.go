package wasm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

// phase is which export runs: it decides what host functions are allowed.
type phase uint8

const (
	phaseOpen phase = iota
	phaseDescribe
	phaseBuffer
	phaseProcess // timers too
	phaseClose
)

// phases is a set of them, a bit for each.
type phases uint8

const (
	inProcess = 1 << phaseProcess
	inOpen    = 1 << phaseOpen
	always    = ^phases(0)
)

// call is what belongs to one call into the guest.
type call struct {
	phase          phase
	batch          record.Batch
	records        recordFinder
	watermark      int64
	processingTime int64
	clockAdvance   uint64 // nanoseconds that poll_oneoff added
	random         random
	stack          [3]uint64

	spent    fuelState
	deadline time.Time
	yielded  time.Time // when others had their turn last, or the call began

	marked, keyed int64 // record of the last Mark and of the last SetKey, or noRecord
	stateBytes    int64
	stateWrites   int64
	hostCalls     uint32
	hostBytes     uint64

	failure  error  // why the host aborted
	declined string // why the guest does not open, "" = it did not say
	failed   failed
	firing   bool // the batch is of timers
	timer    int  // of that declaration
	brief    bool // the call takes a part of its time only
	trial    bool // where the call fails, its records or timers are called alone
}

// usage is what an operator has taken so far. It may be read at any time.
type usage struct {
	fuel, calls, resets, rebuilds atomic.Int64
	memoryBytes, draws            atomic.Int64
}

// Usage is what an operator has taken since it was opened.
type Usage struct {
	Fuel, Calls, Resets, Rebuilds int64
	MemoryBytes                   int64 // now
	// Draws counts the requests for random bytes in calls that handle records or timers.
	Draws int64
}

// Usage may be called from any goroutine.
func (o *Operator) Usage() Usage {
	u := &o.usage
	return Usage{Fuel: u.fuel.Load(), Calls: u.calls.Load(), Resets: u.resets.Load(), Rebuilds: u.rebuilds.Load(), MemoryBytes: u.memoryBytes.Load(), Draws: u.draws.Load()}
}

// noRecord differs from every hand, also from abi.NoHand.
const noRecord = -1

// begin prepares a call that handles a batch. Where the last reset could not
// make a new instance, it tries again.
func (o *Operator) begin(batch record.Batch, watermark, processingTime int64) error {
	if o.closed {
		return fmt.Errorf("wasm: operator %s is closed", o.name)
	}
	if o.broken {
		if err := o.start(context.Background()); err != nil {
			return err
		}
	}
	o.take(batch)
	o.watermark, o.processingTime = watermark, processingTime
	o.marked, o.keyed = noRecord, noRecord
	o.stateBytes, o.stateWrites = 0, 0
	o.outputs.reset()
	for i := range o.metrics {
		o.metrics[i].staged = o.metrics[i].value.Load()
	}
	if o.state != nil {
		o.state.Begin(processingTime)
	}
	return nil
}

// take makes a batch the one that the call handles. The batch of timers comes
// after the call has begun.
func (o *Operator) take(batch record.Batch) {
	o.batch = batch
	count := 0
	if batch != nil {
		o.records.reset(batch)
		count = batch.Count()
	}
	o.failed.reset(count, o.staging())
}

// deliver writes the batch and the control block into the guest and calls it.
func (o *Operator) deliver(p phase, f api.Function, argument uint64) error {
	if err := o.place(o.batch); err != nil {
		return err
	}
	return o.enterGuest(p, f, argument, len(o.batch))
}

// enterGuest calls the guest with the argument of that length in its buffer.
func (o *Operator) enterGuest(p phase, f api.Function, argument uint64, length int) error {
	control := o.memory.bytes[o.control:]
	binary.LittleEndian.PutUint32(control[abi.ControlHand:], abi.NoHand)
	binary.LittleEndian.PutUint64(control[abi.ControlWatermark:], uint64(o.watermark))
	binary.LittleEndian.PutUint64(control[abi.ControlProcessingTime:], uint64(o.processingTime))
	o.stack = [3]uint64{argument, uint64(o.buffer.address), uint64(length)}
	if err := o.invoke(p, f, o.stack[:]); err != nil {
		return err
	}
	status := uint32(o.stack[0])
	if status == 0 {
		return nil
	}
	if list := o.failed.list; len(list) > 0 { // what it said before tells more than the number
		failure := o.fault(KindFailedRecord, list[0].Error.Reason)
		failure.RecordIndex, failure.Code, failure.Rule = list[0].Index, list[0].Error.Code, RuleStatus
		return failure
	}
	return o.broke(RuleStatus, KindProtocol, "the guest returned the status %d", status)
}

// place writes an argument into the guest's buffer.
func (o *Operator) place(argument []byte) error {
	if err := o.reserve(len(argument)); err != nil {
		return err
	}
	copy(o.memory.bytes[o.buffer.address:], argument)
	return nil
}

// reserve asks for another buffer where the guest's is too small.
func (o *Operator) reserve(length int) error {
	need := uint32(length)
	if need <= o.buffer.capacity && o.buffer.address != 0 {
		return nil
	}
	return o.askBuffer(max(need+need/4+pageBytes-1, pageBytes) &^ (pageBytes - 1))
}

// askBuffer calls turgo_buffer.
func (o *Operator) askBuffer(capacity uint32) error {
	stack := []uint64{uint64(capacity)}
	if err := o.invoke(phaseBuffer, o.functions.buffer, stack); err != nil {
		return err
	}
	address := uint32(stack[0])
	if address == 0 {
		return o.broke(RuleBuffer, KindMemory, "turgo_buffer has no room for %d bytes", capacity)
	}
	if end := uint64(address) + uint64(capacity); end > uint64(len(o.memory.bytes)) {
		return o.broke(RuleBuffer, KindProtocol, "turgo_buffer returned %d..%d, which is outside the memory of %d bytes", address, end, len(o.memory.bytes))
	}
	o.buffer = buffer{address: address, capacity: capacity}
	return nil
}

// arm sets the limits of the next call.
func (o *Operator) arm(p phase) {
	o.phase = p
	o.failure, o.declined = nil, ""
	o.clockAdvance = 0
	o.random.seeded = false
	o.memory.refused = 0
	o.hostCalls, o.hostBytes = 0, 0
	o.log.standardErr = o.log.standardErr[:0]
	o.yielded = o.module.engine.now()
	o.deadline = o.yielded.Add(o.callDuration())
	o.armFuel()
}

// briefPart is the part of the time limit that a brief call has.
const briefPart = 8

func (o *Operator) callDuration() time.Duration {
	if o.brief && o.phase != phaseOpen {
		return max(o.limits.CallDuration/briefPart, 1)
	}
	return o.limits.CallDuration
}

// invoke calls an export within the limits.
func (o *Operator) invoke(p phase, f api.Function, stack []uint64) error {
	o.arm(p)
	o.fuel.Set(uint64(o.spent.granted))
	o.refused.Set(0)
	err := f.CallWithStack(o.context, stack)
	used := o.spent.granted - int64(o.fuel.Get())
	o.usage.fuel.Add(used)
	o.usage.calls.Add(1)
	o.usage.memoryBytes.Store(int64(len(o.memory.bytes)))
	o.log.flush()
	if err := o.memory.lack(); err != nil {
		return err // what the guest made of it is worth nothing
	}
	if err != nil {
		return o.classify(err)
	}
	return o.fuelError(used)
}

// abort ends the guest's call from within a host function.
func (o *Operator) abort(kind Kind, format string, arguments ...any) {
	o.failure = o.fault(kind, fmt.Sprintf(format, arguments...))
	panic(errAborted)
}

// abortRule ends the guest's call where it broke a rule of the ABI in a host function.
func (o *Operator) abortRule(kind Kind, rule Rule, call, format string, arguments ...any) {
	failure := o.fault(kind, fmt.Sprintf(format, arguments...))
	failure.Rule, failure.Call = rule, call
	o.failure = failure
	panic(errAborted)
}

// abortState ends the guest's call where the state failed, which is not the
// guest's fault.
func (o *Operator) abortState(err error) {
	o.failure = &hostFault{fmt.Errorf("wasm: operator %s: state: %w", o.name, err)}
	panic(errAborted)
}

// fault makes the error of a guest, with the record that it has in hand.
func (o *Operator) fault(kind Kind, reason string) *GuestError {
	return &GuestError{Operator: o.name, UID: o.config.UID, Kind: kind, RecordIndex: o.handIndex(), Reason: reason,
		Opening: o.phase == phaseOpen || o.phase == phaseDescribe || o.opening}
}

// broke makes the error of a guest that broke a rule by what it returned.
func (o *Operator) broke(rule Rule, kind Kind, format string, arguments ...any) *GuestError {
	failure := o.fault(kind, fmt.Sprintf(format, arguments...))
	failure.Rule = rule
	return failure
}

// handIndex is the index of the record in hand, -1 where there is none.
func (o *Operator) handIndex() int {
	if o.control == 0 || o.phase != phaseProcess || o.memory == nil || len(o.memory.bytes) == 0 {
		return -1
	}
	hand := binary.LittleEndian.Uint32(o.memory.bytes[o.control+abi.ControlHand:])
	if hand == abi.NoHand || o.batch == nil || int64(hand) >= int64(o.batch.Count()) {
		return -1
	}
	return int(hand)
}

// classify turns wazero's error of a call into what happened.
func (o *Operator) classify(err error) error {
	reason, stack := splitStack(err)
	printed := o.log.printed()
	var guest *GuestError
	switch {
	case o.failure != nil:
		err, o.failure = o.failure, nil
		if !errors.As(err, &guest) {
			return err
		}
	case isHostFault(err):
		return &hostFault{fmt.Errorf("wasm: operator %s: a host function failed: %w", o.name, err)}
	case o.memory.refused > 0:
		guest = o.fault(KindMemory, fmt.Sprintf("the guest wanted %d bytes of memory, the limit is %d (%s)", o.memory.refused, len(o.memory.reserved), reason))
	case o.refused != nil && o.refused.Get() > 0:
		guest = o.fault(KindTable, fmt.Sprintf("the guest wanted %d elements more in a table, the limit of all its tables is %d (%s)", uint32(o.refused.Get()), o.limits.TableElements, reason))
	default:
		guest = o.fault(KindTrap, reason)
	}
	if line := firstPanicLine(printed); line != "" && (guest.Kind == KindTrap || guest.Kind == KindMemory || guest.Kind == KindTable) {
		guest.Reason += ": " + line
	}
	guest.Stack = stack
	if printed != "" {
		guest.Stack += "\n" + printed
	}
	return guest
}

// guestError takes the marks off that are used inside the package.
func (o *Operator) guestError(err error) error {
	var fault *hostFault
	if errors.As(err, &fault) {
		return fault.error
	}
	return err
}

// finish ends the transaction of a call: all of it or nothing.
func (o *Operator) finish(err error, emit func(output int, batch record.Batch)) error {
	if err == nil && o.state != nil {
		if commitError := o.state.Commit(); commitError != nil {
			return errors.Join(fmt.Errorf("wasm: operator %s: state: %w", o.name, commitError), o.reset())
		}
	}
	if err != nil {
		if o.state != nil {
			o.state.Rollback()
		}
		o.outputs.reset()
		o.failed.list = o.failed.list[:0]
		err = o.guestError(err)
		if guest := (*GuestError)(nil); errors.As(err, &guest) {
			o.exportAfter(guest)
		}
		if resetError := o.reset(); resetError != nil {
			return errors.Join(err, resetError)
		}
		return err
	}
	for i := range o.metrics {
		o.metrics[i].value.Store(o.metrics[i].staged)
	}
	o.dropFailed()
	if o.groups.active {
		o.ungroup()
	}
	o.outputs.deliver(emit)
	o.batch = nil
	return nil
}
