package sim

import (
	"errors"
	"slices"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// newest is the newest checkpoint in the log; nil = none.
func (w *World) newest() *checkpoint.Manifest {
	log := w.openLog()
	if log == nil {
		return nil
	}
	entries := log.Entries()
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].Damaged != nil {
			w.violated("both copies are gone: %v", entries[i].Damaged)
		}
		if m := entries[i].Checkpoint; m != nil {
			return m
		}
	}
	return nil
}

// newestAttempt is the attempt that leads according to the log.
func (w *World) newestAttempt() uint64 {
	log := w.openLog()
	if log == nil {
		return 0
	}
	entries := log.Entries()
	for i := len(entries) - 1; i >= 0; i-- {
		if claim := entries[i].Claim; claim != nil {
			return claim.Attempt
		}
		if m := entries[i].Checkpoint; m != nil {
			return m.Attempt
		}
	}
	return 0
}

// newestNames tells whether the newest checkpoint lists output as pending: only
// then may it take effect.
func (w *World) newestNames(sink, id string) bool {
	m := w.newest()
	return m != nil && slices.ContainsFunc(m.Pending, func(c checkpoint.Committable) bool { return c.Sink == sink && c.ID == id })
}

// checkFinished holds the committed output against the model's.
// With final, the user has dealt with all letters too.
func (w *World) checkFinished(final bool) {
	if err := errors.Join(w.checkCounts(final), w.checkRaw(final)); err != nil {
		w.violated("the job is finished, but %v", err)
	}
	if m := w.newest(); m == nil || !m.Finished {
		w.violated("the job is finished, but its log does not say so")
	}
}

// checkStopped: after a stop nothing waits for a commit.
func (w *World) checkStopped() {
	if m := w.newest(); m == nil || len(m.Pending) > 0 {
		w.violated("the job is stopped, and its newest checkpoint still has output to commit: %+v", m)
	}
}

// checkStore: from the oldest retained checkpoint on, each has all that it names,
// epochs and attempts rise, and no entry is lost. Older entries may be what a
// deletion left, or what a host wrote that had lost the job long before.
func (w *World) checkStore() {
	log := w.openLog()
	if log == nil {
		return
	}
	contents := log.Contents()
	oldest := oldestRetained(contents.Entries)
	var last checkpoint.Manifest
	for _, entry := range contents.Entries {
		if entry.Number < oldest {
			continue
		}
		if entry.Damaged != nil {
			w.violated("entry %d: %v", entry.Number, entry.Damaged)
			continue
		}
		m := entry.Checkpoint
		if m == nil {
			continue
		}
		if m.Epoch <= last.Epoch || m.Attempt < last.Attempt {
			w.violated("checkpoint %d of attempt %d follows checkpoint %d of attempt %d", m.Epoch, m.Attempt, last.Epoch, last.Attempt)
		}
		last = *m
		for _, name := range m.Objects() {
			if !slices.Contains(contents.Objects, name) {
				w.violated("checkpoint %d names %s, which is gone", m.Epoch, name)
			}
		}
	}
}

// oldestRetained is the number of the oldest checkpoint that deletion spares.
// Below a gap there is only what a host wrote that had lost the job.
func oldestRetained(entries []checkpoint.EntryInfo) uint64 {
	kept := retained
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].Damaged != nil && kept < retained {
			return entries[i].Number + 1
		}
		if entries[i].Checkpoint == nil {
			continue
		}
		if kept--; kept == 0 {
			return entries[i].Number
		}
	}
	return 0
}

// checkAlreadyFinished: another start finds that there is nothing to do.
func (w *World) checkAlreadyFinished() {
	log := w.openLog()
	if log == nil {
		return
	}
	d := checkpoint.Decide(log.Contents(), checkpoint.Facts{Job: "sim", MaxParallelism: 8}, checkpoint.Options{})
	if d.Kind != checkpoint.AlreadyFinished {
		w.violated("the job is finished, but another start would %v: %v", d.Kind, d.Err)
	}
}
