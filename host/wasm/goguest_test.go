package wasm

import (
	"slices"
	"testing"

	"github.com/turgo-stream/turgo/abi"
)

func TestGoGuestCountsWords(t *testing.T) {
	engine := newEngine(t, Config{CacheDir: t.TempDir() + "/cache"})
	module := load(t, engine, "wordcount", buildGo(t, "../../examples/wordcount/operator"))
	split := open(t, module, OpenConfig{Operator: "split", UID: "split"})
	var words collected
	if err := split.Process(0, batchOf("the cat and the dog", "", "a\x00cat"), 0, 0, words.emit); err != nil {
		t.Fatal(err)
	}
	if len(words) != 7 {
		t.Fatalf("split gives %q", words)
	}
	state := newMemoryState()
	count := open(t, module, OpenConfig{Operator: "count", UID: "count", State: state})
	for range 3 {
		var got collected
		if err := count.Process(0, batchOf("x", "y"), 0, 0, got.emit); err != nil {
			t.Fatal(err)
		}
		if len(got) != 0 {
			t.Fatalf("count emits %q before the end", got)
		}
	}
	var totals collected
	_, more, err := count.Fire(1000, abi.WatermarkMax, 0, totals.emit)
	if err != nil || more {
		t.Fatal(more, err)
	}
	if want := (collected{"0: k0 3", "0: k1 3"}); !slices.Equal(totals, want) {
		t.Fatalf("got %q, want %q", totals, want)
	}
	if state.commits != 4 {
		t.Fatalf("%d commits, want one for each call", state.commits)
	}
}
