package record_test

import (
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
)

const benchmarkRecords = 1000

// benchmarkBatch holds records of 100 bytes: a key of 16, a value of 56.
func benchmarkBatch() record.Batch {
	var builder record.Builder
	for i := range benchmarkRecords {
		builder.Append(record.Record{Key: []byte("key-567890123456"), Value: make([]byte, 56), Origin: uint32(i)})
	}
	return builder.Finish()
}

func perRecord(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchmarkRecords), "ns/record")
	b.ReportAllocs()
}

func BenchmarkParse(b *testing.B) {
	batch := benchmarkBatch()
	for b.Loop() {
		if _, err := record.Parse(batch); err != nil {
			b.Fatal(err)
		}
	}
	perRecord(b)
}

func BenchmarkReadKeyAndValue(b *testing.B) {
	batch := benchmarkBatch()
	sum := 0
	for b.Loop() {
		for c := batch.Records(); c.Next(); {
			sum += len(c.Record().Key()) + len(c.Record().Value())
		}
	}
	perRecord(b)
}

func BenchmarkAppend(b *testing.B) {
	var builder record.Builder
	r := record.Record{Key: []byte("key-567890123456"), Value: make([]byte, 56)}
	buffer := make([]byte, 0, 128<<10)
	for b.Loop() {
		builder.Reset(buffer)
		for range benchmarkRecords {
			builder.Append(r)
		}
		buffer = builder.Finish()
	}
	perRecord(b)
}

func BenchmarkAppendView(b *testing.B) {
	batch := benchmarkBatch()
	var builder record.Builder
	buffer := make([]byte, 0, 128<<10)
	for b.Loop() {
		builder.Reset(buffer)
		for c := batch.Records(); c.Next(); {
			builder.AppendView(c.Record(), 0)
		}
		buffer = builder.Finish()
	}
	perRecord(b)
}
