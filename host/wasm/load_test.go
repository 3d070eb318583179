package wasm

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/abi/record"
)

// What Load says about modules that it must refuse.
func TestLoadRefuses(t *testing.T) {
	engine := newEngine(t, Config{Limits: Limits{CallDuration: 200 * time.Millisecond}, Ceilings: Limits{MemoryPages: 512, TableElements: 1 << 18}})
	for _, test := range []struct{ guest, want string }{
		{"unknown-import", `guest imports the unknown function turgo_v1.open_file`},
		{"unknown-module", `guest imports from the unknown module "env": known are "turgo_v1" and "wasi_snapshot_preview1"`},
		{"import-signature", `guest imports turgo_v1.emit with the wrong signature: is (i32, i64) -> (), must be (i32, i32, i32) -> ()`},
		{"imports-memory", `import env.memory is a memory: only functions can be imported`},
		{"lacks-export", `guest lacks the export turgo_open, which must be a function of (i32, i32, i32) -> (i32)`},
		{"wrong-signature", `guest exports the wrong signature for turgo_process: is (i32) -> (), must be (i32, i32, i32) -> (i32)`},
		{"export-kind", `guest exports turgo_buffer, but not as a function: it must be one of (i32) -> (i32)`},
		{"no-memory", `guest has no memory`},
		{"memory-not-exported", `guest does not export its memory as "memory"`},
		{"memory-too-large", `the memory's minimum in pages of 64 KiB is 32768, the limit is 512`},
		{"table-too-large", `the minimum of all tables in elements is 1000000, the limit is 262144`},
		{"feature-tail-call", `module uses the tail calls feature (instruction 0x12 at byte `},
		{"feature-threads", `module uses the threads feature (shared memory at byte `},
		{"feature-exceptions", `module uses the exceptions feature (tag section at byte `},
		{"feature-memory64", `module uses the memory64 feature (64-bit memory at byte `},
		{"feature-multi-memory", `module uses the multi-memory feature (2 memories at byte `},
		{"reserved-export", `export "turgo:fuel": names that start with "turgo:" are reserved`},
		{"names-added-global", `global 0 is out of range, there are 0`},
		{"loops-in-start", `starting the module (its data, its start function, _initialize) failed: time limit: the call took longer than 200ms`},
		{"loops-in-describe", `turgo_describe failed: time limit: the call took longer than 200ms`},
		{"description-feature", `description: requires the feature "time_travel", which this host does not have`},
		{"description-abi", `description: abi is "turgo_v9", must be "turgo_v1"`},
		{"description-not-json", `description is not what the ABI asks for: invalid character`},
		{"description-unknown-field", `unknown field "colour"`},
		{"description-twice", `operator "faulty": name "s" is there twice in the states`},
		{"description-kind", `operator "faulty": kind of state "queue" is unknown, must be one of ["value" "list" "map"]`},
		{"description-timers", `operator faulty declares timers, but guest lacks the export turgo_timers`},
		{"description-empty", `description: 0 operators, must be 1 to 64`},
		{"description-out-of-range", `description at 131056..135152 is outside the memory of 131072 bytes`},
		{"description-too-long", `description has 2097152 bytes, the limit is 1048576`},
	} {
		t.Run(test.guest, func(t *testing.T) {
			checkRefused(t, engine, assemble(t, test.guest), test.want)
		})
	}
}

func checkRefused(t *testing.T, engine *Engine, data []byte, want string) {
	t.Helper()
	_, err := engine.Load(context.Background(), "m.wasm", data)
	var fault *ModuleError
	if !errors.As(err, &fault) {
		t.Fatalf("got %v, want a *ModuleError", err)
	}
	if text := err.Error(); !strings.HasPrefix(text, "wasm: module m.wasm: ") || !strings.Contains(text, want) {
		t.Fatalf("got  %s\nwant %s", text, want)
	}
}

func TestLoadRefusesBytesThatAreNoModule(t *testing.T) {
	engine := newEngine(t, Config{})
	good := assemble(t, "passthrough")
	checkRefused(t, engine, nil, "not WebAssembly: it starts with")
	checkRefused(t, engine, []byte("package main\n"), `not WebAssembly: it starts with "pack", not with "\x00asm"`)
	checkRefused(t, engine, good[:6], "the module is truncated")
	checkRefused(t, engine, append([]byte("\x00asm\x0d\x00\x01\x00"), good[8:]...), "module uses the component model feature")
	checkRefused(t, engine, append([]byte("\x00asm\x02\x00\x00\x00"), good[8:]...), "version 2, want 1")
	checkRefused(t, engine, make([]byte, ModuleBytesMax+1), "more than 67108864 bytes")
	for length := 8; length < len(good)-1; length++ {
		if _, err := engine.Load(context.Background(), "m.wasm", good[:length]); err == nil && length < len(good)*3/4 {
			t.Fatalf("%d of %d bytes are taken for a module", length, len(good))
		}
	}
}

func TestCompileCacheIsPrivate(t *testing.T) {
	dir := t.TempDir() + "/cache"
	engine := newEngine(t, Config{CacheDir: dir})
	load(t, engine, "passthrough", assemble(t, "passthrough"))
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatal(info.Mode(), err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := NewEngine(Config{CacheDir: dir}); err == nil || !strings.Contains(err.Error(), "has mode 0755, others could put code into it: run chmod 700") {
		t.Fatal(err)
	}
}

// A damaged entry of the compile cache is never executed, and no module's fault.
func TestDamagedCompileCache(t *testing.T) {
	dir := t.TempDir() + "/cache"
	data := assemble(t, "passthrough")
	load(t, newEngine(t, Config{CacheDir: dir}), "passthrough", data)
	damaged := 0
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		content[len(content)/2] ^= 0xff
		damaged++
		return os.WriteFile(path, content, 0o600)
	})
	if err != nil || damaged == 0 {
		t.Fatal(damaged, err)
	}
	operator := open(t, load(t, newEngine(t, Config{CacheDir: dir}), "passthrough", data), OpenConfig{})
	if err := operator.Process(0, batchOf("a"), 0, 0, func(int, record.Batch) {}); err != nil {
		t.Fatal(err)
	}
	load(t, newEngine(t, Config{CacheDir: dir}), "passthrough", data)
}

// Compiling is bounded, for a module may be made so that it takes for ever.
func TestCompilingIsBounded(t *testing.T) {
	good := buildGo(t, "../../examples/passthrough/operator")
	engine := newEngine(t, Config{CacheDir: t.TempDir() + "/cache", Limits: Limits{CompileDuration: time.Millisecond}})
	checkRefused(t, engine, good, "compiling takes longer than 1ms")
}
