package zig_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/wasm"
	"github.com/turgo-stream/turgo/toolchain"
)

// build builds a module. Zig is that of make tools, where there is no other; what
// it keeps stands beside it.
func build(t *testing.T, folder string, language toolchain.Language) []byte {
	t.Helper()
	built, err := filepath.Abs(filepath.Join("..", "..", "build"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Join(built, "python", "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	t.Setenv("ZIG_LOCAL_CACHE_DIR", filepath.Join(built, "zig", "local"))
	t.Setenv("ZIG_GLOBAL_CACHE_DIR", filepath.Join(built, "zig", "global"))
	out := filepath.Join(t.TempDir(), "module.wasm")
	if _, err := toolchain.Build(t.Context(), toolchain.Options{Folder: folder, Language: language, Out: out}); err != nil {
		t.Fatalf("%v (make tools installs what is missing)", err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func load(t *testing.T, folder string, language toolchain.Language) *wasm.Module {
	t.Helper()
	engine, err := wasm.NewEngine(wasm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	module, err := engine.Load(context.Background(), string(language), build(t, folder, language))
	if err != nil {
		t.Fatal(err)
	}
	return module
}

func open(t *testing.T, module *wasm.Module, operator string, config map[string]any) *wasm.Operator {
	t.Helper()
	o, err := module.Open(context.Background(), wasm.OpenConfig{Operator: operator, UID: operator, Parallelism: 1, Config: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// told is all that an operator does with a batch, in words.
func told(t *testing.T, o *wasm.Operator, batch record.Batch) string {
	t.Helper()
	var b strings.Builder
	err := o.Process(0, batch, abi.WatermarkMin, 1, func(output int, batch record.Batch) {
		for c := batch.Records(); c.Next(); {
			v := c.Record()
			fmt.Fprintf(&b, "%d: from %d kind %d at %d key %q %v value %q %v %x\n", output, v.Origin(), v.Kind(), v.Timestamp(),
				v.Key(), v.Key() == nil, v.Value(), v.Value() == nil, v.Extensions())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range o.Failures() {
		fmt.Fprintf(&b, "record %d failed: %d %s\n", f.Index, f.Error.Code, f.Error.Reason)
	}
	for i := range o.Description().Metrics {
		fmt.Fprintf(&b, "metric %d: %d\n", i, o.Metric(i))
	}
	return b.String()
}

// same has both modules handle a batch, and compares.
func same(t *testing.T, what string, zig, golang *wasm.Operator, records []record.Record) {
	t.Helper()
	var b record.Builder
	for _, r := range records {
		b.Append(r)
	}
	batch := b.Finish()
	got, want := strings.Split(told(t, zig, batch), "\n"), strings.Split(told(t, golang, batch), "\n")
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("%s: line %d of %d:\n%.200q\nthe Go module has %d:\n%.200q", what, i, len(got), got[min(i, len(got)-1)], len(want), want[min(i, len(want)-1)])
		}
	}
}

// The module in Zig does what that in Go does.
func TestItDoesWhatTheGoModuleDoes(t *testing.T) {
	inZig, inGo := load(t, ".", toolchain.Zig), load(t, filepath.Join("..", "languages", "go"), toolchain.Go)
	t.Run("parse", func(t *testing.T) {
		input, err := os.ReadFile(filepath.Join("..", "languages", "payments.txt"))
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(bytes.TrimSuffix(input, []byte("\n")), []byte("\n"))
		for _, config := range []map[string]any{{}, {"cents_min": -1000}} {
			zig, golang := open(t, inZig, "parse", config), open(t, inGo, "parse", config)
			sameLines(t, zig, golang, lines)
			same(t, "short lines", zig, golang, shortLines())
			same(t, "no lines", zig, golang, nil)
		}
	})
	t.Run("pass", func(t *testing.T) {
		zig, golang := open(t, inZig, "pass", nil), open(t, inGo, "pass", nil)
		extension := append(binary.LittleEndian.AppendUint32([]byte{7, 0, 0, 0}, 3), "abc"...)
		var records []record.Record
		for i := range 3000 {
			r := record.Record{Key: bytes.Repeat([]byte{'k'}, i%50), Value: bytes.Repeat([]byte{'v'}, i%90), Kind: record.Kind(i % 4), Timestamp: int64(i) - 9, Origin: 99}
			if i%7 == 0 {
				r.Key = nil
			}
			if i%5 == 0 {
				r.Value, r.Extensions = nil, extension
			}
			records = append(records, r)
		}
		same(t, "few", zig, golang, records[:3])
		same(t, "many", zig, golang, records)
	})
}

// sameLines sends the lines, and lines like them.
func sameLines(t *testing.T, zig, golang *wasm.Operator, lines [][]byte) {
	t.Helper()
	random := rand.New(rand.NewPCG(6, 15))
	for first := 0; first < len(lines); {
		var records []record.Record
		for _, line := range lines[first:min(first+1+random.IntN(1500), len(lines))] {
			first++
			r := record.Record{Value: line, Timestamp: record.NoTimestamp, Key: []byte("a key")[:random.IntN(6)]}
			switch random.IntN(12) {
			case 0: // one byte is another
				r.Value = bytes.Clone(line)
				if len(line) > 0 {
					r.Value[random.IntN(min(len(line), 40))] = "0,-x/:\x00\xff"[random.IntN(8)]
				}
			case 1:
				r.Value = line[:random.IntN(len(line)+1)]
			case 2:
				r.Value = nil
			}
			records = append(records, r)
		}
		same(t, fmt.Sprintf("lines up to %d", first), zig, golang, records)
	}
}

// shortLines give more than they take: no buffer may be too small for them.
func shortLines() (records []record.Record) {
	for range 20_000 {
		records = append(records, record.Record{Value: []byte("1,a,9,"), Timestamp: record.NoTimestamp})
	}
	return records
}

func TestAnotherConfigIsRefused(t *testing.T) {
	module := load(t, ".", toolchain.Zig)
	for _, config := range []map[string]any{{"cents_min": "many"}, {"cents_min": 1.5}, {"cents_max": 1}, {"cents_min": 1, "more": nil}} {
		_, err := module.Open(context.Background(), wasm.OpenConfig{Operator: "parse", UID: "parse", Parallelism: 1, Config: config})
		if err == nil || !strings.Contains(err.Error(), "cents_min, a whole number, is all there may be") {
			t.Errorf("%v: got %v", config, err)
		}
	}
}
