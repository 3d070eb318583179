package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
	"github.com/turgo-stream/turgo/guest-sdk/go/turgotest"
	"github.com/turgo-stream/turgo/host/checkpoint/localstore"
	"github.com/turgo-stream/turgo/host/state"
	"github.com/turgo-stream/turgo/host/wasm"
	"github.com/turgo-stream/turgo/toolchain"
)

// step is one thing that happens to the operator.
type step struct {
	input      string // empty: time moves on
	records    []turgotest.Record
	watermark  int64
	processing int64
}

// randomSteps is a life of some keys: every verb, in any order.
func randomSteps(seed uint64, count int) []step {
	random := rand.New(rand.NewPCG(seed, 7))
	verbs := []string{"put", "get", "add", "append", "append", "list", "set", "set", "delete", "entry", "after", "entries",
		"event", "processing", "forget", "clear", "fail", "panic", "log", "note", "sum",
		"forward", "twice", "between", "late", "large", "copy", "copy", "pairs", "drain", "grow"}
	var steps []step
	watermark, processing := int64(0), int64(1000)
	for range count {
		if random.IntN(4) == 0 {
			watermark += random.Int64N(30)
			processing += random.Int64N(30)
			steps = append(steps, step{watermark: watermark, processing: processing})
			continue
		}
		s := step{input: "commands"}
		for range 1 + random.IntN(30) {
			verb := verbs[random.IntN(len(verbs))]
			number := random.Int64N(40) - 5
			switch verb {
			case "event", "forget":
				number += watermark
			case "processing":
				number += processing
			case "panic", "clear", "fail", "late", "drain", "large": // not as often
				if random.IntN(4) > 0 {
					verb = "add"
				}
			}
			text := strings.Repeat(string(rune('a'+random.IntN(26))), random.IntN(3)*random.IntN(2000))
			value := fmt.Sprintf("%s %d %s", verb, number, text)
			if verb == "put" || verb == "append" {
				value = verb + " " + text
			}
			s.records = append(s.records, turgotest.KeyValue(fmt.Sprint("key", random.IntN(4)), value).At(watermark+random.Int64N(9)))
		}
		if random.IntN(8) == 0 {
			s.input, s.records = "plain", []turgotest.Record{turgotest.KeyValue("k", "v").As(turgo.Delete), turgotest.KeyValue("", "").At(3)}
		}
		if random.IntN(3) == 0 {
			s.input, s.records = "sums", randomSums(random)
		}
		steps = append(steps, s)
	}
	return append(steps, step{watermark: turgo.WatermarkMax, processing: processing})
}

// randomSums are numbers to aggregate. A group is what fails, so that where one
// does, each key has one record: then it is the same in a call of its own.
func randomSums(random *rand.Rand) (records []turgotest.Record) {
	if random.IntN(3) == 0 {
		for key := range 4 {
			value := []string{"fail", "panic", "remove", "7"}[random.IntN(4)]
			records = append(records, turgotest.KeyValue(fmt.Sprint("key", key), value))
		}
		return records
	}
	for range random.IntN(40) {
		records = append(records, turgotest.KeyValue(fmt.Sprint("key", random.IntN(4)), strconv.Itoa(random.IntN(1000)-500)))
	}
	return records
}

// life is what a run gave: the lines of each output, and what failed.
type life struct {
	outputs [2][]string
	failed  []string
	handled int64
	last    int64
}

func (l *life) add(output int, r turgotest.Record) {
	l.outputs[output] = append(l.outputs[output], r.String())
}

// settle sorts timers of the same time, which have no order, in the lines from
// a place on.
func (l *life) settle(from int) {
	at := func(line string) string { return line[strings.LastIndex(line, " "):] }
	lines := l.outputs[0][from:]
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && at(lines[n]) == at(lines[0]) {
			n++
		}
		slices.Sort(lines[:n])
		lines = lines[n:]
	}
}

// inTheKit plays the steps natively.
func inTheKit(t *testing.T, mode turgotest.Mode, options turgotest.Options, steps []step) (l life) {
	h := turgotest.New(t, func() turgo.Operator { return new(everything) }, mode, options)
	for _, s := range steps {
		from := len(l.outputs[0])
		if s.input != "" {
			h.Send(s.input, s.records...)
		} else {
			h.AdvanceTo(s.watermark, s.processing)
		}
		for i, name := range []string{"out", "log"} {
			for _, r := range h.Output(name) {
				l.add(i, r)
			}
		}
		if s.input == "" {
			l.settle(from)
		}
		for _, f := range h.Failures() {
			l.failed = append(l.failed, fmt.Sprint(f.Record, " ", f.Code))
		}
	}
	l.handled, l.last = h.Metric("handled"), h.Metric("last")
	return l
}

// builds make the same operator in each language: by a command, or as projects
// that package toolchain builds.
var builds = map[string][]string{
	"go": {"go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", "OUT", "."},
	"c": {"clang", "--target=wasm32", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-nostdlib", "-mbulk-memory", "-Wl,--no-entry",
		"-o", "OUT", "../../../c/tests/everything.c"},
	"rust":           {"toolchain", "../../../rust/tests/everything"},
	"assemblyscript": {"node", "../../../assemblyscript/tests/compile.mjs", "tests/operators/everything.ts", "OUT"},
}

// sources are looked at, so that Go knows what the results of its tests depend on.
var sources = []string{"../../../c/turgo.h", "../../../c/tests", "../../../rust/src", "../../../rust/tests/everything/src",
	"../../../assemblyscript/assembly", "../../../assemblyscript/tests/operators"}

func build(t *testing.T, language string) []byte {
	t.Helper()
	for _, folder := range sources {
		if err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				_, err = os.Stat(path)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "everything.wasm")
	words := slices.Clone(builds[language])
	if words[0] == "toolchain" {
		result, err := toolchain.Build(context.Background(), toolchain.Options{Folder: words[1], Out: out})
		if err != nil {
			t.Fatal(err)
		}
		return read(t, result.Module)
	}
	words[slices.Index(words, "OUT")] = out
	command := exec.Command(words[0], words[1:]...)
	command.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v (make tools installs what is missing)\n%s", command, err, text)
	}
	return read(t, out)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// hosted is the operator as a module, on real state.
type hosted struct {
	t          *testing.T
	operator   *wasm.Operator
	processing int64
	watermark  int64
	life       life
}

func closing(t *testing.T, close func() error) {
	t.Cleanup(func() {
		if err := close(); err != nil {
			t.Error(err)
		}
	})
}

func load(t *testing.T, language string) *wasm.Module {
	t.Helper()
	engine, err := wasm.NewEngine(wasm.Config{})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, engine.Close)
	module, err := engine.Load(context.Background(), "everything", build(t, language))
	if err != nil {
		t.Fatal(err)
	}
	return module
}

func newHosted(t *testing.T, module *wasm.Module, options turgotest.Options) *hosted {
	t.Helper()
	ctx := context.Background()
	h := &hosted{t: t, processing: options.ProcessingTime, watermark: abi.WatermarkMin}
	store, err := localstore.Open(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	closing(t, store.Close)
	backend, err := state.Open(state.Config{
		Dir: filepath.Join(t.TempDir(), "local"), First: 0, Last: 127, MaxParallelism: 128, Attempt: 1,
		Store: store, ObjectPrefix: "tables", Clock: func() int64 { return h.processing },
	})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, backend.Close)
	description := module.Description().Operators[0]
	keyed, err := backend.Operator("everything", description.States, description.Timers)
	if err != nil {
		t.Fatal(err)
	}
	h.operator, err = module.Open(ctx, wasm.OpenConfig{UID: "everything", Parallelism: 1, Config: options.Config, State: keyed})
	if err != nil {
		t.Fatal(err)
	}
	closing(t, h.operator.Close)
	return h
}

func (h *hosted) emit(output int, batch record.Batch) {
	for c := batch.Records(); c.Next(); {
		v := c.Record()
		h.life.add(output, turgotest.Record{Key: v.Key(), Value: v.Value(), Kind: turgo.Kind(v.Kind()), Timestamp: v.Timestamp(), Extensions: v.Extensions()})
	}
}

func batchOf(records []turgotest.Record) record.Batch {
	var builder record.Builder
	for _, r := range records {
		builder.Append(record.Record{Key: r.Key, Value: r.Value, Kind: record.Kind(r.Kind), Timestamp: r.Timestamp})
	}
	return builder.Finish()
}

// send gives a batch, again without each record that is to blame.
func (h *hosted) send(input int, records []turgotest.Record) {
	h.t.Helper()
	for len(records) > 0 {
		err := h.operator.Process(input, batchOf(records), h.watermark, h.processing, h.emit)
		if err == nil {
			for _, f := range h.operator.Failures() {
				h.life.failed = append(h.life.failed, fmt.Sprint(records[f.Index], " ", f.Error.Code))
			}
			return
		}
		var guest *wasm.GuestError
		if !errors.As(err, &guest) || guest.RecordIndex < 0 {
			h.t.Fatal(err)
		}
		h.life.failed = append(h.life.failed, fmt.Sprint(records[guest.RecordIndex], " ", guest.Code))
		records = slices.Delete(slices.Clone(records), guest.RecordIndex, guest.RecordIndex+1)
	}
}

func (h *hosted) advance(watermark, processing int64) {
	h.t.Helper()
	h.watermark, h.processing = watermark, processing
	from := len(h.life.outputs[0])
	defer func() { h.life.settle(from) }()
	for more := true; more; {
		var err error
		if _, more, err = h.operator.Fire(1000, h.watermark, h.processing, h.emit); err != nil {
			h.t.Fatal(err)
		}
	}
}

// The same operator must do the same as a module on real state as it does in
// the test kit, in any mode of it and in each language.
func TestAModuleDoesWhatTheTestKitSays(t *testing.T) {
	for language := range builds {
		t.Run(language, func(t *testing.T) {
			module := load(t, language)
			for seed := range uint64(5) {
				liveInEveryMode(t, module, seed)
			}
		})
	}
}

func liveInEveryMode(t *testing.T, module *wasm.Module, seed uint64) {
	t.Helper()
	options := turgotest.Options{Config: map[string]any{"prefix": "\u00e9\"> "}, ProcessingTime: 1000}
	steps := randomSteps(seed, 60)
	h := newHosted(t, module, options)
	for _, s := range steps {
		if s.input == "" {
			h.advance(s.watermark, s.processing)
		} else {
			h.send(slices.Index([]string{"commands", "plain", "sums"}, s.input), s.records)
		}
	}
	for i, m := range h.operator.Description().Metrics {
		*map[string]*int64{"handled": &h.life.handled, "last": &h.life.last}[m.Name] = h.operator.Metric(i)
	}
	if len(h.life.outputs[0]) < 50 || len(h.life.failed) < 2 {
		t.Errorf("seed %d: a life of %d lines and %d failures shows little", seed, len(h.life.outputs[0]), len(h.life.failed))
	}
	for _, mode := range []turgotest.Mode{turgotest.Whole, turgotest.Restored, turgotest.SingleRecords} {
		compare(t, fmt.Sprintf("seed %d, %s", seed, mode), h.life, inTheKit(t, mode, options, steps))
	}
}

func compare(t *testing.T, what string, module, kit life) {
	t.Helper()
	for i := range module.outputs {
		compareLines(t, fmt.Sprintf("%s, output %d", what, i), module.outputs[i], kit.outputs[i])
	}
	slices.Sort(module.failed)
	slices.Sort(kit.failed)
	compareLines(t, what+", failures", module.failed, kit.failed)
	if module.handled != kit.handled || module.last != kit.last {
		t.Errorf("%s: metrics %d and %d, the test kit has %d and %d", what, module.handled, module.last, kit.handled, kit.last)
	}
}

func compareLines(t *testing.T, what string, module, kit []string) {
	t.Helper()
	for i := range max(len(module), len(kit)) {
		switch {
		case i >= len(module):
			t.Errorf("%s, line %d: the module lacks %s", what, i, kit[i])
		case i >= len(kit):
			t.Errorf("%s, line %d: the test kit lacks %s", what, i, module[i])
		case module[i] != kit[i]:
			t.Errorf("%s, line %d: the module says\n%s\nthe test kit\n%s", what, i, module[i], kit[i])
		default:
			continue
		}
		return
	}
}
