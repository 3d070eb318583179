package languages

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/checkpoint/localstore"
	"github.com/turgo-stream/turgo/host/state"
	"github.com/turgo-stream/turgo/host/wasm"
	"github.com/turgo-stream/turgo/toolchain"
)

const docsPath = "../../docs/languages.md"

func readDocs(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Each language has its line in the table of what it costs, with a figure in each column.
func TestTheTableHasEachLanguage(t *testing.T) {
	_, rest, found := strings.Cut(readDocs(t), "<!-- table:")
	table, _, ended := strings.Cut(rest, "<!-- end of table -->")
	if !found || !ended {
		t.Fatalf("%s has no table", docsPath)
	}
	for _, name := range []string{"Go", "Rust", "C", "AssemblyScript"} {
		line := regexp.MustCompile(`(?m)^\| ` + name + ` \| \d+ KiB \| \d+\.\d s \| \d+ ms \| \d+ ns \| \d+ \| \d+ ns \| \d+ \|$`)
		if !line.MatchString(table) {
			t.Errorf("the table has no line of %s: go run ./bench -write docs/languages.md languages", name)
		}
	}
}

// shown are the operators that the page shows: how a project is made of each.
var shown = []struct {
	language toolchain.Language
	fence    string
	folder   string // in which the project's own folder is made
	file     string
	others   map[string]string
}{
	{toolchain.Go, "go", "../../build", "main.go", nil},
	{toolchain.C, "c", "../../build", "unique.c", map[string]string{"turgo.h": "#include \"../../guest-sdk/c/turgo.h\"\n"}},
	{toolchain.Rust, "rust", "../../build", "src/lib.rs", map[string]string{"Cargo.toml": `[package]
name = "shown"
version = "0.1.0"
edition = "2021"
[lib]
crate-type = ["cdylib"]
[dependencies]
turgo = { path = "../../guest-sdk/rust" }
[profile.release]
opt-level = 3
lto = true
panic = "abort"
codegen-units = 1
[workspace]
`}},
	{toolchain.AssemblyScript, "typescript", "assemblyscript/build", "assembly/index.ts", map[string]string{
		"asconfig.json": `{"extends": "../../node_modules/@turgo/operator/operator.json", "entries": ["assembly/index.ts"]}`,
		"package.json":  `{"name": "shown", "private": true, "type": "module"}`,
	}},
}

// The operator that the page shows in each language is the same.
func TestTheShownOperatorsPassTheFirstOfEachKey(t *testing.T) {
	docs := readDocs(t)
	kept, err := filepath.Abs("rust/target") // holds the SDK, compiled
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CARGO_TARGET_DIR", kept)
	for _, s := range shown {
		if testing.Short() && s.language != toolchain.C && s.language != toolchain.Go {
			continue
		}
		t.Run(string(s.language), func(t *testing.T) {
			_, rest, found := strings.Cut(docs, "```"+s.fence+"\n")
			code, _, ended := strings.Cut(rest, "```\n")
			if !found || !ended {
				t.Fatalf("%s shows no operator", docsPath)
			}
			module(t, s.language) // where it needs packages, they are there now
			// No pattern of packages matches a folder that begins so.
			if err := os.MkdirAll(s.folder, 0o755); err != nil {
				t.Fatal(err)
			}
			folder, err := os.MkdirTemp(s.folder, "_shown-")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := os.RemoveAll(folder); err != nil {
					t.Error(err)
				}
			})
			write(t, filepath.Join(folder, s.file), code)
			for name, content := range s.others {
				write(t, filepath.Join(folder, name), content)
			}
			out := filepath.Join(t.TempDir(), "shown.wasm")
			if _, err := toolchain.Build(t.Context(), toolchain.Options{Folder: folder, Language: s.language, Out: out}); err != nil {
				t.Fatalf("%v (make tools installs what is missing)", err)
			}
			if got, want := passed(t, out), "a=1 b=2 =4"; got != want {
				t.Errorf("passed %q, want %q", got, want)
			}
		})
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(content), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// passed runs a module on two batches, and tells what came out.
func passed(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := wasm.NewEngine(wasm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, engine.Close()) })
	loaded, err := engine.Load(context.Background(), "shown", data)
	if err != nil {
		t.Fatal(err)
	}
	keyed := openState(t, loaded.Description().Operators[0].States)
	operator, err := loaded.Open(context.Background(), wasm.OpenConfig{UID: "unique", Parallelism: 1, State: keyed})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, operator.Close()) })
	var lines []string
	for _, records := range [][]string{{"a=1", "b=2", "a=3"}, {"=4", "b=5", "=6", "a=7"}} {
		var batch record.Builder
		for _, r := range records {
			key, value, _ := strings.Cut(r, "=")
			batch.Append(record.Record{Key: []byte(key), Value: []byte(value), Timestamp: 1})
		}
		err := operator.Process(0, batch.Finish(), abi.WatermarkMin, 1, func(_ int, batch record.Batch) {
			for c := batch.Records(); c.Next(); {
				lines = append(lines, fmt.Sprintf("%s=%s", c.Record().Key(), c.Record().Value()))
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(lines, " ")
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func openState(t *testing.T, states []abi.StateDescription) *state.Keyed {
	t.Helper()
	store, err := localstore.Open(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, store.Close()) })
	backend, err := state.Open(state.Config{
		Dir: filepath.Join(t.TempDir(), "local"), First: 0, Last: 127, MaxParallelism: 128, Attempt: 1,
		Store: store, ObjectPrefix: "tables", Clock: func() int64 { return 1 },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, backend.Close()) })
	keyed, err := backend.Operator("unique", states, nil)
	if err != nil {
		t.Fatal(err)
	}
	return keyed
}
