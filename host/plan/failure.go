package plan

import (
	"fmt"
	"time"

	"github.com/turgo-stream/turgo/abi"
)

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

// The defaults of a breaker.
const (
	defaultMinimumRecords = 100
	defaultWindow         = 10 * time.Second
	defaultPause          = 30 * time.Second
)

// DeadLettersOutput is the name of the hidden output of a step whose policy is
// dead_letter: its letters as records. It comes behind the declared outputs.
const DeadLettersOutput = "dead_letters"

// readOnFailure reads the name of a policy, or a map.
func (r *reader) readOnFailure(f *OnFailure, path string, v *value) {
	if v.kind != mapValue {
		r.word((*string)(&f.Policy))(path, v)
		return
	}
	b := &f.Breaker
	r.readFields(path, "on_failure", v, []setter{
		{"policy", r.word((*string)(&f.Policy))},
		{"breaker", func(path string, v *value) {
			r.readFields(path, "breaker", v, []setter{
				{"failure_ratio", r.number(&b.FailureRatio)},
				{"minimum_records", r.positive(&b.MinimumRecords)},
				{"window", r.positiveDuration(&b.Window)},
				{"action", r.word((*string)(&b.Action))},
				{"pause", r.positiveDuration(&b.Pause)},
			})
		}},
	})
}

func (f *OnFailure) setDefaults() {
	or(&f.Policy, StopOnFailure)
	if f.Breaker == (Breaker{}) {
		return
	}
	b := &f.Breaker
	or(&b.MinimumRecords, defaultMinimumRecords)
	or(&b.Window, defaultWindow)
	or(&b.Action, BreakerStop)
	if b.Action == BreakerPause {
		or(&b.Pause, defaultPause)
	}
}

func (b *builder) checkOnFailure(n *node, who string) {
	f, path := &n.OnFailure, n.path+".on_failure"
	switch f.Policy {
	case StopOnFailure, DeadLetterOnFailure, DropOnFailure:
	default:
		b.add(path, "%sunknown policy %q: the policies are stop, dead_letter, drop", who, f.Policy)
		return
	}
	if f.Breaker == (Breaker{}) {
		return
	}
	path += ".breaker"
	if f.Policy == StopOnFailure {
		b.add(path, "%sa breaker needs the policy dead_letter or drop: with stop the first failure ends the job", who)
	}
	k := &f.Breaker
	if !(k.FailureRatio > 0 && k.FailureRatio <= 1) {
		b.add(path+".failure_ratio", "%sfailure_ratio is %v: give the part of the records that may fail, above 0 and at most 1", who, k.FailureRatio)
	}
	if k.MinimumRecords < 1 {
		b.add(path+".minimum_records", "%sminimum_records is %d: it must be at least 1", who, k.MinimumRecords)
	}
	b.atLeast(path+".window", k.Window, time.Millisecond)
	switch {
	case k.Action == BreakerPause:
		b.atLeast(path+".pause", k.Pause, time.Millisecond)
		if timeout := b.job.Checkpoint.Timeout; k.Pause >= timeout {
			b.notes = append(b.notes, fmt.Sprintf("%sa pause of %s is no shorter than the checkpoint timeout, %s: checkpoints may fail meanwhile", who, short(k.Pause), short(timeout)))
		}
	case k.Action != BreakerStop:
		b.add(path+".action", "%sunknown action %q: the actions are stop and pause", who, k.Action)
	case k.Pause != 0:
		b.add(path+".pause", "%spause belongs to the action pause, not to %s", who, k.Action)
	}
}

// failureText tells the failure policy, where it is not the default.
func failureText(f *OnFailure) string {
	if f.Policy == StopOnFailure {
		return ""
	}
	text := ", on failure " + string(f.Policy)
	if b := &f.Breaker; b.FailureRatio > 0 {
		text += fmt.Sprintf(" up to %v of %d or more records in %s, then %s", b.FailureRatio, b.MinimumRecords, short(b.Window), b.Action)
		if b.Action == BreakerPause {
			text += " for " + short(b.Pause)
		}
	}
	return text
}

// findDeadLetters makes a link one of a step's dead letters.
func (b *builder) findDeadLetters(l *link) bool {
	switch {
	case l.from.Kind == Sink:
		b.add(l.path, "%s %q reads the dead letters of sink %q: those of a sink are in the store only, see \"turgo dlq\"", l.to.Kind, l.to.UID, l.from.UID)
		return false
	case l.from.OnFailure.Policy != DeadLetterOnFailure:
		b.add(l.path, "%s %q reads the dead letters of %q, which has none: give it \"on_failure: dead_letter\"", l.to.Kind, l.to.UID, l.from.UID)
		return false
	case l.kind == Key:
		b.add(l.path+".edge", "dead letters may have no key, so the edge from %q cannot be a key edge: put an operator between", l.from.UID)
		return false
	}
	l.output, l.letters = declaredOutputs(l.from.Kind, l.from.description), true
	return true
}

// declaredOutputs is the number of a step's outputs without that of letters.
func declaredOutputs(kind StepKind, description *abi.OperatorDescription) int {
	switch {
	case kind == Source:
		return 1
	case description != nil:
		return len(description.Outputs)
	}
	return 0
}

// declares tells whether an operator has an output of that name.
func declares(d *abi.OperatorDescription, name string) bool {
	for i := range d.Outputs {
		if d.Outputs[i].Name == name {
			return true
		}
	}
	return false
}
