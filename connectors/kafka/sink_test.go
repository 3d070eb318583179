package kafka

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

// What was prepared is visible from its commit on, and not before; an epoch
// without records prepares nothing; a commit that is asked for again succeeds.
func TestSinkCommitsPreparedEpochs(t *testing.T) {
	onProtocols(t, 3, func(t *testing.T, brokers []string, topic string, protocol int) {
		s := openSinkWith(t, sinkConfig(t, brokers, topic, nil), protocol)
		w := openWriter(t, s, 0)
		if got := prepare(t, w, 1); len(got) != 0 {
			t.Fatalf("an empty epoch has committables: %v", got)
		}
		var all []string
		ids := map[string]bool{}
		for epoch := uint64(2); epoch < 14; epoch++ {
			values := numbered(string(rune('a'+epoch)), 100)
			write(t, w, values...)
			committables := prepare(t, w, epoch)
			if len(committables) != 1 {
				t.Fatalf("epoch %d: %d committables", epoch, len(committables))
			}
			ids[idOf(t, s, committables[0])] = true
			awaitCommitted(t, brokers, topic, all)
			if got := len(readAll(t, brokers, topic, kgo.ReadUncommitted())); got != len(all)+len(values) {
				t.Fatalf("epoch %d: %d records at the broker, want %d", epoch, got, len(all)+len(values))
			}
			mustCommit(t, s, committables)
			mustCommit(t, s, committables)
			all = append(all, values...)
			awaitCommitted(t, brokers, topic, all)
		}
		if len(ids) > slotsKept+1 {
			t.Errorf("12 epochs took %d transactional ids", len(ids))
		}
	})
}

// Epochs that wait for their commit have transactional ids of their own, however
// many they are, and none of them holds readers back once all are committed, in
// whatever order.
func TestSinkPreparesManyEpochs(t *testing.T) {
	onProtocols(t, 1, func(t *testing.T, brokers []string, topic string, protocol int) {
		s := openSinkWith(t, sinkConfig(t, brokers, topic, nil), protocol)
		w := openWriter(t, s, 0)
		var all []string
		var waiting []connectors.Committable
		ids := map[string]bool{}
		for round := range 2 {
			for epoch := range uint64(10) {
				values := numbered(string(rune('a'+round))+string(rune('a'+epoch)), 3)
				write(t, w, values...)
				waiting = append(waiting, prepare(t, w, epoch+1)...)
				all = append(all, values...)
			}
			for _, c := range waiting {
				ids[idOf(t, s, c)] = true
			}
			if len(ids) != 10*(round+1) {
				t.Fatalf("round %d: %d transactional ids for prepared epochs", round, len(ids))
			}
			slices.Reverse(waiting)
			mustCommit(t, s, waiting)
			waiting = waiting[:0]
			awaitCommitted(t, brokers, topic, all)
		}
	})
}

// A slot is not used again while its transaction may be committed once more: an
// attempt that dies after a commit, before a manifest records it, leaves a
// committable that the next attempt must be able to commit.
func TestCommitOfEarlierAttemptAfterSlotsMovedOn(t *testing.T) {
	onProtocols(t, 1, func(t *testing.T, brokers []string, topic string, protocol int) {
		config := sinkConfig(t, brokers, topic, nil)
		s := openSinkWith(t, config, protocol)
		s.kept = 1 // slots are used again as soon as they may be
		w := openWriter(t, s, 0)
		ids := map[string]bool{}
		var unrecorded []connectors.Committable
		var all []string
		for epoch := range uint64(20) {
			values := numbered(string(rune('a'+epoch)), 3)
			write(t, w, values...)
			committables := prepare(t, w, epoch+1)
			ids[idOf(t, s, committables[0])] = true
			// The host may die now. Its newest manifest is that of the epoch before,
			// which names the epoch before that as well, if the host took in the answer
			// to its commit late.
			mustCommit(t, openSinkWith(t, config, protocol), unrecorded)
			mustCommit(t, s, committables)
			all = append(all, values...)
			unrecorded = append(unrecorded, committables...)
			if len(unrecorded) > 2 {
				unrecorded = unrecorded[1:]
			}
		}
		awaitCommitted(t, brokers, topic, all)
		if len(ids) > 6 {
			t.Errorf("20 epochs took %d transactional ids: slots were not used again", len(ids))
		}
	})
}

// At least once: what Prepare has waited for is there, at once, without commits.
func TestSinkAtLeastOnce(t *testing.T) {
	onClusters(t, 3, func(t *testing.T, brokers []string, topic string) {
		config := sinkConfig(t, brokers, topic, map[string]any{"guarantee": "at_least_once"})
		s := &sink{}
		guarantee, err := s.Open(testContext(t), config)
		if err != nil || guarantee != connectors.AtLeastOnce {
			t.Fatalf("guarantee %q, %v", guarantee, err)
		}
		t.Cleanup(func() { s.Close() })
		if err := s.CleanUp(testContext(t), nil); err != nil {
			t.Fatal(err)
		}
		w := openWriter(t, s, 0)
		values := numbered("v", 1000)
		write(t, w, values...)
		if got := prepare(t, w, 1); len(got) != 0 {
			t.Fatalf("committables: %v", got)
		}
		slices.Sort(values)
		if got := valuesOf(readAll(t, brokers, topic, kgo.ReadUncommitted())); !slices.Equal(got, values) {
			t.Fatalf("%d records, want %d", len(got), len(values))
		}
	})
}

// Keys, values, times and headers come out as they went in: null is not empty.
func TestSinkKeepsRecords(t *testing.T) {
	onClusters(t, 1, func(t *testing.T, brokers []string, topic string) {
		s := openSink(t, sinkConfig(t, brokers, topic, nil))
		w := openWriter(t, s, 0)
		headers := record.AppendHeader(nil, []byte("trace"), []byte("1"))
		headers = record.AppendExtension(headers, 77, []byte("of another kind"))
		headers = record.AppendHeader(headers, []byte("trace"), []byte{})
		headers = record.AppendHeader(headers, nil, nil)
		const at = 1_700_000_000_123
		var b record.Builder
		for _, r := range []record.Record{
			{Key: []byte("k"), Value: []byte("v"), Timestamp: at},
			{Key: nil, Value: []byte("no key"), Timestamp: at + 1},
			{Key: []byte("gone"), Value: nil, Timestamp: at + 2},
			{Key: []byte{}, Value: []byte{}, Timestamp: 0},
			{Key: nil, Value: nil, Timestamp: at, Extensions: headers},
			{Key: []byte("now"), Value: []byte("v"), Timestamp: record.NoTimestamp},
		} {
			b.Append(r)
		}
		before := time.Now().Truncate(time.Millisecond)
		if err := w.Write(testContext(t), b.Finish()); err != nil {
			t.Fatal(err)
		}
		mustCommit(t, s, prepare(t, w, 1))
		awaitCommitted(t, brokers, topic, []string{"v", "no key", "", "", "", "v"})
		var got []string
		for _, r := range readAll(t, brokers, topic, kgo.ReadCommitted()) {
			text := fmt.Sprintf("%q %t %q %t", r.Key, r.Key == nil, r.Value, r.Value == nil)
			if r.Timestamp.Before(before) {
				text += fmt.Sprintf(" %d", r.Timestamp.UnixMilli())
			}
			for _, h := range r.Headers {
				text += fmt.Sprintf(" %s=%q,%t", h.Key, h.Value, h.Value == nil)
			}
			got = append(got, text)
		}
		wanted := []string{
			`"k" false "v" false 1700000000123`,
			`"" true "no key" false 1700000000124`,
			`"gone" false "" true 1700000000125`,
			`"" false "" false 0`,
			`"" true "" true 1700000000123 trace="1",false trace="",false ="",true`,
			`"now" false "v" false`,
		}
		if !slices.Equal(got, wanted) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(wanted, "\n"))
		}
	})
}

// Keys go where Kafka's own clients put them: murmur2, without its sign.
func TestSinkPartitionsAsKafkaDoes(t *testing.T) {
	const partitions = 97
	cluster := fakeCluster(t, partitions, "orders")
	s := openSink(t, sinkConfig(t, cluster.ListenAddrs(), "orders", nil))
	w := openWriter(t, s, 0)
	hashes := map[string]int32{ // as Kafka's Utils.murmur2 gives them
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107,
	}
	var b record.Builder
	for key := range hashes {
		b.Append(record.Record{Key: []byte(key), Value: []byte("v")})
	}
	if err := w.Write(testContext(t), b.Finish()); err != nil {
		t.Fatal(err)
	}
	mustCommit(t, s, prepare(t, w, 1))
	records := readAll(t, cluster.ListenAddrs(), "orders", kgo.ReadCommitted())
	if len(records) != len(hashes) {
		t.Fatalf("%d records", len(records))
	}
	for _, r := range records {
		if wanted := hashes[string(r.Key)] & 0x7fffffff % partitions; r.Partition != wanted {
			t.Errorf("key %q is in partition %d, Kafka's clients put it in %d", r.Key, r.Partition, wanted)
		}
	}
}
