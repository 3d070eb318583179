package wasm

import (
	"encoding/binary"
	"math"
)

// clockNow is the guest's time in nanoseconds. It stands still during a call,
// but for the time that the guest says it waits. It is never 0, which runtimes
// take for a broken clock. An instance opens at no time at all, so that all
// instances are alike: what one keeps from then on may be old or new.
func (o *Operator) clockNow() uint64 {
	const nanosecondsPerMillisecond = 1_000_000
	if o.processingTime <= 0 || o.processingTime > math.MaxInt64/nanosecondsPerMillisecond {
		return 1 + o.clockAdvance
	}
	return uint64(o.processingTime*nanosecondsPerMillisecond) + o.clockAdvance
}

func wasiClockResolution(o *Operator, p []uint64) uint32 {
	if uint32(p[0]) > 3 {
		return errnoInval
	}
	return o.giveLong(p[1], 1)
}

func wasiClockTime(o *Operator, p []uint64) uint32 {
	if uint32(p[0]) > 3 {
		return errnoInval
	}
	return o.giveLong(p[2], o.clockNow())
}

// Sizes and bounds of poll_oneoff.
const (
	subscriptionBytes = 48
	eventBytes        = 32
	subscriptionsMax  = 128
)

// wasiPoll never waits: it moves the clock to the earliest time asked for.
// Subscriptions of descriptors are ready at once, with an error.
func wasiPoll(o *Operator, p []uint64) uint32 {
	n := uint64(uint32(p[2]))
	if n == 0 || n > subscriptionsMax {
		return errnoInval
	}
	in, out := o.piece(p[0], n*subscriptionBytes), o.piece(p[1], n*eventBytes)
	if in == nil || out == nil {
		return errnoFault
	}
	start := o.clockNow()
	earliest, ready := uint64(math.MaxUint64), false
	for i := uint64(0); i < n; i++ {
		s := in[i*subscriptionBytes:]
		if s[8] != 0 {
			ready = true
			continue
		}
		earliest = min(earliest, pollTarget(s, start))
	}
	now := start
	if !ready && earliest > now {
		o.clockAdvance += earliest - now
		now = earliest
	}
	events := uint32(0)
	for i := uint64(0); i < n; i++ {
		s := in[i*subscriptionBytes:]
		if s[8] == 0 && pollTarget(s, start) > now {
			continue
		}
		e := out[uint64(events)*eventBytes:][:eventBytes]
		userdata, kind := binary.LittleEndian.Uint64(s), s[8]
		clear(e)
		binary.LittleEndian.PutUint64(e, userdata)
		if kind != 0 {
			binary.LittleEndian.PutUint16(e[8:], errnoBadf)
		}
		e[10] = kind
		events++
	}
	return o.giveWord(p[3], events)
}

// pollTarget is when a clock subscription made at now is due, in nanoseconds.
func pollTarget(subscription []byte, now uint64) uint64 {
	timeout := binary.LittleEndian.Uint64(subscription[24:])
	if binary.LittleEndian.Uint16(subscription[40:])&1 != 0 {
		return timeout // absolute
	}
	if timeout > math.MaxUint64-now {
		return math.MaxUint64
	}
	return now + timeout
}
