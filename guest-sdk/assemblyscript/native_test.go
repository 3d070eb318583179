// Package assemblyscript_test builds and runs the tests of the AssemblyScript SDK,
// which are in AssemblyScript and JavaScript, and measures it.
package assemblyscript_test

import (
	"os"
	"os/exec"
	"testing"
)

// The SDK reproduces the golden batches, and its operators do what their tests
// say in the test kit.
func TestNative(t *testing.T) { npmTest(t, ".") }

// The operators of the example are tested as an author tests his own.
func TestExample(t *testing.T) { npmTest(t, "../../examples/languages/assemblyscript") }

// npmTest installs what a folder's lock file says, and runs the folder's tests.
func npmTest(t *testing.T, folder string) {
	t.Helper()
	install := exec.Command("node", "install.mjs", folder)
	test := exec.Command("npm", "test", "--silent")
	test.Dir = folder
	for _, command := range []*exec.Cmd{install, test} {
		command.Env = os.Environ()
		if testing.Short() {
			command.Env = append(command.Env, "SHORT=1") // fewer batches
		}
		if text, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v in %s: %v (make tools installs what is missing)\n%s", command, folder, err, text)
		}
	}
}
