// Package report is what a conformance suite finds: which checks passed, failed
// or were skipped, and why, as text, JSON and JUnit XML.
package report

import (
	"fmt"
	"strings"
	"time"
)

// Status is how a check ended.
type Status string

// The statuses.
const (
	Pass Status = "pass"
	Fail Status = "fail"
	Skip Status = "skip"
)

// Report is what one run of a suite found.
type Report struct {
	// Suite names the suite, such as operator or connector; Subject what was checked.
	Suite, Subject string
	// Seed is what all random choices of the run follow from; the same one repeats them.
	Seed uint64
	// Results stand in the order in which the checks ran.
	Results []Result
	// Duration is that of the whole run.
	Duration time.Duration
	// Interrupted says that the run ended before all checks had run.
	Interrupted bool
}

// Result is what one check found.
type Result struct {
	// Group is what of the subject was checked: the name of an operator, or a
	// source or sink. Empty where a check is about the subject as a whole.
	Group string
	// Check is the check's name.
	Check  string
	Status Status
	// Reason tells for a failure or a skip what was seen, with values, and what to do.
	Reason   string
	Duration time.Duration
}

// ReasonBytesMax is how long a reason is at most: subjects choose a part of it.
const ReasonBytesMax = 16 << 10

// Add adds a result. A reason that is too long loses its end.
func (r *Report) Add(result Result) {
	if len(result.Reason) > ReasonBytesMax {
		result.Reason = strings.ToValidUTF8(result.Reason[:ReasonBytesMax], "") + " ..."
	}
	r.Results = append(r.Results, result)
}

// Failed lists the checks that failed.
func (r *Report) Failed() []Result {
	var failed []Result
	for _, result := range r.Results {
		if result.Status == Fail {
			failed = append(failed, result)
		}
	}
	return failed
}

// Count tells how many checks ended so.
func (r *Report) Count(status Status) int {
	n := 0
	for _, result := range r.Results {
		if result.Status == status {
			n++
		}
	}
	return n
}

// Summary is the run in one line.
func (r *Report) Summary() string {
	verdict := "ok"
	switch {
	case r.Count(Fail) > 0:
		verdict = "FAILED"
	case r.Interrupted:
		verdict = "interrupted"
	}
	line := fmt.Sprintf("%s: %d passed, %d failed, %d skipped in %s (seed %d)",
		verdict, r.Count(Pass), r.Count(Fail), r.Count(Skip), seconds(r.Duration), r.Seed)
	if r.Interrupted {
		line += "; interrupted, the checks that follow did not run"
	}
	return line
}

// seconds writes a duration in seconds, with as many digits as tell something.
func seconds(d time.Duration) string {
	if d >= 10*time.Second {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}
