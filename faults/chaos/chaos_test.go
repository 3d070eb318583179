package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/connectors"
)

// TestKills is the short run: each kind of kill at least once, all points among
// them. With -short it only shows that the harness works.
func TestKills(t *testing.T) {
	kills := 20
	if testing.Short() {
		kills = 2
	}
	var out bytes.Buffer
	s := &settings{
		kills: kills, seed: 1, rate: 500, progressLimit: 2 * time.Minute,
		guarantee: string(connectors.ExactlyOnce), out: &out,
	}
	o, err := run(t.Context(), s)
	o.print(s)
	if err != nil || !o.exact() {
		t.Errorf("%v\n%s", err, out.String())
	}
	t.Log(out.String())
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); !strings.HasPrefix(lines[len(lines)-1], "chaos: kills=") {
		t.Errorf("the last line is %q", lines[len(lines)-1])
	}
	if o.Kills != kills {
		t.Errorf("%d kills, want %d", o.Kills, kills)
	}
}

// TestBrokerAwayAtStart starts the host while the broker is away for longer than
// any single question to it may take. The host says so, and goes on.
func TestBrokerAwayAtStart(t *testing.T) {
	if testing.Short() {
		return // the long run shows it
	}
	var out bytes.Buffer
	o := &outcome{recoveries: map[string][]time.Duration{}}
	h := &harness{
		settings: &settings{
			kills: 1, seed: 1, rate: 500, progressLimit: 2 * time.Minute, guarantee: string(connectors.ExactlyOnce), out: &out,
		},
		outcome: o, folder: t.TempDir(), parallelism: parallelismFirst,
	}
	if err := h.setUp(t.Context()); err != nil {
		t.Fatal(errors.Join(err, h.tearDown()))
	}
	t.Cleanup(func() {
		if err := h.tearDown(); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(h.broker.Kill(), h.host.Kill(), h.startHost(nil, 1)); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(testLimit)
	for {
		log, err := os.ReadFile(filepath.Join(h.folder, "host.log"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(log), "step cannot be checked now") == 2 {
			break
		}
		select {
		case <-h.host.Done():
			t.Fatal(h.host.Explain())
		case <-deadline:
			t.Fatalf("the host says nothing of the broker:\n%s", log)
		case <-time.After(tick):
		}
	}
	id := h.load.next.Load()
	if err := h.broker.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.awaitOutput(t.Context(), id); err != nil {
		t.Fatal(err, h.host.Explain())
	}
	if err := h.compare(t.Context()); err != nil || !o.exact() {
		t.Errorf("%v, %+v", err, o)
	}
}
