package main

import (
	"bytes"
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
