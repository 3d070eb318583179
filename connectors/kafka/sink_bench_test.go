package kafka

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors/kafka/localbroker/brokertest"
)

const (
	benchRecords    = 500
	benchValueBytes = 84 // with a key of 16: records of 100 bytes
)

func benchBatch() record.Batch {
	var b record.Builder
	value := make([]byte, benchValueBytes)
	for i := range benchRecords {
		key := []byte("key-000000000000")
		key[15] = byte('a' + i%26)
		b.Append(record.Record{Key: key, Value: value, Timestamp: 1_700_000_000_000 + int64(i)})
	}
	return b.Finish()
}

// BenchmarkWrite writes batches into open transactions, a checkpoint each 200
// batches, against a broker in this process that throws the records away.
func BenchmarkWrite(b *testing.B) {
	cluster := fakeCluster(b, 4, "orders", kfake.BlackholeProduce())
	s := openSink(b, sinkConfig(b, cluster.ListenAddrs(), "orders", nil))
	w := openWriter(b, s, 0)
	batch := benchBatch()
	ctx := context.Background()
	b.ReportAllocs()
	b.SetBytes(benchRecords * 100)
	epoch := uint64(0)
	for i := 0; b.Loop(); i++ {
		if err := w.Write(ctx, batch); err != nil {
			b.Fatal(err)
		}
		if i%200 == 199 {
			epoch++
			mustCommit(b, s, prepare(b, w, epoch))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchRecords), "ns/record")
}

// BenchmarkPlainProduce gives the same records to the client library alone.
func BenchmarkPlainProduce(b *testing.B) {
	cluster := fakeCluster(b, 4, "orders", kfake.BlackholeProduce())
	s := openSink(b, sinkConfig(b, cluster.ListenAddrs(), "orders", nil))
	client, err := s.producer()
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	batch := benchBatch()
	ctx := context.Background()
	promise := func(*kgo.Record, error) {}
	b.ReportAllocs()
	b.SetBytes(benchRecords * 100)
	for i := 0; b.Loop(); i++ {
		records := make([]kgo.Record, benchRecords)
		n := 0
		for c := batch.Records(); c.Next(); n++ {
			r := &records[n]
			r.Key, r.Value = c.Record().Key(), c.Record().Value()
			r.Timestamp = time.UnixMilli(c.Record().Timestamp())
			client.Produce(ctx, r, promise)
		}
		if i%200 == 199 {
			if err := client.Flush(ctx); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchRecords), "ns/record")
}

// BenchmarkPrepareCommit is one small epoch at a time against a real broker: how
// long a barrier waits for the sink, and how long the commit takes then.
func BenchmarkPrepareCommit(b *testing.B) {
	brokers := brokertest.Addresses(b)
	topic := brokertest.Topic(b, brokers, 1)
	s := openSink(b, sinkConfig(b, brokers, topic, nil))
	w := openWriter(b, s, 0)
	var prepares, commits []time.Duration
	epoch := uint64(0)
	for b.Loop() {
		write(b, w, "one")
		// A client under steady load has nothing to learn when the barrier comes.
		epoch++
		started := time.Now()
		committables := prepare(b, w, epoch)
		prepares = append(prepares, time.Since(started))
		started = time.Now()
		mustCommit(b, s, committables)
		commits = append(commits, time.Since(started))
	}
	for _, m := range []struct {
		name  string
		times []time.Duration
	}{{"prepare", prepares}, {"commit", commits}} {
		slices.Sort(m.times)
		b.ReportMetric(float64(m.times[len(m.times)/2].Microseconds()), m.name+"-p50-µs")
		b.ReportMetric(float64(m.times[len(m.times)*99/100].Microseconds()), m.name+"-p99-µs")
	}
}
