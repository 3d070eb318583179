package toolchain

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// projects are the smallest that each compiler takes.
var projects = map[Language]map[string]string{
	Go: {
		"go.mod":  "module example.com/count/v2\n\ngo 1.24\n",
		"main.go": "package main\n\n//go:wasmexport answer\nfunc answer() int32 { return 42 }\n\nfunc main() {}\n",
	},
	C: {
		"count.c":      "__attribute__((export_name(\"answer\"))) int answer(void) { return 42; }\n",
		"count_test.c": "this is no part of the module\n",
	},
	Rust: {
		"Cargo.toml": "[package]\nname = \"count\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n",
		"src/lib.rs": "#[no_mangle]\npub extern \"C\" fn answer() -> usize { format!(\"{:?}\", std::env::args()).len() }\n",
	},
	WAT: {
		"count.wat":     "(module (func (export \"answer\") (result i32) (i32.const 42)))\n",
		"doc.go":        "// Package count has a test of the module.\npackage count\n",
		"count_test.go": "package main\n",
	},
}

// write makes a project's folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func build(t *testing.T, options Options) []byte {
	t.Helper()
	result, err := Build(context.Background(), options)
	if err != nil {
		t.Fatalf("%v (make tools installs what is missing)", err)
	}
	module, err := os.ReadFile(result.Module)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(module)) != result.Bytes || !bytes.HasPrefix(module, []byte("\x00asm")) {
		t.Fatalf("%s holds %d bytes that begin with %.8q; the result says %d", result.Module, len(module), module, result.Bytes)
	}
	return module
}

// The same source gives the same module, in whatever folder it stands.
func TestBuildsAreReproducible(t *testing.T) {
	for language, files := range projects {
		t.Run(string(language), func(t *testing.T) {
			first, second := write(t, files), write(t, files)
			if found, err := Detect(first); err != nil || found != language {
				t.Fatalf("detected %q, %v", found, err)
			}
			module := build(t, Options{Folder: first})
			if _, err := os.Stat(filepath.Join(first, "count.wasm")); err != nil {
				t.Error(err)
			}
			out := filepath.Join(t.TempDir(), "other.wasm")
			if !bytes.Equal(module, build(t, Options{Folder: second, Out: out})) {
				t.Error("two builds of one source differ")
			}
			for _, folder := range []string{first, second} {
				if bytes.Contains(module, []byte(filepath.Base(filepath.Dir(folder)))) {
					t.Errorf("the module holds the path of its folder %s", folder)
				}
			}
		})
	}
}

// A connector's program too.
func TestProgramsAreReproducible(t *testing.T) {
	files := map[string]string{
		"go.mod":  "module example.com/count\n\ngo 1.24\n",
		"main.go": "package main\n\nfunc main() { panic(\"where it stands\") }\n",
	}
	var programs [2][]byte
	for i := range programs {
		folder := write(t, files)
		result, err := BuildConnector(context.Background(), Options{Folder: folder})
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(folder, "count"); result.Module != want {
			t.Errorf("built %s, want %s", result.Module, want)
		}
		if programs[i], err = os.ReadFile(result.Module); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(programs[i], []byte(filepath.Base(filepath.Dir(folder)))) {
			t.Errorf("the program holds the path of its folder %s", folder)
		}
	}
	if !bytes.Equal(programs[0], programs[1]) {
		t.Error("two builds of one source differ")
	}
}

// What a compiler complains about is told, and what was there before stays.
func TestCompilersAreHeard(t *testing.T) {
	for language, broken := range map[Language][2]string{
		Go: {"main.go", "package main\n\nfunc main() { undefinedName() }\n"}, C: {"count.c", "int answer(void) { return undefinedName; }\n"},
		Rust: {"src/lib.rs", "pub fn answer() -> usize { undefinedName }\n"}, WAT: {"count.wat", "(module (undefinedName))"},
	} {
		t.Run(string(language), func(t *testing.T) {
			files := map[string]string{"count.wasm": "what was there before"}
			for name, text := range projects[language] {
				files[name] = text
			}
			files[broken[0]] = broken[1]
			folder := write(t, files)
			_, err := Build(context.Background(), Options{Folder: folder})
			var failed *BuildError
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), "undefinedName") {
				t.Errorf("%v, want an error with what the compiler says", err)
			}
			var log bytes.Buffer
			_, err = Build(context.Background(), Options{Folder: folder, Log: &log})
			if !errors.As(err, &failed) || strings.Contains(err.Error(), "undefinedName") || !strings.Contains(log.String(), "undefinedName") {
				t.Errorf("%v, want what the compiler says in the log and there only: %s", err, log.String())
			}
			if text, err := os.ReadFile(filepath.Join(folder, "count.wasm")); err != nil || string(text) != "what was there before" {
				t.Errorf("count.wasm holds %q, %v", text, err)
			}
			if left, err := filepath.Glob(filepath.Join(folder, ".turgo-build-*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %q, %v", left, err)
			}
		})
	}
}

func TestDetectNamesWhatItFound(t *testing.T) {
	both := write(t, map[string]string{"go.mod": "module a\n", "Cargo.toml": ""})
	_, err := Detect(both)
	var ambiguous *AmbiguousError
	if !errors.As(err, &ambiguous) || !slices.Equal(ambiguous.Found, []Language{Go, Rust}) || !strings.Contains(err.Error(), "go or rust: name the language") {
		t.Errorf("%v, want go or rust", err)
	}
	if _, err := Detect(t.TempDir()); !errors.As(err, &ambiguous) || len(ambiguous.Found) != 0 {
		t.Errorf("%v, want no language", err)
	}
	if _, err := ParseLanguage("cobol"); err == nil || !strings.Contains(err.Error(), "go, rust, c, assemblyscript, zig, wat") {
		t.Errorf("%v, want the languages that there are", err)
	}
}

// Without any tool, each language says how to get its own.
func TestMissingToolsComeWithAdvice(t *testing.T) {
	empty := t.TempDir()
	t.Setenv("PATH", empty)
	withoutSystemRust(t)
	for language, want := range map[Language]string{
		Rust: "rustup target add wasm32-unknown-unknown",
		C:    "apt-get install clang lld", AssemblyScript: "apt-get install nodejs npm", Zig: "pip install ziglang", WAT: "apt-get install wabt",
	} {
		files := map[string]string{"a.c": "", "a.zig": "", "a.wat": ""}
		_, err := Build(context.Background(), Options{Folder: write(t, files), Language: language})
		var missing *MissingError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "macOS:") {
			t.Errorf("%s: %v, want advice such as %q", language, err, want)
		}
	}
}

// withoutSystemRust hides the Rust of this machine that is not on the PATH.
func withoutSystemRust(t *testing.T) {
	before := systemRust
	t.Cleanup(func() { systemRust = before })
	systemRust = rustPair{cargo: "/nonexistent/cargo", rustc: "/nonexistent/rustc"}
}

// A tool that is there and does not serve is named.
func TestToolsThatDoNotServeAreNamed(t *testing.T) {
	withoutSystemRust(t)
	for language, tool := range map[Language]struct{ name, script, want string }{
		Go:             {"go", "echo go1.20.3", "go is go1.20.3"},
		C:              {"clang", "case $1 in --version) echo Apple clang version 15.0.0;; *) echo arm64;; esac", "clang has no target wasm32"},
		AssemblyScript: {"node", "echo v16.20.2", "node is v16.20.2"},
		Rust:           {"rustc", "case $1 in -vV) echo release: 1.80.1;; *) echo /nonexistent;; esac", "rustc has no target wasm32-unknown-unknown"},
	} {
		script := "#!/bin/sh\n" + tool.script + "\n"
		folder := write(t, map[string]string{tool.name: script, "cargo": script, "project/a.c": "", "project/main.go": "package main\n"})
		for _, name := range []string{tool.name, "cargo"} {
			if err := os.Chmod(filepath.Join(folder, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		t.Setenv("PATH", folder)
		_, err := Build(context.Background(), Options{Folder: filepath.Join(folder, "project"), Language: language})
		var missing *MissingError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), tool.want) {
			t.Errorf("%s: %v, want %q in it", language, err, tool.want)
		}
	}
}

// A build that is stopped ends the compiler and what it started, and leaves
// nothing behind.
func TestStoppedBuildsEndTheirChildren(t *testing.T) {
	folder := write(t, map[string]string{
		"wat2wasm":      "#!/bin/sh\nmkfifo started.fifo\nsh -c 'echo $$ > started.fifo; while :; do /bin/sleep 1; done' &\nwait\n",
		"project/a.wat": "(module)",
	})
	if err := os.Chmod(filepath.Join(folder, "wat2wasm"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(filepath.ListSeparator)+os.Getenv("PATH"))
	project := filepath.Join(folder, "project")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := Build(ctx, Options{Folder: project})
		ended <- err
	}()
	child := awaitChild(t, filepath.Join(project, "started.fifo"))
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was stopped", err)
	}
	awaitEnd(t, child)
	if entries, err := filepath.Glob(filepath.Join(project, "*.wasm")); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %q, %v", entries, err)
	}
}
