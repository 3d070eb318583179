package wasm

import (
	"fmt"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

// Bounds of one slice of timers.
const (
	timersPerSlice   = 1000
	timerBatchFillup = 16 << 20 // bytes of keys after which a slice is made smaller
)

// timerBatch collects fired timers. Its callback is made once.
type timerBatch struct {
	builder record.Builder
	buffer  []byte
	add     func(key []byte, timestamp int64)
}

func (t *timerBatch) bind() {
	empty := []byte{}
	t.add = func(key []byte, timestamp int64) {
		if key == nil {
			key = empty
		}
		if t.builder.Length() <= timerBatchFillup {
			t.builder.Append(record.Record{Key: key, Value: empty, Timestamp: timestamp, Origin: uint32(t.builder.Count())})
		}
	}
}

// due is the timer declaration to fire next: the one whose earliest timer is
// the earliest, and up to when it may fire before another has its turn.
type due struct {
	timer int
	upTo  int64
	found bool
}

// nextDue finds what to fire next, so that timers fire in the order of time, and
// those of one time in the order of declarations.
func (o *Operator) nextDue(watermark, processingTime int64) (due, error) {
	var next due
	var earliest int64
	// Up to when the declarations before and behind the next one let it fire.
	before, behind := int64(abi.WatermarkMax), int64(abi.WatermarkMax)
	for i := range o.description.Timers {
		bound := watermark
		if o.description.Timers[i].Domain == domainProcessing {
			bound = processingTime
		}
		timestamp, found, err := o.state.TimerNext(i)
		if err != nil {
			return due{}, fmt.Errorf("wasm: operator %s: state: %w", o.name, err)
		}
		switch {
		case !found || timestamp > bound:
		case !next.found || timestamp < earliest:
			if next.found {
				before, behind = min(before, earliest-1), abi.WatermarkMax
			}
			next, earliest = due{timer: i, upTo: bound, found: true}, timestamp
		default:
			behind = min(behind, timestamp)
		}
	}
	next.upTo = min(next.upTo, before, behind)
	return next, nil
}

// Fire handles a bounded slice of the timers that are due, as one call of the
// guest and one transaction: at most limit of them, and no more than its own
// bound. It tells how many it took, also where it failed, and whether others are
// due still.
func (o *Operator) Fire(limit int, watermark, processingTime int64, emit func(output int, batch record.Batch)) (fired int, more bool, err error) {
	o.failed.list = o.failed.list[:0]
	if len(o.description.Timers) == 0 {
		return 0, false, nil
	}
	next, err := o.nextDue(watermark, processingTime)
	if err != nil || !next.found {
		return 0, false, err
	}
	o.firing, o.timer = true, next.timer
	if err := o.begin(nil, watermark, processingTime); err != nil {
		return 0, false, err
	}
	if err := o.takeDue(next, min(limit, timersPerSlice)); err != nil {
		return 0, false, o.finish(&hostFault{err}, emit)
	}
	fired = o.batch.Count()
	o.trial = fired > 1
	if err = o.prefetch(o.batch); err == nil {
		err = o.deliver(phaseProcess, o.functions.timers, uint64(next.timer))
	}
	if err := o.finish(err, emit); err != nil {
		return fired, false, err
	}
	next, err = o.nextDue(watermark, processingTime)
	return fired, next.found, err
}

// DropTimer removes the timer that Fire would take first.
func (o *Operator) DropTimer(watermark, processingTime int64) error {
	next, err := o.nextDue(watermark, processingTime)
	if err != nil || !next.found {
		return err
	}
	o.state.Begin(processingTime)
	if err := o.state.TimersDue(next.timer, next.upTo, 1, func([]byte, int64) {}); err != nil {
		o.state.Rollback()
		return fmt.Errorf("wasm: operator %s: state: %w", o.name, err)
	}
	if err := o.state.Commit(); err != nil {
		return fmt.Errorf("wasm: operator %s: state: %w", o.name, err)
	}
	return nil
}

// takeDue moves a slice of timers from the state into a batch. Where their
// keys are so large that the batch would be too, it takes fewer.
func (o *Operator) takeDue(next due, limit int) error {
	for ; ; limit = max(limit/2, 1) {
		o.timers.builder.Reset(o.timers.buffer)
		if err := o.state.TimersDue(next.timer, next.upTo, limit, o.timers.add); err != nil {
			return fmt.Errorf("wasm: operator %s: state: %w", o.name, err)
		}
		if o.timers.builder.Length() <= timerBatchFillup || limit == 1 {
			break
		}
		o.state.Rollback()
		o.state.Begin(o.processingTime)
	}
	o.take(o.timers.builder.Finish())
	o.timers.buffer = o.batch
	return nil
}

// NextProcessingTimer is the earliest timer of processing time.
func (o *Operator) NextProcessingTimer() (timestamp int64, found bool, err error) {
	for i := range o.description.Timers {
		if o.description.Timers[i].Domain != domainProcessing {
			continue
		}
		t, ok, err := o.state.TimerNext(i)
		if err != nil {
			return 0, false, fmt.Errorf("wasm: operator %s: state: %w", o.name, err)
		}
		if ok && (!found || t < timestamp) {
			timestamp, found = t, true
		}
	}
	return timestamp, found, nil
}

// Refire fires one timer that the state does not hold: fired is a batch of its
// key and time. The guest sees no difference.
func (o *Operator) Refire(timer int, fired record.Batch, watermark, processingTime int64, emit func(output int, batch record.Batch)) error {
	o.failed.list = o.failed.list[:0]
	if timer < 0 || timer >= len(o.description.Timers) {
		return fmt.Errorf("wasm: operator %s declares %d timers, there is no number %d", o.name, len(o.description.Timers), timer)
	}
	o.firing, o.timer = true, timer
	if err := o.begin(fired, watermark, processingTime); err != nil {
		return err
	}
	err := o.deliver(phaseProcess, o.functions.timers, uint64(timer))
	return o.finish(err, emit)
}
