package operator

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/turgo-stream/turgo/host/wasm"
)

// configSchema is what the suite understands of a config's JSON Schema. A keyword
// that it does not understand breaks nothing: only configs that are surely wrong are tried.
type configSchema struct {
	Type                 any                     `json:"type"`
	Properties           map[string]configSchema `json:"properties"`
	Required             []string                `json:"required"`
	Enum                 []any                   `json:"enum"`
	Minimum              *float64                `json:"minimum"`
	Maximum              *float64                `json:"maximum"`
	MinLength            *int                    `json:"minLength"`
	AdditionalProperties any                     `json:"additionalProperties"`
}

// types are those that a value may have; none where any will do.
func (s *configSchema) types() (list []string) {
	switch t := s.Type.(type) {
	case string:
		return []string{t}
	case []any:
		for _, name := range t {
			if text, ok := name.(string); ok {
				list = append(list, text)
			}
		}
	}
	return list
}

// wrongValues are values of each type of JSON.
var wrongValues = []struct {
	kinds []string
	value any
}{
	{[]string{"string"}, "no such thing"},
	{[]string{"number"}, 1.5},
	{[]string{"number", "integer"}, 7},
	{[]string{"boolean"}, true},
	{[]string{"array"}, []any{"no", 1}},
	{[]string{"object"}, map[string]any{"no_such_field": 1}},
}

// brokenConfig is a config that the schema forbids, and why.
type brokenConfig struct {
	why    string
	config map[string]any
}

// brokenConfigs breaks a good config in one place at a time.
func brokenConfigs(good map[string]any, schema *configSchema) (list []brokenConfig) {
	with := func(why, name string, value any) {
		config := maps.Clone(good)
		config[name] = value
		list = append(list, brokenConfig{why, config})
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		property := schema.Properties[name]
		if types := property.types(); len(types) > 0 {
			for _, wrong := range wrongValues {
				if !slices.ContainsFunc(wrong.kinds, func(kind string) bool { return slices.Contains(types, kind) }) {
					with(fmt.Sprintf("%s is to be %s", name, strings.Join(types, " or ")), name, wrong.value)
				}
			}
		}
		if property.Minimum != nil {
			with(fmt.Sprintf("%s is to be %v or more", name, *property.Minimum), name, *property.Minimum-1)
		}
		if property.Maximum != nil {
			with(fmt.Sprintf("%s is to be %v or less", name, *property.Maximum), name, *property.Maximum+1)
		}
		if property.MinLength != nil && *property.MinLength > 0 && slices.Contains(property.types(), "string") {
			with(fmt.Sprintf("%s is to have %d characters or more", name, *property.MinLength), name, strings.Repeat("x", *property.MinLength-1))
		}
		if len(property.Enum) > 0 {
			with(fmt.Sprintf("%s is to be one of %v", name, property.Enum), name, "none of these, surely")
		}
	}
	for _, name := range schema.Required {
		config := maps.Clone(good)
		delete(config, name)
		list = append(list, brokenConfig{name + " is required", config})
	}
	if schema.AdditionalProperties == false {
		with("no other fields are allowed", "no_such_field_in_any_schema", 1)
	}
	return list
}

// checkOpenRefuses opens the operator with configs that its schema forbids.
func checkOpenRefuses(o *subject) error {
	if len(o.description.ConfigSchema) == 0 {
		return skips("the description has no config_schema")
	}
	var schema configSchema
	if err := json.Unmarshal(o.description.ConfigSchema, &schema); err != nil {
		return skips("config_schema is more than the suite understands: %v", err)
	}
	broken := brokenConfigs(o.config, &schema)
	if len(broken) == 0 {
		return skips("config_schema forbids nothing that the suite understands: type, required, minimum, maximum, minLength, enum and additionalProperties of the fields in properties")
	}
	return o.with(1, func(st *store) error {
		for _, b := range broken {
			if o.ctx.Err() != nil {
				return o.ctx.Err()
			}
			if err := o.refuses(st, b); err != nil {
				return err
			}
		}
		return nil
	})
}

func (o *subject) refuses(st *store, b brokenConfig) error {
	text, err := json.Marshal(b.config)
	if err != nil {
		return err
	}
	i, err := o.open(st, opening{config: b.config})
	if err == nil {
		if err := i.end(); err != nil {
			return err
		}
		return fails("it opens with the config %s, though config_schema says that %s\nturgo_open must call fail with a reason and return 0: SPEC.md, section 3", text, b.why)
	}
	var guest *wasm.GuestError
	switch {
	case !errors.As(err, &guest):
		return err
	case guest.Kind != wasm.KindRefused:
		return fails("with the config %s, of which config_schema says that %s, turgo_open does not refuse but ends with %s\nit must call fail with a reason and return 0: SPEC.md, section 3", text, b.why, tell(guest))
	case guest.Rule == wasm.RuleReason:
		return fails("it refuses the config %s, but does not say why\nturgo_open must call fail with a reason before it returns 0: SPEC.md, section 3", text)
	}
	return nil
}
