package task

import (
	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

// Watermarks says how a source makes watermarks, for each split on its own.
type Watermarks struct {
	// Enabled is false for a source without event time: its watermark rises once,
	// at the end of a bounded input.
	Enabled bool
	// OutOfOrdernessMS is how far a record may lag behind the highest timestamp
	// seen: 0 for monotonic timestamps.
	OutOfOrdernessMS int64
	// IdleTimeoutMS is after how long without a record a split is left out; 0 = never.
	IdleTimeoutMS int64
}

// splitWatermark follows the timestamps of one split.
type splitWatermark struct {
	highest    int64 // timestamp seen; abi.WatermarkMin before the first
	activeAtMS int64 // processing time of the last record
	idle       bool
}

func newSplitWatermark(nowMS int64) splitWatermark {
	return splitWatermark{highest: abi.WatermarkMin, activeAtMS: nowMS}
}

func (w *splitWatermark) observe(batch record.Batch, nowMS int64) {
	for records := batch.Records(); records.Next(); {
		// NoTimestamp is the smallest value, so it never raises the maximum.
		w.highest = max(w.highest, records.Record().Timestamp())
	}
	w.activeAtMS, w.idle = nowMS, false
}

// value is the split's watermark: no record with a smaller timestamp is expected.
func (w *splitWatermark) value(rule Watermarks) int64 {
	if w.highest == abi.WatermarkMin || w.highest < abi.WatermarkMin+rule.OutOfOrdernessMS {
		return abi.WatermarkMin
	}
	return w.highest - rule.OutOfOrdernessMS
}
