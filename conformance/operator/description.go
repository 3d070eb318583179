package operator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/wasm"
)

// strictDescription looks at what the host takes without looking closely: the exact
// names of fields, and the schemas.
func (s *suite) strictDescription() error {
	text, err := s.describe()
	if err != nil {
		return err
	}
	s.text = text
	if !utf8.Valid(text) {
		return errors.New("description is not UTF-8")
	}
	if err := exactFields(text); err != nil {
		return err
	}
	for i := range s.module.Description().Operators {
		o := &s.module.Description().Operators[i]
		if len(o.ConfigSchema) == 0 {
			continue
		}
		if err := checkSchema(o.ConfigSchema, 0); err != nil {
			return fmt.Errorf("operator %q: config_schema: %w", o.Name, err)
		}
	}
	return nil
}

// describe is the description as bytes, of an instance that nothing was opened in.
func (s *suite) describe() ([]byte, error) { return s.module.DescriptionText(), nil }

// knownFields are the fields of a description, by the field that holds the object.
var knownFields = map[string][]string{
	"":             {"abi", "sdk", "language", "requires", "operators"},
	"operators":    {"name", "inputs", "outputs", "states", "aggregations", "timers", "metrics", "assigns_timestamps", "config_schema"},
	"inputs":       {"name", "changes", "aggregation"},
	"outputs":      {"name"},
	"states":       {"name", "kind", "time_to_live_ms", "schema_version", "prefetch"},
	"aggregations": {"name", "time_to_live_ms", "schema_version"},
	"timers":       {"name", "domain"},
	"metrics":      {"name", "kind"},
}

// exactFields checks that each field is known by exactly its name, and there once.
func exactFields(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	return exactObject(decoder, "", "")
}

func exactObject(decoder *json.Decoder, holder, path string) error {
	known, strict := knownFields[holder]
	open, err := decoder.Token()
	if err != nil {
		return err
	}
	switch open {
	case json.Delim('['):
		for decoder.More() {
			if err := exactObject(decoder, holder, path); err != nil {
				return err
			}
		}
	case json.Delim('{'):
		seen := map[string]bool{}
		for decoder.More() {
			token, err := decoder.Token()
			if err != nil {
				return err
			}
			name, _ := token.(string)
			at := strings.TrimPrefix(path+"."+name, ".")
			switch {
			case seen[name]:
				return fmt.Errorf("field %s is there twice", at)
			case strict && !slices.Contains(known, name):
				return fmt.Errorf("field %s is not known: there are %q, written so", at, known)
			}
			seen[name] = true
			inside := name
			if !strict || name == "config_schema" || (holder == "" && name != "operators") {
				inside = "any"
			}
			if err := exactObject(decoder, inside, at); err != nil {
				return err
			}
		}
		if strict && holder == "operators" && (!seen["inputs"] || !seen["outputs"]) {
			return fmt.Errorf("one of the %s lacks inputs or outputs: both must be there, if only as an empty list of outputs", path)
		}
	default:
		return nil
	}
	_, err = decoder.Token()
	return err
}

// schemaTypes are the types that JSON Schema knows.
var schemaTypes = []string{"null", "boolean", "object", "array", "number", "integer", "string"}

// schemaDepthMax bounds how deep a schema is looked at.
const schemaDepthMax = 32

// checkSchema checks a JSON Schema as far as a slip of the pen goes: the types, and
// the keywords whose values have one form.
func checkSchema(text json.RawMessage, depth int) error {
	var always bool
	if json.Unmarshal(text, &always) == nil && string(bytes.TrimSpace(text)) != "null" {
		return nil
	}
	var schema struct {
		Type                 json.RawMessage            `json:"type"`
		Properties           map[string]json.RawMessage `json:"properties"`
		Required             []string                   `json:"required"`
		Enum                 []any                      `json:"enum"`
		Minimum              *json.Number               `json:"minimum"`
		Maximum              *json.Number               `json:"maximum"`
		Items                json.RawMessage            `json:"items"`
		AdditionalProperties json.RawMessage            `json:"additionalProperties"`
	}
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 || trimmed[0] != '{' {
		return errors.New("is no JSON Schema: it must be an object")
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		return fmt.Errorf("is no JSON Schema: %w", err)
	}
	if len(schema.Type) > 0 {
		var types []string
		if err := json.Unmarshal(schema.Type, &types); err != nil {
			types = []string{""}
			if err := json.Unmarshal(schema.Type, &types[0]); err != nil {
				return errors.New("type must be text, or a list of texts")
			}
		}
		for _, name := range types {
			if !slices.Contains(schemaTypes, name) {
				return fmt.Errorf("type %q is none: there are %q", name, schemaTypes)
			}
		}
	}
	if depth > schemaDepthMax {
		return nil
	}
	for name, property := range schema.Properties {
		if err := checkSchema(property, depth+1); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(schema.Items) > 0 && schema.Items[0] == '{' {
		return checkSchema(schema.Items, depth+1)
	}
	return nil
}

// exportsFunction tells whether the module exports a function of the ABI.
func (s *suite) exportsFunction(f abi.Function) bool {
	return slices.ContainsFunc(s.face.Exports, func(e wasm.InterfaceItem) bool { return e.Name == f.Name })
}
