package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

const (
	// flushWait is how often a flush that takes long says so.
	flushWait = 10 * time.Second
	// closeTimeout bounds what Close asks of the brokers.
	closeTimeout = 3 * time.Second
)

// transactionWriter is the writer for exactly once.
type transactionWriter struct {
	sink    *sink
	subtask int
	pool    *slotPool
	feed    feed
	current *slot // the open transaction's; nil until the first record of an epoch
}

func newTransactionWriter(s *sink, subtask int) *transactionWriter {
	w := &transactionWriter{sink: s, subtask: subtask, pool: newSlotPool(s, subtask)}
	w.feed.init(s)
	s.mutex.Lock()
	s.pools[w.pool] = true
	s.mutex.Unlock()
	return w
}

// Write gives the batch to the client of the open transaction. It waits where
// too much waits for the broker already.
func (w *transactionWriter) Write(ctx context.Context, batch record.Batch) error {
	if batch.Count() == 0 {
		return nil
	}
	if w.current == nil {
		next, err := w.pool.take(ctx)
		if err != nil {
			return err
		}
		w.current = next
	}
	started := time.Time{}
	if w.current.opened.IsZero() {
		started = w.sink.now()
	}
	err := w.feed.write(ctx, w.current.client, batch)
	if w.feed.produced > 0 && !started.IsZero() {
		w.current.opened = started
	}
	return w.explain(err)
}

// explain tells what a failure of the producer means.
func (w *transactionWriter) explain(err error) error {
	var produce *produceError
	if errors.As(err, &produce) && w.current != nil {
		return w.current.explain(produce.Err)
	}
	return err
}

// Prepare waits until the brokers have all records of the epoch. The transaction
// stays open there; the next record opens one of another transactional id. An
// epoch without records has no transaction.
func (w *transactionWriter) Prepare(ctx context.Context, _ uint64) ([]connectors.Committable, error) {
	at := w.sink.ledger.tick()
	if w.current != nil && !w.current.opened.IsZero() {
		if err := w.explain(w.feed.flush(ctx, w.current.client)); err != nil {
			return nil, err
		}
	}
	if err := w.checkAge(); err != nil {
		return nil, err
	}
	if w.current == nil || w.feed.produced == 0 {
		return nil, nil
	}
	committable, err := w.current.prepare(ctx, w.feed.touched)
	if err != nil {
		return nil, err
	}
	w.sink.ledger.prepared(w.current, at)
	w.current = nil
	w.feed.begin()
	return []connectors.Committable{committable}, nil
}

// checkAge refuses to prepare what the broker may soon abort. A transaction that
// is in a durable checkpoint can no longer be made again, so at least half of
// its time must be left for the commit, and for a restart on the way to it. What
// is in no checkpoint yet can be: the job goes back and writes it anew.
func (w *transactionWriter) checkAge() error {
	now, limit := w.sink.now(), w.sink.settings.transactionTimeout()/2
	oldest, age := w.sink.ledger.oldest(w.subtask, now)
	if w.current != nil && !w.current.opened.IsZero() {
		if open := now.Sub(w.current.opened); open > age {
			oldest, age = w.current, open
		}
	}
	if oldest == nil || age < limit {
		return nil
	}
	return &connectors.RetryableError{Err: fmt.Errorf(
		"kafka: topic %s: the transaction of %s is open for %v, more than half of transaction_timeout_ms %v: its checkpoint takes too long, and the broker could abort it before the commit; the job goes back to its last checkpoint. Take checkpoints more often, or raise transaction_timeout_ms",
		w.sink.settings.Topic, oldest.id, age.Round(time.Second), w.sink.settings.transactionTimeout())}
}

// Refused gives the records that are too large for any batch.
func (w *transactionWriter) Refused() []connectors.Refused { return w.feed.take() }

// Close drops what no epoch prepared, and leaves prepared transactions alone.
func (w *transactionWriter) Close() error {
	w.sink.mutex.Lock()
	delete(w.sink.pools, w.pool)
	w.sink.mutex.Unlock()
	w.feed.close()
	current := w.current
	w.current = nil
	w.pool.close()
	if current == nil || current.opened.IsZero() {
		return nil
	}
	// Readers would wait for the open transaction until its time is over. Where
	// this fails, the next attempt's CleanUp does it.
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := w.sink.control.fence(ctx, current.id, w.sink.settings.transactionTimeout()); err != nil {
		w.sink.rare.warn("kafka: an open transaction was not aborted; the broker does it after transaction_timeout_ms", "step", w.sink.config.UID,
			"transactional_id", current.id, "reason", err)
	}
	return nil
}

// plainWriter is the writer for at least once: an idempotent producer.
type plainWriter struct {
	sink   *sink
	client *kgo.Client
	feed   feed
}

func newPlainWriter(s *sink, _ int) (*plainWriter, error) {
	client, err := s.producer()
	if err != nil {
		return nil, err
	}
	w := &plainWriter{sink: s, client: client}
	w.feed.init(s)
	return w, nil
}

// Write gives the batch to the client.
func (w *plainWriter) Write(ctx context.Context, batch record.Batch) error {
	return w.explain(w.feed.write(ctx, w.client, batch))
}

func (w *plainWriter) explain(err error) error {
	var produce *produceError
	if errors.As(err, &produce) {
		return w.sink.explain("write to topic "+w.sink.settings.Topic, produce.Err)
	}
	return err
}

// Prepare waits until the brokers have all records. There is nothing to commit.
func (w *plainWriter) Prepare(ctx context.Context, _ uint64) ([]connectors.Committable, error) {
	return nil, w.explain(w.feed.flush(ctx, w.client))
}

// Refused gives the records that are too large for any batch.
func (w *plainWriter) Refused() []connectors.Refused { return w.feed.take() }

// Close ends the client.
func (w *plainWriter) Close() error {
	w.feed.close()
	w.client.Close()
	return nil
}
