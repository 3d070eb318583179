package faulty_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/conformance/connector"
	"github.com/turgo-stream/turgo/conformance/connector/faulty"
	"github.com/turgo-stream/turgo/conformance/report"
)

// serveArgument makes this test program the connector, with the fault that follows.
const serveArgument = "serve-faulty"

// parallelMax is how many tests run at once: they wait most of the time.
const parallelMax = "12"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == serveArgument {
		faulty.Serve(os.Args[2])
	}
	flag.Parse()
	if err := flag.Set("test.parallel", parallelMax); err != nil {
		panic(err)
	}
	os.Exit(runAll(m))
}

// runAll runs the tests with a temporary folder of their own, as faulty
// connectors do not tidy up.
func runAll(m *testing.M) int {
	folder, err := os.MkdirTemp("", "turgo-faulty-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	if err := os.Setenv("TMPDIR", folder); err != nil {
		panic(err)
	}
	return m.Run()
}

// callLimit is what the tests let the connector take for an answer.
const callLimit = 3 * time.Second

const sourcePart = `
source:
  prepare: [cp, a.json, b.json, c.json, "${SCRATCH}"]
  settings: {folder: "${SCRATCH}", batch_records: 7}
  records: 1300
  bad_settings:
    - {settings: {batch_records: 0}, field: batch_records}
    - {settings: {folder: /absent}, field: folder}
`

const sinkPart = `
sink:
  settings: {folder: "${SCRATCH}"}
  refused: {value: "refuse ${ID}"}
  read_back: {source: {settings: {folder: "${SCRATCH}", batch_records: 500}}}
  bad_settings:
    - {settings: {folder: /absent}, field: folder}
`

// writeInput writes what the scenario's source reads: lines of two files that are
// records but for one, and an empty file. Two are more than the suite gives
// credit for at once.
func writeInput(t *testing.T, folder string) {
	t.Helper()
	for name, records := range map[string]int{"a": 700, "b": 600, "c": 0} {
		var text bytes.Buffer
		for i := range records {
			if i == 25 {
				fmt.Fprintf(&text, "no record\n")
			}
			value, err := json.Marshal(map[string]any{"key": []byte(fmt.Sprint(i % 5)), "value": fmt.Append(nil, name, " ", i), "timestamp": i})
			if err != nil {
				t.Fatal(err)
			}
			text.Write(append(value, '\n'))
		}
		if err := os.WriteFile(filepath.Join(folder, name+".json"), text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// check runs the suite over the connector with a fault.
func check(t *testing.T, fault, parts string, checks ...string) *report.Report {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	scenario, err := connector.ParseScenario([]byte(parts))
	if err != nil {
		t.Fatal(err)
	}
	scenario.Folder = t.TempDir()
	writeInput(t, scenario.Folder)
	sequences := 1
	if slices.ContainsFunc(faulty.Faults, func(f faulty.Fault) bool { return f.Name == fault && f.Check == connector.Order }) {
		sequences = 4 // what comes about by chance needs more of it
	}
	result, err := connector.Run(t.Context(), connector.Options{
		Command: []string{path, serveArgument, fault}, Scenario: scenario, CallLimit: callLimit, Checks: checks, Seed: 1, Sequences: sequences,
	})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func text(t *testing.T, result *report.Report) string {
	t.Helper()
	var all strings.Builder
	if err := result.Text(&all); err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// The sound connector passes every check, and skips none.
func TestSound(t *testing.T) {
	t.Parallel()
	for _, parts := range []string{sourcePart, sinkPart, sourcePart + sinkPart} {
		result := check(t, "", parts)
		if result.Count(report.Pass) != len(result.Results) {
			t.Errorf("not all checks pass:\n%s", text(t, result))
		}
	}
}

// Each fault is caught by the check that is meant for it, and by no other.
func TestFaults(t *testing.T) {
	for _, fault := range faulty.Faults {
		t.Run(fault.Group+"/"+fault.Check+"/"+fault.Name, func(t *testing.T) {
			t.Parallel()
			parts := sourcePart
			if fault.Group == connector.GroupSink || fault.Name == "denies_sink" || fault.Name == "claims_source" {
				parts = sinkPart
			}
			var checks []string
			if testing.Short() {
				checks = []string{fault.Check} // that no other check fails, the long test shows
			}
			result := check(t, fault.Name, parts, checks...)
			failed := result.Failed()
			if len(failed) != 1 || failed[0].Group != fault.Group || failed[0].Check != fault.Check {
				t.Errorf("a connector that %s has to fail %s/%s alone:\n%s", fault.What, fault.Group, fault.Check, text(t, result))
			}
		})
	}
}

// Each check has a fault that it catches.
func TestEachCheckHasAFault(t *testing.T) {
	for _, check := range connector.Checks() {
		if !slices.ContainsFunc(faulty.Faults, func(f faulty.Fault) bool { return f.Group == check.Group && f.Check == check.Name }) {
			t.Errorf("no fault is for the check %s/%s", check.Group, check.Name)
		}
	}
}
