package plan

import "time"

// FailurePolicy is what becomes of a record that a step cannot handle.
type FailurePolicy string

// The failure policies.
const (
	StopOnFailure       FailurePolicy = "stop"        // the job fails, and names the record. The default.
	DeadLetterOnFailure FailurePolicy = "dead_letter" // the record becomes a dead letter, the job goes on
	DropOnFailure       FailurePolicy = "drop"        // the record is counted and dropped
)

// BreakerAction is what happens when failures exceed the breaker's ratio.
type BreakerAction string

// The breaker's actions.
const (
	BreakerStop  BreakerAction = "stop"  // the job fails
	BreakerPause BreakerAction = "pause" // the step takes nothing for a while, then tries again
)

// OnFailure is a step's failure policy, with the breaker that ends it where
// failures are no exception any more.
type OnFailure struct {
	Policy  FailurePolicy // default: StopOnFailure
	Breaker Breaker
}

// Breaker bounds the failures of a step. It looks at windows of processing time.
type Breaker struct {
	// FailureRatio is the part of a window's records that may fail, above 0 up to
	// 1. Default: no bound.
	FailureRatio float64
	// MinimumRecords is how many records a window needs for the ratio to count.
	// Default: 100.
	MinimumRecords int
	// Window is the length of a window. Default: 10s.
	Window time.Duration
	Action BreakerAction // default: BreakerStop
	// Pause is how long BreakerPause stands still. Default: 30s.
	Pause time.Duration
}
