package operator_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/conformance/operator"
	"github.com/turgo-stream/turgo/conformance/report"
	"github.com/turgo-stream/turgo/host/wasm"
)

func TestMain(m *testing.M) {
	wasm.CompileIfAsked()
	os.Exit(m.Run())
}

// build makes a module of a source: a text module, a file in C, or a package in Go.
func build(t testing.TB, source string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "module.wasm")
	var command *exec.Cmd
	switch filepath.Ext(source) {
	case ".wat":
		command = exec.Command("wat2wasm", "--debug-names", "-o", out, source)
	case ".c":
		command = exec.Command("clang", "--target=wasm32", "-std=c11", "-O2", "-nostdlib", "-mbulk-memory", "-Wl,--no-entry", "-o", out, source)
	default:
		command = exec.Command("go", "build", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, source)
		command.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	}
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v (make tools installs what is missing)\n%s", command, err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// brief is a run that takes little time: small batches, and few of them.
func brief() operator.Options {
	return operator.Options{Seed: 1, Batches: 500, BatchBytes: 4 << 20}
}

func text(t testing.TB, r *report.Report) string {
	t.Helper()
	var out bytes.Buffer
	if err := r.Text(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Sound operators of each language pass all checks. What is skipped is named: no
// check is left out unseen.
func TestSoundOperatorsPass(t *testing.T) {
	for _, test := range []struct {
		source, scenario string
		short            bool
		skipped          []string
	}{
		{source: "../../examples/wat/operator.wat", skipped: []string{
			"change_kinds", "close", "open_refuses", "restore", "state_use", "time_to_live", "versions"}},
		{source: "../../guest-sdk/c/tests/everything.c", scenario: "testdata/everything.yaml", short: true, skipped: []string{"close", "open_refuses"}},
		{source: "../../examples/keyedcount/operator", scenario: "../../examples/keyedcount/conformance.yaml", short: true, skipped: []string{
			"change_kinds", "time_to_live", "versions"}},
		{source: "../../guest-sdk/go/internal/everything", scenario: "testdata/everything.yaml", skipped: []string{"open_refuses"}},
		{source: "../../examples/payments/operator", scenario: "../../examples/payments/conformance.yaml", skipped: []string{
			"change_kinds", "open_refuses", "time_to_live", "versions"}},
		{source: "../../examples/wordcount/operator", skipped: []string{
			"change_kinds", "open_refuses", "restore", "state_use", "time_to_live", "versions"}},
		{source: "../../examples/passthrough/operator", skipped: []string{
			"change_kinds", "open_refuses", "restore", "state_use", "time_to_live", "versions"}},
	} {
		if testing.Short() && !test.short {
			continue
		}
		t.Run(filepath.Base(filepath.Dir(test.source))+"/"+filepath.Base(test.source), func(t *testing.T) {
			options := brief()
			if test.scenario != "" {
				scenario, err := operator.ReadScenario(test.scenario)
				if err != nil {
					t.Fatal(err)
				}
				options.Scenario = scenario
			}
			found, err := operator.Run(context.Background(), test.source, build(t, test.source), options)
			if err != nil {
				t.Fatal(err)
			}
			var skipped []string
			for _, r := range found.Results {
				if r.Status == report.Skip && !slices.Contains(skipped, r.Check) {
					skipped = append(skipped, r.Check)
				}
			}
			slices.Sort(skipped)
			if len(found.Failed()) > 0 || !slices.Equal(skipped, test.skipped) {
				t.Errorf("skipped are %q, want %q\n%s", skipped, test.skipped, text(t, found))
			}
		})
	}
}

// Each check is in the report of each operator, in the order of the list.
func TestReportHasEveryCheck(t *testing.T) {
	found, err := operator.Run(context.Background(), "m", build(t, "../../examples/wat/operator.wat"), brief())
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, c := range operator.Checks() {
		want = append(want, c.Name)
		if c.What == "" {
			t.Errorf("check %s does not say what it is about", c.Name)
		}
		for _, need := range c.Needs {
			if !slices.Contains(want, need) {
				t.Errorf("check %s needs %s, which does not run before it", c.Name, need)
			}
		}
	}
	for _, r := range found.Results {
		got = append(got, r.Check)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the report has\n%q, the list\n%q", got, want)
	}
}

// A module that does not load skips all that follows, with the reason.
func TestModuleThatDoesNotLoad(t *testing.T) {
	found, err := operator.Run(context.Background(), "m", []byte("package main\n"), brief())
	if err != nil {
		t.Fatal(err)
	}
	failed := found.Failed()
	if len(failed) != 1 || failed[0].Check != operator.CheckModule || !strings.Contains(failed[0].Reason, "not WebAssembly") {
		t.Fatalf("%+v", failed)
	}
	if skipped := found.Count(report.Skip); skipped != len(operator.Checks())-1 {
		t.Errorf("%d checks are skipped, of %d", skipped, len(operator.Checks()))
	}
	for _, r := range found.Results[1:] {
		if r.Reason != "needs module" {
			t.Errorf("%s: %s", r.Check, r.Reason)
		}
	}
}

// Hostile modules end within their limits, whatever they do.
func TestHostileModulesEnd(t *testing.T) {
	guests := []string{"loops", "eats-memory", "recurses"}
	if !testing.Short() {
		guests = append(guests, "loops-in-open", "loops-in-describe", "loops-in-start", "loops-in-host", "logs-forever", "emits-forever", "emits-nothing-forever", "fills-table", "fills-all-memory", "copies-all-memory")
	}
	for _, guest := range guests {
		t.Run(guest, func(t *testing.T) {
			t.Parallel()
			started := time.Now()
			found, err := operator.Run(context.Background(), guest, build(t, "../../host/wasm/testdata/"+guest+".wat"), brief())
			if err != nil {
				t.Fatal(err)
			}
			if len(found.Failed()) == 0 {
				t.Errorf("nothing fails\n%s", text(t, found))
			}
			if took := time.Since(started); took > time.Minute {
				t.Errorf("the run took %s\n%s", took, text(t, found))
			}
		})
	}
}

// A run that is ended tells what it has found so far.
func TestRunEnds(t *testing.T) {
	module := build(t, "../../examples/wat/operator.wat")
	for _, last := range []string{"module", "buffer", "division"} {
		ctx, cancel := context.WithCancel(context.Background())
		options := brief()
		options.Progress = func(_, check string) {
			if check == last {
				cancel()
			}
		}
		found, err := operator.Run(ctx, "m", module, options)
		cancel()
		if err != nil || !found.Interrupted {
			t.Fatal(last, err, found)
		}
		for _, r := range found.Results {
			if r.Check == last && last != "module" {
				t.Errorf("%s is told, though it was cut off\n%s", last, text(t, found))
			}
		}
	}
}

// The same seed gives the same results.
func TestSeedRepeats(t *testing.T) {
	module := build(t, "../../conformance/guests/division_counts_batches.wat")
	var reasons []string
	for range 2 {
		found, err := operator.Run(context.Background(), "m", module, brief())
		if err != nil || len(found.Failed()) != 1 {
			t.Fatal(err, text(t, found))
		}
		reasons = append(reasons, found.Failed()[0].Reason)
	}
	if reasons[0] != reasons[1] || !strings.Contains(reasons[0], "not") {
		t.Error(reasons)
	}
}

func TestOperatorsThatAreNotThere(t *testing.T) {
	module := build(t, "../../examples/wat/operator.wat")
	for _, test := range []struct {
		options operator.Options
		want    string
	}{
		{operator.Options{Operators: []string{"x"}}, `the module has no operator "x": it has ["pass"`},
		{operator.Options{Scenario: &operator.Scenario{Operators: map[string]operator.OperatorScenario{"x": {}}}}, `scenario: the module has no operator "x": it has ["pass"`},
		{operator.Options{Scenario: &operator.Scenario{Operators: map[string]operator.OperatorScenario{"pass": {Records: []operator.ScenarioStep{{Input: "y"}}}}}},
			`scenario: operator pass: records[0]: input "y" is none of the operator's: it has ["in"]`},
	} {
		_, err := operator.Run(context.Background(), "m", module, test.options)
		var bad *operator.ScenarioError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

func TestReadScenario(t *testing.T) {
	if _, err := operator.ReadScenario(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
