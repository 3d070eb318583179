package main

import (
	"testing"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
	"github.com/turgo-stream/turgo/guest-sdk/go/turgotest"
)

func TestTotalsRun(t *testing.T) {
	turgotest.Run(t, func() turgo.Operator { return new(totals) }, func(h *turgotest.Harness) {
		h.Send("in", turgotest.KeyValue("a", "1 10"), turgotest.KeyValue("b", "2 -5"), turgotest.KeyValue("a", "3 -4"), turgotest.KeyValue("a", "4"))
		h.Expect("out", turgotest.KeyValue("a", "1 1 10"), turgotest.KeyValue("b", "2 1 -5"), turgotest.KeyValue("a", "3 2 6"))
		if failures := h.Failures(); len(failures) != 1 || failures[0].Code != codeMalformed {
			t.Errorf("failures %+v, want one of the malformed record", failures)
		}
	})
}
