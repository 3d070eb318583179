package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// write makes the manifest of the current checkpoint, whose snapshots are all in.
func (c *Coordinator) write(actions []Action) []Action {
	m := c.newManifest(c.current.epoch, c.current.started)
	m.DurationMS = c.now.Sub(c.current.started).Milliseconds()
	m.Operators = c.config.Operators
	m.Tasks = make([]TaskSnapshot, 0, len(c.current.snapshots))
	for _, snapshot := range c.current.snapshots {
		snapshot.Letters = nil
		m.Tasks = append(m.Tasks, snapshot)
	}
	slices.SortFunc(m.Tasks, func(a, b TaskSnapshot) int { return compareTasks(a.Task, b.Task) })
	m.Bytes = newTableBytes(c.base, m)
	m.Pending = c.commits.unconfirmed(m.Epoch)
	m.Ended = c.current.ended
	m.Finished = m.Ended && len(m.Pending) == 0
	return c.append(actions, m)
}

// closeRun ends the run after its last checkpoint: where commits were confirmed
// that no manifest records yet, a closing manifest records them first, so that
// nobody repeats them years later, when the sink has forgotten them.
func (c *Coordinator) closeRun(actions []Action) []Action {
	if c.commits.open() {
		return actions
	}
	if !c.commits.unrecorded() && (c.ending == stopping || c.base.Finished) {
		c.phase = dead
		if c.ending == stopping {
			return append(actions, JobStopped{Epoch: c.base.Epoch})
		}
		return append(actions, JobFinished{Epoch: c.base.Epoch})
	}
	if c.now.Before(c.lastEnd.Add(c.pause())) {
		return actions
	}
	c.epoch++
	m := c.newManifest(c.epoch, c.now)
	m.Operators, m.Tasks = c.base.Operators, c.base.Tasks
	m.Ended = c.ending == finishing
	m.Finished = m.Ended
	c.current = inProgress{epoch: c.epoch, final: true, started: c.now}
	return c.append(actions, m)
}

func (c *Coordinator) newManifest(epoch Epoch, taken time.Time) *Manifest {
	return &Manifest{
		Format: Format, Job: c.config.Job, JobUUID: c.config.JobUUID, Attempt: c.config.Attempt,
		Epoch: epoch, TakenMS: taken.UnixMilli(), MaxParallelism: c.config.MaxParallelism,
		Confirmed: c.commits.newlyConfirmed(),
	}
}

func (c *Coordinator) append(actions []Action, m *Manifest) []Action {
	sources, attachments := c.splits.snapshot(m.Epoch)
	m.Sources = sources
	m.Letters, m.CommandsDeleted = c.letters.manifest(c.current.snapshots), c.letters.deleted
	c.phase = writing
	m.InputEnded = c.inputEnded || m.Ended
	c.current.manifest = m
	return append(actions, WriteManifest{Manifest: m, Attachments: attachments})
}

func (c *Coordinator) manifestDurable(actions []Action, e ManifestDurable) []Action {
	if c.phase != writing || e.Epoch != c.current.epoch {
		return actions
	}
	m := c.current.manifest
	m.Number = e.Number
	c.phase = idle
	c.base = m
	c.finalDone = m.Ended || c.current.final && c.ending == stopping
	c.lastEnd = c.now
	c.failures, c.lastFailure = 0, nil
	c.commits.durable(m)
	c.splits.durable()
	c.letters.durable(c.current.snapshots)
	actions = append(actions, NotifyComplete{Epoch: m.Epoch, Positions: c.splits.positions(m)})
	return c.objects.durable(actions, m)
}

func (c *Coordinator) manifestFailed(actions []Action, e ManifestFailed) []Action {
	if c.phase != writing || e.Epoch != c.current.epoch {
		return actions
	}
	switch {
	case errors.Is(e.Err, ErrLostLeadership):
		return c.fail(actions, e.Err, false)
	case errors.Is(e.Err, ErrUnchanged):
		return c.abort(actions, fmt.Errorf("checkpoint: epoch %d: %w", e.Epoch, e.Err))
	default:
		// The manifest may be durable. Only a new attempt, which reads the log
		// first, can tell whether this epoch counts.
		return c.fail(actions, fmt.Errorf("checkpoint: epoch %d: cannot tell whether the manifest was written: %w", e.Epoch, e.Err), true)
	}
}

// missing names the tasks that a checkpoint still waits for.
func (c *Coordinator) missing() string {
	const shown = 5
	var names []string
	for task := range c.tasks {
		if _, ok := c.current.snapshots[task]; !ok {
			names = append(names, task.String())
		}
	}
	slices.Sort(names)
	if len(names) > shown {
		return fmt.Sprintf("waited for %s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
	}
	return "waited for " + strings.Join(names, ", ")
}

func compareTasks(a, b TaskID) int {
	return cmp.Or(cmp.Compare(a.Vertex, b.Vertex), cmp.Compare(a.Subtask, b.Subtask))
}

// newTableBytes is the size of the tables that the older manifest does not name.
func newTableBytes(older, m *Manifest) int64 {
	seen := map[string]bool{}
	if older != nil {
		for _, name := range older.Objects() {
			seen[name] = true
		}
	}
	var total int64
	for i := range m.Tasks {
		for _, table := range m.Tasks[i].Tables {
			if !seen[table.Object] {
				seen[table.Object] = true
				total += table.Bytes
			}
		}
	}
	return total
}
