package guests

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/conformance/operator"
	"github.com/turgo-stream/turgo/conformance/report"
	"github.com/turgo-stream/turgo/host/wasm"
)

var update = flag.Bool("update", false, "write testdata/reasons.txt anew")

// nothing is what the head of a sound guest says that it is caught by.
const nothing = "nothing"

// reasonsFile holds what the suite says of each guest.
const reasonsFile = "testdata/reasons.txt"

func TestMain(m *testing.M) {
	wasm.CompileIfAsked()
	os.Exit(m.Run())
}

// guests are the files of all guests; in a short run one for each check.
func guests(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.wat")
	if err != nil {
		t.Fatal(err)
	}
	if !testing.Short() {
		return append(files, "../../examples/wat/operator.wat")
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(files, func(file string) bool {
		check := head(t, file, "caught by")
		before := seen[check]
		seen[check] = true
		return before
	})
}

// Each guest fails exactly the check that its head names.
func TestGuests(t *testing.T) {
	files := guests(t)
	cache := filepath.Join(t.TempDir(), "cache")
	var mutex sync.Mutex
	reasons := map[string]string{}
	caught := map[string]bool{}
	t.Run("all", func(t *testing.T) {
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".wat")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				check := head(t, file, "caught by")
				if check == "" && filepath.Dir(file) != "." {
					check = nothing
				}
				found := run(t, file, check, cache)
				judge(t, check, found)
				mutex.Lock()
				defer mutex.Unlock()
				reasons[name], caught[check] = told(found, check), true
			})
		}
	})
	for _, c := range operator.Checks() {
		if !caught[c.Name] {
			t.Errorf("no guest is caught by the check %s", c.Name)
		}
		delete(caught, c.Name)
	}
	delete(caught, nothing)
	for name := range caught {
		t.Errorf("a guest says that it is caught by %q: there is no such check", name)
	}
	compareReasons(t, reasons)
}

// batchBytes is how large the largest batches are for guests that are not about sizes.
const batchBytes = 1 << 20

// run runs the suite over a guest.
func run(t *testing.T, file, check, cache string) *report.Report {
	t.Helper()
	options := operator.Options{Seed: 1, Batches: 500, BatchBytes: batchBytes, CacheDir: cache}
	if check == operator.CheckBuffer || check == operator.CheckSizesMaximal || check == nothing && !testing.Short() {
		options.BatchBytes = record.LengthMax
	}
	scenario, err := operator.ReadScenario(strings.TrimSuffix(file, ".wat") + ".yaml")
	switch {
	case err == nil:
		options.Scenario = scenario
	case !errors.Is(err, fs.ErrNotExist):
		t.Fatal(err)
	}
	found, err := operator.Run(context.Background(), filepath.Base(file), assemble(t, file), options)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// judge wants that the check failed, and nothing else.
func judge(t *testing.T, check string, found *report.Report) {
	t.Helper()
	failed := map[string]bool{}
	for _, r := range found.Failed() {
		failed[r.Check] = true
		if r.Check != check {
			t.Errorf("%s fails: %s", r.Check, r.Reason)
		}
	}
	if check != nothing && !failed[check] {
		t.Errorf("the check %s does not fail", check)
	}
	if t.Failed() {
		var all strings.Builder
		if err := found.Text(&all); err != nil {
			t.Error(err)
		}
		t.Logf("\n%s", all.String())
	}
}

// told is what the suite says of a guest: why its check fails; of a sound one,
// which checks it leaves out.
func told(found *report.Report, check string) string {
	var text strings.Builder
	for _, r := range found.Results {
		if r.Check == check && r.Status == report.Fail || check == nothing && r.Status != report.Pass {
			who := strings.TrimSpace(r.Group + " " + r.Check)
			fmt.Fprintf(&text, "  %s %s: %s\n", r.Status, who, strings.ReplaceAll(r.Reason, "\n", "\n    "))
		}
	}
	return text.String()
}

// compareReasons compares what was said with what was said before.
func compareReasons(t *testing.T, reasons map[string]string) {
	t.Helper()
	var names []string
	for name := range reasons {
		names = append(names, name)
	}
	slices.Sort(names)
	var got strings.Builder
	for _, name := range names {
		fmt.Fprintf(&got, "%s\n%s\n", name, reasons[name])
	}
	if *update && !testing.Short() {
		if err := os.WriteFile(reasonsFile, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(reasonsFile)
	if err != nil {
		t.Fatal(err)
	}
	before, after := blocks(string(want)), blocks(got.String())
	for _, name := range names {
		if before[name] != after[name] {
			t.Errorf("%s: what the suite says has changed (go test ./conformance/guests -update writes it anew)\nis\n%swas\n%s", name, after[name], before[name])
		}
		delete(before, name)
	}
	if testing.Short() {
		return
	}
	for name := range before {
		t.Errorf("%s: there is no such guest any more (go test ./conformance/guests -update)", name)
	}
}

// blocks divides the text of reasons by guest.
func blocks(text string) map[string]string {
	of := map[string]string{}
	name := ""
	for line := range strings.Lines(text) {
		if line != "\n" && !strings.HasPrefix(line, " ") {
			name = strings.TrimSpace(line)
		} else if line != "\n" {
			of[name] += line
		}
	}
	return of
}

// assemble converts a guest to the binary format, with the switches that its
// head asks for.
func assemble(t testing.TB, file string) []byte {
	t.Helper()
	tool, err := exec.LookPath("wat2wasm")
	if err != nil {
		t.Fatalf("wat2wasm is missing, the tests need it: make tools installs it (apt-get install wabt) (%v)", err)
	}
	out := filepath.Join(t.TempDir(), "guest.wasm")
	arguments := append(strings.Fields(head(t, file, "wat2wasm")), "--debug-names", "-o", out, file)
	if text, err := exec.Command(tool, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("wat2wasm %s: %v\n%s", file, err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// head is what a line `;; name: …` at the start of a guest says, "" where there is none.
func head(t testing.TB, file, name string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if !strings.HasPrefix(line, ";; ") {
			break
		}
		if said, found := strings.CutPrefix(line, ";; "+name+": "); found {
			return strings.TrimSpace(said)
		}
	}
	return ""
}
