package main

import (
	"strings"
	"testing"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
	"github.com/turgo-stream/turgo/guest-sdk/go/turgotest"
)

func newKeyedCount() turgo.Operator { return new(keyedCount) }

func TestUpdatesTellEachNewCount(t *testing.T) {
	options := turgotest.Options{Config: map[string]any{"updates": true}}
	turgotest.RunWith(t, options, newKeyedCount, func(h *turgotest.Harness) {
		h.Send("in", turgotest.KeyValue("a", "x"), turgotest.KeyValue("b", "y"), turgotest.KeyValue("a", "z"))
		h.Expect("counts", turgotest.KeyValue("a", "1"), turgotest.KeyValue("b", "1"), turgotest.KeyValue("a", "2"))
	})
}

func TestWithoutUpdatesItEmitsNothing(t *testing.T) {
	turgotest.Run(t, newKeyedCount, func(h *turgotest.Harness) {
		h.Send("in", turgotest.KeyValue("a", "x"))
		h.End()
		h.Expect("counts")
	})
}

func TestANullKeyFailsItsRecordAlone(t *testing.T) {
	options := turgotest.Options{Config: map[string]any{"updates": true}}
	turgotest.RunWith(t, options, newKeyedCount, func(h *turgotest.Harness) {
		h.Send("in", turgotest.KeyValue("a", "x"), turgotest.Value("no key"), turgotest.KeyValue("a", "z"))
		h.Expect("counts", turgotest.KeyValue("a", "1"), turgotest.KeyValue("a", "2"))
		failures := h.Failures()
		if len(failures) != 1 || string(failures[0].Record.Value) != "no key" || !strings.Contains(failures[0].Text, "null key") {
			t.Errorf("failures %+v, want one of the record without a key", failures)
		}
	})
}

func TestItRefusesAConfigThatItDoesNotKnow(t *testing.T) {
	for config, want := range map[string]string{"update": "update is not known", "updates": "updates must be true or false"} {
		if got := turgotest.Refusal(t, newKeyedCount, map[string]any{config: 1}); !strings.Contains(got, want) {
			t.Errorf("config %s: 1 is refused with %q, want %q in it", config, got, want)
		}
	}
}
