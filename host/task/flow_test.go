package task_test

import (
	"errors"
	"testing"

	"github.com/turgo-stream/turgo/host/task"
)

func TestASourceReadsItsSplitsToTheEnd(t *testing.T) {
	w := newWorld(t, map[string]int{"a": 2, "b": 1}, &operator{}, task.Watermarks{})
	w.mustSettle()
	w.expectLog("wants 64 of in")
	w.task.Assign(splits("a", "b"), true)
	w.mustSettle()
	w.expectWrote("a1", "a2", "b1")
	w.expectLog("ended")
	w.task.Trigger(1, true)
	w.mustSettle()
	w.expectLog("barrier 1", "acknowledged 1 [a@ finished=true b@ finished=true out-1]")
}

// TestASnapshotHoldsThePositionsBehindWhatWasProcessed takes a barrier between
// two records: the position is that of the first, and the sink was told to
// prepare behind it.
func TestASnapshotHoldsThePositionsBehindWhatWasProcessed(t *testing.T) {
	w := newWorld(t, map[string]int{"a": 3}, &operator{}, task.Watermarks{})
	w.task.Assign(splits("a"), true)
	for len(w.wrote) == 0 {
		w.mustTurn()
	}
	w.task.Trigger(1, false)
	if _, err := w.task.Step(); err != nil {
		t.Fatal(err)
	}
	processed := len(w.wrote)
	w.mustSettle()
	if processed != 1 {
		t.Fatalf("%d records were processed before the barrier, the test wants 1", processed)
	}
	w.expectLog("barrier 1", "acknowledged 1 [a@1 finished=false out-1]", "ended")
}

func TestABarrierComesBetweenSlicesOfTimers(t *testing.T) {
	op := &operator{timers: 6, slice: 2}
	w := newWorld(t, map[string]int{"a": 1}, op, task.Watermarks{})
	w.task.Assign(splits("a"), true)
	for op.timers == 6 {
		w.mustTurn()
	}
	w.task.Trigger(1, false)
	if _, err := w.task.Step(); err != nil {
		t.Fatal(err)
	}
	if op.timers == 0 {
		t.Fatal("the barrier waited for all timers")
	}
	w.mustSettle()
	w.expectWrote("a1", "fired6", "fired5", "fired4", "fired3", "fired2", "fired1")
	w.expectLog("barrier 1", "acknowledged 1 [a@ finished=true out-1]", "ended")
}

func TestABarrierBehindAnUnfinishedSnapshotIsDeclinedAfterIt(t *testing.T) {
	w := newWorld(t, map[string]int{"a": 1}, &operator{}, task.Watermarks{})
	w.hold = "sink"
	w.task.Trigger(1, false)
	w.task.Trigger(2, false)
	w.mustSettle()
	w.expectLog("barrier 1", "wants 64 of in", "barrier 2")
	w.hold, w.jobs, w.held = "", w.held, nil
	w.mustTurn()
	w.mustSettle()
	w.expectLog("acknowledged 1 [out-1]", "declined 2: task: the snapshot of an earlier epoch is still being written")
	w.task.Abort(3)
	w.task.Trigger(3, false)
	w.mustSettle()
	w.expectLog("barrier 3", "declined 3: task: the epoch was aborted before its barrier arrived")
}

func TestADeadReaderIsOpenedAgainWhereItStopped(t *testing.T) {
	w := newWorld(t, map[string]int{"a": 3}, &operator{}, task.Watermarks{})
	w.task.Assign(splits("a"), true)
	for failed := false; len(w.wrote) < 3; {
		w.mustTurn()
		if !failed && len(w.wrote) == 1 {
			w.reader.failNext, failed = true, true
		}
	}
	w.mustSettle()
	w.expectWrote("a1", "a2", "a3")
	if w.opened != 2 {
		t.Errorf("the reader was opened %d times, want 2", w.opened)
	}
}

func TestAReaderThatDiesAgainAndAgainFailsTheTask(t *testing.T) {
	w := newWorld(t, map[string]int{"a": 3}, &operator{}, task.Watermarks{})
	w.dying = true
	w.task.Assign(splits("a"), true)
	if err := w.settle(); !errors.Is(err, errDied) {
		t.Fatalf("got %v, want the reader's error", err)
	}
	if w.opened < 2 || w.opened > 10 {
		t.Errorf("the reader was opened %d times, want a few", w.opened)
	}
}

// TestWatermarksFollowTheSlowestSplit reads split a to its end while b, of which
// nothing is known, holds the watermark back.
func TestWatermarksFollowTheSlowestSplit(t *testing.T) {
	w := newWorld(t, map[string]int{"a": 3, "b": 2}, &operator{}, task.Watermarks{Enabled: true, OutOfOrdernessMS: 5})
	w.task.Assign(splits("a", "b"), false)
	w.mustSettle()
	w.expectWrote("a1", "a2", "a3", "b1", "b2")
	if got := w.task.Stats().WatermarkMS; got != 5 {
		t.Errorf("watermark %d, want 5: the 10 of b1 less the allowed 5", got)
	}
}

// TestAnIdleSplitLetsTheOthersGoOn leaves split b without records.
func TestAnIdleSplitLetsTheOthersGoOn(t *testing.T) {
	w := newWorld(t, map[string]int{"a": 1000, "b": 0}, &operator{}, task.Watermarks{Enabled: true, IdleTimeoutMS: 100})
	w.task.Assign(splits("a", "b"), false)
	for w.task.Stats().WatermarkMS < 0 && len(w.wrote) < 900 {
		if len(w.wrote) == 10 {
			w.nowMS += 200
		}
		w.mustTurn()
	}
	if got := w.task.Stats().WatermarkMS; got < 100 {
		t.Errorf("watermark %d after split b was idle, want that of split a", got)
	}
}

// TestASourceWithoutSplitsIsIdleToo: a subtask that got none, or has read all
// it got, holds nobody back while others may still come.
func TestASourceWithoutSplitsIsIdleToo(t *testing.T) {
	w := newWorld(t, map[string]int{"a": 1}, &operator{}, task.Watermarks{Enabled: true, IdleTimeoutMS: 100})
	idleAfterTheTimeout := func() {
		t.Helper()
		w.mustSettle()
		if got := w.task.Deadline(); got != w.nowMS+100 {
			t.Errorf("the deadline is %d, want %d", got, w.nowMS+100)
		}
		w.nowMS += 100
		w.mustSettle()
		if got := w.task.Deadline(); got != task.Never {
			t.Errorf("the deadline is %d, want none: the task is idle", got)
		}
	}
	idleAfterTheTimeout()
	w.task.Assign(splits("a"), false)
	for len(w.wrote) == 0 {
		w.mustTurn()
	}
	idleAfterTheTimeout()
	w.task.Assign(nil, true)
	w.nowMS += 100
	w.mustSettle()
	w.expectWrote("a1")
}
