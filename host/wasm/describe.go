package wasm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/wasm/internal/instrument"
)

// Bounds of a description.
const (
	operatorsMax   = 64
	portsMax       = 64
	statesMax      = 256
	metricsMax     = 256
	nameBytesMax   = 255
	timeToLiveMax  = 100 * 366 * 24 * 3600 * 1000 // a hundred years
	problemNameMax = 40
)

// featuresKnown are the features that a module may require.
var featuresKnown = map[string]bool{abi.FeatureAggregate: true}

// describe runs turgo_describe in an instance of its own and checks the result.
func (m *Module) describe(ctx context.Context, parsed *instrument.Module) error {
	limits := m.engine.limits
	limits.MemoryPages = max(limits.MemoryPages, m.memoryPages)
	limits.TableElements = max(limits.TableElements, m.tableElements)
	o := &Operator{module: m, name: "describe", limits: limits, log: newLogger(slog.New(slog.DiscardHandler), limits, m.engine.now)}
	if err := o.instantiate(ctx); err != nil {
		return &startError{err}
	}
	defer o.destroy()
	text, err := o.callDescribe()
	if err != nil {
		return err
	}
	m.text = bytes.Clone(text)
	if err := readDescription(text, &m.description); err != nil {
		return err
	}
	if err := checkDescription(&m.description); err != nil {
		return fmt.Errorf("description: %w", err)
	}
	for _, operator := range m.description.Operators {
		if len(operator.Timers) > 0 && !hasExport(parsed, abi.ExportTimers.Name) {
			return &partError{PartExports, fmt.Errorf("operator %s declares timers, but guest lacks the export %s", operator.Name, abi.ExportTimers.Name)}
		}
		if len(operator.Aggregations) > 0 && !hasExport(parsed, abi.ExportAggregate.Name) {
			return &partError{PartExports, fmt.Errorf("operator %s declares aggregations, but guest lacks the export %s", operator.Name, abi.ExportAggregate.Name)}
		}
	}
	return nil
}

// callDescribe calls turgo_describe. The text is valid until the guest runs again.
func (o *Operator) callDescribe() ([]byte, error) {
	stack := []uint64{0}
	if err := o.invoke(phaseDescribe, o.functions.describe, stack); err != nil {
		return nil, err
	}
	pointer, length := stack[0]>>32, stack[0]&0xffffffff
	if length > descriptionBytesMax {
		return nil, fmt.Errorf("description has %d bytes, the limit is %d", length, descriptionBytesMax)
	}
	if pointer+length > uint64(len(o.memory.bytes)) {
		return nil, fmt.Errorf("description at %d..%d is outside the memory of %d bytes", pointer, pointer+length, len(o.memory.bytes))
	}
	return o.memory.bytes[pointer : pointer+length], nil
}

// readDescription decodes a description. What it requires comes first: a feature
// may bring fields that only hosts with that feature know.
func readDescription(text []byte, d *abi.Description) error {
	var head struct {
		ABI      string   `json:"abi"`
		Requires []string `json:"requires"`
	}
	if err := json.Unmarshal(text, &head); err == nil && head.ABI == abi.ModuleName {
		if err := checkRequires(head.Requires); err != nil {
			return fmt.Errorf("description: %w", err)
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(d); err != nil {
		return fmt.Errorf("description is not what the ABI asks for: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("description is followed by other bytes")
	}
	if err := checkFields(text); err != nil {
		return fmt.Errorf("description: %w", err)
	}
	return nil
}

func checkRequires(features []string) error {
	for _, feature := range features {
		if !featuresKnown[feature] {
			return fmt.Errorf("requires the feature %q, which this host does not have: use a newer turgo or another build of the module", cut(feature))
		}
	}
	return nil
}

func checkDescription(d *abi.Description) error {
	if d.ABI != abi.ModuleName {
		return fmt.Errorf("abi is %q, must be %q", cut(d.ABI), abi.ModuleName)
	}
	if n := len(d.Operators); n == 0 || n > operatorsMax {
		return fmt.Errorf("%d operators, must be 1 to %d", n, operatorsMax)
	}
	var names []string
	for i := range d.Operators {
		if len(d.Operators[i].Aggregations) > 0 && !slices.Contains(d.Requires, abi.FeatureAggregate) {
			return fmt.Errorf("operator %q declares aggregations: the module must require the feature %q", cut(d.Operators[i].Name), abi.FeatureAggregate)
		}
		addAccumulators(&d.Operators[i])
		if err := checkOperator(&d.Operators[i]); err != nil {
			return fmt.Errorf("operator %q: %w", cut(d.Operators[i].Name), err)
		}
		names = append(names, d.Operators[i].Name)
	}
	return checkNames("operators", names, operatorsMax)
}

// addAccumulators adds to an operator's states those that hold the accumulators
// of its aggregations.
func addAccumulators(o *abi.OperatorDescription) {
	for _, a := range o.Aggregations {
		o.States = append(o.States, abi.StateDescription{
			Name: a.Name, Kind: "value", TimeToLiveMS: a.TimeToLiveMS, SchemaVersion: a.SchemaVersion, Prefetch: true,
		})
	}
}

func checkOperator(o *abi.OperatorDescription) error {
	var inputs, outputs, states, timers, metrics []string
	for _, input := range o.Inputs {
		inputs = append(inputs, input.Name)
		if a := input.Aggregation; a != "" && !slices.ContainsFunc(o.Aggregations, func(d abi.AggregationDescription) bool { return d.Name == a }) {
			return fmt.Errorf("input %q names the aggregation %q, which is not declared", cut(input.Name), cut(a))
		}
		for _, change := range input.Changes {
			if err := checkWord("change kind", change, "insert", "update_before", "update_after", "delete"); err != nil {
				return err
			}
		}
	}
	for _, output := range o.Outputs {
		outputs = append(outputs, output.Name)
	}
	for _, state := range o.States {
		states = append(states, state.Name)
		if err := checkWord("kind of state", state.Kind, "value", "list", "map"); err != nil {
			return err
		}
		if state.TimeToLiveMS < 0 || state.TimeToLiveMS > timeToLiveMax {
			return fmt.Errorf("state %q has a time to live of %d ms, must be 0 to %d", cut(state.Name), state.TimeToLiveMS, int64(timeToLiveMax))
		}
	}
	for _, timer := range o.Timers {
		timers = append(timers, timer.Name)
		if err := checkWord("domain of timer", timer.Domain, domainEvent, domainProcessing); err != nil {
			return err
		}
	}
	for _, metric := range o.Metrics {
		metrics = append(metrics, metric.Name)
		if err := checkWord("kind of metric", metric.Kind, metricCounter, metricGauge); err != nil {
			return err
		}
	}
	if len(inputs) == 0 {
		return fmt.Errorf("no inputs, must be 1 to %d", portsMax)
	}
	return errors.Join(
		checkNames("inputs", inputs, portsMax), checkNames("outputs", outputs, portsMax),
		checkNames("states", states, statesMax), checkNames("timers", timers, statesMax),
		checkNames("metrics", metrics, metricsMax))
}

// Words of a description.
const (
	domainEvent      = "event"
	domainProcessing = "processing"
	metricCounter    = "counter"
	metricGauge      = "gauge"
)

func checkWord(what, word string, known ...string) error {
	for _, k := range known {
		if word == k {
			return nil
		}
	}
	return fmt.Errorf("%s %q is unknown, must be one of %q", what, cut(word), known)
}

func checkNames(what string, names []string, limit int) error {
	if len(names) > limit {
		return fmt.Errorf("%d %s, the limit is %d", len(names), what, limit)
	}
	seen := map[string]bool{}
	for _, name := range names {
		switch {
		case name == "":
			return fmt.Errorf("one of the %s has no name", what)
		case len(name) > nameBytesMax:
			return fmt.Errorf("name %q... of the %s has %d bytes, the limit is %d", cut(name), what, len(name), nameBytesMax)
		case seen[name]:
			return fmt.Errorf("name %q is there twice in the %s", cut(name), what)
		}
		seen[name] = true
	}
	return nil
}

// cut keeps messages short where a guest chose the text.
func cut(s string) string {
	if len(s) > problemNameMax {
		return s[:problemNameMax]
	}
	return s
}
