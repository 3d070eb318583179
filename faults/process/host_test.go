package process_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/faults/process"
	"github.com/turgo-stream/turgo/host/job"
)

const testLimit = 2 * time.Minute

const testJob = `
name: endless
checkpoint: {store: ./checkpoints, interval: 50ms}
flow:
  - source: events
    connector: generator
    config: {kind: counter, rate: 1000}
  - sink: nothing
    input: events
    connector: blackhole
`

// TestLife starts a host, kills a connector, stops the host; has another one
// crash at a point; and kills a third.
func TestLife(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), testLimit)
	defer cancel()
	dir := t.TempDir()
	program, err := process.BuildTurgo(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "job.yaml")
	if err := os.WriteFile(path, []byte(testJob), 0o644); err != nil {
		t.Fatal(err)
	}
	start := func(o process.Options) *process.Host {
		o.Program, o.Job, o.Log = program, path, filepath.Join(dir, "log")
		h, err := process.Start(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := h.Kill(); err != nil {
				t.Error(err)
			}
		})
		return h
	}
	works := func(h *process.Host, after uint64) uint64 {
		t.Helper()
		status, err := h.Await(ctx, func(s job.Status) bool { return s.Checkpoint != nil && s.Checkpoint.Epoch > after })
		if err != nil {
			t.Fatal(err)
		}
		return status.Checkpoint.Epoch
	}

	first := start(process.Options{})
	epoch := works(first, 0)
	// One at a time: a connector that dies may take the others along, as the job
	// starts again.
	for i := range 2 {
		connectors, err := first.Connectors()
		if err != nil || len(connectors) < 2 {
			t.Fatalf("connectors %v, %v: want a source and a sink", connectors, err)
		}
		if err := first.KillConnector(connectors[i]); err != nil {
			t.Fatal(err)
		}
		epoch = works(first, epoch+1)
	}
	if err := first.KillConnector(os.Getpid()); err == nil {
		t.Fatal("it killed a process that is none of the host's")
	}
	works(first, epoch+1)
	if err := first.Stop(testLimit); err != nil {
		t.Fatal(err)
	}

	second := start(process.Options{CrashAt: job.AfterManifest, CrashCount: 2})
	select {
	case <-second.Done():
	case <-ctx.Done():
		t.Fatal("the host did not come to the point")
	}
	if !second.Killed() || second.ExitCode() != -1 || second.Ended().Before(second.Started()) {
		t.Fatalf("the host did not kill itself: %v", second.Explain())
	}

	third := start(process.Options{})
	if err := third.Kill(); err != nil || !third.Killed() {
		t.Fatalf("after kill: %v, %v", err, third.Explain())
	}

	fourth := start(process.Options{Arguments: []string{"--no-such-flag"}})
	if _, err := fourth.Await(ctx, func(s job.Status) bool { return s.Job != "" }); err == nil || !strings.Contains(err.Error(), "no-such-flag") {
		t.Errorf("the error does not tell the log: %v", err)
	}
}
