package kafka

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/connectors/kafka/localbroker/brokertest"
)

// benchmarkLog is a log of record batches of 100-byte records.
func benchmarkLog(b *testing.B, codec int, batches, each int) []byte {
	b.Helper()
	compressor, err := kgo.DefaultCompressor(map[int]kgo.CompressionCodec{codecNone: kgo.NoCompression(), codecLZ4: kgo.Lz4Compression(), codecZstd: kgo.ZstdCompression()}[codec])
	if err != nil {
		b.Fatal(err)
	}
	var log []byte
	for n := range batches {
		records := wireRecords(n*each, each, 100)
		if codec != codecNone {
			var buffer bytes.Buffer
			records, _ = compressor.Compress(&buffer, records)
		}
		log = append(log, wireBatch(int64(n*each), int16(codec), -1, records, each)...)
	}
	return log
}

// BenchmarkDecode turns what a broker sends into batches of records.
func BenchmarkDecode(b *testing.B) {
	const batches, each = 16, 1000
	for name, codec := range map[string]int{"none": codecNone, "lz4": codecLZ4, "zstd": codecZstd} {
		b.Run(name, func(b *testing.B) {
			log := benchmarkLog(b, codec, batches, each)
			p := newTestPartition(0)
			d := newDecoder()
			buffer := make([]byte, 0, batchBytesDefault+4096)
			b.ReportAllocs()
			b.SetBytes(int64(100 * batches * each))
			records := 0
			for b.Loop() {
				p.next = 0
				c := &chunk{partition: p, data: log, moveTo: -1}
				for len(c.data) > 0 || d.busy() {
					d.begin(buffer)
					if err := d.decode(c, batchBytesDefault, 1<<30); err != nil {
						b.Fatal(err)
					}
					batch := d.builder.Finish()
					records += batch.Count()
					buffer = batch
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
		})
	}
}

// BenchmarkDecodeByTheClient is what the client library takes for the same, with
// the copy into a batch: the measure for our own.
func BenchmarkDecodeByTheClient(b *testing.B) {
	const batches, each = 16, 1000
	log := benchmarkLog(b, codecNone, batches, each)
	var builder record.Builder
	buffer := make([]byte, 0, batches*each*160)
	b.ReportAllocs()
	b.SetBytes(int64(100 * batches * each))
	records := 0
	for b.Loop() {
		fetched := kmsg.NewFetchResponseTopicPartition()
		fetched.RecordBatches = log
		result, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Topic: "in"}, &fetched, kgo.DefaultDecompressor(), nil)
		builder.Reset(buffer)
		for _, r := range result.Records {
			builder.Append(record.Record{Key: r.Key, Value: r.Value, Timestamp: r.Timestamp.UnixMilli()})
		}
		records += builder.Count()
		buffer = builder.Finish()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
}

// fillTopic writes 100-byte records to each partition and gives their number.
func fillTopic(b *testing.B, brokers []string, topic string, partitions int32, each int) int {
	b.Helper()
	producer := newProducer(b, brokers, kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(256<<10))
	value := make([]byte, 100)
	for partition := range partitions {
		for range each {
			producer.Produce(b.Context(), &kgo.Record{Topic: topic, Partition: partition, Key: []byte("key"), Value: value}, func(_ *kgo.Record, err error) {
				if err != nil {
					b.Error(err)
				}
			})
		}
	}
	if err := producer.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	return int(partitions) * each
}

// readToTheEnd reads a topic once, through the source's reader.
func readToTheEnd(b *testing.B, s *source, splits []connectors.Split) (records int) {
	b.Helper()
	r, err := s.OpenReader(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	if err := r.Assign(b.Context(), atStart(splits)); err != nil {
		b.Fatal(err)
	}
	for ended := 0; ended < len(splits); {
		d, err := r.Next(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if len(d.Batch) > 0 {
			records += d.Batch.Count()
		}
		if d.End {
			ended++
		}
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
	return records
}

func benchmarkReader(b *testing.B, brokers []string, topic string, records int) {
	s := openSource(b, sourceConfig(b, brokers, map[string]any{"topics": []string{topic}, "bounded": true}))
	splits := discover(b, s)
	b.ReportAllocs()
	total := 0
	for b.Loop() {
		if got := readToTheEnd(b, s, splits); got != records {
			b.Fatalf("%d records, want %d", got, records)
		}
		total += records
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(total), "ns/record")
}

// BenchmarkReader reads from a cluster within this process: fetch, decode,
// deliver.
func BenchmarkReader(b *testing.B) {
	cluster := newCluster(b, kfake.SeedTopics(4, "in"))
	benchmarkReader(b, cluster.ListenAddrs(), "in", fillTopic(b, cluster.ListenAddrs(), "in", 4, 50_000))
}

// BenchmarkReaderBroker reads from a real broker; by the client library is the
// measure for it: it polls, and copies each record into a batch.
func BenchmarkReaderBroker(b *testing.B) {
	brokers := brokertest.Addresses(b)
	topic := brokertest.Topic(b, brokers, 4)
	records := fillTopic(b, brokers, topic, 4, 100_000)
	b.Run("ours", func(b *testing.B) { benchmarkReader(b, brokers, topic, records) })
	b.Run("client library", func(b *testing.B) {
		b.ReportAllocs()
		total := 0
		for b.Loop() {
			total += pollToTheEnd(b, brokers, topic, records)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(total), "ns/record")
	})
}

func pollToTheEnd(b *testing.B, brokers []string, topic string, records int) int {
	b.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	var builder record.Builder
	buffer := make([]byte, 0, 1<<20)
	got := 0
	for got < records {
		fetches := client.PollFetches(b.Context())
		if err := fetches.Err(); err != nil {
			b.Fatal(err)
		}
		builder.Reset(buffer)
		fetches.EachRecord(func(r *kgo.Record) {
			if builder.Length() >= batchBytesDefault {
				buffer = builder.Finish()
				builder.Reset(buffer)
			}
			builder.Append(record.Record{Key: r.Key, Value: r.Value, Timestamp: r.Timestamp.UnixMilli()})
			got++
		})
		buffer = builder.Finish()
	}
	return got
}
