package checkpoint

import "slices"

// retention knows which objects are still needed. A task's list of tables only
// ever loses a name for good, so a table may be deleted once no retained
// manifest names it and a durable manifest is newer than the last snapshot,
// complete or aborted, that listed it.
type retention struct {
	keep        int
	retained    []*Manifest      // oldest first
	lastListed  map[string]Epoch // object -> newest epoch of a snapshot that lists it
	firstNumber uint64           // of the log
	orphans     []string
}

func newRetention(keep int, recovered Recovered) retention {
	r := retention{
		keep: keep, lastListed: map[string]Epoch{},
		firstNumber: max(recovered.FirstNumber, 1), orphans: recovered.Orphans,
	}
	for _, m := range recovered.Retained {
		r.add(m)
	}
	return r
}

func (r *retention) add(m *Manifest) {
	r.retained = append(r.retained, m)
	for _, name := range m.Objects() {
		r.lastListed[name] = max(r.lastListed[name], m.Epoch)
	}
}

// listed notes objects of a task's snapshot, or others that may be deleted once
// a newer manifest is durable that does not name them.
func (r *retention) listed(epoch Epoch, names []string) {
	for _, name := range names {
		r.lastListed[name] = max(r.lastListed[name], epoch)
	}
}

func tableNames(tables []Table) []string {
	names := make([]string, len(tables))
	for i := range tables {
		names[i] = tables[i].Object
	}
	return names
}

func (r *retention) deleteOrphans(actions []Action) []Action {
	if len(r.orphans) == 0 {
		return actions
	}
	names := r.orphans
	r.orphans = nil
	return append(actions, DeleteObjects{Names: names})
}

// durable deletes what a new durable manifest makes superfluous: manifests
// first, so that no manifest in the log ever names an object that is gone.
func (r *retention) durable(actions []Action, m *Manifest) []Action {
	r.add(m)
	if extra := len(r.retained) - r.keep; extra > 0 {
		r.retained = slices.Delete(r.retained, 0, extra)
	}
	var names []string
	for ; r.firstNumber < r.retained[0].Number; r.firstNumber++ {
		a, b := entryNames(r.firstNumber)
		names = append(names, a, b)
	}
	needed := map[string]bool{}
	for _, kept := range r.retained {
		for _, name := range kept.Objects() {
			needed[name] = true
		}
	}
	var objects []string
	for name, epoch := range r.lastListed {
		if !needed[name] && epoch < m.Epoch {
			objects = append(objects, name)
			delete(r.lastListed, name)
		}
	}
	slices.Sort(objects)
	if names = append(names, objects...); len(names) == 0 {
		return actions
	}
	return append(actions, DeleteObjects{Names: names})
}
