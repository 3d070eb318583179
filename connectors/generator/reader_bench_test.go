package generator

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/turgo-stream/turgo/connectors"
)

// BenchmarkReader makes batches as a job would get them; ns/record counts.
func BenchmarkReader(b *testing.B) {
	for _, kind := range []string{`{"kind":"nexmark"}`, `{"kind":"counter"}`, `{"kind":"random"}`} {
		b.Run(kind, func(b *testing.B) {
			ctx := context.Background()
			source := Connector().Source()
			if err := source.Open(ctx, connectors.Config{Settings: json.RawMessage(kind)}); err != nil {
				b.Fatal(err)
			}
			reader, err := source.OpenReader(ctx, 0)
			if err != nil {
				b.Fatal(err)
			}
			if err := reader.Assign(ctx, []connectors.Assignment{{Split: connectors.Split{ID: "0-of-4"}}}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			records := 0
			for records < b.N {
				delivery, err := reader.Next(ctx)
				if err != nil {
					b.Fatal(err)
				}
				records += delivery.Batch.Count()
			}
		})
	}
}
