package wasm

import (
	"fmt"
	"runtime"
	"time"
)

// fuelQuantum is the fuel that is given at once. The garbage collector waits
// for a guest until its quantum is used up, so even at a cache miss for each
// instruction that must take some milliseconds at most; at the speed of a tight
// loop it still takes fifty times as long as the refuelling. It
// never changes, so that calls are cut at the same places whenever they run.
const fuelQuantum = 1 << 16

// fuelState is what a call has been given and may have.
type fuelState struct {
	granted int64 // since the call began
	allowed int64 // for the whole call, 0 = any amount

	// What the record in hand has taken since it was first seen there.
	hand  int64
	since int64
}

// Bounds of a call that go with the clock: how often it is looked at.
const (
	deadlineChecks = 1 << 8   // host calls between two checks of the deadline
	deadlineBytes  = 64 << 20 // bytes given to host calls between two checks
)

// armFuel gives a call its first fuel. A batch may take the fuel of all its
// records: the host does not see where one ends and the next begins.
func (o *Operator) armFuel() {
	o.spent = fuelState{allowed: o.limits.CallFuel, hand: noRecord}
	if o.limits.RecordFuel > 0 && o.phase == phaseProcess {
		count := max(int64(o.batch.Count()), 1)
		if pooled := o.limits.RecordFuel * count; pooled/count == o.limits.RecordFuel && (o.spent.allowed == 0 || pooled < o.spent.allowed) {
			o.spent.allowed = pooled
		}
	}
	o.spent.granted = o.grant(0)
}

// grant is the fuel to give after used: never more than what the call may take.
func (o *Operator) grant(used int64) int64 {
	quantum := int64(fuelQuantum)
	if o.limits.RecordFuel > 0 {
		quantum = min(quantum, max(o.limits.RecordFuel/2, fuelQuantum/16))
	}
	if o.spent.allowed > 0 {
		return min(quantum, o.spent.allowed-used)
	}
	return quantum
}

// refuel is called by instrumented code when its fuel or depth is negative, and
// between the pieces of a large copy.
func (o *Operator) refuel(stack []uint64) {
	fuel, depth := int64(stack[0]), int64(stack[1])
	o.keepFuel(fuel)
	if depth < 0 {
		o.deep = true
		o.abort(KindDepth, "calls are nested deeper than %d bytes of frames allow", o.limits.DepthBytes)
	}
	used := o.spent.granted - fuel
	o.checkFuel(used)
	o.yield(o.checkDeadline())
	grant := o.grant(used)
	o.spent.granted = used + grant
	o.keepFuel(grant)
	stack[0] = uint64(grant)
}

// yieldAfter is how long a guest runs before others get their turn. Offering it
// at each refuelling wakes other processors to look for work, and on an idle
// machine that costs more than the guest. Who stops the world does not wait for
// it: the runtime stops at the call of any Go function.
const yieldAfter = time.Millisecond

func (o *Operator) yield(now time.Time) {
	if now.Sub(o.yielded) >= yieldAfter {
		runtime.Gosched()
		o.yielded = now
	}
}

// keepFuel makes the global hold the fuel that the guest has in a register: it
// is what is read when the call ends by a trap.
func (o *Operator) keepFuel(fuel int64) {
	if o.fuel != nil { // the start function runs before there is an instance
		o.fuel.Set(uint64(fuel))
	}
}

// fuelError tells that a call that has ended took more than it may: what has no
// loop is not stopped on its way.
func (o *Operator) fuelError(used int64) error {
	if o.spent.allowed == 0 || used <= o.spent.allowed {
		return nil
	}
	return o.fault(KindFuel, o.fuelReason())
}

func (o *Operator) fuelReason() string {
	if o.spent.allowed != o.limits.CallFuel {
		return fmt.Sprintf("the call took more than %d instructions for each of its records", o.limits.RecordFuel)
	}
	return fmt.Sprintf("the call took more than %d instructions", o.limits.CallFuel)
}

// checkFuel holds the call, and the record that stays in hand, to their fuel.
// A guest that hides its records has the limit of the call all the same.
func (o *Operator) checkFuel(used int64) {
	if o.spent.allowed > 0 && used > o.spent.allowed {
		o.abort(KindFuel, "%s", o.fuelReason())
	}
	if o.limits.RecordFuel == 0 || o.phase != phaseProcess {
		return
	}
	if hand := int64(o.handIndex()); hand != o.spent.hand || hand == noRecord {
		o.spent.hand, o.spent.since = hand, used
		return
	}
	if used-o.spent.since > o.limits.RecordFuel {
		o.abort(KindFuel, "the record took more than %d instructions", o.limits.RecordFuel)
	}
}

// checkDeadline ends the call where its time is up.
func (o *Operator) checkDeadline() time.Time {
	now := o.module.engine.now()
	if now.After(o.deadline) {
		o.abort(KindTime, "the call took longer than %s", o.limits.CallDuration)
	}
	return now
}
