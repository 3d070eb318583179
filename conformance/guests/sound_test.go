package guests

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/checkpoint/localstore"
	"github.com/turgo-stream/turgo/host/state"
	"github.com/turgo-stream/turgo/host/wasm"
)

// The sound guests do what their first lines say.
func TestSoundGuests(t *testing.T) {
	engine, err := wasm.NewEngine(wasm.Config{CacheDir: filepath.Join(t.TempDir(), "cache")})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	for _, test := range []struct {
		guest, operator string
		config          map[string]any
		want            string
	}{
		{"sound_count", "", nil, `
0: a 8 bytes 1 at 100
0: b 8 bytes 1 at 200
0: a 8 bytes 2 at 900
0: a 8 bytes 3 at 1500
failed 3 code 2: the record has no key
0: b 8 bytes 1 at 1000
0: a 8 bytes 3 at 1000`},
		{"sound_lists", "", nil, `
failed 3 code 2: the record has no key, or no value
0: b "\x03\x00\x00\x00two" at 60000
0: a "\x03\x00\x00\x00one\x05\x00\x00\x00three\x00\x00\x00\x00" at 60000`},
		{"sound_maps", "", nil, `
0: a 8 bytes 1 at 100
0: b 8 bytes 1 at 200
0: a 8 bytes 1 at 900
0: a 8 bytes 1 at 1500
failed 3 code 2: the record has no key, or no value
0: b "t\x01\x00\x00\x00\x00\x00\x00\x00" at 9223372036854775807
0: a 8 bytes 1 at 9223372036854775807
0: a "o\x01\x00\x00\x00\x00\x00\x00\x00" at 9223372036854775807
0: a "t\x01\x00\x00\x00\x00\x00\x00\x00" at 9223372036854775807`},
		{"sound_aggregation", "", nil, `
0: b 8 bytes 3 at 9223372036854775807
0: a 8 bytes 8 at 9223372036854775807`},
		{"sound_versions", "", nil, `
failed 3 code 2: the record has no key
0: b 8 bytes 1 at 9223372036854775807
0: a 8 bytes 3 at 9223372036854775807`},
		{"sound_router", "route", map[string]any{"limit": 3, "unknown": map[string]any{"limit": "\"}"}}, `
0: a "one" at 100
0: b "two" at 200
0: a "" at 1500
1: a "three" at 900
failed 3 code 7: the value begins with an exclamation mark`},
		{"sound_router", "drop", nil, ""},
	} {
		t.Run(test.guest+test.operator, func(t *testing.T) {
			module, err := engine.Load(context.Background(), test.guest, assemble(t, test.guest+".wat"))
			if err != nil {
				t.Fatal(err)
			}
			if got := live(t, module, test.operator, test.config); got != test.want {
				t.Errorf("got%s\nwant%s", got, test.want)
			}
		})
	}
}

// live sends a few records through an operator, then ends the time, and tells
// what came of it.
func live(t *testing.T, module *wasm.Module, name string, config map[string]any) string {
	t.Helper()
	store, err := localstore.Open(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	backend, err := state.Open(state.Config{
		Dir: filepath.Join(t.TempDir(), "local"), First: 0, Last: 127, MaxParallelism: 128, Attempt: 1,
		Store: store, ObjectPrefix: "tables", Clock: func() int64 { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	index := 0
	for i, operator := range module.Description().Operators {
		if operator.Name == name {
			index = i
		}
	}
	description := module.Description().Operators[index]
	keyed, err := backend.Operator("guest", description.States, description.Timers)
	if err != nil {
		t.Fatal(err)
	}
	operator, err := module.Open(context.Background(), wasm.OpenConfig{Operator: name, UID: "guest", Parallelism: 1, Config: config, State: keyed})
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Close()
	var seen strings.Builder
	emit := func(output int, batch record.Batch) {
		for c := batch.Records(); c.Next(); {
			fmt.Fprintf(&seen, "\n%d: %s", output, text(c.Record()))
		}
	}
	var sent record.Builder
	for i, r := range []record.Record{
		{Key: []byte("a"), Value: []byte("one"), Timestamp: 100},
		{Key: []byte("b"), Value: []byte("two"), Timestamp: 200},
		{Key: []byte("a"), Value: []byte("three"), Timestamp: 900},
		{Value: []byte("!"), Timestamp: 1000},
		{Key: []byte("a"), Value: []byte(""), Timestamp: 1500},
	} {
		if r.Key == nil && len(description.Aggregations) > 0 {
			continue // the host itself fails it
		}
		r.Origin = uint32(i)
		sent.Append(r)
	}
	if err := operator.Process(0, sent.Finish(), abi.WatermarkMin, 1, emit); err != nil {
		t.Fatal(err)
	}
	for _, f := range operator.Failures() {
		fmt.Fprintf(&seen, "\nfailed %d code %d: %s", f.Index, f.Error.Code, f.Error.Reason)
	}
	for more := true; more; {
		if _, more, err = operator.Fire(1, abi.WatermarkMax, 60000, emit); err != nil {
			t.Fatal(err)
		}
	}
	return seen.String()
}

func text(r record.View) string {
	value := fmt.Sprintf("%q", r.Value())
	if v := r.Value(); len(v) == 8 {
		value = fmt.Sprint("8 bytes ", v[0])
	}
	return fmt.Sprintf("%s %s at %d", r.Key(), value, r.Timestamp())
}
