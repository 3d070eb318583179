// Package rust_test builds and runs the tests of the Rust SDK, which are in Rust.
package rust_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// cargo is a command of the cargo that goes with the Wasm target: the user's own,
// or that of the system, since a rustup without the target may hide it.
func cargo(folder string, arguments ...string) *exec.Cmd {
	// What is built once and thrown away needs no information for debuggers.
	environment := append(os.Environ(), "CARGO_TARGET_DIR="+filepath.Join(folder, "target"), "CARGO_INCREMENTAL=0", "CARGO_PROFILE_DEV_DEBUG=0")
	command := exec.Command("cargo", arguments...)
	command.Env = environment
	sysroot, err := exec.Command("rustc", "--print", "sysroot").Output()
	if err == nil {
		_, err = os.Stat(filepath.Join(strings.TrimSpace(string(sysroot)), "lib", "rustlib", "wasm32-unknown-unknown"))
	}
	if err != nil {
		command = exec.Command("/usr/bin/cargo", arguments...)
		command.Env = append(environment, "RUSTC=/usr/bin/rustc", "RUSTDOC=/usr/bin/rustdoc")
	}
	return command
}

// The crate's own tests pass: its test programs, and the examples of its
// documentation.
func TestCargo(t *testing.T) {
	arguments := []string{"test", "--offline", "--locked", "--quiet"}
	if testing.Short() {
		arguments = append(arguments, "--tests") // each example of the documentation is a program to link
	}
	command := cargo(t.TempDir(), arguments...)
	text, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v (make tools installs what is missing)\n%s", command, err, text)
	}
	if passed := strings.Count(string(text), "test result: ok."); passed < 3 {
		t.Errorf("%d test programs, want 3 at least:\n%s", passed, text)
	}
}

// Without its features the crate needs no std, natively and as part of a module.
func TestTheCoreNeedsNoStd(t *testing.T) {
	folder := t.TempDir()
	for _, more := range [][]string{nil, {"--target", "wasm32-unknown-unknown"}} {
		command := cargo(folder, append([]string{"check", "--offline", "--locked", "--no-default-features"}, more...)...)
		command.Env = append(command.Env, "RUSTFLAGS=-Dwarnings")
		if text, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v (make tools installs what is missing)\n%s", command, err, text)
		}
	}
}
