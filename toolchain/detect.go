package toolchain

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// AmbiguousError says that a folder does not tell its language.
type AmbiguousError struct {
	Folder string
	Found  []Language // none, or several
}

func (e *AmbiguousError) Error() string {
	if len(e.Found) == 0 {
		return fmt.Sprintf("toolchain: %s holds no project: it needs a Go package, a Cargo.toml, a package.json, or a .c, .zig or .wat file; turgo new makes one", e.Folder)
	}
	names := make([]string, len(e.Found))
	for i, language := range e.Found {
		names[i] = string(language)
	}
	return fmt.Sprintf("toolchain: %s may be a project in %s: name the language (--lang)", e.Folder, strings.Join(names, " or "))
}

// marks are the files that tell a language, as patterns.
var marks = []struct {
	language Language
	patterns []string
}{
	{Go, []string{"go.mod", "*.go"}},
	{Rust, []string{"Cargo.toml"}},
	{AssemblyScript, []string{"asconfig.json", "package.json"}},
	{C, []string{"*.c"}},
	{Zig, []string{"*.zig"}},
	{WAT, []string{"*.wat"}},
}

// Detect tells the language of a project by the files in its folder.
func Detect(folder string) (Language, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", fmt.Errorf("toolchain: cannot read the project: %w", err)
	}
	var found []Language
	for _, mark := range marks {
		for _, entry := range entries {
			name := entry.Name()
			if !entry.IsDir() && !isTest(name) && matchesAny(mark.patterns, name) && isMain(folder, name) {
				found = append(found, mark.language)
				break
			}
		}
	}
	if len(found) != 1 {
		return "", &AmbiguousError{Folder: folder, Found: found}
	}
	return found[0], nil
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matched, _ := path.Match(pattern, name)
		return matched
	})
}

var goMainPattern = regexp.MustCompile(`(?m)^package main\b`)

// isMain reports whether a file may be that of an operator: a Go file of another
// package than main says nothing of what stands beside it.
func isMain(folder, name string) bool {
	return filepath.Ext(name) != ".go" || goMainPattern.Match(readText(folder, name))
}

var connectorPattern = regexp.MustCompile(`(?m)^\s*(?:\w+ )?"github\.com/turgo-stream/turgo/connectors/wire"`)

// IsConnector reports whether a folder holds a connector: a program in Go that
// imports the wire of connectors.
func IsConnector(folder string) bool {
	files, err := sources(folder, ".go")
	return err == nil && slices.ContainsFunc(files, func(name string) bool {
		return isMain(folder, name) && connectorPattern.Match(readText(folder, name))
	})
}

// isTest reports whether a file's name is that of a test, which is no part of
// a module.
func isTest(name string) bool {
	return strings.HasSuffix(strings.TrimSuffix(name, filepath.Ext(name)), "_test")
}

// sources lists the files of one kind in the project's folder that are no tests.
func sources(folder, extension string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("toolchain: cannot read the project: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if name := entry.Name(); !entry.IsDir() && filepath.Ext(name) == extension && !isTest(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("toolchain: %s holds no %s file", folder, extension)
	}
	return names, nil
}

var (
	goModulePattern     = regexp.MustCompile(`(?m)^module\s+"?([^\s"]+)`)
	majorVersionPattern = regexp.MustCompile(`^v[0-9]+$`)
	cargoNamePattern    = regexp.MustCompile(`(?ms)^\[package\]\s*$.*?^name\s*=\s*"([^"]+)"`)
)

// projectName is the name that a project gives itself, which does not change when
// its folder is moved; where it gives none, the folder's.
func projectName(folder string, language Language) string {
	if name := ownName(folder, language); name != "" && name != "." && name == filepath.Base(name) {
		return name
	}
	return filepath.Base(folder)
}

func ownName(folder string, language Language) string {
	switch language {
	case Go:
		if found := goModulePattern.FindSubmatch(readText(folder, "go.mod")); found != nil {
			name := string(found[1])
			if majorVersionPattern.MatchString(path.Base(name)) {
				name = path.Dir(name)
			}
			return path.Base(name)
		}
	case Rust:
		if found := cargoNamePattern.FindSubmatch(readText(folder, "Cargo.toml")); found != nil {
			return string(found[1])
		}
	case AssemblyScript:
		var manifest struct{ Name string }
		if json.Unmarshal(readText(folder, "package.json"), &manifest) == nil {
			return path.Base(manifest.Name) // without the scope
		}
	case C, Zig, WAT:
		if names, err := sources(folder, "."+string(language)); err == nil && len(names) == 1 {
			return strings.TrimSuffix(names[0], filepath.Ext(names[0]))
		}
	}
	return ""
}

// readText reads a file of the project; what cannot be read is empty.
func readText(folder, name string) []byte {
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return nil
	}
	return text
}
