package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// wordCountRuns is how often each side runs; medians are reported.
const wordCountRuns = 3

// plainFlag makes this program count the words of a folder by itself.
const plainFlag = "TURGO_BENCH_PLAIN"

// measureWordCount runs examples/wordcount over the Go source tree, with
// exactly-once checkpoints each second, and a plain program that reads the same
// files into a map. Both are whole processes; cost is CPU of all of them.
func measureWordCount() error {
	if root := os.Getenv(plainFlag); root != "" {
		return countPlain(root)
	}
	goRoot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	root := filepath.Join(strings.TrimSpace(string(goRoot)), "src")
	dir, err := os.MkdirTemp("", "turgo-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	turgo, err := buildWordCount(dir)
	if err != nil {
		return err
	}
	var job, plain []usage
	words := 0
	for run := range wordCountRuns {
		u, n, err := runPlain(root)
		if err != nil {
			return err
		}
		plain, words = append(plain, u), n
		if u, err = runJob(turgo, dir, root, run); err != nil {
			return err
		}
		job = append(job, u)
	}
	jobCPU, plainCPU := medianOf(job, usage.cpu), medianOf(plain, usage.cpu)
	figure("wordcount_words", float64(words), "words", "")
	figure("wordcount_wall_seconds", medianOf(job, usage.wallSeconds), "s", "<= 120")
	figure("wordcount_words_per_core_second", float64(words)/jobCPU, "words/s", "")
	figure("wordcount_cpu_ns_per_word", jobCPU*1e9/float64(words), "ns", "<= 347")
	figure("wordcount_plain_cpu_ns_per_word", plainCPU*1e9/float64(words), "ns", "")
	figure("wordcount_ratio_to_plain", plainCPU/jobCPU, "ratio", ">= 0.25")
	return nil
}

// usage is what a process and its children cost.
type usage struct{ cpuSeconds, wall float64 }

func (u usage) cpu() float64         { return u.cpuSeconds }
func (u usage) wallSeconds() float64 { return u.wall }

func medianOf(runs []usage, of func(usage) float64) float64 {
	values := make([]float64, len(runs))
	for i, u := range runs {
		values[i] = of(u)
	}
	return median(values)
}

// timed runs a command and measures it with all children that it waited for.
func timed(cmd *exec.Cmd) (usage, error) {
	started := time.Now()
	err := cmd.Run()
	wall := time.Since(started).Seconds()
	if cmd.ProcessState == nil {
		return usage{}, err
	}
	r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return usage{}, errors.New("this system does not tell what a process cost")
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return usage{cpuSeconds: seconds(r.Utime) + seconds(r.Stime), wall: wall}, err
}

func buildWordCount(dir string) (turgo string, err error) {
	turgo = filepath.Join(dir, "turgo")
	build := exec.Command("go", "build", "-o", turgo, "./cmd/turgo")
	guest := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", filepath.Join(dir, "wordcount.wasm"), "./examples/wordcount/operator")
	guest.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	for _, cmd := range []*exec.Cmd{build, guest} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
		}
	}
	return turgo, nil
}

// wordCountJob is examples/wordcount/job.yaml with its paths in one folder.
const wordCountJob = `
name: wordcount
parallelism: 2
checkpoint: {store: ./run%[1]d/checkpoints, interval: 1s}
flow:
  - source: lines
    connector: file
    config: {paths: ["%[2]s/**/*.go"], format: lines}
  - operator: split
    input: lines
    module: ./wordcount.wasm
  - operator: count
    input: {from: split, edge: key}
    module: ./wordcount.wasm
  - sink: totals
    input: count
    connector: file
    config: {path: ./run%[1]d/out}
`

func runJob(turgo, dir, root string, run int) (usage, error) {
	file := filepath.Join(dir, fmt.Sprintf("job%d.yaml", run))
	if err := os.WriteFile(file, fmt.Appendf(nil, wordCountJob, run, root), 0o644); err != nil {
		return usage{}, err
	}
	cmd := exec.Command(turgo, "run", file, "--json")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	u, err := timed(cmd)
	if err != nil {
		return u, fmt.Errorf("turgo run: %w\n%s", err, stderr.Bytes())
	}
	return u, nil
}

func runPlain(root string) (usage, int, error) {
	self, err := os.Executable()
	if err != nil {
		return usage{}, 0, err
	}
	cmd := exec.Command(self, "wordcount")
	cmd.Env = append(os.Environ(), plainFlag+"="+root)
	var out bytes.Buffer
	cmd.Stdout = &out
	u, err := timed(cmd)
	if err != nil {
		return u, 0, err
	}
	var result struct{ Words int }
	// The first line names the group.
	_, text, _ := strings.Cut(out.String(), "\n")
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		return u, 0, fmt.Errorf("plain word count: %w", err)
	}
	return u, result.Words, nil
}

// countPlain is the yardstick: one process, a map, no guarantee.
func countPlain(root string) error {
	counts := map[string]*int{}
	words := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		lines := bufio.NewReaderSize(f, 1<<16)
		for {
			line, err := lines.ReadSlice('\n')
			if err == bufio.ErrBufferFull {
				rest, rerr := lines.ReadBytes('\n')
				line, err = append(append([]byte(nil), line...), rest...), rerr
			}
			words += countLine(counts, line)
			if err != nil {
				return nil
			}
		}
	})
	fmt.Printf("{\"Words\":%d}\n", words)
	return err
}

func countLine(counts map[string]*int, line []byte) (words int) {
	for i := 0; i < len(line); {
		if !wordByte[line[i]] {
			i++
			continue
		}
		start := i
		for i < len(line) && wordByte[line[i]] {
			i++
		}
		words++
		if n := counts[string(line[start:i])]; n != nil {
			*n++
		} else {
			one := 1
			counts[string(line[start:i])] = &one
		}
	}
	return words
}

var wordByte = func() (table [256]bool) {
	for c := range table {
		table[c] = c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	}
	return table
}()
