package generator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/turgo-stream/turgo/connectors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func configOf(text string) connectors.Config {
	return connectors.Config{Settings: json.RawMessage(text)}
}

func openSource(t *testing.T, text string) connectors.Source {
	t.Helper()
	source := Connector().Source()
	if err := source.Open(context.Background(), configOf(text)); err != nil {
		t.Fatal(err)
	}
	return source
}

// event is a record as the tests compare it.
type event struct {
	key, value string
	timestamp  int64
}

// readSplits reads all splits with one reader; it gives the events of each, and
// the position after each batch.
func readSplits(t *testing.T, source connectors.Source, from map[string][]byte) (events map[string][]event, positions map[string][]string) {
	t.Helper()
	ctx := context.Background()
	splits, final, err := source.Discover(ctx)
	if err != nil || !final {
		t.Fatal(final, err)
	}
	reader, err := source.OpenReader(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for _, split := range splits {
		if err := reader.Assign(ctx, []connectors.Assignment{{Split: split, Position: from[split.ID]}}); err != nil {
			t.Fatal(err)
		}
	}
	events, positions = map[string][]event{}, map[string][]string{}
	for ended := 0; ended < len(splits); {
		delivery, err := reader.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if delivery.End {
			ended++
		}
		if delivery.Batch == nil {
			continue
		}
		for records := delivery.Batch.Records(); records.Next(); {
			view := records.Record()
			events[delivery.SplitID] = append(events[delivery.SplitID], event{string(view.Key()), string(view.Value()), view.Timestamp()})
		}
		positions[delivery.SplitID] = append(positions[delivery.SplitID], string(delivery.Position))
	}
	return events, positions
}

// The splits together hold each event once, each split in order.
func TestSplitsShareTheEvents(t *testing.T) {
	for _, splits := range []int{1, 2, 7} {
		source := openSource(t, fmt.Sprintf(`{"kind":"counter","count":12345,"splits":%d,"batch_bytes":2048}`, splits))
		events, _ := readSplits(t, source, nil)
		seen := make([]bool, 12345)
		for id, list := range events {
			last := -1
			for _, e := range list {
				var n int
				if _, err := fmt.Sscan(e.value, &n); err != nil || n <= last || seen[n] {
					t.Fatalf("split %s: event %s after %d, %v", id, e.value, last, err)
				}
				seen[n], last = true, n
				if want := 1436918400000 + int64(n)/10; e.timestamp != want {
					t.Fatalf("event %d has timestamp %d, want %d", n, e.timestamp, want)
				}
			}
		}
		if slices.Contains(seen, false) {
			t.Errorf("%d splits: event %d is missing", splits, slices.Index(seen, false))
		}
	}
}

func TestResumeAtEachPosition(t *testing.T) {
	source := openSource(t, `{"kind":"random","count":2000,"splits":3,"keys":9,"value_bytes":20,"batch_bytes":1024}`)
	all, positions := readSplits(t, source, nil)
	for i := range positions["0-of-3"] {
		from := map[string][]byte{}
		for id, list := range positions {
			from[id] = []byte(list[min(i, len(list)-1)])
		}
		rest, _ := readSplits(t, source, from)
		for id := range all {
			if !slices.Equal(rest[id], all[id][len(all[id])-len(rest[id]):]) {
				t.Fatalf("split %s from %s: other events", id, from[id])
			}
		}
	}
}

func TestCounterKeys(t *testing.T) {
	events, _ := readSplits(t, openSource(t, `{"kind":"counter","count":100,"splits":1,"keys":7}`), nil)
	for n, e := range events["0-of-1"] {
		if e.key != fmt.Sprint(n%7) {
			t.Fatalf("event %d has key %s", n, e.key)
		}
	}
}

func TestRandomKeys(t *testing.T) {
	count := func(text string) map[string]int {
		keys := map[string]int{}
		events, _ := readSplits(t, openSource(t, text), nil)
		for _, list := range events {
			for _, e := range list {
				keys[e.key]++
				if len(e.value) != 5 || strings.Trim(e.value, "abcdefghijklmnopqrstuvwxyz") != "" {
					t.Fatalf("value %q", e.value)
				}
			}
		}
		return keys
	}
	even := count(`{"kind":"random","count":20000,"keys":20,"value_bytes":5}`)
	for key, n := range even {
		if n < 800 || n > 1200 {
			t.Errorf("key %s has %d of 20000 events, want about 1000", key, n)
		}
	}
	skewed := count(`{"kind":"random","count":20000,"keys":20,"value_bytes":5,"hot_keys":1,"hot_percent":90}`)
	if hot := skewed["0"]; len(even) != 20 || len(skewed) != 20 || hot < 17_500 || hot > 18_500 {
		t.Errorf("%d and %d keys, the hot one has %d of 20000 events", len(even), len(skewed), hot)
	}
}

// The rate holds over all splits, and idle calls come back in time.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := openSource(t, `{"kind":"counter","rate":1000,"splits":2}`)
		ctx := context.Background()
		reader, err := source.OpenReader(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		splits, _, err := source.Discover(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, split := range splits {
			if !split.Eager {
				t.Errorf("split %s has to wait for one that never ends", split.ID)
			}
			if err := reader.Assign(ctx, []connectors.Assignment{{Split: split}}); err != nil {
				t.Fatal(err)
			}
		}
		start, records := time.Now(), 0
		for time.Since(start) < 10*time.Second {
			before := time.Now()
			delivery, err := reader.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(before); took > idleMax {
				t.Fatalf("Next took %v", took)
			}
			if delivery.Batch != nil {
				records += delivery.Batch.Count()
			}
			if allowed := int(time.Since(start).Seconds()*1000) + 2; records > allowed {
				t.Fatalf("%d events after %v", records, time.Since(start))
			}
		}
		if records < 9900 {
			t.Errorf("%d events in 10 s at a rate of 1000", records)
		}
	})
}

func TestSlowRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := openSource(t, `{"kind":"nexmark","rate":1,"splits":1,"count":3}`)
		start := time.Now()
		events, _ := readSplits(t, source, nil)
		if took := time.Since(start); len(events["0-of-1"]) != 3 || took < 3*time.Second || took > 3500*time.Millisecond {
			t.Errorf("%d events in %v", len(events["0-of-1"]), took)
		}
	})
}

func TestCheck(t *testing.T) {
	cases := []struct{ text, field string }{
		{`{}`, "kind"},
		{`{"kind":"noise"}`, "kind"},
		{`{"kind":"counter","count":-1}`, "count"},
		{`{"kind":"counter","count":99999999999999999}`, "count"},
		{`{"kind":"counter","splits":0}`, "splits"},
		{`{"kind":"counter","splits":1025}`, "splits"},
		{`{"kind":"counter","event_rate":0}`, "event_rate"},
		{`{"kind":"counter","rate":1.5}`, "rate"},
		{`{"kind":"counter","rate":9999999999}`, "rate"},
		{`{"kind":"counter","batch_bytes":5}`, "batch_bytes"},
		{`{"kind":"counter","keys":0}`, "keys"},
		{`{"kind":"nexmark","keys":5}`, "keys"},
		{`{"kind":"counter","value_bytes":5}`, "value_bytes"},
		{`{"kind":"random","value_bytes":-5}`, "value_bytes"},
		{`{"kind":"random","hot_keys":5}`, "hot_keys"},
		{`{"kind":"random","keys":4,"hot_keys":5,"hot_percent":50}`, "hot_keys"},
		{`{"kind":"random","hot_keys":5,"hot_percent":101}`, "hot_percent"},
		{`{"kind":"counter","speed":5}`, "speed"},
		{`{"kind":"counter"} {}`, ""},
		{`[]`, ""},
	}
	for _, c := range cases {
		err := Connector().Source().Check(context.Background(), configOf(c.text))
		var config *connectors.ConfigError
		if !errors.As(err, &config) || config.Field != c.field {
			t.Errorf("%s: %v, want field %q", c.text, err, c.field)
		}
	}
}

// A split or position of another config is refused: its events are others.
func TestForeignAssignments(t *testing.T) {
	source := openSource(t, `{"kind":"counter","splits":3}`)
	reader, err := source.OpenReader(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []connectors.Assignment{
		{Split: connectors.Split{ID: "0-of-4"}},
		{Split: connectors.Split{ID: "3-of-3"}},
		{Split: connectors.Split{ID: "00-of-3"}},
		{Split: connectors.Split{ID: ""}},
		{Split: connectors.Split{ID: "0-of-3"}, Position: []byte("50")},
		{Split: connectors.Split{ID: "0-of-3"}, Position: []byte("x")},
		{Split: connectors.Split{ID: "0-of-3"}, Position: []byte{}},
	} {
		if err := reader.Assign(context.Background(), []connectors.Assignment{a}); err == nil {
			t.Errorf("%+v accepted", a)
		}
	}
}
