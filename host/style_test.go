package host_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
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
// tell, no notes to oneself, no test that is skipped.
func TestStyle(t *testing.T) {
	marks := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b|\b[tbf]\.Skip(f|Now)?\(`)
	scriptSkips := regexp.MustCompile(`(?m)^(\[.*\] )?skip\b`)
	walkRepository(t, func(path string, entry fs.DirEntry) {
		if entry.IsDir() {
			if vagueNames[entry.Name()] {
				t.Errorf("%s: the name does not tell what the folder holds", path)
			}
			return
		}
		extension := filepath.Ext(path)
		if extension != ".go" && extension != ".txtar" {
			return
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if extension == ".txtar" {
			if scriptSkips.Match(content) {
				t.Errorf("%s is skipped: a test that is not run proves nothing", path)
			}
			return
		}
		if bytes.Contains(content, []byte("\n// Code generated ")) || bytes.HasPrefix(content, []byte("// Code generated ")) {
			return
		}
		if lines := bytes.Count(content, []byte("\n")); lines > linesMax {
			t.Errorf("%s has %d lines: at most %d", path, lines, linesMax)
		}
		if mark := marks.Find(content); mark != nil {
			t.Errorf("%s holds %q", path, mark)
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
