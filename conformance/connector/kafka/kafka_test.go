// Package kafka_test runs the suite over the connector kafka, against a real
// broker. It is a package of its own so that it runs beside the others.
package kafka_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/conformance/connector"
	"github.com/turgo-stream/turgo/conformance/report"
	"github.com/turgo-stream/turgo/connectors/builtin"
	"github.com/turgo-stream/turgo/connectors/kafka/localbroker/brokertest"
	"github.com/turgo-stream/turgo/connectors/wire"
)

const (
	testLimit  = 3 * time.Minute
	topicLimit = 30 * time.Second
	partitions = 3
	records    = 3000
)

// TestMain lets this test program serve connectors, as turgo does, and make
// topics, as a command of a scenario.
func TestMain(m *testing.M) {
	wire.ServeIfAsked(builtin.Connectors())
	if len(os.Args) == 4 && os.Args[1] == "make-topic" {
		if err := makeTopic(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func makeTopic(broker, name string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), topicLimit)
	defer cancel()
	// The suite's records have fixed timestamps, which by now are older than what a
	// broker keeps by default.
	forEver := "-1"
	answer, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, map[string]*string{"retention.ms": &forEver}, name)
	if err != nil {
		return err
	}
	return answer.Err
}

// checksShort are those of a short run: each side once, with a crash.
var checksShort = []string{
	connector.Handshake, connector.Describe, connector.Discovery, connector.Read, connector.Resume,
	connector.Open, connector.PrepareCommit, connector.CommitAfterCrash,
}

func run(t *testing.T, scenario string, checks ...string) *report.Report {
	t.Helper()
	s, err := connector.ParseScenario([]byte(scenario))
	if err != nil {
		t.Fatal(err)
	}
	s.Folder = t.TempDir()
	options := connector.Options{Builtin: "kafka", Scenario: s, Seed: 1, Sequences: 3, CallLimit: 20 * time.Second, Checks: checks}
	if testing.Short() {
		options.Checks = checksShort
	}
	ctx, cancel := context.WithTimeout(context.Background(), testLimit)
	defer cancel()
	result, err := connector.Run(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// passes checks that nothing fails, and that nothing is skipped but what is named.
func passes(t *testing.T, result *report.Report, skipped ...string) {
	t.Helper()
	var text strings.Builder
	if err := result.Text(&text); err != nil {
		t.Fatal(err)
	}
	t.Log(text.String())
	for _, r := range result.Results {
		wanted := false
		for _, name := range skipped {
			wanted = wanted || name == r.Group+"/"+r.Check
		}
		if r.Status == report.Fail || (r.Status == report.Skip) != wanted {
			t.Errorf("%s/%s: %s: %s", r.Group, r.Check, r.Status, r.Reason)
		}
	}
}

// fill writes records with all that a record of Kafka may have.
func fill(t *testing.T, broker, topic string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchMaxBytes(8<<10))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), topicLimit)
	defer cancel()
	list := make([]*kgo.Record, records)
	for i := range list {
		list[i] = &kgo.Record{Key: fmt.Appendf(nil, "key %d", i%100), Value: fmt.Appendf(nil, "value %d", i)}
		switch i % 10 {
		case 0:
			list[i].Key = nil
		case 1:
			list[i].Value = nil
		case 2:
			list[i].Headers = []kgo.RecordHeader{{Key: "name", Value: []byte("value")}, {Key: "null"}}
		}
	}
	if err := client.ProduceSync(ctx, list...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	addresses := brokertest.Addresses(t)
	topic := brokertest.Topic(t, addresses, partitions)
	fill(t, addresses[0], topic)
	passes(t, run(t, fmt.Sprintf(`
source:
  settings: {brokers: [%q], topics: [%q], bounded: true, batch_bytes: 4096}
  records: %d
  bad_settings:
    - {settings: {topics: null}, field: topics}
    - {settings: {start: yesterday}, field: start}
    - {settings: {brokers: []}, field: brokers}
`, addresses[0], topic, records)), "source/undecodable")
}

func TestSink(t *testing.T) {
	t.Parallel()
	addresses := brokertest.Addresses(t)
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	passes(t, run(t, fmt.Sprintf(`
sink:
  settings: {brokers: [%[1]q], topic: "${CHECK}", batch_bytes_max: 100000}
  prepare: [%[2]q, make-topic, %[1]q, "${CHECK}"]
  read_back: {source: {settings: {brokers: [%[1]q], topics: ["${CHECK}"], bounded: true}}}
  refused: {value: "${ID}%[3]s"}
  bad_settings:
    - {settings: {guarantee: never}, field: guarantee}
    - {settings: {topic: null}, field: topic}
`, addresses[0], own, strings.Repeat("x", 200_000))))
}

// The other guarantee of the sink: records may come twice, and none is lost.
func TestSinkAtLeastOnce(t *testing.T) {
	t.Parallel()
	addresses := brokertest.Addresses(t)
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	result := run(t, fmt.Sprintf(`
sink:
  settings: {brokers: [%[1]q], topic: "${CHECK}", guarantee: at_least_once}
  prepare: [%[2]q, make-topic, %[1]q, "${CHECK}"]
  read_back: {source: {settings: {brokers: [%[1]q], topics: ["${CHECK}"], bounded: true}}}
`, addresses[0], own), connector.PrepareCommit, connector.BackPressure, connector.Records, connector.CommitAfterCrash,
		connector.CommitRepeat, connector.Kill, connector.Orphans, connector.Host)
	passes(t, result, "sink/orphans")
}
