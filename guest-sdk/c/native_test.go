// Package c_test builds and runs the tests of the C SDK, which are in C.
package c_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The SDK as a native program, under the compiler's checks of undefined
// behaviour, reproduces the golden batches.
func TestNative(t *testing.T) {
	run(t, "tests/native.c", filepath.Join("..", "..", "abi", "testdata", "batches.txt"))
}

// The kit for tests of operators does what a host does.
func TestKit(t *testing.T) { run(t, "tests/kit.c") }

// run compiles a program and runs it.
func run(t *testing.T, source string, arguments ...string) {
	t.Helper()
	for _, name := range []string{"turgo.h", "turgo_test.h", "tests/everything.c", source} {
		if _, err := os.ReadFile(name); err != nil { // so that Go knows what its result depends on
			t.Fatal(err)
		}
	}
	program := filepath.Join(t.TempDir(), "program")
	build := exec.Command("clang", "-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-fsanitize=undefined",
		"-fsanitize-trap=undefined", "-o", program, source)
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v (make tools installs what is missing)\n%s", build, err, text)
	}
	if text, err := exec.Command(program, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

// TestTheCommentsShowWhatWorks takes the operator out of the first comment of
// turgo.h, and its test out of that of turgo_test.h.
func TestTheCommentsShowWhatWorks(t *testing.T) {
	folder := t.TempDir()
	for header, file := range map[string]string{"turgo.h": "count.c", "turgo_test.h": "count_test.c"} {
		text, err := os.ReadFile(header)
		if err != nil {
			t.Fatal(err)
		}
		comment, _, _ := strings.Cut(string(text), "*/")
		var code strings.Builder
		for line := range strings.Lines(comment) {
			if shown, found := strings.CutPrefix(line, " *     "); found && !strings.HasPrefix(shown, "clang ") {
				code.WriteString(shown)
			}
		}
		err = errors.Join(os.WriteFile(filepath.Join(folder, header), text, 0o600),
			os.WriteFile(filepath.Join(folder, file), []byte(code.String()), 0o600))
		if err != nil {
			t.Fatal(err)
		}
	}
	run(t, filepath.Join(folder, "count_test.c"))
}
