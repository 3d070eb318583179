package scaffold

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/toolchain"
)

// in makes a new folder the current one.
func in(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	t.Chdir(folder)
	return folder
}

// walk lists the files below a folder.
func walk(t *testing.T, folder string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			relative, relErr := filepath.Rel(folder, path)
			files, err = append(files, relative), relErr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var placeholder = regexp.MustCompile(`@[a-z]+@`)

// Each kind of project has all its parts, and no placeholder is left in them.
func TestProjectsAreWhole(t *testing.T) {
	repository, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	in(t)
	wanted := map[string]string{
		"go": "main.go main_test.go go.mod turgo-sdk/go.mod turgo-sdk/guest-sdk/go/turgotest/run.go", "rust": "src/lib.rs Cargo.toml turgo-sdk/src/lib.rs",
		"c":              "page-visits.c page-visits_test.c turgo-sdk/turgo.h turgo-sdk/turgo_test.h",
		"assemblyscript": "assembly/index.ts package-lock.json turgo-sdk/assembly/index.ts turgo-sdk/testkit/index.js",
		"connector":      "main.go source.go sink.go connector_test.go go.sum conformance.yaml turgo-sdk/connectors/wire/serve.go",
	}
	for name, files := range wanted {
		options := Options{Name: "page-visits", Folder: "a-" + name}
		project, err := NewConnector(t.Context(), options)
		if name != "connector" {
			os.RemoveAll(options.Folder)
			project, err = NewOperator(t.Context(), toolchain.Language(name), options)
		}
		if err != nil {
			t.Fatal(err)
		}
		made := walk(t, options.Folder)
		for _, file := range append(strings.Fields(files), "README.md", ".gitignore", "job.yaml", "turgo-sdk/COPY", "turgo-sdk/LICENSE") {
			if !slices.Contains(made, file) {
				t.Errorf("%s: %s is missing", name, file)
			}
		}
		for _, file := range made {
			if strings.HasSuffix(file, "_test.go") != slices.Contains([]string{"main_test.go", "connector_test.go"}, file) {
				t.Errorf("%s: %s is a test of the SDK's own", name, file)
			}
		}
		for _, file := range made {
			if filepath.Ext(file) == ".md" {
				checkLinks(t, repository, filepath.Join(options.Folder, file))
			}
		}
		for _, file := range project.Files {
			text, err := os.ReadFile(filepath.Join(options.Folder, file))
			if err != nil {
				t.Error(err)
			}
			if left := placeholder.FindAll(text, -1); len(left) > 0 {
				t.Errorf("%s: %s holds %q", name, file, left)
			}
		}
	}
}

// checkLinks looks whether what a page links to is there.
func checkLinks(t *testing.T, repository, page string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#]+)`).FindAllStringSubmatch(string(text), -1) {
		target := filepath.Join(filepath.Dir(page), link[1])
		inRepository, found := strings.CutPrefix(link[1], repositoryPage)
		switch {
		case !found && strings.HasPrefix(link[1], "https://"):
			continue
		case found:
			target = filepath.Join(repository, inRepository)
		}
		if _, err := os.Stat(target); err != nil {
			t.Errorf("%s links to %s: %v", page, link[1], err)
		}
	}
}

func TestNamesServeInEachLanguage(t *testing.T) {
	in(t)
	for _, name := range []string{"", "Visits", "1visits", "page visits", "visits-", "a--b", "../a", "a/b", "é", "match", "test", "turgo", strings.Repeat("a", 41)} {
		_, err := NewOperator(t.Context(), toolchain.C, Options{Name: name})
		var bad *NameError
		if !errors.As(err, &bad) {
			t.Errorf("%q: %v, want that the name is refused", name, err)
		}
	}
	for _, name := range []string{"a", "page-visits", "page_visits2", strings.Repeat("a", 40)} {
		if _, err := NewOperator(t.Context(), toolchain.C, Options{Name: name}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := NewOperator(t.Context(), toolchain.Zig, Options{Name: "a"}); err == nil || !strings.Contains(err.Error(), "there are go, rust, c, assemblyscript") {
		t.Errorf("zig: %v, want the languages that there are", err)
	}
}

// Nothing is overwritten, and what is stopped leaves nothing behind.
func TestProjectsAreMadeWholeOrNotAtAll(t *testing.T) {
	folder := in(t)
	if err := os.WriteFile("visits", []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := NewOperator(t.Context(), toolchain.Go, Options{Name: "visits"})
	var exists *ExistsError
	if !errors.As(err, &exists) || !strings.Contains(err.Error(), filepath.Join(folder, "visits")) {
		t.Errorf("%v, want that it exists", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewConnector(ctx, Options{Name: "tally"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was stopped", err)
	}
	if _, err := NewConnector(t.Context(), Options{Name: "tally", Folder: "no/such/folder"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want that the folder above is missing", err)
	}
	if left := walk(t, folder); !slices.Equal(left, []string{"visits"}) {
		t.Errorf("left behind: %q", left)
	}
}

// An update replaces the copy of the SDK, and touches nothing else.
func TestUpdateReplacesTheCopy(t *testing.T) {
	in(t)
	if _, err := NewOperator(t.Context(), toolchain.C, Options{Name: "visits"}); err != nil {
		t.Fatal(err)
	}
	before := walk(t, "visits")
	for path, text := range map[string]string{"turgo-sdk/turgo.h": "an old one", "turgo-sdk/gone.h": "not there any more", "visits.c": "mine"} {
		if err := os.WriteFile(filepath.Join("visits", path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := UpdateSDK(t.Context(), "visits"); err != nil {
		t.Fatal(err)
	}
	if after := walk(t, "visits"); !slices.Equal(after, before) {
		t.Errorf("files became %q, were %q", after, before)
	}
	header, err := os.ReadFile("visits/turgo-sdk/turgo.h")
	if err != nil || !strings.Contains(string(header), "TURGO_MODULE") {
		t.Errorf("turgo.h is %.50q, %v", header, err)
	}
	if own, err := os.ReadFile("visits/visits.c"); err != nil || string(own) != "mine" {
		t.Errorf("visits.c is %.50q, %v", own, err)
	}
	if err := os.Mkdir("other", 0o755); err != nil {
		t.Fatal(err)
	}
	var none *NoCopyError
	if err := UpdateSDK(t.Context(), "other"); !errors.As(err, &none) {
		t.Errorf("%v, want that there is no copy", err)
	}
}

// An update writes through no link: what lies outside of the project stays.
func TestUpdateFollowsNoLinks(t *testing.T) {
	in(t)
	if _, err := NewConnector(t.Context(), Options{Name: "tally"}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("sums", []byte("mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove("tally/go.sum"), os.Symlink("../sums", "tally/go.sum")); err != nil {
		t.Fatal(err)
	}
	if err := UpdateSDK(t.Context(), "tally"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile("sums"); err != nil || string(text) != "mine\n" {
		t.Errorf("behind the link stands %.50q, %v", text, err)
	}
	if text, err := os.ReadFile("tally/go.sum"); err != nil || !strings.Contains(string(text), "google.golang.org/grpc ") {
		t.Errorf("go.sum is %.50q, %v", text, err)
	}
	if err := errors.Join(os.Rename("tally/turgo-sdk", "shared"), os.Symlink("../shared", "tally/turgo-sdk")); err != nil {
		t.Fatal(err)
	}
	before := walk(t, "shared")
	var none *NoCopyError
	if err := UpdateSDK(t.Context(), "tally"); !errors.As(err, &none) {
		t.Errorf("%v, want that a link is no copy", err)
	}
	if after := walk(t, "shared"); !slices.Equal(after, before) {
		t.Errorf("the folder behind the link became %q", after)
	}
}
