package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/turgo-stream/turgo/connectors"
)

// endTimeout bounds one commit. The host asks again, and meanwhile others get
// their turn.
const endTimeout = 10 * time.Second

// Commit ends prepared transactions. It needs nothing but the committable, so it
// works in any process and as often as it is called.
func (s *sink) Commit(ctx context.Context, committables []connectors.Committable) ([]connectors.CommitResult, error) {
	results := make([]connectors.CommitResult, 0, len(committables))
	for _, committable := range committables {
		p, _, err := decodePrepared(committable, s.config)
		if err != nil {
			s.ledger.failed()
			return nil, err
		}
		free, first := s.ledger.committing(p.TransactionalID)
		s.release(free)
		result := s.commit(ctx, p, first)
		if err := ctx.Err(); err != nil {
			s.ledger.failed()
			return nil, err
		}
		if result.Outcome == connectors.Committed {
			s.ledger.committed(p.TransactionalID)
		}
		result.ID = committable.ID
		results = append(results, result)
	}
	return results, nil
}

// release gives slots back to the pools of their writers.
func (s *sink) release(free []*slot) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, slot := range free {
		for pool := range s.pools {
			if pool.subtask == slot.subtask {
				pool.release(slot)
			}
		}
	}
}

func (s *sink) commit(ctx context.Context, p prepared, first bool) connectors.CommitResult {
	limited, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	err := s.control.end(limited, p, true)
	if err == nil && s.lists {
		if err = s.control.settle(limited, p, first); err != nil {
			err = &unsettledError{Err: err}
		}
	}
	result := connectors.CommitResult{Outcome: commitOutcome(err)}
	switch result.Outcome {
	case connectors.CommitRetry:
		result.Reason = s.explain("commit "+p.id(), err).Error()
		s.rare.warn("kafka: a commit is not done yet; trying again", "step", s.config.UID, "topic", p.Topic,
			"transactional_id", p.TransactionalID, "reason", result.Reason)
	case connectors.CommitLost:
		result.Reason = s.lost(ctx, p, err)
	case connectors.CommitUnknown:
		result.Reason = fmt.Sprintf("kafka: commit %s: the broker answers %v", p.id(), err)
	}
	return result
}

// unsettledError says that a commit was decided, but not yet seen to be done.
type unsettledError struct{ Err error }

func (e *unsettledError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *unsettledError) Unwrap() error { return e.Err }

// commitOutcome tells what the answer to a commit means for the records.
func commitOutcome(err error) connectors.Outcome {
	var unsettled *unsettledError
	switch {
	case err == nil:
		return connectors.Committed
	case errors.As(err, &unsettled):
		return connectors.CommitRetry
	case ended(err):
		return connectors.CommitLost
	case errors.Is(err, kerr.ConcurrentTransactions): // the markers are being written
		return connectors.CommitRetry
	case classify(err) == fatal:
		return connectors.CommitUnknown
	}
	// The brokers are away, or lack a permission that someone can give back: the
	// transaction stays as it is.
	return connectors.CommitRetry
}

// ended reports whether an answer says that the transaction is no more: the
// first is what the second protocol answers, the second what the first does.
func ended(err error) bool {
	for _, known := range []error{
		kerr.InvalidTxnState, kerr.ProducerFenced, kerr.InvalidProducerEpoch,
		kerr.InvalidProducerIDMapping, kerr.UnknownProducerID, kerr.TransactionalIDNotFound,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// describeTimeout bounds what an alarm asks of the broker for its text.
const describeTimeout = 2 * time.Second

// lost is the text of an alarm.
func (s *sink) lost(ctx context.Context, p prepared, answer error) string {
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	return fmt.Sprintf("kafka: topic %s: the broker has ended the transaction of transactional id %s (producer id %d, epoch %d, protocol %d) without this commit: %v; it knows now: %s. "+
		"Either it was open for longer than transaction_timeout_ms (%v) before the commit came, or another producer took the transactional id, such as a job with a copied checkpoint folder, or someone aborted it. "+
		"Its records are not visible to read_committed readers. See docs/connectors.md, kafka: lost output",
		p.Topic, p.TransactionalID, p.ProducerID, p.ProducerEpoch, p.Protocol, answer, s.control.describe(ctx, p.TransactionalID), s.settings.transactionTimeout())
}

// Abort ends prepared transactions without their records. What is ended already
// stays so.
func (s *sink) Abort(ctx context.Context, committables []connectors.Committable) error {
	for _, committable := range committables {
		p, _, err := decodePrepared(committable, s.config)
		if err != nil {
			return err
		}
		err = s.untilThere(ctx, "abort "+p.id(), func(ctx context.Context) error {
			err := s.control.end(ctx, p, false)
			switch {
			case err == nil, ended(err):
				return nil
			case errors.Is(err, kerr.ConcurrentTransactions):
				return &connectors.RetryableError{Err: err}
			}
			return s.explain("abort "+p.id(), err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
