package file

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/connectors"
)

func benchmarkReader(b *testing.B, settings map[string]any) {
	b.Helper()
	ctx := context.Background()
	text, err := json.Marshal(settings)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	records, bytes := 0, 0
	for b.Loop() {
		source := Connector().Source()
		if err := source.Open(ctx, connectors.Config{Settings: text}); err != nil {
			b.Fatal(err)
		}
		splits, _, err := source.Discover(ctx)
		if err != nil {
			b.Fatal(err)
		}
		reader, err := source.OpenReader(ctx, 0)
		if err != nil {
			b.Fatal(err)
		}
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
			if delivery.Batch != nil {
				records += delivery.Batch.Count()
				bytes += len(delivery.Batch) - 28*delivery.Batch.Count()
			}
			if delivery.End {
				ended++
			}
		}
	}
	b.SetBytes(int64(bytes / b.N))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
}

// BenchmarkReaderSmallFiles reads the Go source tree: thousands of small files.
func BenchmarkReaderSmallFiles(b *testing.B) {
	benchmarkReader(b, map[string]any{"paths": []string{filepath.Join(goRoot(b), "src/**/*.go")}})
}

func BenchmarkReaderOneFile(b *testing.B) {
	path := filepath.Join(b.TempDir(), "lines")
	if err := os.WriteFile(path, []byte(strings.Repeat("a line of text, as long as lines of source are\n", 1<<20)), 0o600); err != nil {
		b.Fatal(err)
	}
	benchmarkReader(b, map[string]any{"paths": []string{path}})
}

func BenchmarkReaderJSONLines(b *testing.B) {
	path := filepath.Join(b.TempDir(), "lines")
	var text strings.Builder
	for i := range 1 << 18 {
		fmt.Fprintf(&text, "{\"user\":\"user-%d\",\"time\":%d,\"text\":\"something that was said\",\"list\":[1,2,{\"a\":null}]}\n", i, i)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	benchmarkReader(b, map[string]any{"paths": []string{path}, "format": "json_lines", "key_field": "user", "timestamp_field": "time"})
}

func goRoot(b *testing.B) string {
	b.Helper()
	output, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(string(output))
}
