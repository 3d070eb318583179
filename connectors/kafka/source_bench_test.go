package kafka

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/turgo-stream/turgo/abi/record"
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

// BenchmarkReader reads from a cluster within this process: fetch, decode,
// deliver.
func BenchmarkReader(b *testing.B) {
	cluster := newCluster(b)
	if err := cluster.CreateTopic("in", 4, nil); err != nil {
		b.Fatal(err)
	}
	producer := newProducer(b, cluster.ListenAddrs())
	const each, partitions = 50_000, 4
	value := make([]byte, 100)
	for partition := range int32(partitions) {
		var records []*kgo.Record
		for range each {
			records = append(records, &kgo.Record{Topic: "in", Partition: partition, Key: []byte("key"), Value: value})
		}
		produce(b, producer, records...)
	}
	s := openSource(b, sourceConfig(b, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}, "bounded": true}))
	splits := discover(b, s)
	b.ReportAllocs()
	total := 0
	for b.Loop() {
		r, err := s.OpenReader(b.Context(), 0)
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Assign(b.Context(), atStart(splits)); err != nil {
			b.Fatal(err)
		}
		for ended := 0; ended < partitions; {
			d, err := r.Next(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			if len(d.Batch) > 0 {
				total += d.Batch.Count()
			}
			if d.End {
				ended++
			}
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
	if total%(each*partitions) != 0 {
		b.Fatal(fmt.Sprintf("%d records", total))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(total), "ns/record")
}
