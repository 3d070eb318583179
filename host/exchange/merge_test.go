package exchange_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/exchange"
)

// TestMerge runs the scripts in testdata: each line is an element that arrives
// on a channel, and what the task gets to see.
func TestMerge(t *testing.T) {
	datadriven.Walk(t, "testdata/merge", func(t *testing.T, path string) {
		var merge *exchange.Merge
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			switch d.Cmd {
			case "channels":
				n, err := strconv.Atoi(d.CmdArgs[0].Key)
				if err != nil {
					d.Fatalf(t, "%v", err)
				}
				merge = exchange.NewMerge(n)
			case "receive":
				for _, line := range strings.Split(strings.TrimSpace(d.Input), "\n") {
					out.WriteString(receive(merge, line) + "\n")
				}
			default:
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			return out.String()
		})
	})
}

// receive takes a line like "1 watermark 5".
func receive(merge *exchange.Merge, line string) string {
	fields := strings.Fields(line)
	channel, _ := strconv.Atoi(fields[0])
	if merge.Blocked(channel) {
		return line + ": blocked"
	}
	e := exchange.Element{}
	for _, kind := range []exchange.Kind{exchange.Batch, exchange.Watermark, exchange.Barrier, exchange.Idle, exchange.End} {
		if kind.String() == fields[1] {
			e.Kind = kind
		}
	}
	if len(fields) > 2 {
		e.Value = value(fields[2])
	}
	event, ok := merge.Receive(channel, e)
	switch {
	case !ok:
		return line + ": -"
	case event.Kind == exchange.Watermark && event.Value == abi.WatermarkMax:
		return line + ": watermark max"
	case event.Kind == exchange.Watermark || event.Kind == exchange.Barrier:
		return fmt.Sprintf("%s: %s %d", line, event.Kind, event.Value)
	}
	return line + ": " + event.Kind.String()
}

func value(text string) int64 {
	if text == "max" {
		return abi.WatermarkMax
	}
	v, _ := strconv.ParseInt(text, 10, 64)
	return v
}
