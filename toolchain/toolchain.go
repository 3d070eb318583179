// Package toolchain turns a project's folder into what Turgo runs: an operator
// of any language into one Wasm module, a connector into a program. It finds
// each language's tools and tells how to get those that are missing.
package toolchain

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Language is a language that operators are written in.
type Language string

// The languages. The text form of Wasm is one: its tool makes modules too.
const (
	Go             Language = "go"
	Rust           Language = "rust"
	C              Language = "c"
	AssemblyScript Language = "assemblyscript"
	Zig            Language = "zig"
	WAT            Language = "wat"
)

// Languages lists them all.
func Languages() []Language { return []Language{Go, Rust, C, AssemblyScript, Zig, WAT} }

// ParseLanguage reads the name of a language.
func ParseLanguage(name string) (Language, error) {
	if language := Language(name); slices.Contains(Languages(), language) {
		return language, nil
	}
	return "", &UnknownLanguageError{Name: name, Known: Languages()}
}

// UnknownLanguageError says that there is no such language here.
type UnknownLanguageError struct {
	Name  string
	Known []Language
}

func (e *UnknownLanguageError) Error() string {
	names := make([]string, len(e.Known))
	for i, language := range e.Known {
		names[i] = string(language)
	}
	return fmt.Sprintf("toolchain: unknown language %q: there are %s", e.Name, strings.Join(names, ", "))
}

// Options say what to build.
type Options struct {
	// Folder holds the project.
	Folder string
	// Language of an operator; empty = as Detect finds it.
	Language Language
	// Out is the file to write; empty = NAME.wasm in the folder for an operator,
	// NAME for a connector, after the project's own name.
	Out string
	// Log gets the commands that run and what they write. Where it is nil, the
	// last of what a compiler wrote is part of the error.
	Log io.Writer
	// Check looks at what was built before it gets its name. Where it refuses, what
	// stood there before stays. It may be nil.
	Check func(ctx context.Context, built string) error
}

// Result is what was built.
type Result struct {
	Language Language
	Module   string // the file that was written
	Bytes    int64
	Duration time.Duration
}

// builder makes the file out from a project: a module, or a connector's program.
type builder func(ctx context.Context, p *project, out string) error

var builders = map[Language]builder{
	Go: buildGo, Rust: buildRust, C: buildC, AssemblyScript: buildAssemblyScript, Zig: buildZig, WAT: buildWAT,
}

// Build builds an operator's module with release flags. The file appears whole
// or not at all. The same source and tools give the same bytes, wherever the
// folder is.
func Build(ctx context.Context, options Options) (*Result, error) {
	language := options.Language
	if language == "" {
		found, err := Detect(options.Folder)
		if err != nil {
			return nil, err
		}
		language = found
	}
	build, found := builders[language]
	if !found {
		return nil, &UnknownLanguageError{Name: string(language), Known: Languages()}
	}
	return produce(ctx, options, language, ".wasm", build)
}

// BuildConnector builds the program of a connector, which is one in Go.
func BuildConnector(ctx context.Context, options Options) (*Result, error) {
	return produce(ctx, options, Go, "", buildProgram)
}

func produce(ctx context.Context, options Options, language Language, suffix string, build builder) (*Result, error) {
	start := time.Now()
	folder, err := filepath.Abs(options.Folder)
	if err != nil {
		return nil, fmt.Errorf("toolchain: %w", err)
	}
	// Compilers compare paths: one name for each folder.
	if folder, err = filepath.EvalSymlinks(folder); err != nil {
		return nil, fmt.Errorf("toolchain: %w", err)
	}
	p := &project{folder: folder, language: language, log: options.Log, check: options.Check}
	out := options.Out
	if out == "" {
		out = filepath.Join(folder, projectName(folder, language)+suffix)
	}
	if out, err = filepath.Abs(out); err != nil {
		return nil, fmt.Errorf("toolchain: %w", err)
	}
	bytes, err := p.writeWhole(ctx, out, build)
	if err != nil {
		return nil, err
	}
	return &Result{Language: language, Module: out, Bytes: bytes, Duration: time.Since(start)}, nil
}

// project is a folder that is being built.
type project struct {
	folder   string // absolute, without links
	language Language
	log      io.Writer
	check    func(ctx context.Context, built string) error
}

// writeWhole has the file built under another name beside it, then gives it its
// name: whoever reads it meanwhile sees the old one or the new one.
func (p *project) writeWhole(ctx context.Context, out string, build builder) (bytes int64, err error) {
	scratch, err := os.MkdirTemp(filepath.Dir(out), ".turgo-build-")
	if err != nil {
		return 0, fmt.Errorf("toolchain: cannot write %s: %w", out, err)
	}
	defer os.RemoveAll(scratch)
	built := filepath.Join(scratch, filepath.Base(out))
	if err := build(ctx, p, built); err != nil {
		return 0, err
	}
	info, err := os.Stat(built)
	if err != nil {
		return 0, fmt.Errorf("toolchain: %s: the compiler succeeded, but wrote no file: %w", p.language, err)
	}
	if p.check != nil {
		if err := p.check(ctx, built); err != nil {
			return 0, err
		}
	}
	if err := os.Rename(built, out); err != nil {
		return 0, fmt.Errorf("toolchain: cannot write %s: %w", out, err)
	}
	return info.Size(), nil
}
