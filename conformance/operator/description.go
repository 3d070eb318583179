package operator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/wasm"
)

// strictDescription looks at what the host takes without looking closely: the
// schemas of configs.
func (s *suite) strictDescription() error {
	text, err := s.describe()
	if err != nil {
		return err
	}
	s.text = text
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
