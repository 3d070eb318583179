package job

import (
	"context"
	"fmt"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/task"
)

// discoverIntervalMS is the time between two looks for new splits.
const discoverIntervalMS = 1000

// enumerator finds the splits of one source and hands them out. A split that
// nobody holds is in no snapshot: after a restart it is discovered again.
type enumerator struct {
	uid      string
	source   connectors.Source
	worker   task.Worker
	ctx      context.Context
	nowMS    func() int64
	assignTo func(subtask int, assignments []connectors.Assignment, noMore bool)
	fail     func(error)

	known       map[string]bool // assigned before, or finished
	unassigned  []connectors.Split
	eager       []connectors.Split // to be handed out at once
	eagerHeld   []int              // by subtask: eager splits that it was given
	found       bool               // the splits were discovered at least once
	announced   bool               // the tasks know that
	final       bool
	discovering bool
	discoverMS  int64 // when to look again
	asked       []int // by subtask: splits that it waits for
	heard       int   // subtasks that asked at least once
	heardFrom   []bool
}

// newEnumerator restores an enumerator: split ids that were read or are being
// read are not handed out again.
func newEnumerator(uid string, source connectors.Source, parallelism int, known []string) *enumerator {
	e := &enumerator{
		uid: uid, source: source, known: make(map[string]bool, len(known)),
		asked: make([]int, parallelism), heardFrom: make([]bool, parallelism), eagerHeld: make([]int, parallelism),
	}
	for _, id := range known {
		e.known[id] = true
	}
	return e
}

// close makes that no split is ever found but those that tasks have already.
func (e *enumerator) close() { e.found, e.final = true, true }

// want notes that a subtask asks for splits.
func (e *enumerator) want(id checkpoint.TaskID, count int) {
	e.asked[id.Subtask] = count
	if !e.heardFrom[id.Subtask] {
		e.heardFrom[id.Subtask] = true
		e.heard++
	}
}

// tick looks for new splits when it is time.
func (e *enumerator) tick() {
	if e.final || e.discovering || e.nowMS() < e.discoverMS {
		return
	}
	e.discovering = true
	e.worker.Submit(func() func() {
		splits, final, err := e.source.Discover(e.ctx)
		return func() { e.discovered(splits, final, err) }
	})
}

// deadline is when tick has to be called next.
func (e *enumerator) deadline() int64 {
	if e.final || e.discovering {
		return task.Never
	}
	return e.discoverMS
}

func (e *enumerator) discovered(splits []connectors.Split, final bool, err error) {
	e.discovering = false
	e.discoverMS = e.nowMS() + discoverIntervalMS
	if err != nil {
		e.fail(fmt.Errorf("job: source %s: discover splits: %w", e.uid, err))
		return
	}
	for _, s := range splits {
		if !e.known[s.ID] {
			e.known[s.ID] = true
			if s.Eager {
				e.eager = append(e.eager, s)
			} else {
				e.unassigned = append(e.unassigned, s)
			}
		}
	}
	e.found = true
	e.final = final
}

// serve hands out the splits that were found. The first time it tells all
// subtasks, in one go, even where there is none for them: so a checkpoint has
// either all eager splits that there were, or none, and knows which.
func (e *enumerator) serve() {
	given := make([][]connectors.Assignment, len(e.asked))
	told := e.serveEager(given)
	if e.heard == len(e.asked) {
		e.serveAsked(given)
		told = told || e.found && !e.announced
	}
	noMore := e.final && len(e.unassigned) == 0
	for subtask := range e.asked {
		wants := e.asked[subtask] > 0 && e.heard == len(e.asked)
		if len(given[subtask]) == 0 && !(wants && noMore) && !told {
			continue
		}
		e.asked[subtask] = 0
		e.assignTo(subtask, given[subtask], noMore)
	}
	e.announced = e.announced || told
}

// serveEager hands each eager split to the subtask that has the fewest. It
// reports whether there were any.
func (e *enumerator) serveEager(given [][]connectors.Assignment) bool {
	for _, split := range e.eager {
		fewest := 0
		for subtask, held := range e.eagerHeld {
			if held < e.eagerHeld[fewest] {
				fewest = subtask
			}
		}
		e.eagerHeld[fewest]++
		given[fewest] = append(given[fewest], connectors.Assignment{Split: split})
	}
	served := len(e.eager) > 0
	e.eager = nil
	return served
}

// serveAsked hands the other splits out one by one, in turn over the subtasks
// that ask. The first round waits for all of them, so that few splits are spread
// evenly.
func (e *enumerator) serveAsked(given [][]connectors.Assignment) {
	for progress := true; progress && len(e.unassigned) > 0; {
		progress = false
		for subtask := range e.asked {
			if len(given[subtask]) < e.asked[subtask] && len(e.unassigned) > 0 {
				given[subtask] = append(given[subtask], connectors.Assignment{Split: e.unassigned[0]})
				e.unassigned = e.unassigned[1:]
				progress = true
			}
		}
	}
}
