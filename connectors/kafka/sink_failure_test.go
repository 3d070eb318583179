package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

func wantConfigError(t *testing.T, err error, field string, words ...string) {
	t.Helper()
	var config *connectors.ConfigError
	if !errors.As(err, &config) || config.Field != field {
		t.Fatalf("error %v, want one of config field %q", err, field)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
}

func TestSinkSettingsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		more  map[string]any
		field string
	}{
		"no topic":      {map[string]any{"topic": ""}, "topic"},
		"topic":         {map[string]any{"topic": "a/b"}, "topic"},
		"dots":          {map[string]any{"topic": ".."}, "topic"},
		"no brokers":    {map[string]any{"brokers": []string{}}, "brokers"},
		"partitioner":   {map[string]any{"partitioner": "random"}, "partitioner"},
		"guarantee":     {map[string]any{"guarantee": "idempotent"}, "guarantee"},
		"short timeout": {map[string]any{"transaction_timeout_ms": 1}, "transaction_timeout_ms"},
		"long timeout":  {map[string]any{"transaction_timeout_ms": 1 << 40}, "transaction_timeout_ms"},
		"prefix":        {map[string]any{"transactional_id_prefix": "a/b"}, "transactional_id_prefix"},
		"compression":   {map[string]any{"compression": "rar"}, "compression"},
		"linger":        {map[string]any{"linger_ms": -1}, "linger_ms"},
		"batch":         {map[string]any{"batch_bytes_max": 10}, "batch_bytes_max"},
		"unknown":       {map[string]any{"topics": []string{"a"}}, "topics"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readSinkSettings(sinkConfig(t, []string{"127.0.0.1:9092"}, "orders", c.more))
			wantConfigError(t, err, c.field)
		})
	}
}

// Check and Open say what is wrong at the broker, both name the ways out, and
// Check makes nothing.
func TestSinkChecksTheBroker(t *testing.T) {
	cluster := fakeCluster(t, 1, "orders", kfake.BrokerConfigs(map[string]string{"transaction.max.timeout.ms": "60000"}))
	brokers := cluster.ListenAddrs()
	setTopicConfig(t, brokers, "orders", "max.message.bytes", "500000")
	small := map[string]any{"transaction_timeout_ms": 60_000, "batch_bytes_max": 500_000}
	for name, c := range map[string]struct {
		topic string
		more  map[string]any
		field string
		words []string
	}{
		"good":                                {"orders", small, "", nil},
		"timeout":                             {"orders", map[string]any{"batch_bytes_max": 500_000}, "transaction_timeout_ms", []string{"10m0s", "60000", "lower transaction_timeout_ms", "raise transaction.max.timeout.ms"}},
		"batch":                               {"orders", map[string]any{"transaction_timeout_ms": 60_000}, "batch_bytes_max", []string{"1000012", "500000", "max.message.bytes"}},
		"topic":                               {"odrers", small, "topic", []string{"odrers", "--create"}},
		"at least once needs no transactions": {"orders", map[string]any{"batch_bytes_max": 500_000, "guarantee": "at_least_once"}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			config := sinkConfig(t, brokers, c.topic, c.more)
			s := &sink{}
			defer s.Close()
			_, openErr := s.Open(testContext(t), config)
			for _, err := range []error{(&sink{}).Check(testContext(t), config), openErr} {
				if c.field != "" {
					wantConfigError(t, err, c.field, c.words...)
				} else if err != nil {
					t.Error(err)
				}
			}
		})
	}
	cluster.ControlKey(int16(kmsg.InitProducerID), func(kmsg.Request) (kmsg.Response, error, bool) {
		t.Error("Check made a producer id")
		return nil, nil, false
	})
	cluster.ControlKey(int16(kmsg.CreateTopics), func(kmsg.Request) (kmsg.Response, error, bool) {
		t.Error("Check made a topic")
		return nil, nil, false
	})
	if err := (&sink{}).Check(testContext(t), sinkConfig(t, brokers, "orders", small)); err != nil {
		t.Fatal(err)
	}
}

// A record that the broker refuses in the middle of a transaction fails Prepare:
// what is prepared has no holes.
func TestFailedRecordFailsPrepare(t *testing.T) {
	for _, answer := range []*kerr.Error{kerr.InvalidRecord, kerr.MessageTooLarge, kerr.InvalidProducerEpoch, kerr.TopicAuthorizationFailed} {
		t.Run(answer.Message, func(t *testing.T) {
			cluster := fakeCluster(t, 1, "orders")
			s := openSink(t, sinkConfig(t, cluster.ListenAddrs(), "orders", nil))
			w := openWriter(t, s, 0)
			write(t, w, "a", "b")
			if err := w.(*transactionWriter).feed.flush(testContext(t), w.(*transactionWriter).current.client); err != nil {
				t.Fatal(err)
			}
			cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
				response := request.ResponseKind().(*kmsg.ProduceResponse)
				for _, asked := range request.(*kmsg.ProduceRequest).Topics {
					topic := kmsg.NewProduceResponseTopic()
					topic.Topic, topic.TopicID = asked.Topic, asked.TopicID
					for _, p := range asked.Partitions {
						partition := kmsg.NewProduceResponseTopicPartition()
						partition.Partition, partition.ErrorCode = p.Partition, answer.Code
						topic.Partitions = append(topic.Partitions, partition)
					}
					response.Topics = append(response.Topics, topic)
				}
				return response, nil, true
			})
			err := w.Write(testContext(t), batchOf("c"))
			if err == nil {
				_, err = w.Prepare(testContext(t), 1)
			}
			if err == nil || !strings.Contains(err.Error(), "orders") {
				t.Fatalf("error %v, want one that names the topic", err)
			}
			if _, again := w.Prepare(testContext(t), 2); again == nil {
				t.Fatal("Prepare succeeds behind a failure")
			}
			if err := w.Write(testContext(t), batchOf("d")); err == nil {
				t.Fatal("Write succeeds behind a failure")
			}
		})
	}
}

// A job whose checkpoint folder was copied takes the transactional ids of the
// first, which says so.
func TestFencedByACopyOfTheJob(t *testing.T) {
	onProtocols(t, 1, func(t *testing.T, brokers []string, topic string, protocol int) {
		config := sinkConfig(t, brokers, topic, nil)
		s := openSinkWith(t, config, protocol)
		w := openWriter(t, s, 0)
		write(t, w, "a")
		if err := w.(*transactionWriter).feed.flush(testContext(t), w.(*transactionWriter).current.client); err != nil {
			t.Fatal(err)
		}
		id := w.(*transactionWriter).current.id
		other := openSinkWith(t, config, protocol)
		copied := openWriter(t, other, 0)
		write(t, copied, "b")
		mustCommit(t, other, prepare(t, copied, 1))
		err := w.Write(testContext(t), batchOf("c"))
		if err == nil {
			_, err = w.Prepare(testContext(t), 1)
		}
		var fenced *fencedError
		if !errors.As(err, &fenced) || fenced.TransactionalID != id || !strings.Contains(err.Error(), "copied") {
			t.Fatalf("error %v, want that %s was taken over", err, id)
		}
		awaitCommitted(t, brokers, topic, []string{"b"})
	})
}

func TestRecordTooLarge(t *testing.T) {
	const limit = 4096
	fits := func(extra int) record.Batch {
		value := make([]byte, limit+extra)
		r := kgo.Record{Key: []byte("the key"), Value: value}
		value = value[:limit+extra-(loneBatchSize(&r)-len(value))]
		var b record.Builder
		b.Append(record.Record{Key: []byte("before")})
		b.Append(record.Record{Key: []byte("the key"), Value: value})
		b.Append(record.Record{Key: []byte("after")})
		return b.Finish()
	}
	brokers := fakeCluster(t, 1, "orders").ListenAddrs()
	s := openSink(t, sinkConfig(t, brokers, "orders", map[string]any{"batch_bytes_max": limit}))
	w := openWriter(t, s, 0)
	if err := w.Write(testContext(t), fits(0)); err != nil {
		t.Fatal(err)
	}
	mustCommit(t, s, prepare(t, w, 1))
	if refused := w.(connectors.Refuser).Refused(); len(refused) != 0 {
		t.Fatalf("a record that fits is refused: %s", refused[0].Reason)
	}
	if err := w.Write(testContext(t), fits(1)); err != nil {
		t.Fatal(err)
	}
	refused := w.(connectors.Refuser).Refused()
	if len(refused) != 1 || string(refused[0].Record.At(record.HeaderLength).Key()) != "the key" {
		t.Fatalf("refused: %v", refused)
	}
	for _, word := range []string{"orders", "the key", "4096", "4097", "batch_bytes_max"} {
		if !strings.Contains(refused[0].Reason, word) {
			t.Errorf("%q does not say %q", refused[0].Reason, word)
		}
	}
	mustCommit(t, s, prepare(t, w, 2))
	if got := len(w.(connectors.Refuser).Refused()); got != 0 {
		t.Errorf("%d records are refused twice", got)
	}
	if got := len(readAll(t, brokers, "orders", kgo.ReadCommitted())); got != 3+2 {
		t.Errorf("%d records, want 5", got)
	}
}

// Output of aborted checkpoints piles up only so far, and gets no older than half
// of the transaction's time: then the attempt fails, before the broker aborts it.
func TestPreparedOutputIsBounded(t *testing.T) {
	t.Run("in number", func(t *testing.T) {
		cluster := fakeCluster(t, 1, "orders")
		s := openSink(t, sinkConfig(t, cluster.ListenAddrs(), "orders", nil))
		w := openWriter(t, s, 0)
		for epoch := range uint64(slotsMax) {
			write(t, w, fmt.Sprint(epoch))
			prepare(t, w, epoch)
		}
		err := w.Write(testContext(t), batchOf("one more"))
		var exhausted *exhaustedError
		if !errors.As(err, &exhausted) || !connectors.Retryable(err) {
			t.Fatalf("error %v, want that all slots are in use", err)
		}
	})
	t.Run("in age", func(t *testing.T) {
		cluster := fakeCluster(t, 1, "orders")
		s := openSink(t, sinkConfig(t, cluster.ListenAddrs(), "orders", nil))
		now := time.Now()
		s.now = func() time.Time { return now }
		w := openWriter(t, s, 0)
		write(t, w, "a")
		now = now.Add(s.settings.transactionTimeout()/2 - time.Second)
		first := prepare(t, w, 1)
		if got := prepare(t, w, 2); len(got) != 0 {
			t.Fatalf("%v", got)
		}
		now = now.Add(2 * time.Second)
		_, err := w.Prepare(testContext(t), 3)
		if !connectors.Retryable(err) || !strings.Contains(err.Error(), idOf(t, s, first[0])) || !strings.Contains(err.Error(), "transaction_timeout_ms") {
			t.Fatalf("error %v, want that a transaction is open for too long", err)
		}
		mustCommit(t, s, first)
		if got := prepare(t, w, 4); len(got) != 0 {
			t.Fatalf("%v", got)
		}
		write(t, w, "b")
		now = now.Add(s.settings.transactionTimeout() / 2)
		if _, err := w.Prepare(testContext(t), 5); !connectors.Retryable(err) {
			t.Fatalf("error %v, want that the open transaction is too old", err)
		}
	})
}

// Outcomes of a commit, by what the broker answers.
func TestCommitOutcomes(t *testing.T) {
	for wanted, answers := range map[connectors.Outcome][]error{
		connectors.Committed: {nil},
		connectors.CommitRetry: {
			kerr.ConcurrentTransactions, kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable, kerr.NotCoordinator,
			kerr.RequestTimedOut, kerr.NetworkException, kerr.TransactionalIDAuthorizationFailed, context.DeadlineExceeded,
		},
		connectors.CommitLost: {
			kerr.InvalidTxnState, kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping,
			kerr.UnknownProducerID, kerr.TransactionalIDNotFound,
		},
		connectors.CommitUnknown: {kerr.UnknownServerError, kerr.TransactionAbortable, errors.New("odd")},
	} {
		for _, answer := range answers {
			if got := commitOutcome(answer); got != wanted {
				t.Errorf("%v: outcome %d, want %d", answer, got, wanted)
			}
		}
	}
}

// A user without the permissions hears which one is missing, and where.
func TestSinkNamesTheMissingPermission(t *testing.T) {
	const user, password = "pay", "secret"
	allow := func(kind kmsg.ACLResourceType, name string, operation kmsg.ACLOperation) kfake.ACL {
		return kfake.ACL{Resource: kind, Name: name, Pattern: kmsg.ACLResourcePatternTypePrefixed, Operation: operation, Allow: true}
	}
	topic, transaction := kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeTransactionalId
	describe, write := kmsg.ACLOperationDescribe, kmsg.ACLOperationWrite
	for name, c := range map[string]struct {
		acls  []kfake.ACL
		words []string
	}{
		"nothing":       {nil, []string{"User:pay", "orders", "DESCRIBE"}},
		"no write":      {[]kfake.ACL{allow(topic, "orders", describe)}, []string{"User:pay", "orders", "WRITE"}},
		"no id":         {[]kfake.ACL{allow(topic, "orders", describe), allow(topic, "orders", write)}, []string{"User:pay", "WRITE", "transactional id"}},
		"all that must": {[]kfake.ACL{allow(topic, "orders", describe), allow(topic, "orders", write), allow(transaction, "turgo/", write), allow(transaction, "turgo/", describe)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := fakeCluster(t, 1, "orders", kfake.EnableSASL(), kfake.EnableACLs(), kfake.User("PLAIN", user, password, c.acls...))
			config := sinkConfig(t, cluster.ListenAddrs(), "orders", map[string]any{"sasl": map[string]any{"mechanism": "plain", "username": user, "password": password}})
			s := &sink{}
			defer s.Close()
			_, err := s.Open(testContext(t), config)
			if err == nil {
				err = s.CleanUp(testContext(t), nil)
			}
			if err == nil {
				w := openWriter(t, s, 0)
				if err = w.Write(testContext(t), batchOf("a")); err == nil {
					mustCommit(t, s, prepare(t, w, 1))
				}
			}
			if (err == nil) != (c.words == nil) {
				t.Fatalf("error %v", err)
			}
			for _, word := range c.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %q", err, word)
				}
			}
		})
	}
}

// A sink that opens while the brokers are away waits for them; Check does not
// wait for good.
func TestSinkWaitsForTheBrokers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	config := sinkConfig(t, []string{address}, "orders", nil)
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	if err := (&sink{}).Check(ctx, config); err == nil || !strings.Contains(err.Error(), address) {
		t.Errorf("Check: %v, want an error that names %s", err, address)
	}
	s := &sink{}
	defer s.Close()
	opened := make(chan error, 1)
	go func() {
		_, err := s.Open(testContext(t), config)
		opened <- err
	}()
	for !s.rare.said() { // it has tried, and says so
		if err := pause(testContext(t), time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	fakeCluster(t, 1, "orders", kfake.Ports(number))
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
}

// said reports whether anything was warned of.
func (l *rareLog) said() bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return len(l.lines) > 0
}
