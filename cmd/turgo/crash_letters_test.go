package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/turgo-stream/turgo/host/job"
)

// lettersJob has an operator that fails at some lines, copies what it passes,
// and counts its words.
const lettersJob = `
name: crash
parallelism: %d
checkpoint: {store: ./checkpoints, interval: 20ms}
flow:
  - source: lines
    connector: file
    config: {paths: ["./text/*.txt"], format: lines}
  - operator: misbehave
    input: {from: lines, edge: rebalance}
    module: ${MODULES}/misbehave.wasm
    on_failure: dead_letter
  - sink: copies
    input: misbehave
    connector: file
    config: {path: ./copies}
  - operator: split
    input: misbehave
    module: ${MODULES}/wordcount.wasm
  - operator: count
    input: {from: split, edge: key}
    module: ${MODULES}/wordcount.wasm
  - sink: totals
    input: count
    connector: file
    config: {path: ./totals}
`

const (
	lettersFiles     = 4
	lettersGoodLines = 200 // in each file
	lettersBadLines  = 100
)

// TestSIGKILLInResubmission kills the real process while it tries hundreds of
// letters again, twice, and each time starts it at another parallelism. Half of
// the letters were mended before: each takes effect exactly once, in output and
// state. The others fail again, and count one attempt more.
func TestSIGKILLInResubmission(t *testing.T) {
	t.Parallel()
	points := map[job.Point][]int{
		job.InResubmission: {150, 100}, job.AfterPrepare: {1, 1}, job.AfterManifest: {1, 1}, job.InCommits: {1, 1}, job.AfterCommits: {1, 1},
	}
	if testing.Short() {
		maps.DeleteFunc(points, func(p job.Point, _ []int) bool { return p != job.InResubmission })
	}
	for point, counts := range points {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			lines := writeBadText(t, dir)
			if runLettersJob(t, dir, 2, "") {
				t.Fatal("somebody else killed the job")
			}
			mended := orderLetters(t, dir)
			kills := 0
			for i, parallelism := range []int{3, 1} {
				if runLettersJob(t, dir, parallelism, fmt.Sprintf("%s:%d", point, counts[i])) {
					kills++
				}
			}
			if kills == 0 {
				t.Error("it was never killed")
			}
			if runLettersJob(t, dir, 2, "") {
				t.Fatal("somebody else killed the job")
			}
			lines["mended line"] = mended
			expectSame(t, "copies", readLines(t, filepath.Join(dir, "copies")), lines)
			checkLetters(t, dir, mended)
			checkMendedWords(t, dir, mended)
		})
	}
}

func writeBadText(t *testing.T, dir string) map[string]int {
	t.Helper()
	lines := map[string]int{}
	for file := range lettersFiles {
		var text bytes.Buffer
		for i := range lettersGoodLines {
			line := fmt.Sprintf("line%d_%d", file, i)
			lines[line]++
			fmt.Fprintln(&text, line)
			if i < lettersBadLines {
				fmt.Fprintln(&text, "fail")
			}
		}
		path := filepath.Join(dir, "text", fmt.Sprintf("%d.txt", file))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return lines
}

func runLettersJob(t *testing.T, dir string, parallelism int, crashAt string) bool {
	t.Helper()
	return runJobText(t, dir, fmt.Sprintf(lettersJob, parallelism), crashAt)
}

// turgo runs a command and gives its standard output.
func turgo(t *testing.T, dir string, arguments ...string) []byte {
	t.Helper()
	c := exec.Command(filepath.Join(built, "bin", "turgo"), arguments...)
	c.Env = append(os.Environ(), "MODULES="+built)
	c.Dir = dir
	var failure bytes.Buffer
	c.Stderr = &failure
	output, err := c.Output()
	if err != nil {
		t.Fatalf("turgo %q: %v\n%s", arguments, err, failure.Bytes())
	}
	return output
}

func listLetters(t *testing.T, dir string, statuses string) []letterView {
	t.Helper()
	var letters []letterView
	err := json.Unmarshal(turgo(t, dir, "dlq", "list", "job.yaml", "--json", "--limit", "0", "--status", statuses), &letters)
	if err != nil {
		t.Fatal(err)
	}
	return letters
}

// orderLetters mends every second letter and orders that all are tried again.
func orderLetters(t *testing.T, dir string) (mended int) {
	t.Helper()
	letters := listLetters(t, dir, "waiting")
	if len(letters) != lettersFiles*lettersBadLines {
		t.Fatalf("%d letters, want %d", len(letters), lettersFiles*lettersBadLines)
	}
	edit := []string{"dlq", "edit", "job.yaml", "--value", "mended line"}
	for i := range letters {
		if i%2 == 0 {
			edit = append(edit, letters[i].ID)
			mended++
		}
	}
	turgo(t, dir, edit...)
	turgo(t, dir, "dlq", "resubmit", "job.yaml", "--all", "--yes")
	return mended
}

// checkLetters: the mended ones are gone, the others failed once more.
func checkLetters(t *testing.T, dir string, mended int) {
	t.Helper()
	waiting := listLetters(t, dir, "waiting")
	if want := lettersFiles*lettersBadLines - mended; len(waiting) != want {
		t.Errorf("%d letters wait, want %d", len(waiting), want)
	}
	for i := range waiting {
		if waiting[i].Attempts != 2 {
			t.Errorf("letter %s has %d attempts, want 2", waiting[i].ID, waiting[i].Attempts)
		}
	}
	if ordered := listLetters(t, dir, "ordered"); len(ordered) > 0 {
		t.Errorf("%d orders are open", len(ordered))
	}
}

// checkMendedWords: the words of the mended lines are counted in the state that
// the finished job had. Its first end wrote the other totals.
func checkMendedWords(t *testing.T, dir string, mended int) {
	t.Helper()
	totals := readLines(t, filepath.Join(dir, "totals"))
	for _, word := range []string{"mended", "line"} {
		if totals[fmt.Sprintf("%s %d", word, mended)] != 1 {
			t.Errorf("the total of %q is not %d, once", word, mended)
		}
	}
}
