package toolchain

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Two builds of one folder do not install its packages at once.
func TestInstallationsOfOneFolderWait(t *testing.T) {
	folder := write(t, map[string]string{"package.json": "{}"})
	open := func() *os.File {
		file, err := os.Open(filepath.Join(folder, "package.json"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		return file
	}
	p := &project{folder: folder, language: AssemblyScript}
	first, second := open(), open()
	if err := p.lock(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.lock(ctx, second); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it waits until it is stopped", err)
	}
	locked := make(chan error)
	go func() { locked <- p.lock(t.Context(), second) }()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-locked; err != nil {
		t.Error(err)
	}
}

// What an installation that failed leaves is removed, as the compiler in it may not
// run: the next build installs again.
func TestHalfAnInstallationIsRemoved(t *testing.T) {
	folder := write(t, map[string]string{
		"tools/node": "#!/bin/sh\necho v20.0.0\n",
		"tools/npm": "#!/bin/sh\nPATH=/bin:/usr/bin\nmkdir -p node_modules/assemblyscript/bin\n" +
			"echo half > node_modules/assemblyscript/bin/asc.js\necho asked >> asked\nexit 1\n",
		"project/package.json":      "{}",
		"project/package-lock.json": "{}",
	})
	for _, name := range []string{"node", "npm"} {
		if err := os.Chmod(filepath.Join(folder, "tools", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", filepath.Join(folder, "tools"))
	project := filepath.Join(folder, "project")
	for _, want := range []string{"asked\n", "asked\nasked\n"} {
		var failed *BuildError
		if _, err := Build(t.Context(), Options{Folder: project, Language: AssemblyScript}); !errors.As(err, &failed) {
			t.Errorf("%v, want that npm failed", err)
		}
		if asked, err := os.ReadFile(filepath.Join(project, "asked")); err != nil || string(asked) != want {
			t.Errorf("npm was asked for %q, %v; want %q", asked, err, want)
		}
		if _, err := os.Lstat(filepath.Join(project, "node_modules")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("node_modules: %v, want that it is gone", err)
		}
	}
}

// Packages that are missing are installed as the lock file says, and a project
// that does not ask for the compiler is told to.
func TestPackagesAreInstalled(t *testing.T) {
	folder := write(t, map[string]string{
		"tools/node":           "#!/bin/sh\necho v20.0.0\n",
		"tools/npm":            "#!/bin/sh\necho $1 >> asked\n",
		"project/package.json": "{}",
	})
	for _, name := range []string{"node", "npm"} {
		if err := os.Chmod(filepath.Join(folder, "tools", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", filepath.Join(folder, "tools"))
	project := filepath.Join(folder, "project")
	for _, want := range []string{"install\n", "install\nci\n"} {
		_, err := Build(t.Context(), Options{Folder: project, Language: AssemblyScript})
		if err == nil || !strings.Contains(err.Error(), "npm install --save-dev assemblyscript") {
			t.Errorf("%v, want the command that asks for the compiler", err)
		}
		if asked, err := os.ReadFile(filepath.Join(project, "asked")); err != nil || string(asked) != want {
			t.Errorf("npm was asked for %q, %v; want %q", asked, err, want)
		}
		if err := os.WriteFile(filepath.Join(project, "package-lock.json"), []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
