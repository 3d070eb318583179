package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/job"
	"github.com/turgo-stream/turgo/host/plan"
	"github.com/turgo-stream/turgo/host/state"
	"github.com/turgo-stream/turgo/host/task"
)

// host is one attempt of the job on one machine, with all that dies with it.
type host struct {
	world   *World
	number  int
	plan    *plan.Plan
	context context.Context
	cancel  context.CancelFunc
	attempt *job.Attempt
	failed  []bool // by task
	workers []*worker
	disk    *vfs.MemFS
	states  []*state.Backend
	dead    bool
	busy    bool // one of its workers runs a job
}

// begin starts an attempt on a new host. The error tells why there is none.
func (w *World) begin(p *plan.Plan, disk *vfs.MemFS) (*host, error) {
	w.hostsBegun++
	h := &host{world: w, number: w.hostsBegun, plan: p, disk: disk}
	h.context, h.cancel = context.WithCancel(context.Background())
	w.acting = h
	attempt, err := job.Begin(h.context, job.AttemptConfig{
		Plan: p, Store: &hostStore{host: h}, Runtime: &hostRuntime{host: h}, Logger: slog.New(slog.DiscardHandler),
		Now: w.clock, NewWorker: h.newWorker, Wake: func() {}, Observe: h.reached, Host: fmt.Sprint("host", h.number), PID: h.number,
	})
	if err != nil {
		h.dead = true
		h.cancel()
		return h, err
	}
	h.attempt = attempt
	h.failed = make([]bool, len(attempt.Tasks()))
	return h, nil
}

// reached crashes the host at a named point, now and then.
func (h *host) reached(job.Point) {
	if h.world.strikes(crashAtPoint) {
		h.dead = true
	}
}

// step lets one thing happen on the host: i counts through the attempt, its
// tasks, and its workers twice.
func (h *host) step(i int) {
	h.world.acting = h
	tasks := h.attempt.Tasks()
	switch {
	case i == 0:
		if _, outcome := h.attempt.Step(); outcome != nil && !h.dead {
			h.world.ended(h, outcome)
		}
		return
	case i <= len(tasks):
		h.stepTask(i - 1)
		return
	}
	i -= 1 + len(tasks)
	if i < len(h.workers) {
		h.workers[i].run()
	} else {
		h.workers[i-len(h.workers)].deliver()
	}
}

func (h *host) steps() int { return 1 + len(h.attempt.Tasks()) + 2*len(h.workers) }

func (h *host) stepTask(i int) {
	if h.failed[i] {
		return
	}
	if _, err := h.attempt.Tasks()[i].Step(); err != nil {
		h.failed[i] = true
		h.attempt.TaskFailed(err)
	}
}

// crash ends the host without a word.
func (h *host) crash() {
	h.dead = true
	h.cancel()
	for _, backend := range h.states {
		// What its goroutines still do happens on a disk that nobody looks at.
		if err := backend.Close(); err != nil {
			h.world.note("host %d: %v", h.number, err)
		}
	}
}

// close ends the host in good order, as the real runner does: workers go on for
// a moment, the context ends, they finish what they have, everything is closed.
func (h *host) close() {
	h.world.acting = h
	for _, worker := range h.workers {
		for range h.world.random.IntN(3) {
			worker.run()
		}
	}
	h.cancel()
	for _, worker := range h.workers {
		worker.stalled = 0
		for worker.run() {
			continue
		}
	}
	if err := h.attempt.Close(); err != nil {
		h.world.note("host %d: close: %v", h.number, err)
	}
	h.dead = true
}

// worker is a task.Worker whose jobs run when the world says so. What a job
// returns is delivered later still.
type worker struct {
	host    *host
	name    string
	mailbox *task.Mailbox
	jobs    []func() func()
	done    []func()
	stalled int // turns to stand still
}

func (h *host) newWorker(name string, mailbox *task.Mailbox) task.Worker {
	w := &worker{host: h, name: name, mailbox: mailbox}
	h.workers = append(h.workers, w)
	return w
}

// Submit implements task.Worker.
func (w *worker) Submit(job func() (done func())) { w.jobs = append(w.jobs, job) }

// run runs the next job and reports whether there was one.
func (w *worker) run() bool {
	if len(w.jobs) == 0 {
		return false
	}
	if w.stalled > 0 {
		w.stalled--
		return false
	}
	if w.host.world.strikes(stallWorker) {
		w.stalled = w.host.world.random.IntN(300)
		return false
	}
	next := w.jobs[0]
	w.jobs = w.jobs[1:]
	w.host.busy = true
	w.host.world.acting = w.host
	if done := next(); done != nil {
		w.done = append(w.done, done)
	}
	w.host.busy = false
	return true
}

// deliver hands the oldest result to the mailbox.
func (w *worker) deliver() {
	if len(w.done) > 0 {
		w.mailbox.Post(w.done[0])
		w.done = w.done[1:]
	}
}

// hostRuntime gives a host the world's connectors and state.
type hostRuntime struct{ host *host }

// Source implements job.Runtime.
func (r *hostRuntime) Source(context.Context, *plan.ChainedStep, connectors.Config) (connectors.Source, error) {
	return &source{host: r.host}, nil
}

// Sink implements job.Runtime.
func (r *hostRuntime) Sink(ctx context.Context, step *plan.ChainedStep, config connectors.Config) (connectors.Sink, connectors.Guarantee, error) {
	s := &sink{host: r.host, ledger: r.host.world.ledgers[step.UID]}
	guarantee, err := s.Open(ctx, config)
	return s, guarantee, err
}

// Chain implements job.Runtime.
func (r *hostRuntime) Chain(ctx context.Context, chain job.Chain) (*job.Operators, error) {
	c := &counter{host: r.host}
	operators := &job.Operators{Operators: []task.Operator{c}}
	if r.host.world.config.RealState {
		bridge, keyed, err := r.host.openRealState(ctx, chain)
		if err != nil {
			return nil, err
		}
		c.state, operators.State = keyed, bridge
		return operators, nil
	}
	s, err := openModelState(ctx, chain)
	if err != nil {
		return nil, err
	}
	c.state, operators.State = s, s
	return operators, nil
}

// Retryable implements job.Runtime.
func (r *hostRuntime) Retryable(err error) bool { return errors.Is(err, errRetryable) }

// Module implements job.Runtime.
func (r *hostRuntime) Module(*plan.ChainedStep) string { return "sim" }

// Close implements job.Runtime.
func (r *hostRuntime) Close() error { return nil }

// hostStore is a host's way to the store: it ends with the host.
type hostStore struct{ host *host }

func (s *hostStore) alive() error {
	if s.host.dead {
		return fmt.Errorf("%w: %w", checkpoint.ErrUnchanged, errDead)
	}
	return nil
}

func (s *hostStore) Create(ctx context.Context, name string, data []byte) error {
	if err := s.alive(); err != nil {
		return err
	}
	err := s.host.world.store.Create(ctx, name, data)
	s.host.world.log = nil // what was read of it is old
	return err
}

func (s *hostStore) Upload(ctx context.Context, name string, content io.Reader, size int64) error {
	if err := s.alive(); err != nil {
		return err
	}
	return s.host.world.store.Upload(ctx, name, content, size)
}

func (s *hostStore) Open(ctx context.Context, name string) (checkpoint.Object, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	return s.host.world.store.Open(ctx, name)
}

func (s *hostStore) List(ctx context.Context, prefix string) ([]string, error) {
	if err := s.alive(); err != nil {
		return nil, err
	}
	return s.host.world.store.List(ctx, prefix)
}

func (s *hostStore) Delete(ctx context.Context, name string) error {
	if err := s.alive(); err != nil {
		return err
	}
	err := s.host.world.store.Delete(ctx, name)
	if strings.HasPrefix(name, "manifest/") {
		s.host.world.log = nil
	}
	return err
}
