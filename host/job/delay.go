package job

import (
	"time"

	"github.com/turgo-stream/turgo/host/plan"
)

// delays is the restart strategy: exponential delay, which starts again after
// the job ran without a failure for a while.
type delays struct {
	restart  plan.Restart
	attempts int
	delay    time.Duration
}

func newDelays(restart plan.Restart) *delays {
	return &delays{restart: restart, delay: restart.DelayInitial}
}

// next is the delay before the next attempt, after one that ran that long; again
// is false where no attempt is left.
func (d *delays) next(ran time.Duration) (delay time.Duration, again bool) {
	if ran >= d.restart.ResetAfter {
		d.attempts, d.delay = 0, d.restart.DelayInitial
	}
	if d.attempts >= d.restart.AttemptsMax {
		return 0, false
	}
	d.attempts++
	delay = d.delay
	d.delay = min(d.restart.DelayMax, time.Duration(float64(d.delay)*d.restart.Multiplier))
	return delay, true
}
