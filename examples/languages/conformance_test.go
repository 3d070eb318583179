package languages

import (
	"os"
	"testing"

	"github.com/turgo-stream/turgo/conformance/operator"
	"github.com/turgo-stream/turgo/conformance/report"
	"github.com/turgo-stream/turgo/toolchain"
)

// The operators of each language pass the conformance suite, which finds all that
// it looks for in the records of conformance.yaml.
func TestConformance(t *testing.T) {
	languages, options := allLanguages, operator.Options{Seed: 1, Batches: 1000, BatchBytes: 16 << 20}
	if testing.Short() {
		languages = []toolchain.Language{toolchain.Rust}
		options.Operators, options.Batches, options.BatchBytes = []string{"sum"}, 200, 1<<20
	}
	scenario, err := operator.ReadScenario("conformance.yaml")
	if err != nil {
		t.Fatal(err)
	}
	options.Scenario = scenario
	for _, language := range languages {
		t.Run(string(language), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(module(t, language))
			if err != nil {
				t.Fatal(err)
			}
			found, err := operator.Run(t.Context(), string(language), data, options)
			if err != nil {
				t.Fatal(err)
			}
			if err := found.Text(t.Output()); err != nil {
				t.Error(err)
			}
			if len(found.Failed()) > 0 || found.Count(report.Pass) == 0 {
				t.Error(found.Summary())
			}
			for _, result := range found.Results {
				needed := result.Check == operator.CheckRestore && result.Group == "sum" || result.Check == operator.CheckDivision
				if needed && result.Status != report.Pass {
					t.Errorf("%s of %s: %s: %s", result.Check, result.Group, result.Status, result.Reason)
				}
			}
		})
	}
}
