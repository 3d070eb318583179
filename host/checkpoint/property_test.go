package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/memstore"
)

// TestCoordinatorProperties drives one coordinator with events in any order and
// checks after each action what must hold whatever happens.
func TestCoordinatorProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newPropertyWorld(t)
		for range rapid.IntRange(1, 200).Draw(t, "events") {
			w.event()
		}
		w.settle()
	})
}

// propertyWorld is a coordinator with tasks that keep the rules of
// TaskAcknowledged, and a model of what is durable and committed.
type propertyWorld struct {
	t           *rapid.T
	store       *memstore.Store
	log         *checkpoint.Log
	coordinator *checkpoint.Coordinator
	now         time.Time
	tasks       []*propertyTask
	writing     *checkpoint.WriteManifest
	committing  *checkpoint.Commit

	durable   []*checkpoint.Manifest
	named     map[string]bool // committables that a durable manifest names
	committed map[string]int
	prepared  map[string]bool
	over      bool
	faults    bool
	collects  checkpoint.Epoch // the epoch whose barrier is out; 0 = none
}

type propertyTask struct {
	id       checkpoint.TaskID
	barriers []checkpoint.Epoch // not answered yet
	tables   []checkpoint.Table
	number   int
	ended    bool
}

func newPropertyWorld(t *rapid.T) *propertyWorld {
	w := &propertyWorld{
		t: t, store: memstore.New(), now: time.UnixMilli(0), faults: true,
		named: map[string]bool{}, committed: map[string]int{}, prepared: map[string]bool{},
	}
	config := checkpoint.CoordinatorConfig{
		Job: "job", JobUUID: "uuid", Attempt: 1, MaxParallelism: 128, TolerableFailures: -1,
		Interval: time.Second, Timeout: 3 * time.Second, Retain: rapid.IntRange(1, 3).Draw(t, "retain"),
		MaxUnconfirmedEpochs: rapid.IntRange(1, 3).Draw(t, "unconfirmed"),
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "tasks") {
		id := checkpoint.TaskID{Vertex: "v", Subtask: i}
		config.Tasks = append(config.Tasks, id)
		w.tasks = append(w.tasks, &propertyTask{id: id})
	}
	config.SourceTasks = config.Tasks[:1]
	var err error
	if w.log, err = checkpoint.OpenLog(context.Background(), w.store); err != nil {
		t.Fatal(err)
	}
	w.coordinator = checkpoint.NewCoordinator(config, checkpoint.Recovered{})
	w.step(checkpoint.Tick{})
	return w
}

// event lets one thing happen.
func (w *propertyWorld) event() {
	switch rapid.IntRange(0, 9).Draw(w.t, "event") {
	case 0, 1:
		w.now = w.now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(w.t, "milliseconds")) * time.Millisecond)
		w.step(checkpoint.Tick{})
	case 2, 3, 4, 5:
		w.answerBarrier(rapid.SampledFrom(w.tasks).Draw(w.t, "task"))
	case 6, 7:
		w.answerWrite()
	case 8:
		w.answerCommit()
	case 9:
		if rapid.IntRange(0, 9).Draw(w.t, "rare") == 0 {
			w.step(checkpoint.StopRequested{})
			return
		}
		w.end(rapid.SampledFrom(w.tasks).Draw(w.t, "task"))
	}
}

func (w *propertyWorld) end(task *propertyTask) {
	if !task.ended {
		task.ended = true
		w.step(checkpoint.TaskEnded{Task: task.id})
	}
}

// answerBarrier acknowledges or declines the oldest barrier of a task.
func (w *propertyWorld) answerBarrier(task *propertyTask) {
	if len(task.barriers) == 0 {
		return
	}
	epoch := task.barriers[0]
	task.barriers = task.barriers[1:]
	task.number++
	id := fmt.Sprintf("%d-%d", task.id.Subtask, task.number)
	w.prepared[id] = true
	output := []checkpoint.Committable{{Sink: "sink", Epoch: epoch, ID: id}}
	if w.faults && rapid.IntRange(0, 4).Draw(w.t, "decline") == 0 {
		w.step(checkpoint.TaskDeclined{Epoch: epoch, Task: task.id, Committables: output, Err: errors.New("declined")})
		return
	}
	if len(task.tables) > 2 { // merged
		task.tables = nil
	}
	name := checkpoint.TablePrefix + id
	if err := w.store.Create(context.Background(), name, []byte("x")); err != nil {
		w.t.Fatal(err)
	}
	task.tables = append(task.tables, checkpoint.Table{Object: name, Bytes: 1, Last: 127, Operators: []string{"v"}})
	w.step(checkpoint.TaskAcknowledged{Epoch: epoch, Snapshot: checkpoint.TaskSnapshot{
		Task: task.id, Tables: slices.Clone(task.tables), Committables: output,
	}})
}

func (w *propertyWorld) answerWrite() {
	write := w.writing
	if write == nil {
		return
	}
	w.writing = nil
	if w.faults && rapid.IntRange(0, 4).Draw(w.t, "full") == 0 {
		w.step(checkpoint.ManifestFailed{Epoch: write.Manifest.Epoch, Err: memstore.Full().Err})
		return
	}
	number, err := w.log.Append(context.Background(), checkpoint.Entry{Checkpoint: write.Manifest, Attachments: write.Attachments})
	if err != nil {
		w.t.Fatalf("append: %v", err)
	}
	w.durable = append(w.durable, write.Manifest)
	for _, c := range write.Manifest.Pending {
		w.named[c.ID] = true
	}
	w.step(checkpoint.ManifestDurable{Epoch: write.Manifest.Epoch, Number: number})
}

func (w *propertyWorld) answerCommit() {
	commit := w.committing
	if commit == nil {
		return
	}
	w.committing = nil
	results := checkpoint.CommitResults{Sink: commit.Sink}
	for _, c := range commit.Committables {
		outcome := connectors.Committed
		if w.faults && rapid.IntRange(0, 2).Draw(w.t, "retry") == 0 {
			outcome = connectors.CommitRetry
		} else {
			w.committed[c.ID]++
		}
		results.Results = append(results.Results, connectors.CommitResult{ID: c.ID, Outcome: outcome})
	}
	w.step(results)
}

func (w *propertyWorld) step(event checkpoint.Event) {
	actions := w.coordinator.Step(w.now, event)
	if w.over && len(actions) > 0 {
		w.t.Fatalf("after its end the coordinator gave %#v", actions)
	}
	for _, action := range actions {
		w.check(action)
	}
}

// check holds one action against what must be true at that moment.
func (w *propertyWorld) check(action checkpoint.Action) {
	switch a := action.(type) {
	case checkpoint.TriggerBarrier:
		if w.collects != 0 || w.writing != nil {
			w.t.Fatalf("barrier %d while checkpoint %d is under way", a.Epoch, w.collects)
		}
		w.collects = a.Epoch
		for _, task := range w.tasks {
			task.barriers = append(task.barriers, a.Epoch)
		}
	case checkpoint.AbortEpoch:
		w.collects = 0
	case checkpoint.WriteManifest:
		w.collects = 0
		w.writing = &a
		w.checkCarriedForward(a.Manifest)
	case checkpoint.Commit:
		if w.committing != nil {
			w.t.Fatalf("two commits at a time for one sink")
		}
		w.committing = &a
		for _, c := range a.Committables {
			if !w.named[c.ID] {
				w.t.Fatalf("%s is committed, but no durable manifest names it", c.ID)
			}
		}
	case checkpoint.DeleteObjects:
		w.checkDeletion(a)
	case checkpoint.FailJob:
		w.t.Fatalf("the job failed: %v", a.Err)
	case checkpoint.JobFinished:
		w.over = true
		if last := w.durable[len(w.durable)-1]; !last.Finished {
			w.t.Fatalf("the job finished, but the last manifest does not say so")
		}
	case checkpoint.JobStopped:
		w.over = true
	}
}

// checkCarriedForward: what is prepared for this epoch or before is either named
// by the manifest or committed already.
func (w *propertyWorld) checkCarriedForward(m *checkpoint.Manifest) {
	pending := map[string]bool{}
	for _, c := range m.Pending {
		pending[c.ID] = true
	}
	for id := range w.prepared {
		if !pending[id] && w.committed[id] == 0 {
			w.t.Fatalf("manifest %d forgets %s", m.Epoch, id)
		}
	}
}

// checkDeletion: nothing is deleted that a manifest in the log, or the last
// list of a task, names.
func (w *propertyWorld) checkDeletion(a checkpoint.DeleteObjects) {
	for _, name := range a.Names {
		if err := w.store.Delete(context.Background(), name); err != nil {
			w.t.Fatal(err)
		}
		for _, task := range w.tasks {
			for _, table := range task.tables {
				if table.Object == name {
					w.t.Fatalf("%s is deleted, but task %s lists it", name, task.id)
				}
			}
		}
	}
	log, err := checkpoint.OpenLog(context.Background(), w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	contents := log.Contents()
	for _, entry := range contents.Entries {
		if entry.Damaged != nil {
			w.t.Fatalf("deletion left a gap: %v", entry.Damaged)
		}
		for _, name := range entry.Checkpoint.Objects() {
			if !slices.Contains(contents.Objects, name) {
				w.t.Fatalf("%s was deleted, but checkpoint %d in the log names it", name, entry.Checkpoint.Epoch)
			}
		}
	}
}

// settle ends all faults and all input: the job must come to its end, with all
// output committed.
func (w *propertyWorld) settle() {
	w.faults = false
	for _, task := range w.tasks {
		w.end(task)
	}
	for range 10000 {
		if w.over {
			break
		}
		for _, task := range w.tasks {
			w.answerBarrier(task)
		}
		w.answerWrite()
		w.answerCommit()
		if next, ok := w.coordinator.NextTick(); ok && next.After(w.now) {
			w.now = next
		}
		w.step(checkpoint.Tick{})
	}
	if !w.over {
		w.t.Fatalf("the job does not come to its end: %+v", w.coordinator.Status())
	}
	for id := range w.prepared {
		if w.committed[id] == 0 {
			w.t.Fatalf("%s was never committed", id)
		}
	}
}
