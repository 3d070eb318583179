package records

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/turgo-stream/turgo/faults/process"
)

// Guest is a language in which the operator is written.
type Guest string

// The guests.
const (
	C  Guest = "c"
	Go Guest = "go"
)

// Guests lists all guests.
var Guests = []Guest{C, Go}

// BuildGuest builds the operator account into a folder and returns the module's
// path.
func BuildGuest(ctx context.Context, guest Guest, folder string) (string, error) {
	switch guest {
	case C:
		return buildC(ctx, filepath.Join(folder, "account-c.wasm"))
	case Go:
		return process.BuildModule(ctx, "faults/poison/guest/go", folder, "account-go")
	}
	return "", fmt.Errorf("records: no guest %q: there are %q", guest, Guests)
}

func buildC(ctx context.Context, path string) (string, error) {
	for _, tool := range []string{"clang", "wasm-ld"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", fmt.Errorf("records: %s is missing, the guest in C needs it: apt-get install clang lld (%w)", tool, err)
		}
	}
	root, err := process.Root()
	if err != nil {
		return "", err
	}
	command := exec.CommandContext(ctx, "clang", "--target=wasm32", "-O2", "-nostdlib", "-mbulk-memory", "-Wl,--no-entry",
		"-o", path, filepath.Join(root, "faults", "poison", "guest", "c", "poison.c"))
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("records: clang: %w: %s", err, output)
	}
	return path, nil
}
