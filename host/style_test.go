package host_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// linesMax bounds a Go file.
const linesMax = 600

// folders that hide what they hold.
var vagueNames = map[string]bool{
	"util": true, "utils": true, "common": true, "shared": true, "helper": true, "helpers": true, "manager": true, "misc": true,
}

// TestStyle checks what no linter does: short files, folders with names that
// tell, and no notes to oneself.
func TestStyle(t *testing.T) {
	marks := [][]byte{[]byte("TO" + "DO"), []byte("FIX" + "ME"), []byte("XX" + "X:"), []byte("t.Skip" + "("), []byte("t.Skip" + "f(")}
	walkRepository(t, func(path string, entry fs.DirEntry) {
		if entry.IsDir() {
			if vagueNames[entry.Name()] {
				t.Errorf("%s: the name does not tell what the folder holds", path)
			}
			return
		}
		if filepath.Ext(path) != ".go" {
			return
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte("\n// Code generated ")) || bytes.HasPrefix(content, []byte("// Code generated ")) {
			return
		}
		if lines := bytes.Count(content, []byte("\n")); lines > linesMax {
			t.Errorf("%s has %d lines: at most %d", path, lines, linesMax)
		}
		for _, mark := range marks {
			if bytes.Contains(content, mark) {
				t.Errorf("%s holds %q", path, mark)
			}
		}
	})
}

// TestPackagesSayTheirJob checks that each package has a comment.
func TestPackagesSayTheirJob(t *testing.T) {
	for _, p := range listPackages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("package %s has no package comment", strings.TrimPrefix(p.ImportPath, module+"/"))
		}
	}
}

// walkRepository visits all files and folders that belong to the repository.
func walkRepository(t *testing.T, visit func(path string, entry fs.DirEntry)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := entry.Name(); {
		case entry.IsDir() && name != ".." && strings.HasPrefix(name, "."), path == "../bin", path == "../build", name == "node_modules":
			return fs.SkipDir
		}
		visit(path, entry)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
