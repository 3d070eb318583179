package languages

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// The unit tests of the operators in C are a program of their own.
func TestTheOperatorsInCNatively(t *testing.T) {
	program := filepath.Join(t.TempDir(), "operators_test")
	build := exec.Command("clang", "-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-fsanitize=undefined", "-fsanitize-trap=undefined",
		"-o", program, filepath.Join("c", "operators_test.c"))
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v (make tools installs what is missing)\n%s", build, err, text)
	}
	if text, err := exec.Command(program).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}
