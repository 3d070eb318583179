package checkpoint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/turgo-stream/turgo/connectors"
)

const (
	// commitLimit bounds the committables of one Commit.
	commitLimit = 1000
	// commitCallFailuresMax is how many calls in a row may fail as a whole before
	// a new attempt opens the sink anew.
	commitCallFailuresMax = 5
)

// CommitLostError tells that a sink cannot commit what it had prepared: the
// output of that checkpoint is lost, and no restart brings it back.
type CommitLostError struct {
	Sink   string
	Epochs []Epoch
	IDs    []string
	Reason string
}

func (e *CommitLostError) Error() string {
	return fmt.Sprintf("checkpoint: output is lost: sink %q cannot commit %s, prepared for checkpoint %s: %s. "+
		"The job stops. See what the sink's system did with it, then resume to try the commit again",
		e.Sink, list(e.IDs), list(e.Epochs), e.Reason)
}

// CommitUnknownError tells that a sink could not learn whether a commit took
// effect. The next attempt commits again.
type CommitUnknownError struct {
	Sink   string
	IDs    []string
	Reason string
}

func (e *CommitUnknownError) Error() string {
	return fmt.Sprintf("checkpoint: sink %q does not know whether %s was committed: %s", e.Sink, list(e.IDs), e.Reason)
}

// list joins the first few items.
func list[T any](items []T) string {
	const shown = 5
	var b strings.Builder
	for i, item := range items {
		if i == shown {
			fmt.Fprintf(&b, " and %d more", len(items)-shown)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, item)
	}
	return b.String()
}

// commitQueue holds all prepared output until its commit is confirmed and the
// confirmation recorded.
type commitQueue struct {
	retryMin, retryMax time.Duration
	sinks              map[string]*sinkCommits
	order              []string // of sinks, sorted
	// confirmed waits to be recorded in a manifest; recording is what the
	// manifest that is being written records of it.
	confirmed []CommittableName
	recording int
}

type sinkCommits struct {
	// queue is what is not confirmed, in the order of epochs. The first
	// durable entries are named by a durable manifest and may be committed.
	queue    []Committable
	ids      map[string]bool // of the queue
	durable  int
	inFlight bool
	attempts int // in a row without a confirmation
	failures int // in a row of whole calls
	notUntil time.Time
}

func newCommitQueue(retryMin, retryMax time.Duration) commitQueue {
	return commitQueue{retryMin: retryMin, retryMax: retryMax, sinks: map[string]*sinkCommits{}}
}

func (q *commitQueue) sink(uid string) *sinkCommits {
	s := q.sinks[uid]
	if s == nil {
		s = &sinkCommits{ids: map[string]bool{}}
		q.sinks[uid] = s
		q.order = append(q.order, uid)
		slices.Sort(q.order)
	}
	return s
}

// recover takes over what the newest manifest names.
func (q *commitQueue) recover(pending []Committable) {
	for _, committable := range pending {
		s := q.sink(committable.Sink)
		s.add(committable)
		s.durable = len(s.queue)
	}
}

// prepared adds what a task prepared at the barrier of an epoch. Output that
// belongs to an aborted epoch is committed with the next one that completes.
func (q *commitQueue) prepared(epoch Epoch, committables []Committable) {
	for _, committable := range committables {
		if committable.Epoch == 0 {
			committable.Epoch = epoch
		}
		q.sink(committable.Sink).add(committable)
	}
}

func (s *sinkCommits) add(committable Committable) {
	if !s.ids[committable.ID] {
		s.ids[committable.ID] = true
		s.queue = append(s.queue, committable)
	}
}

// unconfirmed lists what a manifest of this epoch has to carry.
func (q *commitQueue) unconfirmed(epoch Epoch) []Committable {
	var all []Committable
	for _, uid := range q.order {
		for _, committable := range q.sinks[uid].queue {
			if committable.Epoch <= epoch {
				all = append(all, committable)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Committable) int { return cmp.Compare(a.Epoch, b.Epoch) })
	return all
}

// newlyConfirmed lists the confirmations for the manifest that is written next.
func (q *commitQueue) newlyConfirmed() []CommittableName {
	q.recording = len(q.confirmed)
	return slices.Clone(q.confirmed)
}

// durable allows to commit all that the manifest names.
func (q *commitQueue) durable(m *Manifest) {
	q.confirmed = slices.Delete(q.confirmed, 0, q.recording)
	q.recording = 0
	named := make(map[CommittableName]bool, len(m.Pending))
	for i := range m.Pending {
		named[m.Pending[i].Name()] = true
	}
	for _, s := range q.sinks {
		slices.SortStableFunc(s.queue, func(a, b Committable) int {
			return compareBools(named[b.Name()], named[a.Name()])
		})
		s.durable = 0
		for s.durable < len(s.queue) && named[s.queue[s.durable].Name()] {
			s.durable++
		}
	}
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// due commits what may be committed now.
func (q *commitQueue) due(now time.Time, actions []Action) []Action {
	for _, uid := range q.order {
		s := q.sinks[uid]
		if s.inFlight || s.durable == 0 || now.Before(s.notUntil) {
			continue
		}
		s.inFlight = true
		actions = append(actions, Commit{Sink: uid, Committables: slices.Clone(s.queue[:min(s.durable, commitLimit)])})
	}
	return actions
}

// next is when a repeated commit is due.
func (q *commitQueue) next() (next time.Time, found bool) {
	for _, s := range q.sinks {
		if !s.inFlight && s.durable > 0 && (!found || s.notUntil.Before(next)) {
			next, found = s.notUntil, true
		}
	}
	return next, found
}

// unconfirmedEpochs counts the durable epochs with output that is not confirmed.
func (q *commitQueue) unconfirmedEpochs() int {
	epochs := map[Epoch]bool{}
	for _, s := range q.sinks {
		for i := range s.queue[:s.durable] {
			epochs[s.queue[i].Epoch] = true
		}
	}
	return len(epochs)
}

// open tells whether any durable output waits for its confirmation.
func (q *commitQueue) open() bool {
	for _, s := range q.sinks {
		if s.durable > 0 {
			return true
		}
	}
	return false
}

// unrecorded tells whether there are confirmations that no manifest records.
func (q *commitQueue) unrecorded() bool { return len(q.confirmed) > 0 }

// commitResults takes the answer of a sink.
func (c *Coordinator) commitResults(actions []Action, e CommitResults) []Action {
	s := c.commits.sinks[e.Sink]
	if s == nil || !s.inFlight {
		return actions
	}
	s.inFlight = false
	if e.Err == nil {
		s.failures = 0
	} else if s.failures++; s.failures >= commitCallFailuresMax {
		return c.fail(actions, fmt.Errorf("checkpoint: sink %q: %d commits in a row failed: %w", e.Sink, s.failures, e.Err), true)
	}
	outcomes := make(map[string]connectors.CommitResult, len(e.Results))
	for _, result := range e.Results {
		outcomes[result.ID] = result
	}
	var lost CommitLostError
	var unknown CommitUnknownError
	kept := s.queue[:0:0]
	confirmed, refused := 0, 0
	for i, committable := range s.queue {
		result, answered := outcomes[committable.ID]
		if i >= s.durable || !answered || e.Err != nil {
			kept = append(kept, committable)
			continue
		}
		switch result.Outcome {
		case connectors.Committed:
			confirmed++
			delete(s.ids, committable.ID)
			c.commits.confirmed = append(c.commits.confirmed, committable.Name())
			continue
		case connectors.CommitLost:
			lost.IDs, lost.Reason = append(lost.IDs, committable.ID), result.Reason
			lost.Epochs = append(lost.Epochs, committable.Epoch)
		case connectors.CommitUnknown:
			unknown.IDs, unknown.Reason = append(unknown.IDs, committable.ID), result.Reason
		}
		refused++
		kept = append(kept, committable)
	}
	s.queue = kept
	s.durable -= confirmed
	if len(lost.IDs) > 0 {
		lost.Sink = e.Sink
		lost.Epochs = slices.Compact(lost.Epochs)
		return c.fail(actions, &lost, false)
	}
	if len(unknown.IDs) > 0 {
		unknown.Sink = e.Sink
		return c.fail(actions, &unknown, true)
	}
	switch {
	case confirmed == 0:
		s.delay(c.now, &c.commits)
	case refused > 0:
		s.attempts = 0
		s.delay(c.now, &c.commits)
	default:
		s.attempts, s.notUntil = 0, c.now
	}
	return actions
}

// delay says when what the sink did not confirm is tried again.
func (s *sinkCommits) delay(now time.Time, q *commitQueue) {
	delay := q.retryMin << min(s.attempts, 20)
	if delay > q.retryMax || delay <= 0 {
		delay = q.retryMax
	}
	s.attempts++
	s.notUntil = now.Add(delay)
}
