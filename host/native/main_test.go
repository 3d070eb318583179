package native_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/connectors/builtin"
	"github.com/turgo-stream/turgo/connectors/wire"
	"github.com/turgo-stream/turgo/host/native"
)

// TestMain lets this test program serve connectors, as turgo does.
func TestMain(m *testing.M) {
	wire.ServeIfAsked(served())
	if role := os.Getenv(roleVariable); role != "" {
		os.Exit(playHost(role))
	}
	goleak.VerifyTestMain(m)
}

// served is the built-in connectors, and some that misbehave.
func served() []connectors.Connector {
	return append(builtin.Connectors(),
		connectors.Connector{Name: "steps", Version: "1", Source: func() connectors.Source { return &steps{} }},
		connectors.Connector{Name: "environment", Version: "1", Source: func() connectors.Source { return &environment{} }},
		connectors.Connector{Name: "crash", Version: "1", Source: func() connectors.Source {
			panic("the source that cannot be made")
		}},
	)
}

func newLauncher(t testing.TB) *native.Launcher {
	launcher := &native.Launcher{Builtins: served()}
	t.Cleanup(func() { launcher.Close() })
	return launcher
}

func settings(t testing.TB, fields map[string]any) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// steps is a source of one endless split whose records are 0, 1, 2, ..., one to
// a batch. It tells its process ID in each key, so that a test can kill it.
// Settings: fail_at, the number at which Next answers an error.
type steps struct {
	failAt   int
	restored bool
}

func (s *steps) Check(context.Context, connectors.Config) error { return nil }

func (s *steps) Open(_ context.Context, config connectors.Config) error {
	fields := struct {
		FailAt int `json:"fail_at"`
	}{-1}
	err := connectors.DecodeSettings(config, &fields)
	s.failAt, s.restored = fields.FailAt, config.Restored
	return err
}

func (s *steps) Discover(context.Context) ([]connectors.Split, bool, error) {
	return []connectors.Split{{ID: "only", Data: strconv.AppendBool(nil, s.restored), Eager: s.restored}}, true, nil
}

func (s *steps) OpenReader(context.Context, int) (connectors.Reader, error) {
	return &stepsReader{source: s}, nil
}

func (s *steps) CheckpointComplete(context.Context, uint64, []connectors.Assignment) error {
	return nil
}

func (s *steps) Close() error { return nil }

type stepsReader struct {
	source *steps
	next   int
}

func (r *stepsReader) Assign(_ context.Context, assignments []connectors.Assignment) (err error) {
	if position := assignments[0].Position; position != nil {
		r.next, err = strconv.Atoi(string(position))
	}
	return err
}

func (r *stepsReader) Next(context.Context) (connectors.Delivery, error) {
	if r.next == r.source.failAt {
		return connectors.Delivery{}, &connectors.RetryableError{Err: errors.New("steps: this one fails")}
	}
	var builder record.Builder
	builder.Append(record.Record{
		Key: []byte(strconv.Itoa(os.Getpid())), Value: []byte(strconv.Itoa(r.next)), Timestamp: record.NoTimestamp,
	})
	r.next++
	return connectors.Delivery{SplitID: "only", Batch: builder.Finish(), Position: []byte(strconv.Itoa(r.next)), LagRecords: -1}, nil
}

func (r *stepsReader) Close() error { return nil }

// values collects a batch's values.
func values(batch record.Batch) []string {
	var result []string
	if batch == nil {
		return nil
	}
	for records := batch.Records(); records.Next(); {
		result = append(result, string(records.Record().Value()))
	}
	return result
}

func batchOf(lines ...string) record.Batch {
	var builder record.Builder
	for i, line := range lines {
		builder.Append(record.Record{Key: []byte(fmt.Sprint(i)), Value: []byte(line), Timestamp: record.NoTimestamp})
	}
	return builder.Finish()
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come about: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func sha256Of(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
