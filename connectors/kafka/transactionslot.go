package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors"
)

// slot is one transactional id and the client that produces with it. It holds
// one transaction at a time: open, prepared, or ready to be used. Who uses it
// changes: the goroutine that makes it ready, then the writer, then the ledger.
type slot struct {
	sink    *sink
	subtask int
	id      string // transactional id

	client        *kgo.Client
	producerID    int64 // of the transaction that is begun
	producerEpoch int16
	opened        time.Time // when its first record was given to the client; zero = none yet
}

// ready makes the slot ready for its first or next transaction: the client has
// a producer id, and the first record need not wait for one.
func (s *slot) ready(ctx context.Context) error {
	if err := s.renew(ctx); err != nil {
		return err
	}
	s.opened = time.Time{}
	id, epoch, err := s.client.ProducerID(ctx)
	if err != nil {
		return err
	}
	if err := s.client.BeginTransaction(); err != nil {
		return err
	}
	s.producerID, s.producerEpoch = id, epoch
	return nil
}

// renew leaves behind the transaction before, whose commit is confirmed. In the
// second protocol the same end asked for again tells the client the epoch to go
// on with. In the first one the epoch would stay the same, so that a late repeat
// of the old commit would end the new transaction: there a new client raises it.
func (s *slot) renew(ctx context.Context) error {
	if s.client != nil && !s.opened.IsZero() {
		if s.sink.protocol == protocolV2 && s.client.EndTransaction(ctx, kgo.TryCommit) == nil {
			return nil
		}
		s.client.Close()
		s.client = nil
	}
	if s.client != nil {
		return nil
	}
	client, err := s.sink.producer(append(protocolOptions(s.sink.protocol),
		kgo.TransactionalID(s.id), kgo.TransactionTimeout(s.sink.settings.transactionTimeout()))...)
	if err != nil {
		return err
	}
	s.client = client
	return nil
}

// prepare gives the committable of the open transaction, once all its records
// are acknowledged; they went to the partitions that are touched. An id or epoch other than at its begin would mean that the
// client took a new one in between, and that what it sent before is aborted.
func (s *slot) prepare(ctx context.Context, touched []bool) (connectors.Committable, error) {
	id, epoch, err := s.client.ProducerID(ctx)
	if err != nil {
		return connectors.Committable{}, s.explain(err)
	}
	if id != s.producerID || epoch != s.producerEpoch {
		return connectors.Committable{}, fmt.Errorf("kafka: transaction of %s: its producer id and epoch became %d, %d, at its begin they were %d, %d: the broker aborted a part of it; the job goes back to its last checkpoint",
			s.id, id, epoch, s.producerID, s.producerEpoch)
	}
	p := prepared{
		TransactionalID: s.id, ProducerID: id, ProducerEpoch: epoch,
		Protocol: s.sink.protocol, Topic: s.sink.settings.Topic, Partitions: formatPartitions(touched),
	}
	return p.encode()
}

// explain tells what a failed request of the slot's producer means.
func (s *slot) explain(err error) error {
	settings := &s.sink.settings
	switch {
	case takenOver(err):
		open := s.sink.now().Sub(s.opened)
		if !s.opened.IsZero() && open >= settings.transactionTimeout() {
			return &connectors.RetryableError{Err: fmt.Errorf(
				"kafka: topic %s, transactional id %s: the broker aborted the transaction, which was open for %v, longer than transaction_timeout_ms %v: %w; nothing is lost, the job goes back to its last checkpoint. Checkpoints must be much closer than transaction_timeout_ms",
				settings.Topic, s.id, open.Round(time.Second), settings.transactionTimeout(), err)}
		}
		return &fencedError{Topic: settings.Topic, TransactionalID: s.id, Err: err}
	case errors.Is(err, kerr.InvalidTransactionTimeout):
		return configError("transaction_timeout_ms", "%v is more than the brokers allow (transaction.max.timeout.ms): lower transaction_timeout_ms, or raise transaction.max.timeout.ms at the brokers", settings.transactionTimeout())
	case errors.Is(err, kerr.MessageTooLarge):
		return fmt.Errorf("kafka: topic %s: a batch is larger than the brokers take: %w; lower batch_bytes_max (%d), or raise the topic's max.message.bytes", settings.Topic, err, settings.BatchBytesMax)
	}
	return s.sink.explain("write to topic "+settings.Topic+" with transactional id "+s.id, err)
}

// takenOver reports whether the broker let another producer have the
// transactional id, or ended the transaction by itself.
func takenOver(err error) bool {
	for _, known := range []error{
		kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidTxnState, kerr.InvalidProducerIDMapping,
		kerr.UnknownProducerID, kerr.TransactionAbortable,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// fencedError says that someone else took a transactional id of this writer.
type fencedError struct {
	Topic           string
	TransactionalID string
	Err             error
}

func (e *fencedError) Error() string {
	return fmt.Sprintf("kafka: topic %s: transactional id %s was taken over by another producer (%v): a job with the same identity runs elsewhere. "+
		"Either this job was started on another host, which then goes on with it, or its checkpoint folder was copied and both run: stop one of them, "+
		"and let a copy begin with a checkpoint folder of its own. Nothing is lost: what was not committed is aborted",
		e.Topic, e.TransactionalID, e.Err)
}

// Unwrap gives the broker's answer.
func (e *fencedError) Unwrap() error { return e.Err }
