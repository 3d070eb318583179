package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/host/job"
)

// crashJob counts the words of a text, and copies its lines. The totals show
// whether state is exact, the copies whether output is.
const crashJob = `
name: crash
parallelism: %d
checkpoint: {store: ./checkpoints, interval: 20ms}
flow:
  - source: lines
    connector: file
    config: {paths: ["./text/*.txt"], format: lines}
  - operator: split
    input: lines
    module: ${MODULES}/wordcount.wasm
  - operator: count
    input: {from: split, edge: key}
    module: ${MODULES}/wordcount.wasm
  - sink: totals
    input: count
    connector: file
    config: {path: ./totals}
  - operator: copy
    entry: pass
    input: {from: lines, edge: rebalance}
    module: ${MODULES}/passthrough.wasm
  - sink: copies
    input: copy
    connector: file
    config: {path: ./copies}
`

const (
	crashFiles        = 6
	crashLinesPerFile = 20000
	crashRunTimeout   = 2 * time.Minute
)

// writeText writes lines that are all different, of words that come often.
func writeText(t *testing.T, dir string) (lines, words map[string]int) {
	lines, words = map[string]int{}, map[string]int{}
	for file := range crashFiles {
		var text bytes.Buffer
		for i := range crashLinesPerFile {
			line := fmt.Sprintf("line%d_%d word%d word%d word%d common", file, i, i%7, i%100, (i*31)%5000)
			lines[line]++
			for word := range strings.FieldsSeq(line) {
				words[word]++
			}
			fmt.Fprintln(&text, line)
		}
		path := filepath.Join(dir, "text", fmt.Sprintf("%d.txt", file))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return lines, words
}

// runCrashJob runs the job once and reports whether it was killed.
func runCrashJob(t *testing.T, dir string, parallelism int, crashAt string) (killed bool) {
	t.Helper()
	return runJobText(t, dir, fmt.Sprintf(crashJob, parallelism), crashAt)
}

func runJobText(t *testing.T, dir, text, crashAt string) (killed bool) {
	t.Helper()
	path := filepath.Join(dir, "job.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(filepath.Join(built, "bin", "turgo"), "run", path)
	c.Env = append(os.Environ(), "MODULES="+built, "TURGO_CACHE="+filepath.Join(built, "cache"), crashVariable+"="+crashAt)
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(crashRunTimeout, func() {
		// A dump of all goroutines tells where the job stands still.
		if err := c.Process.Signal(syscall.SIGQUIT); err != nil {
			t.Log(err)
		}
	})
	err := c.Wait()
	timer.Stop()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
			return true
		}
	}
	if err != nil {
		t.Fatalf("turgo run: %v\n%s", err, output.Bytes())
	}
	return false
}

// readLines counts the lines of all files in a folder.
func readLines(t *testing.T, dir string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	paths, err := filepath.Glob(filepath.Join(dir, "[^.]*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s (%v)", dir, err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			counts[strings.TrimSuffix(line, "\n")]++
		}
	}
	return counts
}

func expectSame(t *testing.T, what string, got, want map[string]int) {
	t.Helper()
	var lost, doubled []string
	for line, n := range want {
		switch {
		case got[line] < n:
			lost = append(lost, line)
		case got[line] > n:
			doubled = append(doubled, line)
		}
	}
	for line := range got {
		if want[line] == 0 {
			doubled = append(doubled, line)
		}
	}
	if len(lost)+len(doubled) > 0 {
		t.Errorf("%s: %d lost (%.3q …), %d doubled or made up (%.3q …)", what, len(lost), lost[:min(3, len(lost))], len(doubled), doubled[:min(3, len(doubled))])
	}
}

// TestSIGKILLAtEachPoint kills the real process at each named point, three
// times, and each time starts it again at another parallelism. At the end each
// line was copied once and each word is counted right.
func TestSIGKILLAtEachPoint(t *testing.T) {
	t.Parallel()
	points := slices.DeleteFunc(slices.Clone(job.Points), func(p job.Point) bool {
		return p == job.InResubmission // this job has no letters: TestSIGKILLInResubmission kills there
	})
	if testing.Short() {
		points = []job.Point{job.AfterPrepare, job.AfterManifest}
	}
	for _, point := range points {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			lines, words := writeText(t, dir)
			kills := 0
			for _, parallelism := range []int{2, 3, 1} {
				// The second time: the first is at once after the start.
				if !runCrashJob(t, dir, parallelism, fmt.Sprintf("%s:2", point)) {
					break
				}
				kills++
			}
			if kills < 2 {
				t.Errorf("killed %d times, want at least 2", kills)
			}
			if runCrashJob(t, dir, 2, "") {
				t.Fatal("somebody else killed the job")
			}
			staged, err := filepath.Glob(filepath.Join(dir, "*", ".turgo-staging", "*", "*", "*"))
			if err != nil || len(staged) > 0 {
				t.Errorf("staged files are left: %q (%v)", staged, err)
			}
			totals := map[string]int{}
			for word, n := range words {
				totals[fmt.Sprintf("%s %d", word, n)] = 1
			}
			expectSame(t, "copies", readLines(t, filepath.Join(dir, "copies")), lines)
			expectSame(t, "totals", readLines(t, filepath.Join(dir, "totals")), totals)
		})
	}
}
