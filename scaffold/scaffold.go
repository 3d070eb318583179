// Package scaffold makes new projects: an operator in each language, a
// connector. A project builds, has tests, and passes the conformance suite at
// once. It brings its own copy of the SDK, so it needs no registry for it.
package scaffold

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/turgo-stream/turgo/toolchain"
)

// Project is a project that was made.
type Project struct {
	Folder string
	// Files are the paths of its own files within the folder, those of the SDK aside.
	Files []string
	// Commands are what its author runs next, in its folder.
	Commands []string
}

// ExistsError says that a project is not made over what is there.
type ExistsError struct{ Path string }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("scaffold: %s exists: nothing is overwritten; choose another name, or another folder with --dir", e.Path)
}

// Options say what to make.
type Options struct {
	// Name names the project, its operator or connector, and what is built.
	Name string
	// Folder is the folder to make; empty = one of that name in the current one.
	Folder string
}

// Languages lists the languages that operators are made in.
func Languages() []toolchain.Language {
	return []toolchain.Language{toolchain.Go, toolchain.Rust, toolchain.C, toolchain.AssemblyScript}
}

// NewOperator makes a project of an operator.
func NewOperator(ctx context.Context, language toolchain.Language, options Options) (*Project, error) {
	if !slices.Contains(Languages(), language) {
		return nil, &toolchain.UnknownLanguageError{Name: string(language), Known: Languages()}
	}
	k := operatorKinds[language]
	return k.make(ctx, options)
}

// NewConnector makes a project of a connector, which is a program in Go.
func NewConnector(ctx context.Context, options Options) (*Project, error) {
	return connectorKind.make(ctx, options)
}

// kind is one kind of project.
type kind struct {
	templates []string          // folders of templates; a later one's file replaces an earlier one's
	sdk       sdk               // the copy that it brings
	words     map[string]string // what stands for further placeholders
	test      string            // command that runs the unit tests
	further   []string          // commands to run after the test
	// locks gives files that pin what is not in the copy; nil = there is nothing.
	locks func(name string) (map[string][]byte, error)
}

//go:embed all:templates
var templates embed.FS

const templateSuffix = ".tmpl"

func (k *kind) make(ctx context.Context, options Options) (*Project, error) {
	if err := checkName(options.Name); err != nil {
		return nil, err
	}
	folder := options.Folder
	if folder == "" {
		folder = options.Name
	}
	files, err := k.files(options.Name)
	if err != nil {
		return nil, err
	}
	if k.locks != nil {
		locks, err := k.locks(options.Name)
		if err != nil {
			return nil, err
		}
		maps.Copy(files, locks)
	}
	own := slices.Sorted(maps.Keys(files))
	copied, err := k.sdk.files()
	if err != nil {
		return nil, err
	}
	for name, content := range copied {
		files[path.Join(sdkFolder, name)] = content
	}
	if err := writeFolder(ctx, folder, files); err != nil {
		return nil, err
	}
	replacer := k.replacer(options.Name)
	commands := []string{"turgo build", k.test}
	for _, command := range k.further {
		commands = append(commands, replacer.Replace(command))
	}
	return &Project{Folder: folder, Files: own, Commands: commands}, nil
}

// replacer fills in a template's placeholders.
func (k *kind) replacer(name string) *strings.Replacer {
	pairs := []string{"@name@", name, "@crate@", strings.ReplaceAll(name, "-", "_"), "@go@", k.sdk.goVersion, "@test@", k.test}
	simple := strings.NewReplacer(pairs...)
	for word, text := range k.words {
		pairs = append(pairs, "@"+word+"@", simple.Replace(text))
	}
	return strings.NewReplacer(pairs...)
}

// files are the project's own files.
func (k *kind) files(name string) (map[string][]byte, error) {
	replacer := k.replacer(name)
	files := map[string][]byte{}
	for _, folder := range k.templates {
		root := path.Join("templates", folder)
		err := fs.WalkDir(templates, root, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := templates.ReadFile(file)
			if err != nil {
				return err
			}
			relative := strings.TrimSuffix(strings.TrimPrefix(file, root+"/"), templateSuffix)
			files[replacer.Replace(relative)] = []byte(replacer.Replace(string(text)))
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("scaffold: %w", err)
		}
	}
	return files, nil
}

// writeFolder makes a folder with files, whole or not at all: under another name
// beside it first.
func writeFolder(ctx context.Context, folder string, files map[string][]byte) (err error) {
	folder, err = filepath.Abs(folder)
	if err != nil {
		return fmt.Errorf("scaffold: %w", err)
	}
	if _, err := os.Lstat(folder); err == nil {
		return &ExistsError{folder}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("scaffold: %w", err)
	}
	scratch, err := os.MkdirTemp(filepath.Dir(folder), ".turgo-new-")
	if err != nil {
		return fmt.Errorf("scaffold: cannot make %s: %w", folder, err)
	}
	defer os.RemoveAll(scratch)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if ctx.Err() != nil {
			return fmt.Errorf("scaffold: stopped, %s was not made: %w", folder, context.Cause(ctx))
		}
		if err := writeFile(filepath.Join(scratch, filepath.FromSlash(name)), files[name]); err != nil {
			return fmt.Errorf("scaffold: %w", err)
		}
	}
	if err := os.Chmod(scratch, 0o755); err != nil {
		return fmt.Errorf("scaffold: %w", err)
	}
	if err := os.Rename(scratch, folder); err != nil {
		return fmt.Errorf("scaffold: cannot make %s: %w", folder, err)
	}
	return nil
}

func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o644)
}
