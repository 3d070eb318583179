package checkpoint

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/turgo-stream/turgo/host/keygroup"
)

// AssignTasks gives to every task of the plan what it begins with: the tables
// whose key groups and operators meet its own, in their order, cut to its
// key groups, and a share of its source's splits. A nil manifest gives empty
// snapshots.
func AssignTasks(m *Manifest, facts Facts) []TaskSnapshot {
	var tasks []TaskSnapshot
	for i := range facts.Vertices {
		vertex := &facts.Vertices[i]
		splits := splitsInWork(m, vertex.Source)
		for subtask := range vertex.Parallelism {
			snapshot := TaskSnapshot{Task: TaskID{Vertex: vertex.UID, Subtask: subtask}}
			if m != nil {
				first, last := keygroup.Range(subtask, facts.MaxParallelism, vertex.Parallelism)
				snapshot.Tables = tablesFor(m, vertex.Operators, uint16(first), uint16(last))
			}
			var share []SplitPosition
			for j := subtask; j < len(splits); j += vertex.Parallelism {
				share = append(share, splits[j])
			}
			if len(share) > 0 {
				snapshot.Splits = map[string][]SplitPosition{vertex.Source: share}
			}
			tasks = append(tasks, snapshot)
		}
	}
	return tasks
}

// homes tells in which vertex each operator ran when the manifest was taken.
// Only that vertex's tasks have its state of today: tables in other tasks may
// hold a stale copy, from before a chain was split.
func homes(m *Manifest) map[string]string {
	vertices := make(map[string]string, len(m.Operators))
	for i := range m.Operators {
		vertices[m.Operators[i].UID] = m.Operators[i].Vertex
	}
	return vertices
}

// holds tells whether a table of a vertex's task has the state of today of any
// of some operators.
func holds(table *Table, vertex string, operators []string, home map[string]string) bool {
	return slices.ContainsFunc(table.Operators, func(uid string) bool {
		return home[uid] == vertex && slices.Contains(operators, uid)
	})
}

// tablesFor lists what the tables of a checkpoint hold of some operators within
// key groups [first, last].
func tablesFor(m *Manifest, operators []string, first, last uint16) []Table {
	home := homes(m)
	var tables []Table
	for i := range m.Tasks {
		floor := 0
		for _, table := range m.Tasks[i].Tables {
			table.First, table.Last = max(table.First, first), min(table.Last, last)
			if table.First > table.Last || !holds(&table, m.Tasks[i].Task.Vertex, operators, home) {
				continue
			}
			tables, floor = joinTable(tables, table, floor)
		}
	}
	return tables
}

// joinTable widens the part of the same object that the new part touches, or
// appends it. A part never comes before floor, the place of what it shadows; the
// result is its place.
func joinTable(tables []Table, part Table, floor int) ([]Table, int) {
	for i := floor; i < len(tables); i++ {
		known := &tables[i]
		if known.Object == part.Object && int(part.First) <= int(known.Last)+1 && int(known.First) <= int(part.Last)+1 {
			known.First, known.Last = min(known.First, part.First), max(known.Last, part.Last)
			return tables, i
		}
	}
	return append(tables, part), len(tables)
}

// checkChains looks for operators that were chained, then apart, and are to be
// chained again while a table from before holds a stale copy of one's state,
// which would hide the other's.
func checkChains(m *Manifest, facts Facts) []string {
	home := homes(m)
	var problems []string
	for v := range facts.Vertices {
		vertex := &facts.Vertices[v]
		reported := map[string]bool{}
		for i := range m.Tasks {
			from := m.Tasks[i].Task.Vertex
			for j := range m.Tasks[i].Tables {
				table := &m.Tasks[i].Tables[j]
				if !holds(table, from, vertex.Operators, home) {
					continue
				}
				for _, uid := range table.Operators {
					if home[uid] != from && !reported[uid] && slices.Contains(vertex.Operators, uid) {
						reported[uid] = true
						problems = append(problems, fmt.Sprintf("operator %q cannot be chained to %q again: table %q holds its state from before they were apart. Keep them apart, by another parallelism or an edge that is not forward", uid, from, table.Object))
					}
				}
			}
		}
	}
	return problems
}

// splitsInWork lists the unfinished splits of a source, by id.
func splitsInWork(m *Manifest, source string) []SplitPosition {
	if m == nil || source == "" {
		return nil
	}
	var splits []SplitPosition
	for i := range m.Tasks {
		splits = append(splits, m.Tasks[i].Splits[source]...)
	}
	slices.SortFunc(splits, func(a, b SplitPosition) int { return cmp.Compare(a.ID, b.ID) })
	return splits
}
