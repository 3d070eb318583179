package plan

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/turgo-stream/turgo/abi"
)

// TestScripts runs the scripts of testdata/scripts. Their commands:
//
//	module path=/job/x.wasm    defines a module: a JSON list of operator descriptions
//	environment                sets variables, NAME=value in each line
//	build                      reads a job file, builds it, prints the plan or all problems
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		modules := map[string][]abi.OperatorDescription{}
		environment := map[string]string{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "module":
				var name string
				d.ScanArgs(t, "path", &name)
				var operators []abi.OperatorDescription
				if err := json.Unmarshal([]byte(d.Input), &operators); err != nil {
					d.Fatalf(t, "%v", err)
				}
				modules[name] = operators
				return fmt.Sprintf("%d operators\n", len(operators))
			case "environment":
				for _, line := range strings.Split(d.Input, "\n") {
					name, value, _ := strings.Cut(line, "=")
					environment[name] = value
				}
				return ""
			case "build":
				return build(d.Input, environment, modules)
			}
			d.Fatalf(t, "unknown command %s", d.Cmd)
			return ""
		})
	})
}

func build(input string, environment map[string]string, modules map[string][]abi.OperatorDescription) string {
	job, err := Read("job.yaml", []byte(input), func(name string) (string, bool) {
		value, found := environment[name]
		return value, found
	})
	if err != nil {
		return err.Error() + "\n"
	}
	job.BaseDir = "/job"
	p, err := Build(job, describeFrom(modules))
	if err != nil {
		return err.Error() + "\n"
	}
	return p.String()
}

func describeFrom(modules map[string][]abi.OperatorDescription) Describe {
	return func(step *Step) (*abi.OperatorDescription, error) {
		operators, found := modules[step.Module]
		if !found {
			return nil, fmt.Errorf("module %s: no such file", filepath.Base(step.Module))
		}
		for i := range operators {
			if operators[i].Name == step.Entry {
				return &operators[i], nil
			}
		}
		return nil, fmt.Errorf("module %s has no operator %q", filepath.Base(step.Module), step.Entry)
	}
}
