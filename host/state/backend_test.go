package state

import (
	"context"
	"testing"
)

func TestValueSurvivesRestore(t *testing.T) {
	w := newWorld()
	b, k := open(t, w.config(0, 127, 128))
	k.Begin()
	must(t, k.SetKey([]byte("alpha")))
	must(t, k.ValuePut(stateCount, []byte("one")))
	must(t, k.ListAppend(stateEvents, []byte("e1")))
	must(t, k.ListAppend(stateEvents, []byte("e2")))
	must(t, k.MapPut(stateItems, []byte("x"), []byte("y")))
	must(t, k.TimerSet(0, 77))
	must(t, k.Commit())
	tables := checkpointNow(t, b)
	if len(tables) != 1 || tables[0].Entries != 5 {
		t.Fatalf("tables %+v, want one of 5 entries", tables)
	}

	b, k = open(t, w.config(0, 127, 128))
	must(t, b.Restore(context.Background(), tables))
	k.Begin()
	must(t, k.SetKey([]byte("alpha")))
	value, _, found, err := k.ValueGet(stateCount)
	if err != nil || !found || string(value) != "one" {
		t.Fatalf("value %q, found %v, %v", value, found, err)
	}
	var events []string
	must(t, k.ListRead(stateEvents, 0, func(_ uint64, version uint16, value []byte) bool {
		events = append(events, string(value))
		return version == 2
	}))
	if len(events) != 2 || events[0] != "e1" || events[1] != "e2" {
		t.Fatalf("events %q", events)
	}
	value, _, found, err = k.MapGet(stateItems, []byte("x"))
	if err != nil || !found || string(value) != "y" {
		t.Fatalf("item %q, found %v, %v", value, found, err)
	}
	if at, found, err := k.TimerNext(0); err != nil || !found || at != 77 {
		t.Fatalf("next timer %d, found %v, %v", at, found, err)
	}
	must(t, k.Commit())
}
