package connector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/native"
)

func checkCommitAfterCrash(ctx context.Context, t *trial) error {
	s, ids, list, err := t.prepareFirst(ctx, 25)
	if err != nil {
		return err
	}
	s.p.kill()
	if s, err = t.openWithoutCleanUp(ctx, 2); err != nil {
		return fmt.Errorf("the start after SIGKILL: %w", err)
	}
	if err := s.commit(ctx, list); err != nil {
		return fmt.Errorf("prepared, SIGKILL, committed by another process: %w", err)
	}
	return s.expect(ctx, "prepared, SIGKILL, committed by another process", ids...)
}

func checkCommitRepeat(ctx context.Context, t *trial) error {
	s, ids, list, err := t.prepareFirst(ctx, 25)
	if err != nil {
		return err
	}
	for times := range 3 {
		if err := s.commit(ctx, list); err != nil {
			return fmt.Errorf("commit %d of the same: %w", times+1, err)
		}
		if err := s.expect(ctx, fmt.Sprintf("committed %d times", times+1), ids...); err != nil {
			return err
		}
	}
	// A crash between the commit and the next checkpoint has the next start commit again.
	s.p.kill()
	if s, err = t.attempt(ctx, 2, list...); err != nil {
		return err
	}
	for range 2 {
		if err := s.commit(ctx, list); err != nil {
			return fmt.Errorf("committed before, and again by another process: %w", err)
		}
	}
	return s.expect(ctx, "committed by two processes", ids...)
}

func checkCrashBeforePrepare(ctx context.Context, t *trial) error {
	s, w, err := t.writerOf(ctx, 1)
	if err != nil {
		return err
	}
	if err := s.needsExactlyOnce(); err != nil {
		return err
	}
	first, list, err := w.epoch(1, 10)
	if err == nil {
		err = s.commit(ctx, list)
	}
	if err != nil {
		return err
	}
	if err := w.writeUntilConsumed(); err != nil {
		return err
	}
	s.p.kill()
	if err := s.expect(ctx, "SIGKILL before prepare", first...); err != nil {
		return err
	}
	s, w, err = t.writerOf(ctx, 2)
	if err != nil {
		return skipf("the next start fails, which is the matter of check kill: %v", err)
	}
	second, more, err := w.epoch(2, 10)
	if err != nil {
		return err
	}
	if err := s.commit(ctx, more); err != nil {
		return err
	}
	return s.expect(ctx, "SIGKILL before prepare, and the next attempt committed", append(first, second...)...)
}

func checkAbort(ctx context.Context, t *trial) error {
	s, w, err := t.writerOf(ctx, 1)
	if err != nil {
		return err
	}
	_, dropped, err := w.epoch(1, 25)
	if err != nil {
		return err
	}
	if err := s.abort(ctx, dropped); err != nil {
		return err
	}
	if err := s.needsExactlyOnce(); err != nil {
		return err
	}
	ids, list, err := w.epoch(2, 5)
	if err != nil {
		return fmt.Errorf("after SinkAbort: %w", err)
	}
	if err := s.commit(ctx, list); err != nil {
		return fmt.Errorf("after SinkAbort, of what was written behind it: %w", err)
	}
	if err := s.expect(ctx, "one epoch aborted, the next committed", ids...); err != nil {
		return err
	}
	return s.notCommitted(ctx, dropped, "aborted", ids)
}

// notCommitted checks that what was dropped cannot be committed any more.
func (s *sinkSession) notCommitted(ctx context.Context, dropped []*v1.Committable, how string, visible []string) error {
	callContext, cancel := s.t.call(ctx)
	defer cancel()
	answer, err := s.client.SinkCommit(callContext, &v1.Committables{Committables: cloned(dropped)})
	if callContext.Err() != nil {
		return s.t.answered(callContext, s.p, "SinkCommit of what was "+how, err)
	}
	if err == nil {
		for _, result := range answer.GetResults() {
			if result.GetOutcome() == v1.Outcome_OUTCOME_COMMITTED {
				return fmt.Errorf("SinkCommit of %.64q, which was %s, answers OUTCOME_COMMITTED: the host would believe it; answer OUTCOME_LOST", result.GetId(), how)
			}
		}
	}
	return s.expect(ctx, "a commit of what was "+how, visible...)
}

func checkAbortRepeat(ctx context.Context, t *trial) error {
	s, w, err := t.writerOf(ctx, 1)
	if err != nil {
		return err
	}
	ids, list, err := w.epoch(1, 5)
	if err != nil {
		return err
	}
	if err := s.commit(ctx, list); err != nil {
		return err
	}
	_, dropped, err := w.epoch(2, 25)
	if err != nil {
		return err
	}
	for times := range 3 {
		if err := s.abort(ctx, dropped); err != nil {
			return fmt.Errorf("SinkAbort, %d times of the same: %w", times+1, err)
		}
	}
	if err := s.abort(ctx, list); err != nil {
		return fmt.Errorf("SinkAbort of what was committed: %w", err)
	}
	if err := s.expect(ctx, "one epoch committed and then aborted, the next aborted 3 times", ids...); err != nil {
		return err
	}
	s.p.kill()
	if s, err = t.attempt(ctx, 2, list...); err != nil {
		return err
	}
	if err := s.abort(ctx, append(dropped, list...)); err != nil {
		return fmt.Errorf("SinkAbort again, by another process: %w", err)
	}
	return s.expect(ctx, "aborted again by another process", ids...)
}

// checkOrphans leaves prepared output behind, of this and other steps and jobs.
func checkOrphans(ctx context.Context, t *trial) error {
	s, w, err := t.writerOf(ctx, 1)
	if err != nil {
		return err
	}
	if err := s.needsExactlyOnce(); err != nil {
		return err
	}
	kept, keep, err := w.epoch(1, 10)
	if err != nil {
		return err
	}
	_, orphan, err := w.epoch(2, 10)
	if err != nil {
		return err
	}
	others, err := t.othersPrepare(ctx)
	if err != nil {
		return err
	}
	s.p.kill()
	// Attempt 2 stands still behind its start, and attempt 3 takes over.
	slow, err := t.attempt(ctx, 2, keep...)
	if err != nil {
		return err
	}
	s, w, err = t.writerOf(ctx, 3, keep...)
	if err != nil {
		return err
	}
	later, laterList, err := w.epoch(3, 10)
	if err != nil {
		return err
	}
	if err := slow.cleanUp(ctx, keep); err != nil {
		return fmt.Errorf("of an attempt that another has overtaken: %w", err)
	}
	visible := slices.Concat(kept, later)
	if err := s.commit(ctx, keep); err != nil {
		return fmt.Errorf("what CleanUp was to keep is gone: %w", err)
	}
	if err := s.commit(ctx, laterList); err != nil {
		return fmt.Errorf("CleanUp of attempt 2 dropped what attempt 3 prepared: %w", err)
	}
	for _, other := range others {
		if err := other.session.commit(ctx, other.list); err != nil {
			return fmt.Errorf("CleanUp dropped what %s prepared: %w", other.name, err)
		}
		visible = append(visible, other.ids...)
	}
	if err := s.expect(ctx, "an earlier attempt prepared two epochs, and CleanUp was to keep the first", visible...); err != nil {
		return err
	}
	return s.notCommitted(ctx, orphan, "dropped by CleanUp", visible)
}

// prepared is output of someone else.
type prepared struct {
	name    string
	session *sinkSession
	ids     []string
	list    []*v1.Committable
}

// othersPrepare prepares as another job, and as another step of the same job.
func (t *trial) othersPrepare(ctx context.Context) ([]prepared, error) {
	step := t.identity(0)
	step.uid = "conformance-2"
	var list []prepared
	for name, who := range map[string]identity{"another job": t.identity(1), "another step of the job": step} {
		s, err := t.openSink(ctx, sinkOptions{who: who, attempt: 1})
		if err != nil {
			return nil, err
		}
		w, err := s.openWriter(ctx, 0)
		if err != nil {
			return nil, err
		}
		ids, committables, err := w.epoch(1, 5)
		if err != nil {
			return nil, err
		}
		list = append(list, prepared{name, s, ids, committables})
	}
	return list, nil
}

// checkSinkKill kills the process at many moments; each next start works.
func checkSinkKill(ctx context.Context, t *trial) error {
	var visible []string
	var keep []*v1.Committable
	for attempt := uint64(1); attempt <= 6; attempt++ {
		s, w, err := t.writerOf(ctx, attempt, keep...)
		if err != nil {
			return fmt.Errorf("start %d, after SIGKILL: %w", attempt, err)
		}
		if err := s.commit(ctx, keep); err != nil {
			return fmt.Errorf("start %d, after SIGKILL, commits what was prepared before: %w", attempt, err)
		}
		if attempt%2 == 0 {
			if err := s.expect(ctx, fmt.Sprintf("start %d, after SIGKILL, committed what was prepared before", attempt), visible...); err != nil {
				return err
			}
		}
		keep = nil
		switch attempt {
		case 1: // a writer that did nothing
		case 2: // while it writes
			if _, err := w.writeIDs(200); err != nil {
				return err
			}
		case 3: // while it prepares
			ids, err := w.writeIDs(20)
			if err == nil {
				err = w.send(&frame{kind: framePrepare, number: int64(attempt)})
			}
			if err != nil {
				return err
			}
			_ = ids // whether it was prepared is not known, so nobody keeps it
		default: // while it commits
			ids, list, err := w.epoch(attempt, 20)
			if err != nil {
				return err
			}
			visible, keep = append(visible, ids...), list
			s.commitInVain(ctx, list, time.Duration(attempt-4)*2*time.Millisecond)
		}
		s.p.kill()
		w.cancel()
	}
	s, err := t.attempt(ctx, 7, keep...)
	if err != nil {
		return fmt.Errorf("the last start, after SIGKILL: %w", err)
	}
	if err := s.commit(ctx, keep); err != nil {
		return fmt.Errorf("SIGKILL while committing, and the next start commits again: %w", err)
	}
	return s.expect(ctx, "after SIGKILL at many moments", visible...)
}

// commitInVain commits and waits no longer than that for the answer.
func (s *sinkSession) commitInVain(ctx context.Context, list []*v1.Committable, wait time.Duration) {
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		_, _ = s.client.SinkCommit(ctx, &v1.Committables{Committables: cloned(list)})
	}()
	select {
	case <-answered:
	case <-time.After(wait):
	}
}

// checkSinkHost writes through turgo's own launcher and client.
func checkSinkHost(ctx context.Context, t *trial) error {
	l, name, err := t.launcher()
	if err != nil {
		return err
	}
	defer l.Close()
	sink, err := l.Sink(ctx, name, native.PlacementProcess)
	if err != nil {
		return err
	}
	config, err := t.hostConfig(t.scenario.Sink.Settings)
	if err != nil {
		return err
	}
	if err := sink.Check(ctx, config); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	guarantee, err := sink.Open(ctx, config)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if err := sink.CleanUp(ctx, nil); err != nil {
		return fmt.Errorf("clean up: %w", err)
	}
	ids, err := t.writeByHost(ctx, sink)
	if err != nil {
		return err
	}
	if err := sink.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	s := &sinkSession{t: t}
	if guarantee == connectors.ExactlyOnce {
		s.guarantee = v1.Guarantee_GUARANTEE_EXACTLY_ONCE
	}
	return s.expect(ctx, "written and committed by the host's client", ids...)
}

// writeByHost writes three epochs and commits them.
func (t *trial) writeByHost(ctx context.Context, sink connectors.Sink) (visible []string, err error) {
	w, err := sink.OpenWriter(ctx, 0)
	if err != nil {
		return nil, fmt.Errorf("open a writer: %w", err)
	}
	for epoch := range uint64(3) {
		ids := t.ids(300)
		for part := range slices.Chunk(ids, 3) {
			if err := w.Write(ctx, record.Batch(t.batchOf(part))); err != nil {
				return nil, fmt.Errorf("write: %w", err)
			}
		}
		list, err := w.Prepare(ctx, epoch+1)
		if err != nil {
			return nil, fmt.Errorf("prepare: %w", err)
		}
		results, err := sink.Commit(ctx, list)
		if err != nil {
			return nil, fmt.Errorf("commit: %w", err)
		}
		for _, result := range results {
			if result.Outcome != connectors.Committed && result.Outcome != connectors.CommitRetry {
				return nil, fmt.Errorf("commit of %.64q: outcome %d: %s", result.ID, result.Outcome, result.Reason)
			}
		}
		visible = append(visible, ids...)
	}
	return visible, errors.Join(w.Close())
}
