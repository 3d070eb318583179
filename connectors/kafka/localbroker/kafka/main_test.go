package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/turgo-stream/turgo/connectors/kafka/localbroker"
)

// TestUpAndDown starts a broker twice, which is one, and stops it twice.
func TestUpAndDown(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "broker")
	if err := up(t.Context(), folder, 0); err != nil {
		t.Fatal(err)
	}
	first, err := running(folder)
	if err != nil || first == nil {
		t.Fatalf("no broker after up: %v", err)
	}
	t.Cleanup(func() {
		if err := down(context.Background(), folder); err != nil {
			t.Error(err)
		}
	})
	if err := up(t.Context(), folder, 0); err != nil {
		t.Fatal(err)
	}
	if second, err := running(folder); err != nil || second == nil || second.PID != first.PID {
		t.Errorf("the second up: %+v, %v; first %+v", second, err, first)
	}
	if err := down(t.Context(), folder); err != nil {
		t.Fatal(err)
	}
	if runs, err := localbroker.Runs(first.PID, folder); err != nil || runs {
		t.Errorf("after down: runs %v, %v", runs, err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("after down the folder is there: %v", err)
	}
}

// TestDownSparesOthers checks that a pid that belongs to another process by now
// is left alone.
func TestDownSparesOthers(t *testing.T) {
	folder := t.TempDir()
	own := fmt.Appendf(nil, `{"pid":%d}`, os.Getpid())
	if err := os.WriteFile(filepath.Join(folder, pidName), own, 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := running(folder); err != nil || r != nil {
		t.Errorf("this test was taken for a broker: %+v, %v", r, err)
	}
}
