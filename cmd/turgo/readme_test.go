package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// savedBlock is a block of code that the README says to save under a name.
var savedBlock = regexp.MustCompile("(?s)`examples/unique/([^`]+)`[^`]*(?:`go test[^`]*`:)?\\s*```\\w+\n(.*?)```")

// TestReadmePath walks the README's way to one's own operator: the files that it
// shows are tested, built and run.
func TestReadmePath(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	// The operator imports the SDK of this module, so it is built within it, in a
	// folder that no pattern of packages matches.
	if err := os.MkdirAll("../../build", 0o755); err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("../../build", "_readme-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	var names []string
	for _, block := range savedBlock.FindAllStringSubmatch(string(readme), -1) {
		names = append(names, block[1])
		path := filepath.Join(folder, block[1])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(block[2]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"operator/main.go", "operator/main_test.go", "job.yaml"}; !slices.Equal(names, want) {
		t.Fatalf("the README shows %q; want %q", names, want)
	}

	operator := "./" + filepath.Join(folder, "operator")
	must(t, nil, "go", "test", operator)
	must(t, []string{"GOOS=wasip1", "GOARCH=wasm"}, "go", "build", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=-s -w",
		"-o", filepath.Join(folder, "unique.wasm"), operator)
	input, err := filepath.Abs("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	must(t, []string{"INPUT=" + input, "TURGO_CACHE=" + filepath.Join(built, "cache")},
		filepath.Join(built, "bin", "turgo"), "run", filepath.Join(folder, "job.yaml"))

	var got []string
	parts, err := filepath.Glob(filepath.Join(folder, "out", "part-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		content, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")...)
	}
	want := strings.Split(strings.TrimSuffix(string(readme), "\n"), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if want = slices.Compact(want); !slices.Equal(got, want) {
		t.Errorf("%d lines came out; want the %d different lines of the README", len(got), len(want))
	}
}

func must(t *testing.T, environment []string, name string, arguments ...string) {
	t.Helper()
	c := exec.Command(name, arguments...)
	c.Env = append(os.Environ(), environment...)
	if output, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, output)
	}
}
