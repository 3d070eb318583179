package exchange_test

import (
	"fmt"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/exchange"
)

// arrived is where the records of a receiver came from, by their values.
func arrived(p *pipe, receiver int, into map[string]string) {
	for {
		e, ok := p.inboxes[receiver].Next()
		if !ok {
			return
		}
		index := 0
		for r := e.Buffer.Batch.Records(); r.Next(); index++ {
			text := "unknown"
			if place := exchange.PlaceOf(e.Buffer.Places, index); place != nil {
				text = fmt.Sprintf("%s %s %d", place.Split, place.Position, r.Record().Origin())
			}
			into[string(r.Record().Value())] = text
		}
		e.Buffer.Release()
	}
}

// TestPlacesTravelWithTheirRecords sends batches of several places, small and
// large ones, over each kind of edge, twice, so that buffers are used again.
func TestPlacesTravelWithTheirRecords(t *testing.T) {
	for _, partitioning := range []exchange.Partitioning{exchange.Forward, exchange.Key, exchange.Rebalance} {
		receivers := 3
		if partitioning == exchange.Forward {
			receivers = 1
		}
		for _, length := range []int{10, 3000} {
			p := newPipe(partitioning, receivers)
			want, got := map[string]string{}, map[string]string{}
			for n := range 6 {
				place := &exchange.Place{Split: fmt.Sprint("split", n/2), Position: fmt.Append(nil, n)}
				if n == 3 {
					place = nil
				}
				batch, traces := placed(place, n, length, want)
				if err := p.outbox.Add(batch, traces[n%3]); err != nil {
					t.Fatal(err)
				}
				if n%2 == 1 {
					p.outbox.Flush()
				}
				for receiver := range receivers {
					arrived(p, receiver, got)
				}
			}
			for value, place := range want {
				if got[value] != place {
					t.Fatalf("partitioning %d, values of %d bytes: %.20s came from %q, want %q", partitioning, length, value, got[value], place)
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d records arrived, want %d", len(got), len(want))
			}
		}
	}
}

// placed is a batch of a place, with its trace in each of its forms.
func placed(place *exchange.Place, n, length int, want map[string]string) (record.Batch, []exchange.Trace) {
	var b record.Builder
	each := exchange.Trace{Indexes: []uint32{}}
	for i := range 20 {
		value := fmt.Sprintf("%d-%d-%0*d", n, i, length, 0)
		b.Append(record.Record{Key: fmt.Append(nil, i), Value: []byte(value), Origin: uint32(i)})
		each.Places, each.Indexes = append(each.Places, place), append(each.Indexes, uint32(i))
		want[value] = "unknown"
		if place != nil {
			want[value] = fmt.Sprintf("%s %s %d", place.Split, place.Position, i)
		}
	}
	return b.Finish(), []exchange.Trace{{Place: place}, {Place: place, ByIndex: true}, each}
}
