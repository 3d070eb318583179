package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/connectors/kafka/localbroker/brokertest"
)

const (
	testUID   = "out"
	testLimit = 30 * time.Second
)

func testContext(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), testLimit)
	tb.Cleanup(cancel)
	return ctx
}

// fakeCluster is a cluster within this process, with one topic.
func fakeCluster(tb testing.TB, partitions int32, topic string, options ...kfake.Opt) *kfake.Cluster {
	tb.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(partitions, topic)}, options...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(cluster.Close)
	return cluster
}

// onClusters runs a test against a cluster within this process and, unless the
// tests are to be short, against a real broker. Each gets a topic of its own.
func onClusters(t *testing.T, partitions int32, test func(t *testing.T, brokers []string, topic string)) {
	t.Run("in process", func(t *testing.T) {
		topic := brokertest.UniqueName("orders")
		test(t, fakeCluster(t, partitions, topic).ListenAddrs(), topic)
	})
	if testing.Short() {
		return
	}
	t.Run("real broker", func(t *testing.T) {
		brokers := brokertest.Addresses(t)
		test(t, brokers, brokertest.Topic(t, brokers, partitions))
	})
}

// onProtocols runs a test on clusters with each transaction protocol.
func onProtocols(t *testing.T, partitions int32, test func(t *testing.T, brokers []string, topic string, protocol int)) {
	for _, protocol := range []int{protocolV1, protocolV2} {
		t.Run(fmt.Sprintf("protocol %d", protocol), func(t *testing.T) {
			onClusters(t, partitions, func(t *testing.T, brokers []string, topic string) { test(t, brokers, topic, protocol) })
		})
	}
}

// jobUUID gives each test an identity of its own: tests share a broker.
func jobUUID(topic string) string { return "job-" + topic }

// sinkConfig is the config of attempt 1, with more settings.
func sinkConfig(tb testing.TB, brokers []string, topic string, more map[string]any) connectors.Config {
	tb.Helper()
	settings := map[string]any{"brokers": brokers, "topic": topic}
	maps.Copy(settings, more)
	text, err := json.Marshal(settings)
	if err != nil {
		tb.Fatal(err)
	}
	return connectors.Config{Job: "pay", JobUUID: jobUUID(topic), UID: testUID, Attempt: 1, Parallelism: 1, Settings: text}
}

// openSink opens a sink that is closed with the test.
func openSink(tb testing.TB, config connectors.Config) *sink {
	tb.Helper()
	return openSinkWith(tb, config, 0)
}

// openSinkWith opens a sink that speaks a transaction protocol; 0 = the cluster's.
func openSinkWith(tb testing.TB, config connectors.Config, protocol int) *sink {
	tb.Helper()
	s := &sink{}
	defer func() {
		if protocol != 0 {
			s.protocol = protocol
		}
	}()
	if _, err := s.Open(testContext(tb), config); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

func openWriter(tb testing.TB, s *sink, subtask int) connectors.Writer {
	tb.Helper()
	w, err := s.OpenWriter(testContext(tb), subtask)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { w.Close() })
	return w
}

// batchOf is a batch of records with these values, and keys of their own.
func batchOf(values ...string) record.Batch {
	var b record.Builder
	for _, v := range values {
		b.Append(record.Record{Key: []byte("k" + v), Value: []byte(v), Timestamp: 1_700_000_000_000})
	}
	return b.Finish()
}

func numbered(prefix string, n int) []string {
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprintf("%s%04d", prefix, i)
	}
	return values
}

func write(tb testing.TB, w connectors.Writer, values ...string) {
	tb.Helper()
	if err := w.Write(testContext(tb), batchOf(values...)); err != nil {
		tb.Fatal(err)
	}
}

func prepare(tb testing.TB, w connectors.Writer, epoch uint64) []connectors.Committable {
	tb.Helper()
	committables, err := w.Prepare(testContext(tb), epoch)
	if err != nil {
		tb.Fatal(err)
	}
	return committables
}

// commit commits until no outcome is to be tried again.
func commit(tb testing.TB, s *sink, committables []connectors.Committable) []connectors.CommitResult {
	tb.Helper()
	ctx := testContext(tb)
	for {
		results, err := s.Commit(ctx, committables)
		if err != nil {
			tb.Fatal(err)
		}
		again := slices.ContainsFunc(results, func(r connectors.CommitResult) bool { return r.Outcome == connectors.CommitRetry })
		if !again {
			return results
		}
	}
}

func mustCommit(tb testing.TB, s *sink, committables []connectors.Committable) {
	tb.Helper()
	for _, result := range commit(tb, s, committables) {
		if result.Outcome != connectors.Committed {
			tb.Fatalf("outcome %d: %s", result.Outcome, result.Reason)
		}
	}
}

// readAll reads a topic up to where it ends for the isolation level: the values in
// no order that matters between partitions.
func readAll(tb testing.TB, brokers []string, topic string, level kgo.IsolationLevel) []*kgo.Record {
	tb.Helper()
	ctx := testContext(tb)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(level),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50*time.Millisecond), kgo.KeepControlRecords())
	if err != nil {
		tb.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	ends, err := admin.ListEndOffsets(ctx, topic)
	if level == kgo.ReadCommitted() {
		ends, err = admin.ListCommittedOffsets(ctx, topic)
	}
	if err != nil {
		tb.Fatal(err)
	}
	next := map[int32]int64{}
	behind := func() bool {
		for partition, end := range ends[topic] {
			if next[partition] < end.Offset {
				return true
			}
		}
		return false
	}
	var records []*kgo.Record
	for behind() {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			tb.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset < ends[topic][r.Partition].Offset {
				next[r.Partition] = r.Offset + 1
				if !r.Attrs.IsControl() {
					records = append(records, r)
				}
			}
		})
	}
	return records
}

func valuesOf(records []*kgo.Record) []string {
	values := make([]string, len(records))
	for i, r := range records {
		values[i] = string(r.Value)
	}
	slices.Sort(values)
	return values
}

// awaitCommitted waits until a read_committed reader sees these values and no others.
func awaitCommitted(tb testing.TB, brokers []string, topic string, wanted []string) {
	tb.Helper()
	wanted = slices.Sorted(slices.Values(wanted))
	ctx := testContext(tb)
	for {
		got := valuesOf(readAll(tb, brokers, topic, kgo.ReadCommitted()))
		if slices.Equal(got, wanted) {
			return
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil || len(got) > len(wanted) {
			tb.Fatalf("read_committed: %d records, want %d:\ngot  %.300q\nwant %.300q", len(got), len(wanted), got, wanted)
		}
	}
}

// stateOf asks the cluster for the state of a transactional id.
func stateOf(tb testing.TB, brokers []string, id string) string {
	tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		tb.Fatal(err)
	}
	defer client.Close()
	described, err := kadm.NewClient(client).DescribeTransactions(testContext(tb), id)
	if err != nil {
		tb.Fatal(err)
	}
	return described[id].State
}

// idOf is the transactional id of a committable.
func idOf(tb testing.TB, s *sink, committable connectors.Committable) string {
	tb.Helper()
	p, _, err := decodePrepared(committable, s.config)
	if err != nil {
		tb.Fatal(err)
	}
	return p.TransactionalID
}

func setTopicConfig(tb testing.TB, brokers []string, topic, name, value string) {
	tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		tb.Fatal(err)
	}
	defer client.Close()
	results, err := kadm.NewClient(client).AlterTopicConfigs(testContext(tb), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: name, Value: &value}}, topic)
	if err == nil && len(results) == 1 {
		err = results[0].Err
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// withoutLists are the versions of a broker before it could list transactions.
func withoutLists() *kversion.Versions { return kversion.V2_8_0() }
