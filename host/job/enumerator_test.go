package job

import (
	"context"
	"fmt"
	"testing"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
)

// found is a source of which only Discover is used.
type found struct {
	connectors.Source
	splits []connectors.Split
	final  bool
}

func (f *found) Discover(context.Context) ([]connectors.Split, bool, error) {
	return f.splits, f.final, nil
}

// atOnce is a worker that works at once.
type atOnce struct{}

func (atOnce) Submit(work func() func()) {
	if done := work(); done != nil {
		done()
	}
}

// handedOut collects what an enumerator assigns.
type handedOut struct {
	*enumerator
	source *found
	splits []int // by subtask
	calls  []int // by subtask
	noMore []bool
}

func newHandedOut(parallelism int, source *found, known ...string) *handedOut {
	h := &handedOut{
		enumerator: newEnumerator("numbers", source, parallelism, known), source: source,
		splits: make([]int, parallelism), calls: make([]int, parallelism), noMore: make([]bool, parallelism),
	}
	h.worker, h.ctx, h.nowMS = atOnce{}, context.Background(), func() int64 { return 0 }
	h.fail = func(err error) { panic(err) }
	h.assignTo = func(subtask int, assignments []connectors.Assignment, noMore bool) {
		h.splits[subtask] += len(assignments)
		h.calls[subtask]++
		h.noMore[subtask] = noMore
	}
	return h
}

func splitsNamed(count int, eager bool) []connectors.Split {
	splits := make([]connectors.Split, count)
	for i := range splits {
		splits[i] = connectors.Split{ID: fmt.Sprint("split ", i), Eager: eager}
	}
	return splits
}

// Splits that never end are all handed out, however many a subtask holds, and
// without being asked for: nobody would read the others.
func TestEagerSplitsAreAllHandedOutAtOnce(t *testing.T) {
	h := newHandedOut(2, &found{splits: splitsNamed(301, true)}, "split 7")
	h.eagerHeld[0] = 101
	h.tick()
	h.serve()
	if apart := h.splits[0] + 101 - h.splits[1]; h.splits[0]+h.splits[1] != 300 || apart < -1 || apart > 1 {
		t.Errorf("subtasks got %v, beside the 101 that the first held", h.splits)
	}
	h.source.splits = append(h.source.splits, connectors.Split{ID: "late", Eager: true})
	h.discoverMS = 0
	h.tick()
	h.serve()
	if h.splits[0]+h.splits[1] != 301 {
		t.Errorf("a split that was found later was not handed out: %v", h.splits)
	}
}

// All subtasks hear of the first discovery in one go, even if it found nothing:
// a checkpoint knows then which splits are new.
func TestTheFirstDiscoveryIsToldToAll(t *testing.T) {
	for _, count := range []int{0, 1} {
		h := newHandedOut(3, &found{splits: splitsNamed(count, count > 0)})
		for subtask := range 3 {
			h.want(checkpoint.TaskID{Subtask: subtask}, 64)
		}
		h.serve()
		for subtask, calls := range h.calls {
			if calls != 0 {
				t.Errorf("subtask %d was told of a discovery that was not made", subtask)
			}
		}
		h.tick()
		h.serve()
		h.serve()
		for subtask, calls := range h.calls {
			if calls != 1 {
				t.Errorf("%d splits: subtask %d was told %d times, want once", count, subtask, calls)
			}
		}
	}
}

// Other splits wait until all subtasks asked, and come as they are asked for.
func TestOtherSplitsAreHandedOutAsAskedFor(t *testing.T) {
	h := newHandedOut(2, &found{splits: splitsNamed(10, false), final: true})
	h.tick()
	h.want(checkpoint.TaskID{Subtask: 0}, 3)
	h.serve()
	if h.splits[0] != 0 {
		t.Fatalf("a subtask got %d splits before the other asked", h.splits[0])
	}
	h.want(checkpoint.TaskID{Subtask: 1}, 4)
	h.serve()
	if h.splits[0] != 3 || h.splits[1] != 4 || h.noMore[0] || h.noMore[1] {
		t.Fatalf("got %v, no more: %v", h.splits, h.noMore)
	}
	h.want(checkpoint.TaskID{Subtask: 0}, 64)
	h.serve()
	if h.splits[0] != 6 || !h.noMore[0] {
		t.Errorf("got %v, no more: %v", h.splits, h.noMore)
	}
}
