package replay_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/turgo-stream/turgo/host/wasm"
)

// guests are the modules of the tests, by name.
var guests = map[string]*wasm.Module{}

func TestMain(m *testing.M) {
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "turgo-replay-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = loadGuests(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// loadGuests builds and loads all modules. They live as long as the process.
func loadGuests(dir string) error {
	if _, err := exec.LookPath("wat2wasm"); err != nil {
		return fmt.Errorf("wat2wasm is missing, the tests need it: apt-get install wabt (%w)", err)
	}
	engine, err := wasm.NewEngine(wasm.Config{})
	if err != nil {
		return err
	}
	for name, build := range map[string][]string{
		"bits":       {"wat2wasm", "testdata/bits.wat"},
		"whims":      goBuild("-s -w", "./testdata/whims"),
		"mended":     goBuild("-s -w -X main.mended=yes", "./testdata/whims"),
		"wordcount":  goBuild("-s -w", "../../examples/wordcount/operator"),
		"keyedcount": goBuild("-s -w", "../../examples/keyedcount/operator"),
	} {
		path := filepath.Join(dir, name+".wasm")
		build = append(build, "-o", path)
		if build[0] == "go" { // its flags stand before the package
			last := len(build) - 3
			build[last], build[last+1], build[last+2] = "-o", path, build[last]
		}
		command := exec.Command(build[0], build[1:]...)
		command.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", name, err, output)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if guests[name], err = engine.Load(context.Background(), name, data); err != nil {
			return err
		}
	}
	return nil
}

func goBuild(flags, folder string) []string {
	return []string{"go", "build", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=" + flags, folder}
}
