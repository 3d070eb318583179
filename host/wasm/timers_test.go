package wasm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

func openTimers(t *testing.T, set ...timerID) (*Operator, *memoryState) {
	t.Helper()
	state := newMemoryState()
	for _, id := range set {
		state.timers[id] = true
	}
	module := load(t, newEngine(t, Config{}), "timers", assemble(t, "timers"))
	return open(t, module, OpenConfig{State: state}), state
}

// fire calls Fire until nothing is due, at most 10 times.
func fire(t *testing.T, operator *Operator, watermark, processingTime int64) (fired []string, calls int) {
	t.Helper()
	for calls < 10 {
		calls++
		_, more, err := operator.Fire(5000, watermark, processingTime, func(output int, batch record.Batch) {
			for cursor := batch.Records(); cursor.Next(); {
				fired = append(fired, fmt.Sprintf("%d %s %d", output, cursor.Record().Key(), cursor.Record().Timestamp()))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
	}
	return fired, calls
}

func TestTimersFireInOrderOfTime(t *testing.T) {
	operator, state := openTimers(t, timerID{0, 10, "k"}, timerID{1, 20, "k"}, timerID{0, 30, "k"}, timerID{1, 5, "k"},
		timerID{0, 99, "k"}, timerID{2, 7, "p"}, timerID{2, 1000, "p"})
	if next, found, err := operator.NextProcessingTimer(); err != nil || !found || next != 7 {
		t.Fatal(next, found, err)
	}
	got, calls := fire(t, operator, 30, 500)
	if want := []string{"1 k 5", "2 p 7", "0 k 10", "1 k 20", "0 k 30"}; !slices.Equal(got, want) {
		t.Errorf("fired %q, want %q", got, want)
	}
	if calls != 5 || state.commits != 5 {
		t.Errorf("%d calls, %d commits", calls, state.commits)
	}
	if value := state.values["0/k/"]; value != "\x1e\x00\x00\x00\x00\x00\x00\x00" {
		t.Errorf("the guest saw the watermark %q, want 30", value)
	}
	if got, _ := fire(t, operator, 30, 500); len(got) != 0 {
		t.Errorf("fired again: %q", got)
	}
	if next, found, err := operator.NextProcessingTimer(); err != nil || !found || next != 1000 {
		t.Fatal(next, found, err)
	}
	if got, _ := fire(t, operator, abi.WatermarkMax, 500); !slices.Equal(got, []string{"0 k 99"}) {
		t.Errorf("fired %q at the end of the input", got)
	}
}

// Also where a slice of one declaration could go on to a time that another has.
func TestTimersOfOneTimeFireByDeclaration(t *testing.T) {
	operator, _ := openTimers(t, timerID{1, 5, "k"}, timerID{1, 7, "k"}, timerID{0, 7, "k"}, timerID{0, 9, "k"}, timerID{1, 9, "k"},
		timerID{0, abi.WatermarkMax, "k"}, timerID{1, abi.WatermarkMax, "k"})
	got, _ := fire(t, operator, abi.WatermarkMax, 0)
	want := []string{"1 k 5", "0 k 7", "1 k 7", "0 k 9", "1 k 9", fmt.Sprint("0 k ", abi.WatermarkMax), fmt.Sprint("1 k ", abi.WatermarkMax)}
	if !slices.Equal(got, want) {
		t.Errorf("fired %q, want %q", got, want)
	}
}

func TestTimersFireInSlices(t *testing.T) {
	var set []timerID
	for i := range int64(2500) {
		set = append(set, timerID{0, i, "k"})
	}
	operator, state := openTimers(t, set...)
	got, calls := fire(t, operator, abi.WatermarkMax, 0)
	if calls != 3 || state.commits != 3 || len(got) != 2500 || got[0] != "0 k 0" || got[2499] != "0 k 2499" {
		t.Errorf("%d timers in %d calls", len(got), calls)
	}
}

func TestTimersOfLargeKeysFireInSmallerSlices(t *testing.T) {
	var set []timerID
	for i := range int64(5) {
		set = append(set, timerID{0, i, strings.Repeat(fmt.Sprint(i), 6<<20)})
	}
	operator, _ := openTimers(t, set...)
	if got, calls := fire(t, operator, abi.WatermarkMax, 0); len(got) != 5 || calls < 2 {
		t.Errorf("%d timers in %d calls", len(got), calls)
	}
}

func TestTimerThatTrapsStaysSet(t *testing.T) {
	operator, state := openTimers(t, timerID{0, 10, "x"})
	_, _, err := operator.Fire(5000, 10, 0, func(int, record.Batch) { t.Error("output") })
	wantGuestError(t, err, KindTrap, 0, "record 0 of the batch: trap: unreachable")
	if !state.timers[timerID{0, 10, "x"}] || len(state.values) > 0 {
		t.Errorf("after a trap: %v, %v", state.timers, state.values)
	}
}

// A failure of the state is not the guest's: it keeps its identity, and
// nothing takes effect.
func TestStateFailureIsNotTheGuests(t *testing.T) {
	broken := errors.New("disk is gone")
	operator, state := openTimers(t, timerID{0, 10, "k"})
	var guest *GuestError
	state.failNext = broken
	if _, _, err := operator.Fire(5000, 10, 0, nil); !errors.Is(err, broken) || errors.As(err, &guest) {
		t.Errorf("TimerNext: %v", err)
	}
	rules := open(t, load(t, newEngine(t, Config{}), "rules", assemble(t, "rules")), OpenConfig{State: state})
	state.failNext = broken
	err := rules.Process(0, batchForRules(25), 0, 0, func(int, record.Batch) { t.Error("output") })
	if !errors.Is(err, broken) || errors.As(err, &guest) {
		t.Errorf("SetKey: %v", err)
	}
	if len(state.values) > 0 || state.open {
		t.Errorf("left %v", state.values)
	}
	if err := rules.Process(0, batchForRules(25), 0, 0, func(int, record.Batch) {}); err != nil {
		t.Error(err)
	}
}

// TestRefireIsLikeFiring fires a timer that the state does not hold.
func TestRefireIsLikeFiring(t *testing.T) {
	operator, state := openTimers(t, timerID{0, 50, "k"})
	var b record.Builder
	b.Append(record.Record{Key: []byte("k"), Value: []byte{}, Timestamp: 10})
	var fired []string
	collect := func(output int, batch record.Batch) {
		for cursor := batch.Records(); cursor.Next(); {
			fired = append(fired, fmt.Sprintf("%d %s %d", output, cursor.Record().Key(), cursor.Record().Timestamp()))
		}
	}
	if err := operator.Refire(0, b.Finish(), 30, 500, collect); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(fired, []string{"0 k 10"}) || state.commits != 1 || !state.timers[timerID{0, 50, "k"}] {
		t.Errorf("fired %q with %d commits, timers left: %v", fired, state.commits, state.timers)
	}
	if err := operator.Refire(9, b.Finish(), 30, 500, collect); err == nil {
		t.Error("an undeclared timer fired")
	}
}
