package wat_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/turgo-stream/turgo/conformance/operator"
	"github.com/turgo-stream/turgo/conformance/report"
)

// Both modules pass the conformance suite, as the README says: with batches as
// large as they may be, to which count adds eight bytes a record.
func TestConformance(t *testing.T) {
	options := operator.Options{Seed: 1, Batches: 1000}
	if testing.Short() {
		options.Batches, options.BatchBytes = 200, 16<<20
	}
	for _, name := range []string{"operator", "count"} {
		t.Run(name, func(t *testing.T) {
			found, err := operator.Run(context.Background(), name, assemble(t, name+".wat"), options)
			check(t, err)
			if err := found.Text(t.Output()); err != nil {
				t.Error(err)
			}
			if len(found.Failed()) > 0 || found.Count(report.Pass) == 0 {
				t.Error(found.Summary())
			}
		})
	}
}

// assemble makes the module of a file.
func assemble(t *testing.T, file string) []byte {
	t.Helper()
	tool, err := exec.LookPath("wat2wasm")
	if err != nil {
		t.Fatalf("wat2wasm is missing, this test needs it: apt-get install wabt (%v)", err)
	}
	out := filepath.Join(t.TempDir(), "operator.wasm")
	if text, err := exec.Command(tool, "-o", out, file).CombinedOutput(); err != nil {
		t.Fatalf("wat2wasm: %v\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	check(t, err)
	return data
}
