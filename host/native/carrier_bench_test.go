package native_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

// BenchmarkCarriers reads the Go source tree, thousands of small files, through
// each carrier.
func BenchmarkCarriers(b *testing.B) {
	for _, placement := range placements {
		b.Run(string(placement), func(b *testing.B) {
			ctx := context.Background()
			source, err := newLauncher(b).Source(ctx, "file", placement)
			if err != nil {
				b.Fatal(err)
			}
			defer source.Close()
			config := connectors.Config{UID: "in", Settings: settings(b, map[string]any{"paths": []string{filepath.Join(goRoot(b), "src/**/*.go")}})}
			if err := source.Open(ctx, config); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			records, bytes := 0, 0
			for b.Loop() {
				r, n := readWhole(b, source)
				records += r
				bytes += n
			}
			b.SetBytes(int64(bytes / b.N))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
		})
	}
}

// readWhole reads all splits; it gives the number of records and of bytes in
// their values.
func readWhole(b *testing.B, source connectors.Source) (records, bytes int) {
	b.Helper()
	ctx := context.Background()
	splits, _, err := source.Discover(ctx)
	if err != nil {
		b.Fatal(err)
	}
	reader, err := source.OpenReader(ctx, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer reader.Close()
	assignments := make([]connectors.Assignment, len(splits))
	for i, split := range splits {
		assignments[i].Split = split
	}
	if err := reader.Assign(ctx, assignments); err != nil {
		b.Fatal(err)
	}
	for ended := 0; ended < len(splits); {
		delivery, err := reader.Next(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if delivery.End {
			ended++
		}
		if delivery.Batch != nil {
			records += delivery.Batch.Count()
			bytes += len(delivery.Batch) - record.HeaderLength - delivery.Batch.Count()*record.FixedLength
		}
	}
	return records, bytes
}

func goRoot(b *testing.B) string {
	b.Helper()
	output, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(string(output))
}
