package kafka

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/connectors/kafka/localbroker"
	"github.com/turgo-stream/turgo/connectors/kafka/localbroker/brokertest"
)

// TestSourceAgainstARealBroker runs what depends on how a broker answers.
func TestSourceAgainstARealBroker(t *testing.T) {
	if testing.Short() {
		return // a broker takes seconds to start; the fake cluster has all of this but the broker's own part
	}
	t.Run("transactions", brokerTransactions)
	t.Run("retention", brokerRetention)
	t.Run("topic created again", brokerCreatedAgain)
	t.Run("killed", brokerKilled)
	t.Run("security", brokerSecurity)
}

// brokerTransactions reads transactions of all ends to the end of a bounded split.
func brokerTransactions(t *testing.T) {
	brokers := brokertest.Addresses(t)
	topic := brokertest.Topic(t, brokers, 1)
	writer := newProducer(t, brokers, kgo.TransactionalID(brokertest.UniqueName("writer")))
	begin := func(first, count int) {
		if err := writer.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		produceNumbers(t, writer, topic, 0, first, count)
	}
	for n := range 6 {
		begin(n*100, 100)
		if err := writer.EndTransaction(sourceContext(t), n%2 == 0); err != nil {
			t.Fatal(err)
		}
	}
	begin(600, 10)
	config := sourceConfig(t, brokers, map[string]any{"topics": []string{topic}, "bounded": true, "group": topic})
	s := openSource(t, config)
	r := readAllSplits(t, s)
	id := splitID(topic, 0)
	r.until("the end", func() bool { return r.ended[id] })
	r.want(id, append(append(numbers(0, 100), numbers(200, 100)...), numbers(400, 100)...))
	if r.lag[id] != 0 {
		t.Errorf("lag %d at the end", r.lag[id])
	}
	if err := s.tellGroup(sourceContext(t), []connectors.Assignment{{Split: connectors.Split{ID: id}}}); err != nil {
		t.Fatal(err)
	}
	offsets, err := kadm.NewClient(writer).FetchOffsets(sourceContext(t), topic)
	if err != nil {
		t.Fatal(err)
	}
	if got, found := offsets.Lookup(topic, 0); !found || got.At != 606 {
		t.Errorf("the group has offset %d, want 606: six transactions with a marker each", got.At)
	}
	if err := writer.EndTransaction(sourceContext(t), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
}

// brokerRetention deletes what a position stands for.
func brokerRetention(t *testing.T) {
	brokers := brokertest.Addresses(t)
	topic := brokertest.Topic(t, brokers, 1)
	producer := newProducer(t, brokers)
	produceNumbers(t, producer, topic, 0, 0, 100)
	settings := map[string]any{"topics": []string{topic}, "batch_bytes": 1024}
	id := splitID(topic, 0)
	r := readAllSplits(t, openSource(t, sourceConfig(t, brokers, settings)))
	r.until("a batch", func() bool { return r.batches == 1 })
	read := len(r.values[id])
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, 80, -1)
	if _, err := kadm.NewClient(producer).DeleteRecords(sourceContext(t), offsets); err != nil {
		t.Fatal(err)
	}
	again := openReading(t, openSource(t, sourceConfig(t, brokers, settings)), r.checkpoint()...)
	wantFatal(t, again.failure(), fmt.Sprintf("position %d is gone", read), "the offsets 80 to 100", fmt.Sprintf("deleted %d offsets", 80-read))
	settings["on_out_of_range"] = "earliest"
	last := openReading(t, openSource(t, sourceConfig(t, brokers, settings)), r.checkpoint()...)
	last.until("the rest", func() bool { return len(last.values[id]) >= 20 })
	last.want(id, numbers(80, 20))
}

func brokerCreatedAgain(t *testing.T) {
	brokers := brokertest.Addresses(t)
	topic := brokertest.Topic(t, brokers, 1)
	producer := newProducer(t, brokers)
	admin := kadm.NewClient(producer)
	produceNumbers(t, producer, topic, 0, 0, 10)
	id := splitID(topic, 0)
	r := readAllSplits(t, openSource(t, sourceConfig(t, brokers, map[string]any{"topics": []string{topic}})))
	r.until("all", func() bool { return len(r.values[id]) == 10 })
	if _, err := admin.DeleteTopic(sourceContext(t), topic); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := admin.CreateTopic(sourceContext(t), 1, 1, nil, topic); err == nil {
			break
		} else if !strings.Contains(err.Error(), "ALREADY_EXISTS") {
			t.Fatal(err)
		}
	}
	wantFatal(t, r.failure(), "topic "+topic+" was deleted and created again")
}

// brokerKilled kills the broker with SIGKILL while records are read and written.
func brokerKilled(t *testing.T) {
	broker := brokertest.Start(t, localbroker.Options{HeapMiB: 256})
	topic := brokertest.Topic(t, broker.Addresses(), 1)
	id := splitID(topic, 0)
	log := captureLog(t)
	producer := newProducer(t, broker.Addresses())
	produceNumbers(t, producer, topic, 0, 0, 1000)
	r := readAllSplits(t, openSource(t, sourceConfig(t, broker.Addresses(), map[string]any{"topics": []string{topic}})))
	r.until("all", func() bool { return len(r.values[id]) >= 1000 })
	if err := broker.Kill(); err != nil {
		t.Fatal(err)
	}
	r.until("the log tells", func() bool { return log.has("does not answer; trying again") })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := broker.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	produceNumbers(t, producer, topic, 0, 1000, 1000)
	r.until("the rest", func() bool { return len(r.values[id]) >= 2000 })
	r.want(id, numbers(0, 2000))
	if !log.has("brokers answer again") {
		t.Error("the log does not tell that the broker is back")
	}
}

// brokerSecurity logs in by each mechanism, with and without TLS, and without the
// right to read.
func brokerSecurity(t *testing.T) {
	broker := brokertest.Start(t, localbroker.Options{Security: true, Authorize: true, Users: map[string]string{"alice": "secret-1"}, HeapMiB: 256})
	topic := brokertest.Topic(t, broker.Addresses(), 1)
	admin := newProducer(t, broker.Addresses())
	produceNumbers(t, admin, topic, 0, 0, 10)
	folder := t.TempDir()
	authority, err := os.ReadFile(broker.AuthorityPath())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"ca.pem": authority, "password": []byte("secret-1\n"), "wrong": []byte("secret-2")} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := func(listener, mechanism, password string, tls map[string]any) connectors.Config {
		settings := map[string]any{"topics": []string{topic}, "bounded": true}
		if mechanism != "" {
			settings["sasl"] = map[string]any{"mechanism": mechanism, "username": "alice", "password_file": password}
		}
		if tls != nil {
			settings["tls"] = tls
		}
		c := sourceConfig(t, []string{broker.Address(listener)}, settings)
		c.BaseDir = folder
		return c
	}
	check := func(c connectors.Config) error {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		return newSource().Check(ctx, c)
	}
	err = check(config(localbroker.SASLPlainText, mechanismScramSHA256, "password", nil))
	wantFatal(t, err, "topics", topic, "TOPIC_AUTHORIZATION_FAILED", "User:alice", "READ")
	rights := kadm.NewACLs().Topics(topic).Operations(kadm.OpRead, kadm.OpDescribe).Allow("User:alice").AllowHosts("*").ResourcePatternType(kadm.ACLPatternLiteral)
	if _, err := kadm.NewClient(admin).CreateACLs(sourceContext(t), rights); err != nil {
		t.Fatal(err)
	}
	encrypted := map[string]any{"ca": "ca.pem"}
	for _, c := range []connectors.Config{
		config(localbroker.SASLPlainText, mechanismPlain, "password", nil),
		config(localbroker.SASLPlainText, mechanismScramSHA256, "password", nil),
		config(localbroker.SASLTLS, mechanismScramSHA512, "password", encrypted),
	} {
		if err := check(c); err != nil {
			t.Errorf("%s: %v", c.Settings, err)
			continue
		}
		r := readAllSplits(t, openSource(t, c))
		r.until("the end", func() bool { return r.ended[splitID(topic, 0)] })
		r.want(splitID(topic, 0), numbers(0, 10))
	}
	for _, mechanism := range []string{mechanismPlain, mechanismScramSHA256} {
		wantFatal(t, check(config(localbroker.SASLPlainText, mechanism, "wrong", nil)), "config: sasl", "check the user name, the password")
	}
	wantFatal(t, check(config(localbroker.SASLTLS, mechanismPlain, "password", map[string]any{})), "config: tls", "certificate")
	if err := check(config(localbroker.SASLPlainText, mechanismPlain, "password", encrypted)); err == nil || !strings.Contains(err.Error(), "is TLS misconfigured") {
		t.Errorf("TLS to a listener without: %v", err)
	}
}
