package task

import "math"

// Bounds of the search for units to blame.
const (
	sliceMin  = 16      // units to try at once however often they fail
	sliceMax  = 1 << 14 // above it a slice is not bounded any more
	sliceRoot = 4       // a call costs as much as eight units or so
	// Behind so many distances without a failure slices grow.
	quietDistances = 2
	hintsFollowed  = 2       // for one failure; then halves are tried
	timeProbation  = 1 << 14 // units that have to succeed after one ran out of time
)

// isolation finds the units, records of a batch or timers, at which an operator
// fails. It is pure: it says how many of the next units to try, and hears how
// that went. Units go in order, and each that succeeds is done: so all but those
// to blame take effect once, in order. Only a unit that fails alone is to blame.
type isolation struct {
	suspects int // one of the next so many units fails; 0 = that is not known
	hint     int // the one that probably does; -1 = none
	hints    int // how many hints were followed in vain
	slice    int // units to try at most; 0 = any number

	distance  int // units between the last failures, on average
	since     int // units since the last one to blame
	probation int // units that must succeed before time is given freely again
}

// try says how many units to try next, of those left.
func (s *isolation) try(left int) int {
	n := s.suspects / 2
	switch {
	case s.suspects == 0 && s.slice == 0:
		n = left
	case s.suspects == 0:
		n = s.slice
	case s.hint > 0:
		n = s.hint // those before it
	case s.hint == 0:
		n = 1
	}
	return min(max(n, 1), left)
}

// brief reports whether n units should be given a part of the time only. A unit
// alone always has all of its time, so that none is blamed for the haste.
func (s *isolation) brief(n int) bool { return n > 1 && s.probation > 0 }

// bounded reports whether the next try is of fewer units than these.
func (s *isolation) bounded(units int) bool { return s.try(units) < units }

// succeeded hears that n units took effect.
func (s *isolation) succeeded(n int) {
	s.since += n
	s.probation = max(s.probation-n, 0)
	if s.suspects == 0 {
		if s.slice > 0 && n >= s.slice && s.since > quietDistances*s.distance {
			s.widen(2 * s.slice)
		}
		return
	}
	if s.suspects -= n; s.suspects <= 0 {
		// Alone or among fewer they all succeeded: nobody is to blame.
		s.suspects, s.hint, s.hints = 0, -1, 0
		return
	}
	if s.hint >= 0 {
		if s.hint -= n; s.hint < 0 {
			s.hints = hintsFollowed // it was wrong
		}
	}
}

// failed hears that n units failed together, with a hint or -1. It reports
// whether the one unit is to blame.
func (s *isolation) failed(n, hint int, outOfTime bool) (blamed bool) {
	if outOfTime {
		s.probation = timeProbation
	}
	if n <= 1 {
		s.distance = (s.distance + s.since) / 2
		s.widen(int(sliceRoot * math.Sqrt(float64(s.distance))))
		s.suspects, s.hint, s.hints, s.since = 0, -1, 0, 0
		return true
	}
	s.suspects, s.hint = n, -1
	if s.hints < hintsFollowed && hint >= 0 && hint < n {
		s.hint = hint
		s.hints++
	}
	return false
}

// widen sets the slice. It follows the root of the distance between failures:
// half a slice is done in vain for each failure, and each slice costs a call, so
// both are least together where the slice is the root of the distance, times one
// of what a call costs against what a unit does.
func (s *isolation) widen(to int) {
	if s.slice = max(to, sliceMin); s.slice > sliceMax {
		s.slice = 0
	}
}
