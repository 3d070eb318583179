// Package c_test builds and runs the tests of the C SDK, which are in C.
package c_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The SDK as a native program, under the compiler's checks of memory and of
// undefined behaviour, reproduces the golden batches.
func TestNative(t *testing.T) {
	program := filepath.Join(t.TempDir(), "native")
	build := exec.Command("cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-fsanitize=address,undefined",
		"-fno-sanitize-recover=undefined", "-o", program, "tests/native.c")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v (Debian: apt-get install gcc libc6-dev)\n%s", build, err, text)
	}
	run := exec.Command(program, filepath.Join("..", "..", "abi", "testdata", "batches.txt"))
	run.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=0") // what is allocated lives as long as the instance
	if text, err := run.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}
