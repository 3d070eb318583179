package task_test

import (
	"context"
	"errors"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/task"
)

var errDiskFull = errors.New("disk full")

type failingWriter struct{ writer }

func (failingWriter) Write(context.Context, record.Batch) error { return errDiskFull }

func TestAFailingSinkFailsTheTask(t *testing.T) {
	w := newWorld(t, map[string]int{"a": 2}, &operator{}, task.Watermarks{})
	w.openWriter = func() connectors.Writer { return failingWriter{writer{w}} }
	w.task.Assign(splits("a"), true)
	if err := w.settle(); !errors.Is(err, errDiskFull) {
		t.Fatalf("got %v, want the sink's error", err)
	}
}
