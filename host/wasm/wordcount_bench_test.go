package wasm

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

// BenchmarkWordCount is what a word costs in each operator of the word count,
// of real text, on a state that does nothing: in CPU time of the process, the
// least of many turns, as the machine may be busy.
func BenchmarkWordCount(b *testing.B) {
	guest := buildGo(b, "../../examples/wordcount/operator")
	lines := linesOfText(b)
	for _, unmetered := range []bool{false, true} {
		engine := newEngine(b, Config{})
		engine.unmetered = unmetered
		module := load(b, engine, "wordcount", guest)
		name := map[bool]string{false: "metered", true: "unmetered"}[unmetered]
		split := open(b, module, OpenConfig{Operator: "split"})
		var words []record.Batch
		for _, batch := range lines {
			if err := split.Process(0, batch, 0, 1, func(_ int, out record.Batch) { words = append(words, piecesOf(out)...) }); err != nil {
				b.Fatal(err)
			}
		}
		count := 0
		for _, batch := range words {
			count += batch.Count()
		}
		b.Run("split/"+name, func(b *testing.B) { benchWords(b, split, lines, count) })
		counter := open(b, module, OpenConfig{Operator: "count", State: something{value: make([]byte, 8)}})
		b.Run("count/"+name, func(b *testing.B) { benchWords(b, counter, words, count) })
	}
}

func benchWords(b *testing.B, operator *Operator, batches []record.Batch, words int) {
	b.ReportAllocs()
	least := int64(0)
	for b.Loop() {
		start := cpuNanoseconds(b)
		for _, batch := range batches {
			if err := operator.Process(0, batch, abi.WatermarkMin, 1, func(int, record.Batch) {}); err != nil {
				b.Fatal(err)
			}
		}
		if took := cpuNanoseconds(b) - start; least == 0 || took < least {
			least = took
		}
	}
	b.ReportMetric(float64(least)/float64(words), "cpu-ns/word")
}

// something is a state where every key has the same value.
type something struct {
	nothing
	value []byte
}

func (s something) ValueGet(int) ([]byte, uint16, bool, error) { return s.value, 0, true, nil }

const benchBatchBytes = 64 << 10

// linesOfText is source code of Go's own library, in batches of lines.
func linesOfText(b *testing.B) (batches []record.Batch) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(root)), "src", "net", "http", "*.go"))
	if err != nil || len(files) == 0 {
		b.Fatal(len(files), err)
	}
	var builder record.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			builder.Append(record.Record{Value: bytes.TrimSuffix(line, []byte("\n")), Timestamp: record.NoTimestamp})
			if builder.Length() >= benchBatchBytes {
				batches = append(batches, bytes.Clone(builder.Finish()))
				builder = record.Builder{}
			}
		}
	}
	return append(batches, bytes.Clone(builder.Finish()))
}

// piecesOf cuts a batch into batches of the usual size.
func piecesOf(batch record.Batch) (pieces []record.Batch) {
	var builder record.Builder
	for c := batch.Records(); c.Next(); {
		builder.AppendView(c.Record(), uint32(builder.Count()))
		if builder.Length() >= benchBatchBytes {
			pieces = append(pieces, bytes.Clone(builder.Finish()))
			builder = record.Builder{}
		}
	}
	return append(pieces, bytes.Clone(builder.Finish()))
}

func cpuNanoseconds(b *testing.B) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Nanoseconds()
}
