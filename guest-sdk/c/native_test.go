// Package c_test builds and runs the tests of the C SDK, which are in C.
package c_test

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// The SDK as a native program, under the compiler's checks of undefined
// behaviour, reproduces the golden batches.
func TestNative(t *testing.T) {
	program := filepath.Join(t.TempDir(), "native")
	build := exec.Command("clang", "-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-fsanitize=undefined",
		"-fsanitize-trap=undefined", "-o", program, "tests/native.c")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v (make tools installs what is missing)\n%s", build, err, text)
	}
	run := exec.Command(program, filepath.Join("..", "..", "abi", "testdata", "batches.txt"))
	if text, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}
