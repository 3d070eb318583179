package native_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/native"
)

// stepsReaderOf opens the source of steps in a process.
func stepsReaderOf(t *testing.T, launcher *native.Launcher, fields map[string]any) connectors.Reader {
	t.Helper()
	ctx := context.Background()
	source, err := launcher.Source(ctx, "steps", native.PlacementProcess)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { source.Close() })
	if err := source.Open(ctx, connectors.Config{UID: "numbers", Settings: settings(t, fields)}); err != nil {
		t.Fatal(err)
	}
	reader, err := source.OpenReader(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	if err := reader.Assign(ctx, []connectors.Assignment{{Split: connectors.Split{ID: "only"}}}); err != nil {
		t.Fatal(err)
	}
	return reader
}

// nextStep waits for the next record of steps.
func nextStep(reader connectors.Reader) (pid int, value string, err error) {
	for {
		delivery, err := reader.Next(context.Background())
		if err != nil {
			return 0, "", err
		}
		if delivery.SplitID == "" {
			continue
		}
		records := delivery.Batch.Records()
		records.Next()
		pid, err := strconv.Atoi(string(records.Record().Key()))
		return pid, string(records.Record().Value()), err
	}
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// A source's process is killed again and again: each record arrives once, in
// order, until the limit of restarts.
func TestKilledSourceGoesOn(t *testing.T) {
	launcher := newLauncher(t)
	launcher.RestartsMax = 2
	reader := stepsReaderOf(t, launcher, map[string]any{})
	processes := map[int]bool{}
	var failure error
	for i := 0; failure == nil; i++ {
		pid, value, err := nextStep(reader)
		if failure = err; err != nil {
			break
		}
		if value != strconv.Itoa(i) {
			t.Fatalf("record %d is %s", i, value)
		}
		if !processes[pid] && i%1000 == 500 {
			processes[pid] = true
			kill(t, pid)
		}
	}
	var limit *native.RestartLimitError
	var died *native.ProcessDiedError
	if !errors.As(failure, &limit) || !errors.As(failure, &died) {
		t.Fatal(failure)
	}
	if limit.Restarts != 2 || len(processes) != 3 || !processes[died.PID] || died.UID != "numbers" || died.State != "signal: killed" {
		t.Errorf("%d processes, %#v", len(processes), died)
	}
	if !connectors.Retryable(failure) {
		t.Error("the death of a process is not retryable")
	}
}

func TestDeathIsNoticedAtOnce(t *testing.T) {
	launcher := newLauncher(t)
	launcher.RestartsMax = -1
	reader := stepsReaderOf(t, launcher, map[string]any{})
	pid, _, err := nextStep(reader)
	if err != nil {
		t.Fatal(err)
	}
	kill(t, pid)
	start := time.Now()
	for err == nil {
		_, _, err = nextStep(reader)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("noticing took %v", took)
	}
}

// An error of the connector arrives as what it was, and is no death.
func TestConnectorErrorArrives(t *testing.T) {
	reader := stepsReaderOf(t, newLauncher(t), map[string]any{"fail_at": 3})
	for i := range 3 {
		if _, value, err := nextStep(reader); err != nil || value != strconv.Itoa(i) {
			t.Fatalf("record %d: %s, %v", i, value, err)
		}
	}
	_, _, err := nextStep(reader)
	if err == nil || err.Error() != "steps: this one fails" || !connectors.Retryable(err) {
		t.Errorf("error: %v", err)
	}
}

func TestKilledSinkFails(t *testing.T) {
	ctx := context.Background()
	launcher := newLauncher(t)
	before := children(t)
	sink, err := launcher.Sink(ctx, "file", native.PlacementProcess)
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	if _, err := sink.Open(ctx, sinkConfig(t, map[string]any{"path": "out"})); err != nil {
		t.Fatal(err)
	}
	writer, err := sink.OpenWriter(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	if err := writer.Write(ctx, batchOf("lost")); err != nil {
		t.Fatal(err)
	}
	killChildren(t, before)
	_, err = writer.Prepare(ctx, 1)
	var died *native.ProcessDiedError
	if !errors.As(err, &died) || !connectors.Retryable(err) || died.UID != "out" {
		t.Errorf("Prepare: %v", err)
	}
	if err := writer.Write(ctx, batchOf("late")); !errors.As(err, &died) {
		t.Errorf("Write: %v", err)
	}
	if _, err := sink.Commit(ctx, []connectors.Committable{{ID: "x"}}); !errors.As(err, &died) {
		t.Errorf("Commit: %v", err)
	}
}

func TestCloseEndsProcesses(t *testing.T) {
	ctx := context.Background()
	launcher := &native.Launcher{Builtins: served()}
	before := len(children(t))
	for range 3 {
		if _, err := launcher.Source(ctx, "steps", native.PlacementProcess); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(children(t)) - before; got != 3 {
		t.Errorf("%d processes, want 3", got)
	}
	launcher.Close()
	eventually(t, "all processes end", func() bool { return len(children(t)) == before })
	if _, err := launcher.Source(ctx, "steps", native.PlacementProcess); err == nil {
		t.Error("a closed launcher started a process")
	}
}

func TestUnknownConnector(t *testing.T) {
	launcher := newLauncher(t)
	var unknown *native.UnknownConnectorError
	if _, err := launcher.Source(context.Background(), "kafak", native.PlacementProcess); !errors.As(err, &unknown) {
		t.Fatal(err)
	}
	if got := strings.Join(unknown.Known, " "); got != "crash environment file generator kafka steps" {
		t.Errorf("known sources: %s", got)
	}
	if _, err := launcher.Source(context.Background(), "stdout", native.PlacementHost); !errors.As(err, &unknown) {
		t.Errorf("a sink as a source: %v", err)
	}
	if _, err := launcher.Sink(context.Background(), "stdout", "moon"); err == nil {
		t.Error("unknown placement accepted")
	}
}

// The process crashes at the first call, and its last words are in the error.
func TestCrashTellsWhy(t *testing.T) {
	launcher := newLauncher(t)
	source, err := launcher.Source(context.Background(), "crash", native.PlacementProcess)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	err = source.Check(context.Background(), connectors.Config{})
	var died *native.ProcessDiedError
	if !errors.As(err, &died) || !strings.Contains(died.State, "exit status 2") {
		t.Fatal(err)
	}
	if !strings.HasPrefix(died.Stderr, "panic: the source that cannot be made\ngoroutine ") {
		t.Errorf("last lines: %s", died.Stderr)
	}
}

// install puts a script into a plugin folder as a connector.
func install(t *testing.T, folder, name, script, sum string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(folder, name), 0o700); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(folder, name, "program")
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	if sum == "" {
		sum = sha256Of(t, program)
	}
	manifest := fmt.Sprintf(`{"name":%q,"version":"1","executable":"program","sha256":%q,"source":true}`, name, sum)
	if err := os.WriteFile(filepath.Join(folder, name, native.ManifestName), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestExternalThatDoesNotServe(t *testing.T) {
	folder := t.TempDir()
	install(t, folder, "dies", "#!/bin/sh\necho 'first line' >&2\necho 'no licence found' >&2\nexit 3\n", "")
	install(t, folder, "talks", "#!/bin/sh\necho hello\nexec sleep 60\n", "")
	install(t, folder, "newer", "#!/bin/sh\necho '1|9|unix|/nowhere|grpc|'\nexec sleep 60\n", "")
	install(t, folder, "silent", "#!/bin/sh\nexec sleep 60\n", "")
	install(t, folder, "changed", "#!/bin/sh\n", strings.Repeat("0", 64))
	launcher := newLauncher(t)
	launcher.Folder = folder
	launcher.StartTimeout = 500 * time.Millisecond
	before := len(children(t))
	start := func(name string) error {
		_, err := launcher.Source(context.Background(), name, native.PlacementProcess)
		if err == nil {
			t.Fatalf("%s: started", name)
		}
		return err
	}
	var failure *native.StartError
	if err := start("dies"); !errors.As(err, &failure) || failure.State != "exit status 3" || failure.Stderr != "first line\nno licence found" {
		t.Errorf("dies: %v", err)
	}
	if err := start("talks"); !errors.As(err, &failure) || !strings.Contains(err.Error(), "did not answer as a connector does") {
		t.Errorf("talks: %v", err)
	}
	var version *native.ProtocolError
	if err := start("newer"); !errors.As(err, &version) || version.Version != "9" {
		t.Errorf("newer: %v", err)
	}
	if err := start("silent"); !errors.As(err, &failure) || failure.Reason != "it did not answer within 500ms" {
		t.Errorf("silent: %v", err)
	}
	var sum *native.ChecksumError
	if err := start("changed"); !errors.As(err, &sum) {
		t.Errorf("changed: %v", err)
	}
	eventually(t, "no process is left", func() bool { return len(children(t)) == before })
}

func TestStartIsCancelled(t *testing.T) {
	folder := t.TempDir()
	install(t, folder, "silent", "#!/bin/sh\nexec sleep 60\n", "")
	launcher := newLauncher(t)
	launcher.Folder = folder
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := launcher.Source(ctx, "silent", native.PlacementProcess); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
