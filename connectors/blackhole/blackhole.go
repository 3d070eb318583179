// Package blackhole is a sink that counts what it receives and keeps nothing.
package blackhole

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

// Connector is the connector "blackhole".
func Connector() connectors.Connector {
	return connectors.Connector{
		Name: "blackhole", Version: "1",
		Sink: func() connectors.Sink { return &Sink{} },
	}
}

// Sink counts records and bytes.
type Sink struct {
	uid            string
	records, bytes atomic.Uint64
}

// Totals is what all writers of the sink received since Open.
func (s *Sink) Totals() (records, bytes uint64) { return s.records.Load(), s.bytes.Load() }

// Check accepts an empty config only.
func (s *Sink) Check(_ context.Context, config connectors.Config) error {
	return connectors.DecodeSettings(config, &struct{}{})
}

// Open answers Idempotent: writing twice changes nothing outside.
func (s *Sink) Open(ctx context.Context, config connectors.Config) (connectors.Guarantee, error) {
	if err := s.Check(ctx, config); err != nil {
		return "", err
	}
	s.uid = config.UID
	return connectors.Idempotent, nil
}

// CleanUp has nothing to remove.
func (s *Sink) CleanUp(context.Context, []connectors.Committable) error { return nil }

// OpenWriter opens the writer of one subtask.
func (s *Sink) OpenWriter(context.Context, int) (connectors.Writer, error) {
	return &writer{sink: s}, nil
}

// Commit answers Committed: there are no committables to lose.
func (s *Sink) Commit(_ context.Context, committables []connectors.Committable) ([]connectors.CommitResult, error) {
	return connectors.AllCommitted(committables), nil
}

// Abort has nothing to drop.
func (s *Sink) Abort(context.Context, []connectors.Committable) error { return nil }

// Close logs the totals.
func (s *Sink) Close() error {
	records, bytes := s.Totals()
	slog.Debug("blackhole closed", "uid", s.uid, "records", records, "bytes", bytes)
	return nil
}

type writer struct{ sink *Sink }

func (w *writer) Write(_ context.Context, batch record.Batch) error {
	w.sink.records.Add(uint64(batch.Count()))
	w.sink.bytes.Add(uint64(len(batch)))
	return nil
}

func (w *writer) Prepare(context.Context, uint64) ([]connectors.Committable, error) { return nil, nil }

func (w *writer) Close() error { return nil }
