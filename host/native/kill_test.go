package native_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/native"
)

// children lists the processes that this one has.
func children(t *testing.T) map[int]bool {
	t.Helper()
	result := map[int]bool{}
	if runtime.GOOS != "linux" {
		output, err := exec.Command("pgrep", "-P", strconv.Itoa(os.Getpid())).Output()
		if err != nil && len(output) > 0 {
			t.Fatal(err)
		}
		for _, field := range bytes.Fields(output) {
			pid, err := strconv.Atoi(string(field))
			if err != nil {
				t.Fatal(err)
			}
			result[pid] = true
		}
		return result
	}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended since
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) && fields[0] != "Z" {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err != nil {
				t.Fatal(err)
			}
			result[pid] = true
		}
	}
	return result
}

// killChildren kills the processes that were not there before.
func killChildren(t *testing.T, before map[int]bool) {
	t.Helper()
	killed := 0
	for pid := range children(t) {
		if !before[pid] {
			kill(t, pid)
			killed++
		}
	}
	if killed != 1 {
		t.Fatalf("%d processes to kill, want 1", killed)
	}
}

// A process that is started again knows that the host was told of the splits.
func TestAKilledSourceKnowsThatSplitsWereDiscovered(t *testing.T) {
	launcher := &native.Launcher{Builtins: served()}
	t.Cleanup(func() { launcher.Close() })
	before := children(t)
	ctx := context.Background()
	source, err := launcher.Source(ctx, "steps", native.PlacementProcess)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if err := source.Open(ctx, connectors.Config{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"false", "true"} {
		splits, _, err := source.Discover(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(splits[0].Data); got != want || splits[0].Eager != (want == "true") {
			t.Errorf("restored: %s, eager %v; want %s for both", got, splits[0].Eager, want)
		}
		killChildren(t, before)
	}
}

// Files are read by a process that is killed after every few deliveries. All
// lines arrive, each once, and each file's in order.
func TestKilledFileSource(t *testing.T) {
	ctx := context.Background()
	folder := t.TempDir()
	want := map[string][]string{}
	for i := range 6 {
		name := fmt.Sprintf("in-%d", i)
		for line := range 30_000 * i {
			want[name] = append(want[name], fmt.Sprintf("file %d line %d", i, line))
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(strings.Join(want[name], "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	launcher := newLauncher(t)
	launcher.RestartsMax = 5
	before := children(t)
	c := sourceCase{connector: "file", config: connectors.Config{UID: "in", BaseDir: folder, Settings: settings(t, map[string]any{"paths": []string{"*"}})}}
	source, splits := opened(t, launcher, c, native.PlacementProcess)
	reader, err := source.OpenReader(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for _, split := range splits {
		if err := reader.Assign(ctx, []connectors.Assignment{{Split: split}}); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string][]string{}
	for deliveries, kills, ended := 0, 0, 0; ended < len(splits); {
		delivery, err := reader.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if delivery.SplitID == "" {
			continue
		}
		got[delivery.SplitID] = append(got[delivery.SplitID], values(delivery.Batch)...)
		if delivery.End {
			ended++
		}
		if deliveries++; kills < launcher.RestartsMax && deliveries%30 == 0 {
			kills++
			killChildren(t, before)
		}
	}
	for name := range want {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s: %d lines, want %d", name, len(got[name]), len(want[name]))
		}
	}
}

// The sink's process is killed between prepare and commit. Another one commits
// what was prepared, and only that.
func TestKilledFileSink(t *testing.T) {
	ctx := context.Background()
	launcher := newLauncher(t)
	config := sinkConfig(t, map[string]any{"path": "out"})
	open := func(attempt uint64, keep []connectors.Committable) (connectors.Sink, connectors.Writer) {
		sink, err := launcher.Sink(ctx, "file", native.PlacementProcess)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sink.Close() })
		config.Attempt = attempt
		if _, err := sink.Open(ctx, config); err != nil {
			t.Fatal(err)
		}
		if err := sink.CleanUp(ctx, keep); err != nil {
			t.Fatal(err)
		}
		writer, err := sink.OpenWriter(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { writer.Close() })
		return sink, writer
	}
	before := children(t)
	_, writer := open(1, nil)
	if err := writer.Write(ctx, batchOf("kept")); err != nil {
		t.Fatal(err)
	}
	kept, err := writer.Prepare(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Write(ctx, batchOf("lost")); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Prepare(ctx, 2); err != nil {
		t.Fatal(err)
	}
	killChildren(t, before)

	sink, _ := open(2, kept)
	results, err := sink.Commit(ctx, kept)
	if err != nil || len(results) != 1 || results[0].Outcome != connectors.Committed {
		t.Fatalf("Commit: %+v, %v", results, err)
	}
	files, err := filepath.Glob(filepath.Join(config.BaseDir, "out", "part-*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files: %q, %v", files, err)
	}
	if text, err := os.ReadFile(files[0]); err != nil || string(text) != "kept\n" {
		t.Errorf("%q, %v", text, err)
	}
	staged, err := filepath.Glob(filepath.Join(config.BaseDir, "out", ".turgo-staging", "*", "*", "*"))
	if err != nil || len(staged) > 0 {
		t.Errorf("staged files are left: %q, %v", staged, err)
	}
}
