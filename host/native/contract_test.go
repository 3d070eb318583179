package native_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/native"
)

var placements = []native.Placement{native.PlacementHost, native.PlacementProcess}

// sourceCase is a source under the contract, with the number of records that it holds.
type sourceCase struct {
	connector string
	config    connectors.Config
	records   int
}

func sourceCases(t *testing.T) []sourceCase {
	folder := t.TempDir()
	records := 0
	for i := range 20 {
		var text strings.Builder
		for line := range i * 40 {
			fmt.Fprintf(&text, "file %d line %d\n", i, line)
			records++
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("input-%02d.txt", i)), []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := func(fields map[string]any) connectors.Config {
		return connectors.Config{Job: "job", JobUUID: "0d0c0b0a-1111", UID: "in", Attempt: 1, Parallelism: 2, BaseDir: folder, Settings: settings(t, fields)}
	}
	return []sourceCase{
		{"file", config(map[string]any{"paths": []string{"*.txt"}, "batch_bytes": 2048}), records},
		{"generator", config(map[string]any{"kind": "nexmark", "count": 3000, "splits": 3, "batch_bytes": 8192}), 3000},
		{"generator", config(map[string]any{"kind": "counter", "count": 777, "splits": 2, "rate": 100_000, "batch_bytes": 1024}), 777},
		{"generator", config(map[string]any{"kind": "random", "count": 500, "keys": 7, "value_bytes": 10}), 500},
	}
}

// TestSourceContract runs one body against each built-in source through both carriers.
func TestSourceContract(t *testing.T) {
	for i, c := range sourceCases(t) {
		for _, placement := range placements {
			t.Run(fmt.Sprintf("%s-%d/%s", c.connector, i, placement), func(t *testing.T) {
				testSource(t, newLauncher(t), c, placement)
			})
		}
	}
}

// opened gives an open source and its splits.
func opened(t *testing.T, launcher *native.Launcher, c sourceCase, placement native.Placement) (connectors.Source, []connectors.Split) {
	t.Helper()
	ctx := context.Background()
	source, err := launcher.Source(ctx, c.connector, placement)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := source.Check(ctx, c.config); err != nil {
		t.Fatal(err)
	}
	if err := source.Open(ctx, c.config); err != nil {
		t.Fatal(err)
	}
	splits, final, err := source.Discover(ctx)
	if err != nil || !final || len(splits) == 0 {
		t.Fatalf("Discover: %d splits, final %v, %v", len(splits), final, err)
	}
	return source, splits
}

// delivered is what one delivery gave.
type delivered struct {
	position []byte
	values   []string
}

// readAll reads assignments to their ends.
func readAll(t *testing.T, source connectors.Source, assignments []connectors.Assignment) map[string][]delivered {
	t.Helper()
	ctx := context.Background()
	reader, err := source.OpenReader(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := reader.Assign(ctx, assignments); err != nil {
		t.Fatal(err)
	}
	result := map[string][]delivered{}
	for ended := 0; ended < len(assignments); {
		delivery, err := reader.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if delivery.SplitID == "" {
			continue
		}
		if delivery.Position == nil {
			t.Fatalf("delivery of split %s without a position", delivery.SplitID)
		}
		result[delivery.SplitID] = append(result[delivery.SplitID], delivered{delivery.Position, values(delivery.Batch)})
		if delivery.End {
			ended++
		}
	}
	if delivery, err := reader.Next(ctx); err != nil || delivery.SplitID != "" {
		t.Fatalf("after the end of all splits: %+v, %v", delivery, err)
	}
	return result
}

func flat(deliveries []delivered) []string {
	var result []string
	for _, d := range deliveries {
		result = append(result, d.values...)
	}
	return result
}

func testSource(t *testing.T, launcher *native.Launcher, c sourceCase, placement native.Placement) {
	ctx := context.Background()
	source, splits := opened(t, launcher, c, placement)
	var assignments []connectors.Assignment
	for _, split := range splits {
		assignments = append(assignments, connectors.Assignment{Split: split})
	}
	whole := readAll(t, source, assignments)
	records := 0
	for _, deliveries := range whole {
		records += len(flat(deliveries))
	}
	if records != c.records {
		t.Errorf("%d records, want %d", records, c.records)
	}
	// From any position, the rest follows: the same records, each once.
	for _, split := range splits {
		deliveries := whole[split.ID]
		at := len(deliveries) / 2
		rest := readAll(t, source, []connectors.Assignment{{Split: split, Position: deliveries[at].position}})
		if got, want := flat(rest[split.ID]), flat(deliveries[at+1:]); !slices.Equal(got, want) {
			t.Fatalf("split %s from position %q: %d records, want %d", split.ID, deliveries[at].position, len(got), len(want))
		}
	}
	if err := source.CheckpointComplete(ctx, 1, assignments); err != nil {
		t.Error(err)
	}
	testBadSettings(t, func(config connectors.Config) error { return source.Check(ctx, config) })
	testBadPosition(t, source, splits[0])
}

// testBadSettings checks that an unknown field is named, whatever carries it.
func testBadSettings(t *testing.T, check func(connectors.Config) error) {
	t.Helper()
	var config *connectors.ConfigError
	if err := check(connectors.Config{Settings: []byte(`{"surprise":1}`)}); !errors.As(err, &config) || config.Field != "surprise" {
		t.Errorf("unknown field: %v", err)
	}
}

func testBadPosition(t *testing.T, source connectors.Source, split connectors.Split) {
	t.Helper()
	reader, err := source.OpenReader(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	err = reader.Assign(context.Background(), []connectors.Assignment{{Split: split, Position: []byte("no position")}})
	if err == nil || !strings.Contains(err.Error(), "no position") {
		t.Errorf("bad position: %v", err)
	}
	reader.Close()
}

func sinkConfig(t *testing.T, fields map[string]any) connectors.Config {
	return connectors.Config{Job: "job", JobUUID: "0d0c0b0a-2222-4333-8444-555555555555", UID: "out", Attempt: 1, Parallelism: 2, BaseDir: t.TempDir(), Settings: settings(t, fields)}
}

// TestSinkContract runs one body against each built-in sink through both carriers.
func TestSinkContract(t *testing.T) {
	cases := []struct {
		connector string
		fields    map[string]any
		guarantee connectors.Guarantee
	}{
		{"file", map[string]any{"path": "out"}, connectors.ExactlyOnce},
		{"blackhole", map[string]any{}, connectors.Idempotent},
		{"stdout", map[string]any{}, connectors.AtLeastOnce},
	}
	for _, c := range cases {
		for _, placement := range placements {
			t.Run(c.connector+"/"+string(placement), func(t *testing.T) {
				testSink(t, newLauncher(t), c.connector, sinkConfig(t, c.fields), c.guarantee, placement)
			})
		}
	}
}

func testSink(t *testing.T, launcher *native.Launcher, name string, config connectors.Config, guarantee connectors.Guarantee, placement native.Placement) {
	ctx := context.Background()
	sink, err := launcher.Sink(ctx, name, placement)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := sink.Close(); err != nil {
			t.Error(err)
		}
	}()
	testBadSettings(t, func(config connectors.Config) error { return sink.Check(ctx, config) })
	if err := sink.Check(ctx, config); err != nil {
		t.Fatal(err)
	}
	if got, err := sink.Open(ctx, config); err != nil || got != guarantee {
		t.Fatalf("Open: %q, %v, want %q", got, err, guarantee)
	}
	if err := sink.CleanUp(ctx, nil); err != nil {
		t.Fatal(err)
	}
	writer, err := sink.OpenWriter(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	var committables []connectors.Committable
	for epoch := range uint64(3) {
		for range epoch { // the first epoch is empty
			if err := writer.Write(ctx, batchOf("one", "two")); err != nil {
				t.Fatal(err)
			}
		}
		prepared, err := writer.Prepare(ctx, epoch+1)
		if err != nil {
			t.Fatal(err)
		}
		if epoch == 0 && len(prepared) > 0 {
			t.Errorf("an empty epoch gives %d committables", len(prepared))
		}
		committables = append(committables, prepared...)
	}
	for range 2 { // committing again changes nothing
		results, err := sink.Commit(ctx, committables)
		if err != nil || len(results) != len(committables) {
			t.Fatalf("Commit: %v, %v", results, err)
		}
		for i, result := range results {
			if result.Outcome != connectors.Committed || result.ID != committables[i].ID {
				t.Errorf("Commit answers %+v for %s", result, committables[i].ID)
			}
		}
	}
	testAbort(t, sink, writer)
	if err := writer.Close(); err != nil {
		t.Error(err)
	}
}

func testAbort(t *testing.T, sink connectors.Sink, writer connectors.Writer) {
	t.Helper()
	ctx := context.Background()
	if err := writer.Write(ctx, batchOf("dropped")); err != nil {
		t.Fatal(err)
	}
	dropped, err := writer.Prepare(ctx, 4)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := sink.Abort(ctx, dropped); err != nil {
			t.Fatal(err)
		}
	}
}
