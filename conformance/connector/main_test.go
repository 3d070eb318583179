package connector_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/turgo-stream/turgo/conformance/connector"
	"github.com/turgo-stream/turgo/conformance/report"
	"github.com/turgo-stream/turgo/connectors/builtin"
	"github.com/turgo-stream/turgo/connectors/wire"
)

// TestMain lets this test program serve the built-in connectors, as turgo does.
func TestMain(m *testing.M) {
	wire.ServeIfAsked(builtin.Connectors())
	goleak.VerifyTestMain(m)
}

// testLimit bounds one run of the suite.
const testLimit = 2 * time.Minute

// run runs the suite over a built-in connector.
func run(t *testing.T, name, scenario string, checks ...string) *report.Report {
	t.Helper()
	t.Parallel() // most of the time is spent in waiting
	s, err := connector.ParseScenario([]byte(scenario))
	if err != nil {
		t.Fatal(err)
	}
	s.Folder = t.TempDir()
	if err := os.WriteFile(filepath.Join(s.Folder, "input.txt"), []byte(numbered(3000)), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), testLimit)
	defer cancel()
	options := connector.Options{Builtin: name, Scenario: s, Checks: checks, Seed: 1, Sequences: 6}
	if testing.Short() {
		options.Sequences = 2
	}
	result, err := connector.Run(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func numbered(lines int) string {
	var text strings.Builder
	for i := range lines {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	return text.String()
}

// passes checks that nothing fails, and that nothing is skipped but what is named.
func passes(t *testing.T, result *report.Report, skipped ...string) {
	t.Helper()
	var text strings.Builder
	if err := result.Text(&text); err != nil {
		t.Fatal(err)
	}
	t.Log(text.String())
	want := map[string]bool{}
	for _, name := range skipped {
		want[name] = true
	}
	for _, r := range result.Results {
		name := r.Group + "/" + r.Check
		if r.Status == report.Fail || (r.Status == report.Skip) != want[name] {
			t.Errorf("%s: %s: %s", name, r.Status, r.Reason)
		}
	}
}
