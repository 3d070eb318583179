package sim

import (
	"encoding/binary"
	"fmt"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/letter"
)

// keyedState is the part of wasm.State that the counter uses: both the model
// and the real state have it.
type keyedState interface {
	Begin(processingTime int64)
	Commit() error
	Rollback()
	SetKey(key []byte) error
	ValueGet(state int) (value []byte, version uint16, found bool, err error)
	ValuePut(state int, value []byte) error
	TimerSet(timer int, timestamp int64) error
	TimersDue(timer int, upTo int64, limit int, yield func(key []byte, timestamp int64)) error
}

// endOfInput is the time of the timers that emit the totals: only the largest
// watermark reaches it.
const endOfInput = abi.WatermarkMax - 1

// timersSlice bounds the timers of one Fire; it is small, so that barriers come between.
const timersSlice = 2

// counterDescription is what the job file's module would say.
var counterDescription = abi.OperatorDescription{
	Name:    "count",
	Inputs:  []abi.InputDescription{{Name: "in"}},
	Outputs: []abi.OutputDescription{{Name: "out"}},
	States:  []abi.StateDescription{{Name: "total", Kind: "value"}},
	Timers:  []abi.TimerDescription{{Name: "end", Domain: "event"}},
}

// counter counts records by key.
type counter struct {
	host  *host
	state keyedState
	out   record.Builder
	// failures are the records of the last call that it failed by itself.
	failures []letter.Failure
}

// Process implements task.Operator.
func (c *counter) Process(_ int, batch record.Batch, _, _ int64, emit func(int, record.Batch)) error {
	if c.host.world.strikes(failOperator) {
		return errInjected
	}
	return c.transaction(emit, func() error { return c.failPoison(batch) })
}

// transaction runs one call and emits its output only if it succeeded.
func (c *counter) transaction(emit func(int, record.Batch), call func() error) error {
	c.out.Reset(nil)
	c.state.Begin(c.host.world.nowMS())
	if err := call(); err != nil {
		c.state.Rollback()
		return err
	}
	if err := c.state.Commit(); err != nil {
		return err
	}
	if c.out.Count() > 0 {
		emit(0, c.out.Finish())
	}
	return nil
}

func (c *counter) count(key []byte) error {
	if err := c.state.SetKey(key); err != nil {
		return err
	}
	total, err := c.total()
	if err != nil {
		return err
	}
	total++
	if err := c.state.ValuePut(0, binary.LittleEndian.AppendUint64(nil, total)); err != nil {
		return err
	}
	if total == 1 {
		if err := c.state.TimerSet(0, endOfInput); err != nil {
			return err
		}
	}
	c.out.Append(record.Record{Key: key, Value: fmt.Appendf(nil, "%s#%d", key, total), Timestamp: record.NoTimestamp})
	return nil
}

func (c *counter) total() (uint64, error) {
	value, _, found, err := c.state.ValueGet(0)
	if err != nil || !found {
		return 0, err
	}
	return binary.LittleEndian.Uint64(value), nil
}

// Fire implements task.Operator.
func (c *counter) Fire(_ int, watermark, _ int64, emit func(int, record.Batch)) (fired int, more bool, err error) {
	c.failures = c.failures[:0]
	if watermark < endOfInput {
		return 0, false, nil
	}
	err = c.transaction(emit, func() error {
		var keys [][]byte
		err := c.state.TimersDue(0, watermark, timersSlice, func(key []byte, _ int64) {
			keys = append(keys, append([]byte(nil), key...))
		})
		if err != nil {
			return err
		}
		fired, more = len(keys), len(keys) == timersSlice
		for _, key := range keys {
			if err := c.state.SetKey(key); err != nil {
				return err
			}
			total, err := c.total()
			if err != nil {
				return err
			}
			c.out.Append(record.Record{Key: key, Value: fmt.Appendf(nil, "%s=%d", key, total), Timestamp: record.NoTimestamp})
		}
		return nil
	})
	return fired, more, err
}

// Failures implements task.Operator.
func (c *counter) Failures() []letter.Failure { return c.failures }

// DropTimer implements task.Operator.
func (c *counter) DropTimer(int64, int64) error { return nil }

// Brief implements task.Operator.
func (c *counter) Brief(bool) {}

// NextProcessingTimer implements task.Operator.
func (c *counter) NextProcessingTimer() (int64, bool, error) { return 0, false, nil }

// Close implements task.Operator.
func (c *counter) Close() error { return nil }
