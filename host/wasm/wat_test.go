package wasm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
)

// assemble converts a guest of testdata to the binary format.
func assemble(t testing.TB, name string) []byte {
	t.Helper()
	tool, err := exec.LookPath("wat2wasm")
	if err != nil {
		t.Fatalf("wat2wasm is missing, the tests need it: apt-get install wabt (%v)", err)
	}
	out := filepath.Join(t.TempDir(), name+".wasm")
	command := exec.Command(tool, "--debug-names", "--enable-all", "--no-check", "-o", out, filepath.Join("testdata", name+".wat"))
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("wat2wasm %s: %v\n%s", name, err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var goGuests sync.Map // folder -> func() ([]byte, error)

// buildGo builds a Go guest once for all tests of a run.
func buildGo(t testing.TB, folder string) []byte {
	t.Helper()
	build, _ := goGuests.LoadOrStore(folder, sync.OnceValues(func() ([]byte, error) {
		dir, err := os.MkdirTemp("", "turgo-guest-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		out := filepath.Join(dir, "guest.wasm")
		command := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, ".")
		command.Dir = folder
		command.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
		if text, err := command.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go build in %s: %w\n%s", folder, err, text)
		}
		return os.ReadFile(out)
	}))
	data, err := build.(func() ([]byte, error))()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// compileCache is shared by all tests of a run that do not name their own.
var compileCache string

func TestMain(m *testing.M) {
	if os.Getenv(mutationFolder) != "" {
		os.Exit(loadMutations())
	}
	CompileIfAsked()
	dir, err := os.MkdirTemp("", "turgo-compile-cache-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	compileCache = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func newEngine(t testing.TB, config Config) *Engine {
	t.Helper()
	if config.CacheDir == "" {
		config.CacheDir = compileCache
	}
	engine, err := NewEngine(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return engine
}

func load(t testing.TB, engine *Engine, name string, data []byte) *Module {
	t.Helper()
	module, err := engine.Load(context.Background(), name, data)
	if err != nil {
		t.Fatal(err)
	}
	return module
}

func open(t testing.TB, module *Module, config OpenConfig) *Operator {
	t.Helper()
	operator, err := module.Open(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := operator.Close(); err != nil {
			t.Error(err)
		}
	})
	return operator
}

// batchOf makes a batch with keys k0, k1, ... and the values given.
func batchOf(values ...string) record.Batch {
	var b record.Builder
	for i, value := range values {
		b.Append(record.Record{Key: []byte(fmt.Sprint("k", i)), Value: []byte(value), Timestamp: int64(i), Origin: uint32(i)})
	}
	return b.Finish()
}

// collected is what a call emitted, as "output: value" lines.
type collected []string

func (c *collected) emit(output int, batch record.Batch) {
	for cursor := batch.Records(); cursor.Next(); {
		*c = append(*c, fmt.Sprintf("%d: %s", output, cursor.Record().Value()))
	}
}
