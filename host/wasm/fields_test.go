package wasm

import (
	"strings"
	"testing"
)

func TestDescriptionFieldsAreExact(t *testing.T) {
	for text, want := range map[string]string{
		`{"abi":"x","operators":[{"name":"o","inputs":[{"name":"i"}],"outputs":[]}]}`:                                            "",
		`{"abi":"x","operators":[{"name":"o","inputs":[],"outputs":[],"config_schema":{"x":{"y":1},"properties":{"Name":{}}}}]}`: "",
		`{"ABI":"x","operators":[]}`:                                                               "field ABI is not known",
		`{"abi":"x","operators":[{"name":"o","Inputs":[],"outputs":[]}]}`:                          "field operators.Inputs is not known",
		`{"abi":"x","operators":[{"name":"o","inputs":[{"nAme":"i"}]}]}`:                           "field operators.inputs.nAme is not known",
		`{"abi":"x","abi":"y"}`:                                                                    "field abi is there twice",
		`{"abi":"x","operators":[{"name":"o","inputs":[]}]}`:                                       "operators lacks inputs or outputs",
		`{"abi":"x","operators":[{"name":"o","inputs":[],"outputs":[],"config_schema":true}]}`:     "config_schema is not an object",
		"{\"abi\":\"\xff\",\"operators\":[]}":                                                      "not UTF-8",
		`{"abi":"x","operators":[{"name":"o","inputs":[],"outputs":[{"name":"a"},{"kind":"b"}]}]}`: "field operators.outputs.kind is not known",
	} {
		err := checkFields([]byte(text))
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}
