package wasm

import (
	"slices"
	"testing"

	"github.com/turgo-stream/turgo/abi"
)

func TestPassthroughWAT(t *testing.T) {
	module := load(t, newEngine(t, Config{}), "passthrough", assemble(t, "passthrough"))
	operator := open(t, module, OpenConfig{UID: "p"})
	for _, batch := range [][]string{{"a", "b"}, {}, {string(make([]byte, 10<<20))}, {"c"}} {
		var got collected
		if err := operator.Process(0, batchOf(batch...), abi.WatermarkMin, 0, got.emit); err != nil {
			t.Fatal(err)
		}
		var want collected
		for _, value := range batch {
			want = append(want, "0: "+value)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %.100q, want %.100q", got, want)
		}
	}
}
