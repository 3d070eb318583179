package operator

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

func described() *abi.OperatorDescription {
	return &abi.OperatorDescription{Name: "count", Inputs: []abi.InputDescription{{Name: "in"}, {Name: "changes", Changes: []string{"update_after", "delete"}}}}
}

func TestScenarioErrors(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{``, "it names no operator"},
		{`operators: {}`, "it names no operator"},
		{`operator: {count: {}}`, `unknown field "operator"`},
		{`operators: {count: {configuration: {}}}`, `unknown field "configuration"`},
		{`operators: {count: {records: [{input: in, val: x}]}}`, `unknown field "val"`},
		{`operators: {count: {records: [{value: x}]}}`, `operator count: records[0]: input "" is none of the operator's: it has ["in" "changes"]`},
		{`operators: {count: {records: [{input: in}, {input: inn}]}}`, `records[1]: input "inn" is none`},
		{`operators: {count: {records: [{input: in, value: x, value_base64: eA==}]}}`, `records[0]: value and value_base64 are both there: give one`},
		{`operators: {count: {records: [{input: in, key_base64: "?"}]}}`, `records[0]: key_base64: illegal base64 data`},
		{`operators: {count: {records: [{input: in, kind: upsert}]}}`, `records[0]: kind "upsert" is none: must be one of ["insert" "update_before" "update_after" "delete"]`},
		{`operators: {count: {records: [{input: in, kind: delete}]}}`, `records[0]: input in does not declare the kind delete, so no host sends it`},
		{`operators: {count: {records: [{input: in, watermark: 5}]}}`, `records[0]: a step with watermark or processing_time is no record`},
		{`operators: {count: {records: [{watermark: 5}, {watermark: 4}]}}`, `records[1]: watermark 4 is below the one before, 5: it never goes back`},
	} {
		scenario, err := ParseScenario([]byte(test.text))
		if err == nil {
			part := scenario.Operators["count"]
			_, err = part.steps(described())
		}
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\ngot  %v\nwant %s", test.text, err, test.want)
		}
	}
}

func TestScenarioSteps(t *testing.T) {
	scenario, err := ParseScenario([]byte(`{"operators": {"count": {"config": {"a": {"b": [1, "x"]}}, "records": [
		{"input": "in", "key": "k", "value_base64": "AP8=", "timestamp": -5},
		{"processing_time": 9},
		{"input": "changes", "value": ""},
		{"input": "changes", "kind": "delete", "key": "k"}]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	part := scenario.Operators["count"]
	steps, err := part.steps(described())
	if err != nil || len(steps) != 4 {
		t.Fatal(steps, err)
	}
	if r := steps[0].record; string(r.Key) != "k" || string(r.Value) != "\x00\xff" || r.Timestamp != -5 || r.Kind != record.Insert {
		t.Errorf("%+v", r)
	}
	if s := steps[1]; !s.advance || *s.processingTime != 9 || s.watermark != nil {
		t.Errorf("%+v", s)
	}
	if r := steps[2].record; steps[2].input != 1 || r.Key != nil || r.Value == nil || r.Kind != record.UpdateAfter || r.Timestamp != record.NoTimestamp {
		t.Errorf("%+v", r)
	}
	if r := steps[3].record; r.Value != nil || r.Kind != record.Delete {
		t.Errorf("%+v", r)
	}
}

// A config is broken in one place at a time, and only where the schema surely forbids it.
func TestBrokenConfigs(t *testing.T) {
	var schema configSchema
	unmarshal(t, `{"type":"object","required":["name"],"additionalProperties":false,"properties":{
		"name":{"type":"string","minLength":2},"count":{"type":"integer","minimum":1,"maximum":9},
		"share":{"type":["number","null"]},"mode":{"enum":["a","b"]},"any":{}}}`, &schema)
	good := map[string]any{"name": "x", "count": 3}
	why := map[string]int{}
	for _, b := range brokenConfigs(good, &schema) {
		why[b.why]++
	}
	want := map[string]int{"name is to be string": 5, "name is to have 2 characters or more": 1, "count is to be integer": 5, "count is to be 1 or more": 1, "count is to be 9 or less": 1,
		"share is to be number or null": 4, "mode is to be one of [a b]": 1, "name is required": 1, "no other fields are allowed": 1}
	for text, n := range want {
		if why[text] != n {
			t.Errorf("%s: %d times, want %d", text, why[text], n)
		}
		delete(why, text)
	}
	if len(why) > 0 {
		t.Errorf("too much: %v", why)
	}
	if good["name"] != "x" || len(good) != 2 {
		t.Errorf("the good config has changed: %v", good)
	}
}

func TestSchemasAreChecked(t *testing.T) {
	for text, want := range map[string]string{
		`{"type":"object","properties":{"a":{"type":["string","null"]},"b":true}}`: "",
		`true`:              "",
		`5`:                 "must be an object",
		`null`:              "must be an object",
		`{"type":"objekt"}`: `type "objekt" is none`,
		`{"type":5}`:        "type must be text",
		`{"required":"a"}`:  "is no JSON Schema",
		`{"properties":{"a":{"items":{"type":"int"}}}}`: `a: type "int" is none`,
	} {
		err := checkSchema([]byte(text), 0)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func unmarshal(t *testing.T, text string, to any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), to); err != nil {
		t.Fatal(err)
	}
}
