package scaffold

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/turgo-stream/turgo"
)

// sdkFolder is where a project keeps its copy of the SDK.
const sdkFolder = "turgo-sdk"

// sdkMark is the file that says that the folder is such a copy.
const sdkMark = "COPY"

const sdkMarkText = `This folder is a copy of Turgo's SDK, of the version of turgo that wrote it.
Leave it as it is: "turgo build --update-sdk" replaces all of it.
`

// sdk is what a project gets of the SDKs' sources.
type sdk struct {
	// copies are files and folders of the repository, and where they go.
	copies []copied
	// modules are the Go modules that it needs; nil = it is none itself, or needs none.
	modules []string
	// goVersion is the oldest Go that it is written for; empty = it is no Go module.
	goVersion string
	// edit changes the copy where it has to differ; it may be nil.
	edit func(files map[string][]byte) error
}

type copied struct {
	from, to string
	flat     bool // the folder's own files only
}

// files are the files of the copy.
func (s *sdk) files() (map[string][]byte, error) {
	files := map[string][]byte{sdkMark: []byte(sdkMarkText)}
	for _, c := range append([]copied{{from: "LICENSE", to: "LICENSE"}}, s.copies...) {
		err := fs.WalkDir(turgo.Sources, c.from, func(file string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && file != c.from && (c.flat || isTestFolder(entry.Name())):
				return fs.SkipDir
			case entry.IsDir(), strings.HasSuffix(file, "_test.go"):
				return nil
			}
			content, err := turgo.Sources.ReadFile(file)
			if path.Ext(file) == ".md" {
				content = s.withLinks(file, content)
			}
			files[path.Join(c.to, strings.TrimPrefix(file, c.from))] = content
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("scaffold: the SDK: %w", err)
		}
	}
	if s.goVersion != "" {
		files["go.mod"] = []byte(s.goModText())
	}
	if s.edit != nil {
		return files, s.edit(files)
	}
	return files, nil
}

// repositoryPage is where a file of the repository is shown.
const repositoryPage = "https://github.com/turgo-stream/turgo/blob/main/"

var linkPattern = regexp.MustCompile(`\]\(([^):#]+)(#[^)]*)?\)`)

// withLinks has a page's links to what is not in the copy lead to the repository.
func (s *sdk) withLinks(file string, page []byte) []byte {
	return linkPattern.ReplaceAllFunc(page, func(link []byte) []byte {
		parts := linkPattern.FindSubmatch(link)
		target := path.Join(path.Dir(file), string(parts[1]))
		for _, c := range s.copies {
			within := target == c.from || strings.HasPrefix(target, c.from+"/")
			if within && !strings.HasSuffix(target, "_test.go") && !isTestFolder(path.Base(target)) {
				return link
			}
		}
		return fmt.Appendf(nil, "](%s%s%s)", repositoryPage, target, parts[2])
	})
}

// isTestFolder reports whether a folder of the SDK serves its own tests only.
func isTestFolder(name string) bool {
	return name == "testdata" || name == "everything" || name == "tests"
}

var goVersionPattern = regexp.MustCompile(`(?m)^go (\S+)$`)

// repositoryGoMod is the go.mod of the sources.
func repositoryGoMod() string {
	text, err := turgo.Sources.ReadFile("go.mod")
	if err != nil {
		panic(err) // it was compiled in
	}
	return string(text)
}

// repositoryGo is the version of Go that the sources as a whole ask for.
func repositoryGo() string { return goVersionPattern.FindStringSubmatch(repositoryGoMod())[1] }

// goModText is the go.mod of a copy, with the versions of the repository.
func (s *sdk) goModText() string {
	text := "module github.com/turgo-stream/turgo\n\ngo " + s.goVersion + "\n"
	if len(s.modules) > 0 {
		text += "\nrequire (\n" + requirements(s.modules, "") + ")\n"
	}
	return text
}

// requirements are the lines of a go.mod that require modules, in the versions of
// the repository.
func requirements(modules []string, comment string) string {
	var b strings.Builder
	for _, module := range modules {
		found := regexp.MustCompile(`(?m)^\s+` + regexp.QuoteMeta(module) + ` (v\S+)`).FindStringSubmatch(repositoryGoMod())
		if found == nil {
			panic("scaffold: go.mod does not require " + module)
		}
		fmt.Fprintf(&b, "\t%s %s%s\n", module, found[1], comment)
	}
	return b.String()
}

// goSums are the checksums of the modules that the sources need.
func goSums(string) (map[string][]byte, error) {
	text, err := turgo.Sources.ReadFile("go.sum")
	if err != nil {
		return nil, fmt.Errorf("scaffold: %w", err)
	}
	return map[string][]byte{"go.sum": text}, nil
}
