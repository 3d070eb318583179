package main

import (
	"testing"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
	"github.com/turgo-stream/turgo/guest-sdk/go/turgotest"
)

func TestEachRecordPassesUnchanged(t *testing.T) {
	records := []turgotest.Record{
		turgotest.KeyValue("key", "value"),
		turgotest.KeyValue("", "").At(-7),
		turgotest.Value("no key").As(turgo.Delete),
		{Key: []byte("no value"), Timestamp: 5, Extensions: []byte("\x01\x00\x00\x00\x0b\x00\x00\x00\x05\x00\x00\x00tracehi")},
	}
	turgotest.Run(t, func() turgo.Operator { return new(passthrough) }, func(h *turgotest.Harness) {
		h.Send("in", records...)
		h.Expect("out", records...)
	})
}
