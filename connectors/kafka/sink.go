package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors"
)

// sink writes to one topic. With exactly_once, each writer produces in a
// transaction that Prepare leaves open at the broker and Commit ends once the
// checkpoint is durable: see slot, slotPool and ledger.
type sink struct {
	config   connectors.Config
	settings sinkSettings
	control  *transactionControl
	abilities
	ledger *ledger
	now    func() time.Time
	kept   int // slots that a writer goes round
	rare   rareLog

	mutex sync.Mutex
	pools map[*slotPool]bool // of open writers
}

// Check validates the config and what it names at the broker, and changes nothing.
func (s *sink) Check(ctx context.Context, config connectors.Config) error {
	settings, err := readSinkSettings(config)
	if err != nil {
		return err
	}
	control := newTransactionControl(&settings.connection, config)
	defer control.close()
	ctx, cancel := context.WithTimeout(ctx, sinkCheckTimeout)
	defer cancel()
	client, err := control.client(protocolV2)
	if err != nil {
		return err
	}
	return checkBroker(ctx, &settings, client)
}

// Open waits for the brokers and checks what the config names there.
func (s *sink) Open(ctx context.Context, config connectors.Config) (connectors.Guarantee, error) {
	settings, err := readSinkSettings(config)
	if err != nil {
		return "", err
	}
	if config.JobUUID == "" || config.UID == "" {
		return "", configError("", "a kafka sink needs the job's UUID and the step's uid")
	}
	settings.warn(config)
	s.config, s.settings, s.now, s.kept = config, settings, time.Now, slotsKept
	s.control = newTransactionControl(&s.settings.connection, config)
	s.ledger = newLedger()
	s.pools = map[*slotPool]bool{}
	client, err := s.control.client(protocolV2)
	if err != nil {
		return "", err
	}
	err = s.untilThere(ctx, "open the sink", func(ctx context.Context) (err error) {
		if err := checkBroker(ctx, &s.settings, client); err != nil {
			return err
		}
		s.abilities, err = s.control.abilities(ctx)
		return s.explain("ask for the versions of requests", err)
	})
	if err != nil {
		return "", err
	}
	return settings.Guarantee, nil
}

// untilThere repeats what fails because the brokers are away.
func (s *sink) untilThere(ctx context.Context, doing string, try func(ctx context.Context) error) error {
	for wait := readyWaitMin; ; wait = min(2*wait, readyWaitMax) {
		once, cancel := context.WithTimeout(ctx, sinkCheckTimeout)
		err := try(once)
		cancel()
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
		if err == nil || !connectors.Retryable(err) {
			return err
		}
		s.rare.warn("kafka: the brokers are away; trying again", "step", s.config.UID, "doing", doing, "reason", err)
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// explain wraps an error of the client library or a broker.
func (s *sink) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	explained := s.settings.explain(doing, err)
	var config *connectors.ConfigError
	if errors.As(explained, &config) && config.Field == "topics" {
		config.Field = "topic" // the source's field has another name
	}
	return explained
}

// producer makes a client that writes to the topic.
func (s *sink) producer(more ...kgo.Opt) (*kgo.Client, error) {
	return s.settings.newClient(s.config, append(s.settings.producerOptions(), more...)...)
}

// OpenWriter opens the writer of one subtask.
func (s *sink) OpenWriter(_ context.Context, subtask int) (connectors.Writer, error) {
	if s.settings.Guarantee == connectors.AtLeastOnce {
		return newPlainWriter(s, subtask)
	}
	return newTransactionWriter(s, subtask), nil
}

// Close ends all connections. Writers close before.
func (s *sink) Close() error {
	if s.control != nil {
		s.control.close()
	}
	return nil
}

// recordTooLargeError says why a record is refused: no batch may hold it.
type recordTooLargeError struct {
	Topic      string
	Key        []byte // the first bytes of it; nil is null
	SizeBytes  int    // of a batch with this record alone
	LimitBytes int
}

// keyShownBytes is how much of a key an error shows.
const keyShownBytes = 64

func (e *recordTooLargeError) Error() string {
	key := "null"
	if e.Key != nil {
		key = fmt.Sprintf("%q", e.Key)
	}
	return fmt.Sprintf("kafka: topic %s: the record with key %s needs a batch of %d bytes, batch_bytes_max is %d: raise it together with the topic's max.message.bytes",
		e.Topic, key, e.SizeBytes, e.LimitBytes)
}
