package abi_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi"
)

func readSpec(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func list(types []abi.ValueType) string {
	var names []string
	for _, t := range types {
		names = append(names, map[abi.ValueType]string{abi.I32: "i32", abi.I64: "i64"}[t])
	}
	return "(" + strings.Join(names, ", ") + ")"
}

func signature(s abi.Signature) string {
	if len(s.Results) == 0 {
		return list(s.Parameters)
	}
	return list(s.Parameters) + " -> " + list(s.Results)
}

// Each function of the ABI stands in a table of SPEC.md with its signature,
// and the tables hold no other.
func TestSpecListsEveryFunctionWithItsSignature(t *testing.T) {
	row := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| `(\\([^`]*)` \\| (.*) \\|$")
	listed := map[string][]string{}
	for _, match := range row.FindAllStringSubmatch(readSpec(t), -1) {
		if listed[match[1]] != nil {
			t.Errorf("%s is listed twice", match[1])
		}
		listed[match[1]] = match[2:]
	}
	check := func(f abi.Function) {
		is := listed[f.Name]
		delete(listed, f.Name)
		if is == nil {
			t.Errorf("%s is not in SPEC.md", f.Name)
		} else if is[0] != signature(f.Signature) {
			t.Errorf("%s has the signature %s in SPEC.md, the constant says %s", f.Name, is[0], signature(f.Signature))
		}
	}
	for _, f := range abi.Imports {
		check(f)
	}
	for _, f := range abi.Exports {
		required := len(listed[f.Name]) == 2 && listed[f.Name][1] == "required"
		if required == f.Optional {
			t.Errorf("%s: required is %v in SPEC.md, optional is %v in the constant", f.Name, required, f.Optional)
		}
		check(f)
	}
	for name := range listed {
		t.Errorf("%s is in SPEC.md and is no function of the ABI", name)
	}
}

func TestSpecTellsTheOffsetsOfTheControlBlock(t *testing.T) {
	for field, row := range map[string]string{
		"hand":            "| 0 | 4 | hand |",
		"watermark":       "| 8 | 8 | watermark |",
		"processing time": "| 16 | 8 | processing time |",
	} {
		if !strings.Contains(readSpec(t), row) {
			t.Errorf("SPEC.md lacks the row of the %s, %q", field, row)
		}
	}
	if abi.ControlHand != 0 || abi.ControlWatermark != 8 || abi.ControlProcessingTime != 16 || abi.ControlLength != 32 {
		t.Error("the constants of the control block differ from SPEC.md")
	}
}

// The example of a description has every field, and no other.
func TestSpecShowsADescriptionWithEveryField(t *testing.T) {
	_, rest, _ := strings.Cut(readSpec(t), "```json\n")
	example, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("SPEC.md has no JSON example")
	}
	decoder := json.NewDecoder(strings.NewReader(example))
	decoder.DisallowUnknownFields()
	var description abi.Description
	if err := decoder.Decode(&description); err != nil {
		t.Fatal(err)
	}
	full := abi.Description{
		ABI: "x", SDK: "x", Language: "x", Requires: []string{"x"},
		Operators: []abi.OperatorDescription{{
			Name:    "x",
			Inputs:  []abi.InputDescription{{Name: "x", Changes: []string{"x"}}},
			Outputs: []abi.OutputDescription{{Name: "x"}},
			States:  []abi.StateDescription{{Name: "x", Kind: "x", TimeToLiveMS: 1, SchemaVersion: 1, Prefetch: true}},
			Timers:  []abi.TimerDescription{{Name: "x", Domain: "x"}},
			Metrics: []abi.MetricDescription{{Name: "x", Kind: "x"}}, AssignsTimestamps: true,
			ConfigSchema: json.RawMessage(`{}`),
		}},
	}
	encoded, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`"([a-z_]+)":`).FindAllStringSubmatch(string(encoded), -1) {
		if !strings.Contains(example, match[0]) {
			t.Errorf("the example lacks the field %s", match[1])
		}
	}
}
