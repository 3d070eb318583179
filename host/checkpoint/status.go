package checkpoint

import "time"

// Status tells what the coordinator is at, for display.
type Status struct {
	Completed         *Manifest // newest durable checkpoint; nil = none
	Current           Epoch     // being taken; 0 = none
	Started           time.Time // of Current
	Acknowledged      int       // tasks of Current
	Tasks             int
	UnconfirmedEpochs int
	FailuresInARow    int
	LastFailure       error // since the last completed checkpoint
}

// Status tells what the coordinator is at.
func (c *Coordinator) Status() Status {
	status := Status{
		Completed: c.base, Tasks: len(c.tasks), UnconfirmedEpochs: c.commits.unconfirmedEpochs(),
		FailuresInARow: c.failures, LastFailure: c.lastFailure,
	}
	if c.phase == collecting || c.phase == writing {
		status.Current, status.Started, status.Acknowledged = c.current.epoch, c.current.started, len(c.current.snapshots)
	}
	return status
}

// NextTick is when Step needs a Tick at the latest; false = not before another event.
func (c *Coordinator) NextTick() (time.Time, bool) {
	if c.phase == dead {
		return time.Time{}, false
	}
	if !c.began {
		return c.now, true
	}
	next, found := c.commits.next()
	consider := func(t time.Time) {
		if !found || t.Before(next) {
			next, found = t, true
		}
	}
	switch {
	case c.phase == collecting:
		consider(c.current.started.Add(c.config.Timeout))
	case c.phase == idle && c.finalDone && !c.commits.open():
		consider(c.lastEnd.Add(c.pause()))
	case c.phase == idle && !c.finalDone:
		if due, ok := c.nextStart(); ok {
			consider(due)
		}
	}
	return next, found
}

// AssignmentsHeld tells whether splits must not be assigned now: a checkpoint is
// being taken, and not all source tasks are past its barrier, so a split could
// end up in two snapshots or in none.
func (c *Coordinator) AssignmentsHeld() bool {
	if c.phase != collecting {
		return false
	}
	for task := range c.sourceTasks {
		_, acknowledged := c.current.snapshots[task]
		if !acknowledged && !c.current.barriers[task] {
			return true
		}
	}
	return false
}
