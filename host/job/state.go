package job

import (
	"context"
	"errors"
	"log/slog"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/state"
	"github.com/turgo-stream/turgo/host/task"
)

// chainState is a state.Backend as a task sees it.
type chainState struct {
	backend  *state.Backend
	logger   *slog.Logger
	frozen   []*state.Frozen // being written, oldest first
	prefetch bool
}

// NewState makes a backend a task's State. With prefetch, restored tables are
// fetched as a whole beside the task.
func NewState(backend *state.Backend, prefetch bool, logger *slog.Logger) task.State {
	return &chainState{backend: backend, logger: logger, prefetch: prefetch}
}

// Freeze implements task.State.
func (s *chainState) Freeze() (func(context.Context) error, error) {
	frozen, err := s.backend.Freeze()
	if err != nil {
		return nil, err
	}
	s.frozen = append(s.frozen, frozen)
	return func(ctx context.Context) error {
		_, err := frozen.Write(ctx)
		return err
	}, nil
}

// Settle implements task.State.
func (s *chainState) Settle(error) {
	s.backend.Complete(s.frozen[0])
	s.frozen = s.frozen[1:]
}

// Tables implements task.State.
func (s *chainState) Tables() []checkpoint.Table { return s.backend.Tables() }

// Merge implements task.State.
func (s *chainState) Merge() func(context.Context) func() {
	merge := s.backend.Merge()
	if merge == nil {
		return nil
	}
	return func(ctx context.Context) func() {
		if err := merge.Run(ctx); err != nil && ctx.Err() == nil {
			s.logger.Warn("merging tables failed; it is tried again after a checkpoint", "reason", err)
		}
		return func() { s.backend.CompleteMerge(merge) }
	}
}

// Prefetch implements task.State.
func (s *chainState) Prefetch() func(context.Context) error {
	if !s.prefetch {
		return nil
	}
	return func(ctx context.Context) error {
		err := s.backend.Prefetch(ctx)
		var damaged *state.DamagedTableError
		if errors.As(err, &damaged) {
			return err
		}
		if err != nil && ctx.Err() == nil {
			s.logger.Warn("restored tables are not all local; what is missing is read from the store when it is needed", "reason", err)
		}
		return nil
	}
}

// Close implements task.State.
func (s *chainState) Close() error { return s.backend.Close() }
