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
func TestNative(t *testing.T) {
	for _, words := range [][]string{{"node", "install.mjs"}, {"npm", "test", "--silent"}} {
		command := exec.Command(words[0], words[1:]...)
		command.Env = os.Environ()
		if testing.Short() {
			command.Env = append(command.Env, "SHORT=1") // fewer batches
		}
		if text, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v (make tools installs what is missing)\n%s", command, err, text)
		}
	}
}
