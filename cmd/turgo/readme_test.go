package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	readmeCommand = regexp.MustCompile(`(?m)^    (.*)$`)
	readmeCode    = regexp.MustCompile("(?s)`([^`]+)`:?\\s*```\\w+\n(.*?)```")
)

// TestReadmePath walks the README's way to one's own operator: its commands run
// one after the other in an empty folder, and the code that it shows is the code
// that is there.
func TestReadmePath(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, way, _ := strings.Cut(string(readme), "## Your own operator, in five minutes\n")
	way, _, _ = strings.Cut(way, "\n## ")
	var commands []string
	for _, found := range readmeCommand.FindAllStringSubmatch(readmeCode.ReplaceAllString(way, ""), -1) {
		commands = append(commands, found[1])
	}
	// This test's program is built already, and stands first on the path.
	if len(commands) < 8 || !slices.Equal(commands[:2], []string{"make build", "export PATH=$PWD/bin:$PATH"}) {
		t.Fatalf("the README's commands are %q", commands)
	}
	author := author{T: t, folder: t.TempDir(), environment: []string{"PATH=" + filepath.Join(built, "bin") + ":" + os.Getenv("PATH")}}
	said := author.runs("sh", "-e", "-c", strings.Join(commands[2:], "\n"))
	for _, line := range append(wantCounts, "ok: ", "job.yaml: ok") {
		if !strings.Contains(said, line) {
			t.Errorf("the commands do not say %q; they say\n%s", line, said)
		}
	}

	shown := readmeCode.FindAllStringSubmatch(way, -1)
	if len(shown) != 2 {
		t.Fatalf("the README shows %d pieces of code, want 2", len(shown))
	}
	for _, code := range shown {
		text, err := os.ReadFile(filepath.Join(author.folder, "visits", code[1]))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), code[2]) {
			t.Errorf("%s does not hold what the README shows:\n%s", code[1], code[2])
		}
	}
}
