package kafka

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/turgo-stream/turgo/connectors"
)

const (
	// cleanUpParallel is how many transactional ids are fenced at a time.
	cleanUpParallel = 16
	// idleFencedMax bounds how many ids without a transaction are fenced.
	idleFencedMax = 1024
)

// orphan is a transactional id of an earlier attempt.
type orphan struct {
	name transactionName
	id   string
	open bool // it has a transaction that nobody will end
}

// CleanUp aborts the transactions of earlier attempts that no manifest names,
// and takes their ids away from a producer of theirs that may still live.
//
// The open ones are fenced, of whatever earlier attempt; of the last one before,
// the unused ones as well, as its process may stand still and go on later. Ids
// whose last transaction was committed stay as they are: a checkpoint from before
// the newest names it, and a user may go back to that one. What remains possible:
// such a process makes a new id after the list was read, or goes on with one that
// was spared. Nobody commits what it writes then, as its host cannot write a manifest
// any more. It only holds up read_committed readers, until its host meets the claim
// and stops, at most for transaction_timeout_ms.
func (s *sink) CleanUp(ctx context.Context, keep []connectors.Committable) error {
	if s.settings.Guarantee == connectors.AtLeastOnce && len(keep) == 0 {
		return nil
	}
	kept := map[string]bool{}
	for _, committable := range keep {
		p, _, err := decodePrepared(committable, s.config)
		if err != nil {
			return err
		}
		kept[p.TransactionalID] = true
	}
	return s.untilThere(ctx, "clean up after earlier attempts", func(context.Context) error {
		// The bound of one try is too short for many orphans: ctx bounds it.
		return s.cleanUp(ctx, kept)
	})
}

func (s *sink) cleanUp(ctx context.Context, kept map[string]bool) error {
	started := time.Now()
	if !s.lists {
		slog.Warn("kafka: the brokers cannot list transactions: those of earlier attempts end after transaction_timeout_ms", "step", s.config.UID)
		return nil
	}
	orphans, ends, err := s.orphans(ctx, kept)
	if err != nil {
		return s.explain("list transactions", err)
	}
	open, err := s.fenceAll(ctx, orphans)
	if err != nil {
		return s.explain("abort transactions of earlier attempts", err)
	}
	if len(ends) > 0 {
		_, err := s.control.writeMarkers(ctx, s.settings.Topic, nil, ends)
		var forbidden *markersError
		if errors.As(err, &forbidden) {
			slog.Warn(forbidden.Error(), "step", s.config.UID) // readers suffer, the sink does not
		} else if err != nil {
			return s.explain("look for transactions of earlier attempts that have ended without markers", err)
		}
	}
	slog.Info("kafka: cleaned up after earlier attempts", "step", s.config.UID, "topic", s.settings.Topic,
		"aborted", open, "fenced", len(orphans), "kept", len(kept), "duration_ms", time.Since(started).Milliseconds())
	return nil
}

// orphans lists the ids to fence, those with a transaction first, and how the
// transactions of all earlier attempts have ended once that is done.
func (s *sink) orphans(ctx context.Context, kept map[string]bool) (orphans []orphan, ends map[int64]transactionEnd, err error) {
	client, err := s.control.client(protocolV2)
	if err != nil {
		return nil, nil, err
	}
	listed, err := kadm.NewClient(client).ListTransactions(ctx, nil, nil)
	if err != nil {
		return nil, nil, err
	}
	ends = map[int64]transactionEnd{}
	for id, transaction := range listed {
		name, ok := parseTransactionName(id)
		if !ok || !name.of(s.config) || name.Attempt >= s.config.Attempt || kept[id] {
			continue
		}
		commit := transaction.State == statePrepareCommit || transaction.State == stateCompleteCommit
		ends[transaction.ProducerID] = transactionEnd{epoch: -1, protocol: s.protocol, commit: commit}
		o := orphan{name: name, id: id, open: isOpen(transaction.State)}
		if o.open || name.Attempt+1 == s.config.Attempt && transaction.State != stateCompleteCommit {
			orphans = append(orphans, o)
		}
	}
	slices.SortFunc(orphans, func(a, b orphan) int {
		if a.open != b.open {
			if a.open {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.id, b.id)
	})
	idle := slices.IndexFunc(orphans, func(o orphan) bool { return !o.open })
	if idle >= 0 && len(orphans)-idle > idleFencedMax {
		orphans = orphans[:idle+idleFencedMax]
	}
	return orphans, ends, nil
}

// isOpen reports whether a transaction in this state waits for its end, or is
// on the way to it.
func isOpen(state string) bool {
	switch state {
	case "Empty", "CompleteCommit", "CompleteAbort", "Dead":
		return false
	}
	return true
}

// fenceAll fences some ids at a time, and tells how many had a transaction.
func (s *sink) fenceAll(ctx context.Context, orphans []orphan) (open int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		group sync.WaitGroup
		mutex sync.Mutex
		first error
		turns = make(chan struct{}, cleanUpParallel)
	)
	for _, o := range orphans {
		if o.open {
			open++
		}
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			if err := s.control.fence(ctx, o.id, s.settings.transactionTimeout()); err != nil {
				mutex.Lock()
				if first == nil {
					first = err
				}
				mutex.Unlock()
				cancel()
			}
		})
	}
	group.Wait()
	return open, first
}
