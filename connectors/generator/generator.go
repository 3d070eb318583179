// Package generator is a source that makes events up. Each event is a pure
// function of its number and the config, so a split can start anywhere, and
// two runs give the same events.
package generator

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/turgo-stream/turgo/connectors"
)

// Connector is the connector "generator".
func Connector() connectors.Connector {
	return connectors.Connector{
		Name: "generator", Version: "1",
		Source: func() connectors.Source { return &source{now: time.Now} },
	}
}

// source deals event n to split (n/50) % splits.
type source struct {
	settings settings
	now      func() time.Time
}

// Check validates the config.
func (s *source) Check(_ context.Context, config connectors.Config) error {
	_, err := readSettings(config)
	return err
}

// Open reads the config.
func (s *source) Open(_ context.Context, config connectors.Config) error {
	settings, err := readSettings(config)
	s.settings = settings
	return err
}

// Discover lists the splits, which are always the same.
func (s *source) Discover(context.Context) ([]connectors.Split, bool, error) {
	splits := make([]connectors.Split, s.settings.Splits)
	for i := range splits {
		splits[i].ID = splitID(uint64(i), s.settings.Splits)
		splits[i].Eager = s.settings.Count == nil // it never ends: none may wait for its turn
	}
	return splits, true, nil
}

func splitID(index, splits uint64) string { return fmt.Sprintf("%d-of-%d", index, splits) }

// parseSplitID refuses splits that were made for another number of splits:
// their events are not the same.
func (s *source) parseSplitID(id string) (uint64, error) {
	first, _, _ := strings.Cut(id, "-")
	index, err := strconv.ParseUint(first, 10, 64)
	if err != nil || index >= s.settings.Splits || id != splitID(index, s.settings.Splits) {
		return 0, fmt.Errorf("generator: split %.64q is not one of splits: %d; keep splits as it was when the job first ran", id, s.settings.Splits)
	}
	return index, nil
}

// OpenReader opens the reader of one subtask.
func (s *source) OpenReader(context.Context, int) (connectors.Reader, error) {
	return newReader(s), nil
}

// CheckpointComplete has nothing to release.
func (s *source) CheckpointComplete(context.Context, uint64, []connectors.Assignment) error {
	return nil
}

// Close has nothing to release.
func (s *source) Close() error { return nil }
