package connector

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
)

// Scenario is FILE: how the connector is set up, and what is to be seen. In
// texts of settings and commands, ${SCRATCH} is an empty folder of the check's
// own, ${CHECK} a name that no other check of any run has, and ${FOLDER} the
// folder that FILE is in.
type Scenario struct {
	// Environment names the variables of this process that the executable gets,
	// as its manifest will. A built-in connector gets what turgo gives it.
	Environment []string        `yaml:"environment"`
	Source      *SourceScenario `yaml:"source"`
	Sink        *SinkScenario   `yaml:"sink"`

	// Folder is where relative paths in settings start, and commands run: that of
	// FILE.
	Folder string `yaml:"-"`
}

// SourceScenario sets up a source.
type SourceScenario struct {
	Settings map[string]any `yaml:"settings"`
	// Prepare is a command that runs before each check, to put the input in its place.
	Prepare []string `yaml:"prepare"`
	// Records is how many records the source holds; absent = not compared.
	Records *int `yaml:"records"`
	// Endless says that the source never ends; then Records of it are read, or 1000.
	Endless     bool          `yaml:"endless"`
	BadSettings []BadSettings `yaml:"bad_settings"`
}

// SinkScenario sets up a sink.
type SinkScenario struct {
	Settings map[string]any `yaml:"settings"`
	// Prepare is a command that runs before each check, to make a topic or table.
	Prepare []string `yaml:"prepare"`
	// Record is what is written: ${ID} in it is different in each record, and has
	// to be found in what is read back.
	Record RecordTemplate `yaml:"record"`
	// Refused is a record that the sink refuses; absent = it is not tried.
	Refused     *RecordTemplate `yaml:"refused"`
	ReadBack    *ReadBack       `yaml:"read_back"`
	BadSettings []BadSettings   `yaml:"bad_settings"`
}

// RecordTemplate is a record. Without a key, or a value, that is ${ID}.
type RecordTemplate struct {
	Key   *string `yaml:"key"`
	Value *string `yaml:"value"`

	// KeyNull and ValueNull say that it is null, as `key: null` does.
	KeyNull   bool `yaml:"-"`
	ValueNull bool `yaml:"-"`
}

// UnmarshalYAML tells a field that is null from one that is absent.
func (r *RecordTemplate) UnmarshalYAML(unmarshal func(any) error) error {
	type plainTemplate RecordTemplate
	var given map[string]any
	if err := unmarshal((*plainTemplate)(r)); err != nil {
		return err
	}
	if err := unmarshal(&given); err != nil {
		return err
	}
	_, key := given["key"]
	_, value := given["value"]
	r.KeyNull, r.ValueNull = key && r.Key == nil, value && r.Value == nil
	return nil
}

// ReadBack tells how to see what the sink has made visible. One of its fields is set.
type ReadBack struct {
	// Files is a pattern of files whose lines are the visible records.
	Files string `yaml:"files"`
	// Command writes the visible records to its standard output, one a line.
	Command []string `yaml:"command"`
	// Source reads the visible records.
	Source *ReadBackSource `yaml:"source"`
}

// ReadBackSource is a bounded source, of the connector under test or of the
// built-in one that Connector names.
type ReadBackSource struct {
	Connector string         `yaml:"connector"`
	Settings  map[string]any `yaml:"settings"`
}

// BadSettings are settings that the connector has to refuse.
type BadSettings struct {
	// Settings replace those of the same names; null takes one away.
	Settings map[string]any `yaml:"settings"`
	// Field is the field that the refusal has to name.
	Field string `yaml:"field"`
}

// ScenarioError says what is wrong with FILE.
type ScenarioError struct{ Path, What string }

func (e *ScenarioError) Error() string { return fmt.Sprintf("connector: %s: %s", e.Path, e.What) }

const scenarioBytesMax = 1 << 20

// ReadScenario reads a scenario from a file.
func ReadScenario(path string) (*Scenario, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &ScenarioError{path, "cannot be read: " + plain(err)}
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, scenarioBytesMax+1))
	if err != nil {
		return nil, &ScenarioError{path, "cannot be read: " + plain(err)}
	}
	if len(text) > scenarioBytesMax {
		return nil, &ScenarioError{path, fmt.Sprintf("has more than %d bytes", scenarioBytesMax)}
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, &ScenarioError{path, plain(err)}
	}
	scenario, err := ParseScenario(text)
	if err != nil {
		return nil, &ScenarioError{path, err.Error()}
	}
	scenario.Folder = folder
	return scenario, nil
}

// plain is an error of the operating system without the path, which stands
// before it already.
func plain(err error) string {
	var failed *os.PathError
	if errors.As(err, &failed) {
		return failed.Err.Error()
	}
	return err.Error()
}

// ParseScenario reads a scenario from YAML; fields that it does not know are an error.
func ParseScenario(text []byte) (*Scenario, error) {
	s := &Scenario{}
	decoder := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := decoder.Decode(s); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.New(strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	return s, s.validate()
}

func (s *Scenario) validate() error {
	if s.Source == nil && s.Sink == nil {
		return errors.New("describe a source, a sink, or both")
	}
	if source := s.Source; source != nil {
		if source.Records != nil && (*source.Records < 0 || *source.Records > recordsMax) {
			return fmt.Errorf("source.records: %d is not in 0..%d", *source.Records, recordsMax)
		}
		if err := validateBad("source", source.BadSettings); err != nil {
			return err
		}
	}
	if s.Sink == nil {
		return nil
	}
	if back := s.Sink.ReadBack; back != nil {
		ways := 0
		for _, given := range []bool{back.Files != "", len(back.Command) > 0, back.Source != nil} {
			if given {
				ways++
			}
		}
		if ways != 1 {
			return fmt.Errorf("sink.read_back: %d ways to read are given; give one of files, command, source", ways)
		}
	}
	for i, template := range []*RecordTemplate{&s.Sink.Record, s.Sink.Refused} {
		if template != nil && !strings.Contains(template.key()+template.value(), "${ID}") {
			return fmt.Errorf("sink.%s: key or value has to hold ${ID}", []string{"record", "refused"}[i])
		}
	}
	return validateBad("sink", s.Sink.BadSettings)
}

func validateBad(side string, list []BadSettings) error {
	for i, bad := range list {
		if bad.Field == "" {
			return fmt.Errorf("%s.bad_settings[%d].field: name the field that the refusal has to name", side, i)
		}
	}
	return nil
}

func (r *RecordTemplate) key() string   { return textOf(r.Key, r.KeyNull) }
func (r *RecordTemplate) value() string { return textOf(r.Value, r.ValueNull) }

// textOf is the text of a field; a null has none.
func textOf(text *string, null bool) string {
	switch {
	case null:
		return ""
	case text == nil:
		return "${ID}"
	}
	return *text
}

// changed gives settings with others in place of some.
func changed(settings, with map[string]any) map[string]any {
	result := make(map[string]any, len(settings)+len(with))
	for name, value := range settings {
		result[name] = value
	}
	for name, value := range with {
		if result[name] = value; value == nil {
			delete(result, name)
		}
	}
	return result
}

// expand replaces the placeholders in all texts of a value.
func expand(value any, placeholders *strings.Replacer) any {
	switch v := value.(type) {
	case string:
		return placeholders.Replace(v)
	case map[string]any:
		result := make(map[string]any, len(v))
		for name, inner := range v {
			result[name] = expand(inner, placeholders)
		}
		return result
	case []any:
		result := make([]any, len(v))
		for i, inner := range v {
			result[i] = expand(inner, placeholders)
		}
		return result
	}
	return value
}

// settingsJSON writes settings as a connector gets them.
func settingsJSON(settings map[string]any, placeholders *strings.Replacer) ([]byte, error) {
	text, err := json.Marshal(expand(changed(settings, nil), placeholders))
	if err != nil {
		return nil, fmt.Errorf("connector: settings: %w", err)
	}
	return text, nil
}
