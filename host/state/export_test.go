package state

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// exported is what Export gives for a key, within a transaction.
func exported(t *testing.T, k *Keyed, key string) (entries []string) {
	t.Helper()
	must(t, k.SetKey([]byte(key)))
	must(t, k.Export(func(state int, subKey, value []byte, version uint16, expiresMS int64) bool {
		entries = append(entries, fmt.Sprintf("%d %q=%s v%d %d", state, subKey, value, version, expiresMS))
		return true
	}))
	return entries
}

// TestExportGivesAllOfOneKey reads a key with entries in the cache, in tables,
// changed, deleted, and undone, beside keys that its own begins or continues.
func TestExportGivesAllOfOneKey(t *testing.T) {
	w := newWorld()
	b, k := open(t, w.config(0, 127, 128))
	k.Begin(now(k))
	for _, key := range []string{"a", "alpha", "alphabet"} {
		must(t, k.SetKey([]byte(key)))
		must(t, k.ValuePut(stateCount, []byte("of "+key)))
		for _, sub := range []string{"z", "y", "gone", ""} {
			must(t, k.MapPut(stateItems, []byte(sub), []byte(sub+key)))
		}
		must(t, k.ListAppend(stateEvents, []byte("first")))
		must(t, k.ListAppend(stateEvents, []byte("second")))
		must(t, k.TimerSet(0, 5))
	}
	must(t, k.Commit())
	tables := checkpointNow(t, b)
	b, k = open(t, w.config(0, 127, 128))
	must(t, b.Restore(context.Background(), tables))
	k.Begin(now(k))
	must(t, k.SetKey([]byte("alpha")))
	must(t, k.MapDelete(stateItems, []byte("gone")))
	must(t, k.ListAppend(stateEvents, []byte("third")))
	must(t, k.MapPut(stateItems, []byte("y"), []byte("changed")))
	k.Mark()
	must(t, k.ValuePut(stateCount, []byte("undone")))
	k.Undo()
	got := exported(t, k, "alpha")
	want := map[int][]string{
		stateCount:  {`"" = of alpha`},
		stateItems:  {`"" = alpha`, `"y" = changed`, `"z" = zalpha`},
		stateEvents: {`"" = first`, `"" = second`, `"" = third`},
	}
	var all []string
	for state := range k.states {
		for _, entry := range want[state] {
			var sub, value string
			if _, err := fmt.Sscanf(entry, "%q = %s", &sub, &value); err != nil {
				t.Fatal(err)
			}
			value = entry[len(fmt.Sprintf("%q = ", sub)):]
			expires := int64(0)
			if ttl := k.states[state].timeToLive; ttl > 0 {
				expires = k.now + ttl
			}
			all = append(all, fmt.Sprintf("%d %q=%s v%d %d", state, sub, value, k.states[state].version, expires))
		}
	}
	if !slices.Equal(got, all) {
		t.Errorf("got  %q\nwant %q", got, all)
	}
	if none := exported(t, k, "alp"); len(none) != 0 {
		t.Errorf("a key without entries has %q", none)
	}
	count := 0
	must(t, k.SetKey([]byte("alpha")))
	must(t, k.Export(func(int, []byte, []byte, uint16, int64) bool { count++; return count < 3 }))
	if count != 3 {
		t.Errorf("%d entries after the third was the last wanted", count)
	}
	must(t, k.Commit())
}

func TestExportHidesWhatHasExpired(t *testing.T) {
	w := newWorld()
	_, k := open(t, w.config(0, 127, 128))
	longest, lasting := int64(0), 0
	k.Begin(now(k))
	must(t, k.SetKey([]byte("a")))
	for i := range k.states {
		switch k.states[i].kind {
		case kindValue:
			must(t, k.ValuePut(i, []byte("v")))
		case kindList:
			must(t, k.ListAppend(i, []byte("v")))
		case kindMap:
			must(t, k.MapPut(i, []byte("x"), []byte("v")))
		}
		if k.states[i].timeToLive == 0 {
			lasting++
		}
		longest = max(longest, k.states[i].timeToLive)
	}
	if got := exported(t, k, "a"); len(got) != len(k.states) {
		t.Errorf("%q, want an entry of each of %d states", got, len(k.states))
	}
	must(t, k.Commit())
	k.Begin(now(k) + longest)
	if got := exported(t, k, "a"); len(got) != lasting || lasting == len(k.states) {
		t.Errorf("%q are there when all have expired but %d", got, lasting)
	}
	must(t, k.Commit())
}
