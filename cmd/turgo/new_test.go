package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// newOperators is what proves a new project in each language: the command of its
// unit tests, and that it builds, passes conformance and runs.
var newOperators = []struct {
	language string
	test     []string
}{
	{"go", []string{"go", "test"}},
	{"c", []string{"make", "test"}},
}

// wantCounts is what each new operator makes of its events.
var wantCounts = []string{
	"ada\t1767225600000 3", "ada\t1767225720000 1", "edsger\t1767225600000 1", "edsger\t1767225660000 1", "grace\t1767225600000 2",
}

// TestNewOperators walks the way of an author of an operator, with the real
// program, outside of the repository: new, build, test, conformance, run.
func TestNewOperators(t *testing.T) {
	for _, c := range newOperators {
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
			author.runs("turgo", "check", "job.yaml")
			lines := strings.Split(strings.TrimSpace(author.runs("turgo", "run", "job.yaml")), "\n")
			slices.Sort(lines)
			if !slices.Equal(lines, wantCounts) {
				t.Errorf("the job wrote %q, want %q", lines, wantCounts)
			}
		})
	}
}

// author runs commands in a folder as the author of a project does.
type author struct {
	*testing.T
	folder string
}

// runs runs a command that has to succeed, and gives its standard output.
func (a *author) runs(name string, arguments ...string) string {
	a.Helper()
	start := time.Now()
	c := exec.Command(name, arguments...)
	if name == "turgo" {
		c.Path, c.Err = filepath.Join(built, "bin", "turgo"), nil
	}
	c.Dir = a.folder
	c.Env = append(os.Environ(), "TURGO_CACHE="+filepath.Join(built, "cache"), "GOFLAGS=-buildvcs=false")
	var said, complained strings.Builder
	c.Stdout, c.Stderr = &said, &complained
	if err := c.Run(); err != nil {
		a.Fatalf("%s %s: %v (make tools installs what is missing)\n%s%s", name, strings.Join(arguments, " "), err, said.String(), complained.String())
	}
	a.Logf("%s %s: %.1f s", name, strings.Join(arguments, " "), time.Since(start).Seconds())
	return said.String()
}
