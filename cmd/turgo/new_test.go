package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/host/native"
)

// newOperators is what proves a new project in each language: the command of its
// unit tests, and that it builds, passes conformance and runs.
var newOperators = []struct {
	language string
	test     []string
}{
	{"c", []string{"make", "test"}},
	{"go", []string{"go", "test"}},
	{"rust", []string{"cargo", "test"}},
	{"assemblyscript", []string{"npm", "test"}},
}

// wantCounts is what each new operator makes of its events.
var wantCounts = []string{
	"ada\t1767225600000 3", "ada\t1767225720000 1", "edsger\t1767225600000 1", "edsger\t1767225660000 1", "grace\t1767225600000 2",
}

// TestNewOperators walks the way of an author of an operator, with the real
// program, outside of the repository: new, build, test, conformance, run.
func TestNewOperators(t *testing.T) {
	operators := newOperators
	if testing.Short() {
		operators = operators[:1] // TestReadmePath does the same in Go
	}
	for _, c := range operators {
		t.Run(c.language, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "page-visits")
			author := author{T: t, folder: filepath.Dir(folder)}
			author.runs("turgo", "new", "operator", "--lang", c.language, "page-visits")
			author.folder = folder
			if built := author.runs("turgo", "build"); !strings.Contains(built, "operator  page-visits: events -> counts; 1 state; 1 timer; 1 metric") {
				t.Errorf("turgo build says\n%s", built)
			}
			author.runs(c.test[0], c.test[1:]...)
			if c.language == "go" {
				author.runs("go", "vet", "./...")
				author.runs("go", "vet", "-C", "turgo-sdk", "./...")
			}
			author.runs("turgo", "check", "job.yaml")
			author.proves("operator", "page-visits.wasm")
			lines := strings.Split(strings.TrimSpace(author.runs("turgo", "run", "job.yaml")), "\n")
			slices.Sort(lines)
			if !slices.Equal(lines, wantCounts) {
				t.Errorf("the job wrote %q, want %q", lines, wantCounts)
			}
		})
	}
}

// TestNewConnector walks the way of an author of a connector.
func TestNewConnector(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	author := author{T: t, folder: folder}
	author.runs("turgo", "new", "connector", "tally")
	author.folder = filepath.Join(folder, "tally")
	// These flags are those of this program's own build, so all that the connector
	// imports is compiled already.
	author.environment = []string{"GOFLAGS=-trimpath=false", "CGO_ENABLED=1"}
	if built := author.runs("turgo", "build"); !strings.Contains(built, "connector tally: turgo run JOB --connectors ..") {
		t.Errorf("turgo build says\n%s", built)
	}
	author.runs("go", "test")
	suite := []string{"connector", "./tally", "--config", "conformance.yaml"}
	if testing.Short() {
		suite = append(suite, "--check", "handshake", "--check", "describe", "--check", "resume", "--check", "commit_after_crash", "--check", "host")
	}
	author.proves(suite...)
	author.runs("turgo", "run", "job.yaml", "--connectors", "..")
	parts, err := filepath.Glob(filepath.Join(author.folder, "out", "part-*"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, part := range parts {
		text, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			seen[line]++
		}
	}
	for n := range 1000 {
		if line := strconv.Itoa(n) + "\n"; seen[line] != 1 {
			t.Errorf("%q is there %d times", line, seen[line])
		}
	}

	// A version of the SDK that needs another module than the one of before.
	author.replaces("go.mod", "\tgithub.com/oklog/run v1.1.0 // indirect\n", "")
	author.replaces("turgo-sdk/go.mod", "\tgithub.com/oklog/run v1.1.0\n", "")
	author.replaces("turgo-sdk/connectors/connectors.go", "package connectors", "package nonsense")
	author.runs("turgo", "build", "--update-sdk")
	author.runs("go", "vet", "./...")

	// What the author wrote into the manifest stays; another program has another checksum.
	manifest := filepath.Join(author.folder, "connector.json")
	text, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	var before, after native.Manifest
	if err := json.Unmarshal(text, &before); err != nil {
		t.Fatal(err)
	}
	before.Environment = []string{"TALLY_KEY"}
	author.writes("connector.json", before)
	author.replaces("main.go", `Version: "1"`, `Version: "2"`)
	author.runs("turgo", "build")
	if text, err = os.ReadFile(manifest); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &after); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(after.Environment, before.Environment) || after.SHA256 == before.SHA256 || after.Version != "2" {
		t.Errorf("the manifest became %+v, was %+v", after, before)
	}

	// One that does not start is not taken for a connector.
	author.replaces("main.go", "func main() {", "func main() {\n\tpanic(\"the disk is on fire\")")
	if said := author.fails("turgo", "build"); !strings.Contains(said, "did not start") || !strings.Contains(said, "the disk is on fire") {
		t.Errorf("turgo build says\n%s", said)
	}
	if kept, err := os.ReadFile(manifest); err != nil || !bytes.Equal(kept, text) {
		t.Errorf("the manifest became %s, %v", kept, err)
	}
}

// author runs commands in a folder as the author of a project does.
type author struct {
	*testing.T
	folder      string
	environment []string
}

// proves runs a conformance suite: nothing may fail.
func (a *author) proves(arguments ...string) {
	a.Helper()
	if told := a.runs("turgo", append([]string{"conformance"}, arguments...)...); !strings.Contains(told, " 0 failed") {
		a.Errorf("turgo conformance %s says\n%s", strings.Join(arguments, " "), told)
	}
}

// writes writes a value as JSON.
func (a *author) writes(name string, value any) {
	a.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		a.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(a.folder, name), text, 0o644); err != nil {
		a.Fatal(err)
	}
}

// replaces edits a file.
func (a *author) replaces(name, old, with string) {
	a.Helper()
	path := filepath.Join(a.folder, name)
	text, err := os.ReadFile(path)
	if err != nil {
		a.Fatal(err)
	}
	edited := strings.ReplaceAll(string(text), old, with)
	if edited == string(text) {
		a.Fatalf("%s does not hold %q", name, old)
	}
	if err := os.WriteFile(path, []byte(edited), 0o644); err != nil {
		a.Fatal(err)
	}
}

// runs runs a command that has to succeed, and gives its standard output.
func (a *author) runs(name string, arguments ...string) string {
	a.Helper()
	start := time.Now()
	said, complained, err := a.try(name, arguments)
	if err != nil {
		a.Fatalf("%s %s: %v (make tools installs what is missing)\n%s%s", name, strings.Join(arguments, " "), err, said, complained)
	}
	a.Logf("%s %s: %.1f s", name, strings.Join(arguments, " "), time.Since(start).Seconds())
	return said
}

// fails runs a command that has to fail, and gives its standard error.
func (a *author) fails(name string, arguments ...string) string {
	a.Helper()
	said, complained, err := a.try(name, arguments)
	if err == nil {
		a.Fatalf("%s %s succeeds\n%s%s", name, strings.Join(arguments, " "), said, complained)
	}
	return complained
}

func (a *author) try(name string, arguments []string) (said, complained string, err error) {
	c := exec.Command(name, arguments...)
	if name == "turgo" {
		c.Path, c.Err = filepath.Join(built, "bin", "turgo"), nil
	}
	c.Dir = a.folder
	c.Env = append(os.Environ(), "TURGO_CACHE="+filepath.Join(built, "cache"))
	c.Env = append(c.Env, a.environment...)
	var stdout, stderr strings.Builder
	c.Stdout, c.Stderr = &stdout, &stderr
	err = c.Run()
	return stdout.String(), stderr.String(), err
}
