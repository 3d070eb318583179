package native

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/connectors/wire"
)

// restartDelay is the pause before a process is started again; it doubles with
// each death that the window still holds.
const restartDelay = 50 * time.Millisecond

// source is a source in a process of its own. Where the process dies, the first
// who notices starts another; readers go on at the positions that they
// delivered last, so their owner sees nothing but a pause.
type source struct {
	launcher *Launcher
	name     string
	run      executable

	mutex   sync.Mutex
	current *generation
	config  *connectors.Config // as it was opened, nil before
	deaths  []time.Time        // within the window
	closed  bool
}

// generation is one process of a source.
type generation struct {
	process *process
	source  connectors.Source
}

func newSource(ctx context.Context, l *Launcher, name string, run executable) (connectors.Source, error) {
	s := &source{launcher: l, name: name, run: run}
	next, err := s.launch(ctx)
	if err != nil {
		return nil, err
	}
	s.current = next
	return s, nil
}

// launch starts a process, opened where the source was.
func (s *source) launch(ctx context.Context) (*generation, error) {
	p, err := s.launcher.start(ctx, s.name, s.run)
	if err != nil {
		return nil, err
	}
	next := &generation{process: p, source: wire.NewSource(p.connection, p.explain)}
	err = describe(ctx, p, sideSource)
	if err == nil && s.config != nil {
		p.setUID(s.config.UID)
		err = next.source.Open(ctx, *s.config)
	}
	if err != nil {
		s.launcher.stop(p)
		return nil, err
	}
	return next, nil
}

func (s *source) generation() *generation {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.current
}

// restart starts another process in place of a dead generation's, unless
// somebody else did.
func (s *source) restart(ctx context.Context, dead *generation, died *ProcessDiedError) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.closed {
		return died
	}
	for s.current == dead {
		if err := s.countDeath(died); err != nil {
			return err
		}
		s.launcher.log().Warn("connector process died; starting it again", "connector", s.name, "pid", died.PID, "state", died.State, "restart", len(s.deaths))
		s.launcher.stop(dead.process)
		if err := wait(ctx, restartDelay<<(len(s.deaths)-1)); err != nil {
			return err
		}
		next, err := s.launch(ctx)
		if errors.As(err, &died) {
			continue
		}
		if err != nil {
			return err
		}
		s.current = next
	}
	return nil
}

func (s *source) countDeath(died *ProcessDiedError) error {
	now := time.Now()
	window := orDefault(s.launcher.RestartWindow, restartWindowDefault)
	s.deaths = slices.DeleteFunc(s.deaths, func(death time.Time) bool { return now.Sub(death) > window })
	if limit := orDefault(s.launcher.RestartsMax, restartsMaxDefault); len(s.deaths) >= limit {
		return &RestartLimitError{Restarts: len(s.deaths), Last: died}
	}
	s.deaths = append(s.deaths, now)
	return nil
}

func wait(ctx context.Context, duration time.Duration) error {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// do calls the source, again where its process died meanwhile.
func (s *source) do(ctx context.Context, call func(*generation) error) error {
	for {
		current := s.generation()
		err := call(current)
		var died *ProcessDiedError
		if !errors.As(err, &died) {
			return err
		}
		if err := s.restart(ctx, current, died); err != nil {
			return err
		}
	}
}

func (s *source) Check(ctx context.Context, config connectors.Config) error {
	return s.generation().source.Check(ctx, config)
}

func (s *source) Open(ctx context.Context, config connectors.Config) error {
	current := s.generation()
	current.process.setUID(config.UID)
	if err := current.source.Open(ctx, config); err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.config = &config
	return nil
}

func (s *source) Discover(ctx context.Context) (splits []connectors.Split, final bool, err error) {
	err = s.do(ctx, func(current *generation) (err error) {
		splits, final, err = current.source.Discover(ctx)
		return err
	})
	if err == nil {
		s.discovered()
	}
	return splits, final, err
}

// discovered notes for the next process that the host knows the splits that
// there were: those that it finds first are new.
func (s *source) discovered() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.config != nil && !s.config.Restored {
		config := *s.config
		config.Restored = true
		s.config = &config
	}
}

func (s *source) OpenReader(ctx context.Context, subtask int) (connectors.Reader, error) {
	r := &reader{source: s, subtask: subtask, splits: map[string]*assigned{}}
	err := s.do(ctx, func(current *generation) error { return r.open(ctx, current) })
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (s *source) CheckpointComplete(ctx context.Context, epoch uint64, positions []connectors.Assignment) error {
	return s.do(ctx, func(current *generation) error {
		return current.source.CheckpointComplete(ctx, epoch, positions)
	})
}

// Close ends the process. That it died before is no error of Close.
func (s *source) Close() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.current.source.Close()
	s.launcher.stop(s.current.process)
	return ignoreDeath(err)
}

// assigned is a split with the position that was delivered last.
type assigned struct {
	connectors.Assignment
	order int
}

// reader is a reader that outlives its process.
type reader struct {
	source  *source
	subtask int

	current *generation
	inner   connectors.Reader
	splits  map[string]*assigned
	orders  int
}

// open opens the reader in a process, where it left off.
func (r *reader) open(ctx context.Context, in *generation) error {
	inner, err := in.source.OpenReader(ctx, r.subtask)
	if err != nil {
		return err
	}
	if len(r.splits) > 0 {
		if err := inner.Assign(ctx, r.assignments()); err != nil {
			inner.Close()
			return err
		}
	}
	r.inner, r.current = inner, in
	return nil
}

// assignments lists what is assigned, in the order in which it was.
func (r *reader) assignments() []connectors.Assignment {
	all := make([]*assigned, 0, len(r.splits))
	for _, split := range r.splits {
		all = append(all, split)
	}
	slices.SortFunc(all, func(a, b *assigned) int { return cmp.Compare(a.order, b.order) })
	result := make([]connectors.Assignment, len(all))
	for i, split := range all {
		result[i] = split.Assignment
	}
	return result
}

// revive opens the reader in another process, if err says that its own died.
func (r *reader) revive(ctx context.Context, err error) error {
	var died *ProcessDiedError
	if !errors.As(err, &died) {
		return err
	}
	r.inner.Close()
	if err := r.source.restart(ctx, r.current, died); err != nil {
		return err
	}
	return r.source.do(ctx, func(current *generation) error { return r.open(ctx, current) })
}

func (r *reader) Assign(ctx context.Context, assignments []connectors.Assignment) error {
	for _, assignment := range assignments {
		r.orders++
		r.splits[assignment.Split.ID] = &assigned{Assignment: assignment, order: r.orders}
	}
	if err := r.inner.Assign(ctx, assignments); err != nil {
		return r.revive(ctx, err)
	}
	return nil
}

func (r *reader) Next(ctx context.Context) (connectors.Delivery, error) {
	delivery, err := r.inner.Next(ctx)
	if err != nil {
		return connectors.Delivery{}, r.revive(ctx, err)
	}
	if delivery.SplitID == "" {
		return delivery, nil
	}
	if delivery.End {
		delete(r.splits, delivery.SplitID)
	} else if split, found := r.splits[delivery.SplitID]; found {
		split.Position = delivery.Position
	}
	return delivery, nil
}

func (r *reader) Close() error { return ignoreDeath(r.inner.Close()) }
