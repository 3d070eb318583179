package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// codeBlock is a block of code with its language.
var codeBlock = regexp.MustCompile("(?s)```(\\w+)\n(.*?)```")

// TestFailuresPath walks the example of docs/failures.md: what it shows is saved
// and run, and gives what it shows.
func TestFailuresPath(t *testing.T) {
	page, err := os.ReadFile("../../docs/failures.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "## From the letter to the mended job")
	text, _, _ = strings.Cut(text, "\n## ")
	// The operator imports the SDK of this module, so it is built within it, in a
	// folder that no pattern of packages matches.
	if err := os.MkdirAll("../../build", 0o755); err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("../../build", "_failures-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	operator := filepath.Join(folder, "operator", "main.go")
	if err := os.Mkdir(filepath.Dir(operator), 0o755); err != nil {
		t.Fatal(err)
	}
	commands := 0
	for _, block := range codeBlock.FindAllStringSubmatch(text, -1) {
		path, content := "", block[2]
		switch block[1] {
		case "go":
			if path = operator; !strings.Contains(content, "package main") {
				content = replaceParse(t, operator, content)
			}
		case "yaml":
			path = filepath.Join(folder, "job.yaml")
		case "json":
			path = filepath.Join(folder, "payments.jsonl")
		case "console":
			commands += runConsole(t, folder, content)
			continue
		default:
			t.Fatalf("a block of the language %q", block[1])
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if commands < 10 {
		t.Errorf("the page shows %d commands", commands)
	}
}

// replaceParse does what the page says: another parse, and one import more.
func replaceParse(t *testing.T, path, parse string) string {
	t.Helper()
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(old), "// parse reads")
	_, tail, alsoFound := strings.Cut(rest, "\n}\n")
	if !found || !alsoFound {
		t.Fatal("the operator has no parse")
	}
	return strings.Replace(head, "\t\"strconv\"\n", "\t\"strconv\"\n\t\"strings\"\n", 1) + parse + tail
}

// runConsole runs the commands of a block and compares what they write to
// standard output with what stands below each. "…" stands for anything.
func runConsole(t *testing.T, folder, block string) (commands int) {
	t.Helper()
	cache, err := filepath.Abs(filepath.Join(built, "cache"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split("\n"+block, "\n$ ")[1:] {
		line, want, _ := strings.Cut(strings.TrimSuffix(part, "\n"), "\n")
		commands++
		command := exec.Command("sh", "-c", line)
		command.Dir = folder
		command.Env = append(os.Environ(), "PATH="+filepath.Join(built, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"),
			"TURGO_CACHE="+cache, "GOFLAGS=-buildvcs=false")
		var stderr strings.Builder
		command.Stderr = &stderr
		output, err := command.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s%s", line, err, output, stderr.String())
		}
		pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "…", "(?s:.*)")
		pattern = regexp.MustCompile(" +").ReplaceAllString(pattern, " +")
		if got := strings.TrimSuffix(string(output), "\n"); !regexp.MustCompile("^" + pattern + "$").MatchString(got) {
			t.Errorf("%s gives\n%s\nnot\n%s", line, got, want)
		}
	}
	return commands
}
