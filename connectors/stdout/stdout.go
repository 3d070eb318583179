// Package stdout is a sink that writes records as lines to the host's standard
// output. Nothing can take a line back from a terminal or a pipe, so it
// promises at least once: lines since the last checkpoint repeat after a restart.
package stdout

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

// Connector is the connector "stdout".
func Connector() connectors.Connector { return connectorTo(connectors.HostOutput) }

// ConnectorTo is the connector "stdout" with another place to write to.
func ConnectorTo(output io.Writer) connectors.Connector {
	return connectorTo(func() io.Writer { return output })
}

func connectorTo[W io.Writer](output func() W) connectors.Connector {
	return connectors.Connector{
		Name: "stdout", Version: "1",
		Sink: func() connectors.Sink { return &sink{output: output()} },
	}
}

type settings struct {
	// Format is value (default) or key_value: key TAB value.
	Format string `json:"format"`
}

// sink serialises its writers: a batch's lines stay together.
type sink struct {
	output io.Writer

	mutex    sync.Mutex
	withKeys bool
}

func (s *sink) read(config connectors.Config) (settings, error) {
	result := settings{Format: "value"}
	if err := connectors.DecodeSettings(config, &result); err != nil {
		return result, err
	}
	if result.Format != "value" && result.Format != "key_value" {
		return result, &connectors.ConfigError{Field: "format", Reason: fmt.Sprintf("%q is neither value nor key_value", result.Format)}
	}
	return result, nil
}

// Check validates the config.
func (s *sink) Check(_ context.Context, config connectors.Config) error {
	_, err := s.read(config)
	return err
}

// Open answers AtLeastOnce.
func (s *sink) Open(_ context.Context, config connectors.Config) (connectors.Guarantee, error) {
	settings, err := s.read(config)
	if err != nil {
		return "", err
	}
	s.withKeys = settings.Format == "key_value"
	return connectors.AtLeastOnce, nil
}

// CleanUp has nothing to remove.
func (s *sink) CleanUp(context.Context, []connectors.Committable) error { return nil }

// OpenWriter opens the writer of one subtask.
func (s *sink) OpenWriter(context.Context, int) (connectors.Writer, error) {
	return &writer{sink: s}, nil
}

// Commit answers Committed: every line was written before.
func (s *sink) Commit(_ context.Context, committables []connectors.Committable) ([]connectors.CommitResult, error) {
	return connectors.AllCommitted(committables), nil
}

// Abort has nothing to drop.
func (s *sink) Abort(context.Context, []connectors.Committable) error { return nil }

// Close leaves the output open: it is the host's.
func (s *sink) Close() error { return nil }

type writer struct {
	sink   *sink
	buffer []byte
}

// Write writes the batch's lines in one piece.
func (w *writer) Write(_ context.Context, batch record.Batch) error {
	w.buffer = w.buffer[:0]
	for records := batch.Records(); records.Next(); {
		view := records.Record()
		if w.sink.withKeys {
			w.buffer = append(append(w.buffer, view.Key()...), '\t')
		}
		w.buffer = append(append(w.buffer, view.Value()...), '\n')
	}
	w.sink.mutex.Lock()
	defer w.sink.mutex.Unlock()
	if _, err := w.sink.output.Write(w.buffer); err != nil {
		return fmt.Errorf("stdout: write: %w", err)
	}
	return nil
}

func (w *writer) Prepare(context.Context, uint64) ([]connectors.Committable, error) { return nil, nil }

func (w *writer) Close() error { return nil }
