// Package turgotest runs an operator natively, so that its unit test needs no
// more than `go test`. State, timers, watermarks and failures behave as under
// the host.
//
//	turgotest.Run(t, func() turgo.Operator { return new(count) }, func(h *turgotest.Harness) {
//		h.Send("words", turgotest.KeyValue("a", ""), turgotest.KeyValue("a", ""))
//		h.End()
//		h.Expect("totals", turgotest.KeyValue("a", "a 2").At(turgo.WatermarkMax))
//	})
//
// Run plays the scenario several times: once as it is, once with the instance
// dropped before every call, so that only what is in state lasts, and once with
// each record in a call of its own. All must give the same.
package turgotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
	"github.com/turgo-stream/turgo/guest-sdk/go/internal/bridge"
)

// Harness is one operator under test.
type Harness struct {
	testing.TB
	create      func() turgo.Operator
	request     []byte
	mode        Mode
	description abi.OperatorDescription
	instance    bridge.Instance
	host        *host

	watermark      int64
	processingTime int64
	outputs        []output
	failures       []Failure
}

type output struct {
	unread []Record
	all    []Record
}

// Failure is a record that the operator failed, or in whose handling it
// panicked.
type Failure struct {
	Record Record
	Code   uint32
	Text   string
	Panic  bool
}

// Options tell how to open the operator.
type Options struct {
	// Config is the operator's config.
	Config map[string]any
	// ProcessingTime is the clock at the start, in milliseconds since the epoch.
	ProcessingTime int64
	// Subtask is the instance's number among Parallelism (1 if not given).
	Subtask, Parallelism int
}

// New opens an operator in one mode. Most tests call Run instead.
func New(t testing.TB, create func() turgo.Operator, mode Mode, options Options) *Harness {
	t.Helper()
	h := &Harness{TB: t, create: create, mode: mode, watermark: abi.WatermarkMin, processingTime: options.ProcessingTime}
	h.description = describe(t, create)
	if options.Config == nil {
		options.Config = map[string]any{}
	}
	request, err := json.Marshal(abi.OpenRequest{UID: "test", Subtask: options.Subtask, Parallelism: max(options.Parallelism, 1), Config: options.Config})
	if err != nil {
		t.Fatalf("config is not JSON: %v", err)
	}
	h.request = request
	h.outputs = make([]output, len(h.description.Outputs))
	h.host = newHost(h)
	if refused := h.open(); refused != "" {
		t.Fatalf("the operator refuses to open: %s", refused)
	}
	return h
}

// Refusal opens an operator and returns why it refuses; empty if it does not.
func Refusal(t testing.TB, create func() turgo.Operator, config map[string]any) string {
	t.Helper()
	request, err := json.Marshal(abi.OpenRequest{UID: "test", Parallelism: 1, Config: config})
	if err != nil {
		t.Fatalf("config is not JSON: %v", err)
	}
	h := &Harness{TB: t, create: create, request: request, description: describe(t, create)}
	h.host = newHost(h)
	return h.open()
}

// describe reads the description as strictly as the host does.
func describe(t testing.TB, create func() turgo.Operator) abi.OperatorDescription {
	t.Helper()
	data := bridge.Describe("operator", func() any { return create() })
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var description abi.Description
	if err := decoder.Decode(&description); err != nil {
		t.Fatalf("the description is not valid: %v: %s", err, data)
	}
	return withAccumulators(description.Operators[0])
}

// open makes an instance and returns why the operator refuses.
func (h *Harness) open() string {
	h.host.begin(nil)
	instance, accepted := bridge.Open(func() any { return h.create() }, h.host, h.request)
	h.instance = instance
	h.host.opened = true
	if accepted {
		return ""
	}
	return h.host.failure.Text
}

// Send gives one batch to an input.
func (h *Harness) Send(input string, records ...Record) {
	h.Helper()
	index := slices.IndexFunc(h.description.Inputs, func(i abi.InputDescription) bool { return i.Name == input })
	if index < 0 {
		h.Fatalf("the operator has no input %q", input)
	}
	for len(records) > 0 {
		n := len(records)
		if h.mode == SingleRecords {
			n = 1
		}
		if aggregation := h.description.Inputs[index].Aggregation; aggregation != "" {
			h.aggregate(aggregation, records[:n])
		} else {
			h.call(records[:n], func(length int) int32 { return h.instance.Process(index, length) })
		}
		records = records[n:]
	}
}

// AdvanceWatermark moves the watermark and fires the event timers that are due.
func (h *Harness) AdvanceWatermark(timestamp int64) {
	h.Helper()
	h.AdvanceTo(timestamp, h.processingTime)
}

// AdvanceProcessingTime moves the clock and fires the timers that are due.
func (h *Harness) AdvanceProcessingTime(timestamp int64) {
	h.Helper()
	h.AdvanceTo(h.watermark, timestamp)
}

// AdvanceTo moves the watermark and the clock at once and fires all timers that
// are due.
func (h *Harness) AdvanceTo(watermark, processingTime int64) {
	h.Helper()
	h.watermark = max(h.watermark, watermark)
	h.processingTime = max(h.processingTime, processingTime)
	h.fire()
}

// End ends the input: all event timers fire.
func (h *Harness) End() {
	h.Helper()
	h.AdvanceWatermark(abi.WatermarkMax)
}

// fire fires timers in the order of time until none is due.
func (h *Harness) fire() {
	h.Helper()
	const limit = 10_000
	for range limit {
		timer, fired := h.host.due(h.watermark, h.processingTime)
		if len(fired) == 0 {
			return
		}
		h.call(fired, func(length int) int32 { return h.instance.Timers(timer, length) })
	}
	h.Fatalf("timers are still due after %d rounds: a timer sets itself again in the past", limit)
}

// Output returns what an output emitted since the last call for it.
func (h *Harness) Output(name string) []Record {
	h.Helper()
	o := h.output(name)
	unread := o.unread
	o.unread = nil
	return unread
}

func (h *Harness) output(name string) *output {
	h.Helper()
	index := slices.IndexFunc(h.description.Outputs, func(o abi.OutputDescription) bool { return o.Name == name })
	if index < 0 {
		h.Fatalf("the operator has no output %q", name)
	}
	return &h.outputs[index]
}

// Expect compares what an output emitted since the last call for it.
func (h *Harness) Expect(name string, want ...Record) {
	h.Helper()
	got := h.Output(name)
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			h.Errorf("output %s, record %d: missing, want %v", name, i, want[i])
		case i >= len(want):
			h.Errorf("output %s, record %d: %v, want no more", name, i, got[i])
		case !got[i].equal(want[i]):
			h.Errorf("output %s, record %d:\n got %v\nwant %v", name, i, got[i], want[i])
		}
	}
}

// Failures returns the records that failed since the last call.
func (h *Harness) Failures() []Failure {
	failures := h.failures
	h.failures = nil
	return failures
}

// Log is what the operator wrote to its log, each line with its level.
func (h *Harness) Log() []string { return h.host.log }

// Metric is the value of a declared metric.
func (h *Harness) Metric(name string) int64 {
	h.Helper()
	index := slices.IndexFunc(h.description.Metrics, func(m abi.MetricDescription) bool { return m.Name == name })
	if index < 0 {
		h.Fatalf("the operator has no metric %q", name)
	}
	return h.host.metrics[index]
}

// Description is what the operator declares.
func (h *Harness) Description() abi.OperatorDescription { return h.description }

// call runs a batch as a transaction. Where a record fails, all is undone and
// the batch runs again without it, in a new instance.
func (h *Harness) call(records []Record, run func(length int) int32) {
	h.Helper()
	for len(records) > 0 {
		if h.mode == Restored {
			h.restore()
		}
		failure := h.attempt(records, run)
		if failure == nil {
			return
		}
		hand := h.instance.Hand()
		if failure.hand != nil {
			hand = *failure.hand
		}
		if hand == abi.NoHand || int(hand) >= len(records) {
			h.Fatalf("the operator failed with no record in hand: %s", failure.Text)
		}
		failure.Record = records[hand]
		h.failures = append(h.failures, failure.Failure)
		records = slices.Delete(slices.Clone(records), int(hand), int(hand)+1)
		h.reopen()
	}
}

func (h *Harness) attempt(records []Record, run func(length int) int32) *handFailure {
	h.Helper()
	batch := build(records)
	return h.run(batch, batch, run)
}

// run runs a call with an argument that begins with a batch, as a transaction.
func (h *Harness) run(argument []byte, batch record.Batch, run func(length int) int32) *handFailure {
	h.Helper()
	copy(h.instance.Lend(len(argument)), argument)
	h.instance.Times(h.watermark, h.processingTime)
	h.host.begin(batch)
	text := catch(func() {
		if status := run(len(argument)); status != 0 {
			panic(fmt.Sprintf("status %d", status))
		}
	})
	switch {
	case h.host.failure != nil: // of a record before the one that panicked, if any did
		h.host.rollback()
		return h.host.failure
	case text != "":
		h.host.rollback()
		return &handFailure{Failure: Failure{Text: text, Panic: true}}
	}
	h.host.commit()
	return nil
}

// handFailure is a failure of the record at an index.
type handFailure struct {
	Failure
	hand *uint32
}

// catch runs f and returns the text of its panic.
func catch(f func()) (text string) {
	defer func() {
		if reason := recover(); reason != nil {
			text = fmt.Sprint(reason)
		}
	}()
	f()
	return ""
}

// restore takes a snapshot, drops the instance and opens another with it.
func (h *Harness) restore() {
	h.Helper()
	h.instance.Close()
	h.host.store = h.host.store.restored()
	h.reopen()
}

func (h *Harness) reopen() {
	h.Helper()
	if refused := h.open(); refused != "" {
		h.Fatalf("the operator refuses to open again: %s", refused)
	}
}

func build(records []Record) record.Batch {
	var builder record.Builder
	for i, r := range records {
		builder.Append(record.Record{
			Key: r.Key, Value: r.Value, Kind: record.Kind(r.Kind), Timestamp: r.Timestamp,
			Origin: uint32(i), Extensions: r.Extensions,
		})
	}
	return builder.Finish()
}
