package operator

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

// ScenarioFile is the name that a scenario has beside its module.
const ScenarioFile = "conformance.yaml"

// Bounds of a scenario.
const (
	scenarioBytesMax = 4 << 20
	stepsMax         = 10_000
)

// Scenario tells what the operators of a module take: their configs, and records
// that they accept.
type Scenario struct {
	Operators map[string]OperatorScenario `yaml:"operators"`
}

// OperatorScenario is the part of one operator.
type OperatorScenario struct {
	// Config is what a job would give it.
	Config map[string]any `yaml:"config"`
	// Records are sent in this order, and time moves on between them.
	Records []ScenarioStep `yaml:"records"`
}

// ScenarioStep is one record, or a time that is reached.
type ScenarioStep struct {
	// Input is the name of the input; it may be left out where there is one.
	Input string `yaml:"input"`
	// Key and Value are text; KeyBase64 and ValueBase64 are bytes. Where neither
	// is given it is null.
	Key         *string `yaml:"key"`
	KeyBase64   *string `yaml:"key_base64"`
	Value       *string `yaml:"value"`
	ValueBase64 *string `yaml:"value_base64"`
	// Timestamp is in milliseconds since the epoch; without it there is none.
	Timestamp *int64 `yaml:"timestamp"`
	// Kind is insert, update_before, update_after or delete; insert where it is empty.
	Kind string `yaml:"kind"`

	// Watermark and ProcessingTime move time on. A step with one of them is no record.
	Watermark      *int64 `yaml:"watermark"`
	ProcessingTime *int64 `yaml:"processing_time"`
}

// ScenarioError tells what is wrong with a scenario.
type ScenarioError struct{ Err error }

func (e *ScenarioError) Error() string { return e.Err.Error() }

// Unwrap gives the reason.
func (e *ScenarioError) Unwrap() error { return e.Err }

// ReadScenario reads a scenario's file, in YAML or JSON.
func ReadScenario(path string) (*Scenario, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > scenarioBytesMax {
		err = fmt.Errorf("scenario %s: %d bytes, the limit is %d", path, info.Size(), scenarioBytesMax)
	}
	if err != nil {
		return nil, &ScenarioError{err}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &ScenarioError{err}
	}
	scenario, err := ParseScenario(data)
	if err != nil {
		return nil, &ScenarioError{fmt.Errorf("scenario %s: %w", path, err)}
	}
	return scenario, nil
}

// ParseScenario reads a scenario. Fields that are not known are an error.
func ParseScenario(data []byte) (*Scenario, error) {
	if len(data) > scenarioBytesMax {
		return nil, fmt.Errorf("%d bytes, the limit is %d", len(data), scenarioBytesMax)
	}
	var scenario Scenario
	if err := yaml.UnmarshalWithOptions(data, &scenario, yaml.Strict()); err != nil {
		return nil, errors.New(strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	if len(scenario.Operators) == 0 {
		return nil, errors.New("it names no operator: begin with `operators:`, and below it the operators' names with their config and records")
	}
	for name, part := range scenario.Operators {
		if len(part.Records) > stepsMax {
			return nil, fmt.Errorf("operator %s: %d records, the limit is %d", name, len(part.Records), stepsMax)
		}
		if _, err := json.Marshal(part.Config); err != nil {
			return nil, fmt.Errorf("operator %s: config is not JSON: %w", name, err)
		}
	}
	return &scenario, nil
}

// step is one thing that happens to an operator: a record, or time that moves on.
type step struct {
	input          int
	record         record.Record
	advance        bool
	watermark      *int64
	processingTime *int64
}

// steps checks the operator's part against its description.
func (o *OperatorScenario) steps(description *abi.OperatorDescription) ([]step, error) {
	var list []step
	watermark := int64(abi.WatermarkMin)
	for i := range o.Records {
		r := &o.Records[i]
		s, err := r.step(description)
		if err != nil {
			return nil, fmt.Errorf("operator %s: records[%d]: %w", description.Name, i, err)
		}
		if s.watermark != nil {
			if *s.watermark < watermark {
				return nil, fmt.Errorf("operator %s: records[%d]: watermark %d is below the one before, %d: it never goes back", description.Name, i, *s.watermark, watermark)
			}
			watermark = *s.watermark
		}
		list = append(list, s)
	}
	return list, nil
}

func (r *ScenarioStep) step(description *abi.OperatorDescription) (step, error) {
	if r.Watermark != nil || r.ProcessingTime != nil {
		if r.Input != "" || r.Key != nil || r.KeyBase64 != nil || r.Value != nil || r.ValueBase64 != nil || r.Timestamp != nil || r.Kind != "" {
			return step{}, errors.New("a step with watermark or processing_time is no record: make it a step of its own")
		}
		return step{advance: true, watermark: r.Watermark, processingTime: r.ProcessingTime}, nil
	}
	s := step{record: record.Record{Timestamp: record.NoTimestamp}}
	var err error
	if s.input, err = r.inputOf(description); err != nil {
		return step{}, err
	}
	if s.record.Key, err = bytesOf("key", r.Key, r.KeyBase64); err != nil {
		return step{}, err
	}
	if s.record.Value, err = bytesOf("value", r.Value, r.ValueBase64); err != nil {
		return step{}, err
	}
	if r.Timestamp != nil {
		s.record.Timestamp = *r.Timestamp
	}
	kind, err := kindOf(r.Kind, &description.Inputs[s.input])
	s.record.Kind = kind
	return s, err
}

func (r *ScenarioStep) inputOf(description *abi.OperatorDescription) (int, error) {
	if r.Input == "" && len(description.Inputs) == 1 {
		return 0, nil
	}
	var names []string
	for i := range description.Inputs {
		if description.Inputs[i].Name == r.Input {
			return i, nil
		}
		names = append(names, description.Inputs[i].Name)
	}
	return 0, fmt.Errorf("input %q is none of the operator's: it has %q", r.Input, names)
}

func bytesOf(name string, text, encoded *string) ([]byte, error) {
	switch {
	case text != nil && encoded != nil:
		return nil, fmt.Errorf("%s and %s_base64 are both there: give one", name, name)
	case text != nil:
		return []byte(*text), nil
	case encoded == nil:
		return nil, nil
	}
	data, err := base64.StdEncoding.DecodeString(*encoded)
	if err != nil {
		return nil, fmt.Errorf("%s_base64: %w", name, err)
	}
	return append([]byte{}, data...), nil
}

// kindNames are the change kinds as descriptions call them, by number.
var kindNames = []string{"insert", "update_before", "update_after", "delete"}

// kindsOf lists the change kinds that an input takes.
func kindsOf(input *abi.InputDescription) []record.Kind {
	if len(input.Changes) == 0 {
		return []record.Kind{record.Insert}
	}
	var kinds []record.Kind
	for number, name := range kindNames {
		if slices.Contains(input.Changes, name) {
			kinds = append(kinds, record.Kind(number))
		}
	}
	return kinds
}

func kindOf(name string, input *abi.InputDescription) (record.Kind, error) {
	if name == "" {
		name = kindNames[kindsOf(input)[0]]
	}
	number := slices.Index(kindNames, name)
	if number < 0 {
		return 0, fmt.Errorf("kind %q is none: must be one of %q", name, kindNames)
	}
	if !slices.Contains(kindsOf(input), record.Kind(number)) {
		return 0, fmt.Errorf("input %s does not declare the kind %s, so no host sends it", input.Name, name)
	}
	return record.Kind(number), nil
}
