package exchange_test

import (
	"fmt"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/exchange"
)

// BenchmarkKeyEdge is a record's way over a key edge of two receivers: without
// its place, with the place of all, and with that of each record.
func BenchmarkKeyEdge(b *testing.B) {
	const records = 500
	var builder record.Builder
	place := &exchange.Place{Source: "in", Split: "a"}
	each := exchange.Trace{}
	for i := range uint32(records) {
		builder.Append(record.Record{Key: fmt.Append(nil, "key", i), Value: make([]byte, 60), Origin: i})
		each.Places, each.Indexes = append(each.Places, place), append(each.Indexes, i)
	}
	batch := builder.Finish()
	for name, trace := range map[string]exchange.Trace{"no place": {}, "one place": {Place: place}, "by index": {Place: place, ByIndex: true}, "place of each": each} {
		b.Run(name, func(b *testing.B) {
			p := newPipe(exchange.Key, 2)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.outbox.Add(batch, trace); err != nil {
					b.Fatal(err)
				}
				for receiver := range p.inboxes {
					for e, ok := p.inboxes[receiver].Next(); ok; e, ok = p.inboxes[receiver].Next() {
						e.Buffer.Release()
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
		})
	}
}
