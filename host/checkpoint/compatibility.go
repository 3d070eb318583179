package checkpoint

import (
	"fmt"
	"maps"
	"slices"
)

// checkCompatible tells whether a job fits the checkpoint that it would resume
// from; the error names every difference.
func checkCompatible(m *Manifest, facts Facts, options Options) error {
	if m.MaxParallelism != facts.MaxParallelism {
		return &RefusedError{
			Problems: []string{fmt.Sprintf("max_parallelism was %d at the first start and is %d now; it can never change, because it places every key", m.MaxParallelism, facts.MaxParallelism)},
			Advice:   fmt.Sprintf("Set max_parallelism to %d", m.MaxParallelism),
		}
	}
	var problems, dropped []string
	now := make(map[string]*OperatorInfo, len(facts.Operators))
	for i := range facts.Operators {
		now[facts.Operators[i].UID] = &facts.Operators[i]
	}
	stateful := operatorsWithTables(m)
	for i := range m.Operators {
		before := &m.Operators[i]
		after := now[before.UID]
		if after == nil {
			if stateful[before.UID] {
				dropped = append(dropped, fmt.Sprintf("operator %q has state in checkpoint %d, and the job has no such uid", before.UID, m.Epoch))
			}
			continue
		}
		p, d := compareOperators(before, after)
		problems, dropped = append(problems, p...), append(dropped, d...)
	}
	problems = append(problems, checkChains(m, facts)...)
	p, d := compareConnectors(m, facts)
	problems, dropped = append(problems, p...), append(dropped, d...)
	if len(problems) > 0 {
		return &RefusedError{Problems: append(problems, dropped...), Advice: "Bring back a compatible job or module, or start anew with another checkpoint store"}
	}
	if len(dropped) > 0 && !options.AllowDroppedState {
		return &RefusedError{Problems: dropped, Advice: "Put back what is missing, or start with --allow-dropped-state to let this state go"}
	}
	return nil
}

// operatorsWithTables are the uids of operators that may have state in tables.
func operatorsWithTables(m *Manifest) map[string]bool {
	uids := map[string]bool{}
	for i := range m.Tasks {
		for _, table := range m.Tasks[i].Tables {
			for _, uid := range table.Operators {
				uids[uid] = true
			}
		}
	}
	return uids
}

func compareOperators(before, after *OperatorInfo) (problems, dropped []string) {
	states := make(map[string]StateInfo, len(after.States))
	for _, state := range after.States {
		states[state.Name] = state
	}
	for _, old := range before.States {
		state, found := states[old.Name]
		switch {
		case !found && !old.Dropped:
			dropped = append(dropped, fmt.Sprintf("operator %q no longer declares the %s state %q", after.UID, old.Kind, old.Name))
		case found && state.Kind != old.Kind:
			problems = append(problems, fmt.Sprintf("operator %q: state %q was a %s and is a %s now", after.UID, old.Name, old.Kind, state.Kind))
		case found && state.SchemaVersion < old.SchemaVersion:
			problems = append(problems, fmt.Sprintf("operator %q: state %q was written with schema version %d, the module reads up to %d", after.UID, old.Name, old.SchemaVersion, state.SchemaVersion))
		}
	}
	timers := make(map[string]TimerInfo, len(after.Timers))
	for _, timer := range after.Timers {
		timers[timer.Name] = timer
	}
	for _, old := range before.Timers {
		timer, found := timers[old.Name]
		switch {
		case !found && !old.Dropped:
			dropped = append(dropped, fmt.Sprintf("operator %q no longer declares the timer %q", after.UID, old.Name))
		case found && timer.Domain != old.Domain:
			problems = append(problems, fmt.Sprintf("operator %q: timer %q was of %s time and is of %s time now", after.UID, old.Name, old.Domain, timer.Domain))
		}
	}
	return problems, dropped
}

// compareConnectors looks for positions and prepared output that nobody claims.
func compareConnectors(m *Manifest, facts Facts) (problems, dropped []string) {
	sources := map[string]bool{}
	for i := range facts.Vertices {
		if uid := facts.Vertices[i].Source; uid != "" {
			sources[uid] = true
		}
	}
	for _, uid := range sourcesOf(m) {
		if !sources[uid] {
			dropped = append(dropped, fmt.Sprintf("source %q has positions in checkpoint %d, and the job has no such uid", uid, m.Epoch))
		}
	}
	waiting := map[string]int{}
	for i := range m.Pending {
		if !slices.Contains(facts.Sinks, m.Pending[i].Sink) {
			waiting[m.Pending[i].Sink]++
		}
	}
	for _, uid := range slices.Sorted(maps.Keys(waiting)) {
		problems = append(problems, fmt.Sprintf("sink %q has prepared output in checkpoint %d that waits for its commit (%d pieces), and the job has no such uid; run and stop the job with that sink first", uid, m.Epoch, waiting[uid]))
	}
	return problems, dropped
}

// sourcesOf are the uids of sources with positions in the manifest, sorted.
func sourcesOf(m *Manifest) []string {
	uids := map[string]bool{}
	for i := range m.Sources {
		if m.Sources[i].FinishedCount > 0 {
			uids[m.Sources[i].UID] = true
		}
	}
	for i := range m.Tasks {
		for uid, positions := range m.Tasks[i].Splits {
			if len(positions) > 0 {
				uids[uid] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(uids))
}

// recordOperators gives the operators for the next manifests: those of the facts
// with their vertex, and behind their states and timers those that the manifest
// has and no module declares any more, marked as dropped.
func recordOperators(before []OperatorInfo, facts Facts) []OperatorInfo {
	old := make(map[string]OperatorInfo, len(before))
	for i := range before {
		old[before[i].UID] = before[i]
	}
	vertices := map[string]string{}
	for i := range facts.Vertices {
		for _, uid := range facts.Vertices[i].Operators {
			vertices[uid] = facts.Vertices[i].UID
		}
	}
	operators := slices.Clone(facts.Operators)
	for i := range operators {
		info := &operators[i]
		info.Vertex = vertices[info.UID]
		info.States = slices.Clone(info.States)
		for _, state := range old[info.UID].States {
			if !slices.ContainsFunc(info.States, func(s StateInfo) bool { return s.Name == state.Name }) {
				state.Dropped = true
				info.States = append(info.States, state)
			}
		}
		info.Timers = slices.Clone(info.Timers)
		for _, timer := range old[info.UID].Timers {
			if !slices.ContainsFunc(info.Timers, func(t TimerInfo) bool { return t.Name == timer.Name }) {
				timer.Dropped = true
				info.Timers = append(info.Timers, timer)
			}
		}
	}
	return operators
}
