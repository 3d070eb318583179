package zig_test

import (
	"testing"

	"github.com/turgo-stream/turgo/conformance/operator"
	"github.com/turgo-stream/turgo/conformance/report"
	"github.com/turgo-stream/turgo/toolchain"
)

// Without any SDK, the module passes the conformance suite.
func TestConformance(t *testing.T) {
	options := operator.Options{Seed: 1, Batches: 1000}
	if testing.Short() {
		options.Batches, options.BatchBytes = 100, 1<<20
	}
	scenario, err := operator.ReadScenario("conformance.yaml")
	if err != nil {
		t.Fatal(err)
	}
	options.Scenario = scenario
	found, err := operator.Run(t.Context(), "zig", build(t, ".", toolchain.Zig), options)
	if err != nil {
		t.Fatal(err)
	}
	if err := found.Text(t.Output()); err != nil {
		t.Error(err)
	}
	if len(found.Failed()) > 0 || found.Count(report.Pass) == 0 {
		t.Error(found.Summary())
	}
}
