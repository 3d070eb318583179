package main

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/wasm"
	"github.com/turgo-stream/turgo/toolchain"
)

// measuredLanguages are those of examples/languages, and what they may take for a
// record that passes through.
var measuredLanguages = []struct {
	language toolchain.Language
	name     string
	passGoal string
}{
	{toolchain.Go, "Go", ""},
	{toolchain.Rust, "Rust", "<= 40"},
	{toolchain.C, "C", "<= 40"},
	{toolchain.AssemblyScript, "AssemblyScript", "<= 60"},
}

const (
	languageRounds   = 41 // in turn for each language
	languageCompiles = 3
	passBatches      = 200 // in a round
	countMinutes     = 5   // in a round
	countBatches     = 4   // in a minute: each key comes so often
	countMinuteMS    = 60_000
)

var writeTable = flag.String("write", "", "file whose table of languages is written anew")

// languageFigures is what was measured of one language.
type languageFigures struct {
	name           string
	bytes          int64
	build, compile time.Duration
	pass, count    *languageWork
}

// languageWork is one operator of a language's module under measurement.
type languageWork struct {
	operator *wasm.Operator
	round    func() error // by timed
	rounds   []float64    // nanoseconds of a record
	fuel     int64
	records  int
	closing  []func() error
}

// measureLanguages compares the same operators in each language, in one run.
func measureLanguages() (err error) {
	var measured []*languageFigures
	defer func() {
		for _, f := range measured {
			err = errors.Join(err, f.close())
		}
	}()
	var missing error
	for _, m := range measuredLanguages {
		f, err := openLanguage(m.language)
		if f != nil {
			f.name = m.name
			measured = append(measured, f)
		}
		missing = errors.Join(missing, err)
	}
	if missing != nil {
		return missing
	}
	for round := range languageRounds + 1 {
		for _, f := range measured {
			if err := errors.Join(f.pass.measure(round), f.count.measure(round)); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
		}
	}
	for i, f := range measured {
		f.tell(string(measuredLanguages[i].language), measuredLanguages[i].passGoal)
	}
	if *writeTable == "" {
		return nil
	}
	return writeLanguageTable(*writeTable, measured)
}

func (f *languageFigures) tell(language, passGoal string) {
	figure("language_"+language+"_module_bytes", float64(f.bytes), "bytes", "")
	figure("language_"+language+"_build_seconds", f.build.Seconds(), "s", "")
	figure("language_"+language+"_compile_ms", float64(f.compile.Microseconds())/1000, "ms", "")
	figure("language_"+language+"_pass_ns_per_record", median(f.pass.rounds), "ns", passGoal)
	figure("language_"+language+"_pass_fuel_per_record", f.pass.fuelPerRecord(), "instructions", "")
	figure("language_"+language+"_count_ns_per_record", median(f.count.rounds), "ns", "")
	figure("language_"+language+"_count_fuel_per_record", f.count.fuelPerRecord(), "instructions", "")
}

func (f *languageFigures) close() error {
	var err error
	for _, w := range []*languageWork{f.pass, f.count} {
		if w == nil {
			continue
		}
		for i := len(w.closing) - 1; i >= 0; i-- {
			err = errors.Join(err, w.closing[i]())
		}
	}
	return err
}

// openLanguage builds a language's module, has the host compile it, and opens the
// operators that are measured. What it returns is to be closed, beside an error too.
func openLanguage(language toolchain.Language) (*languageFigures, error) {
	f := &languageFigures{}
	data, err := f.buildModule(language)
	if err != nil {
		return nil, err
	}
	var times []float64
	for range languageCompiles {
		took, err := compileModule(data)
		if err != nil {
			return nil, err
		}
		times = append(times, float64(took))
	}
	f.compile = time.Duration(median(times))
	if f.pass, err = openPass(data); err != nil {
		return f, err
	}
	f.count, err = openCount(data)
	return f, err
}

// buildModule builds a module as turgo build does: once, which fills the
// compiler's caches, and once more to take the time, as after a change of its sources.
func (f *languageFigures) buildModule(language toolchain.Language) (data []byte, err error) {
	dir, err := os.MkdirTemp("", "turgo-bench-language-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	options := toolchain.Options{
		Folder: filepath.Join("examples", "languages", string(language)), Language: language, Out: filepath.Join(dir, "module.wasm"),
	}
	first, err := toolchain.Build(context.Background(), options)
	if err != nil {
		return nil, err
	}
	if data, err = os.ReadFile(first.Module); err != nil {
		return nil, err
	}
	flags := os.Getenv("GOFLAGS")
	defer func() { err = errors.Join(err, os.Setenv("GOFLAGS", flags)) }()
	if err := changeSources(options, dir); err != nil {
		return nil, err
	}
	again, err := toolchain.Build(context.Background(), options)
	if err != nil {
		return nil, err
	}
	f.bytes, f.build = first.Bytes, again.Duration
	return data, nil
}

// changeSources makes a project look changed to its compiler: by the times of its
// files, or for Go, which looks at what is in them, by one file more that is not there.
func changeSources(options toolchain.Options, dir string) error {
	now := time.Now()
	if options.Language == toolchain.Go {
		folder, err := filepath.Abs(options.Folder)
		if err != nil {
			return err
		}
		change, overlay := filepath.Join(dir, "change.go"), filepath.Join(dir, "overlay.json")
		files := fmt.Sprintf(`{"Replace":{%q:%q}}`, filepath.Join(folder, "change.go"), change)
		return errors.Join(
			os.WriteFile(change, fmt.Appendf(nil, "package main\n\nfunc init() { _ = changed }\n\nvar changed = %d\n", now.UnixNano()), 0o600),
			os.WriteFile(overlay, []byte(files), 0o600),
			os.Setenv("GOFLAGS", os.Getenv("GOFLAGS")+" -overlay="+overlay),
		)
	}
	for _, pattern := range []string{"*.c", "src/*.rs", "assembly/*.ts"} {
		paths, err := filepath.Glob(filepath.Join(options.Folder, pattern))
		if err != nil {
			return err
		}
		for _, path := range paths {
			if err := os.Chtimes(path, now, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// compileModule takes the time that the host needs for a module that it does not know.
func compileModule(data []byte) (time.Duration, error) {
	engine, err := wasm.NewEngine(wasm.Config{})
	if err != nil {
		return 0, err
	}
	start := time.Now()
	_, err = engine.Load(context.Background(), "module", data)
	return time.Since(start), errors.Join(err, engine.Close())
}

// openPass opens the pass-through, and sends it batches.
func openPass(data []byte) (*languageWork, error) {
	o, closeGuest, err := openBenchGuest(data, "pass", false)
	if err != nil {
		return nil, err
	}
	w := &languageWork{operator: o, closing: []func() error{closeGuest}}
	batch, emitted := boundaryBatch(), 0
	emit := func(_ int, b record.Batch) { emitted += b.Count() }
	w.round = func() error {
		emitted = 0
		err := w.timed(passBatches*boundaryRecords, func() error {
			for range passBatches {
				if err := o.Process(0, batch, abi.WatermarkMin, 1, emit); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil && emitted != passBatches*boundaryRecords {
			err = fmt.Errorf("%d records passed, want %d", emitted, passBatches*boundaryRecords)
		}
		return err
	}
	return w, nil
}

// openCount opens the keyed count on a task's state.
func openCount(data []byte) (*languageWork, error) {
	engine, err := wasm.NewEngine(wasm.Config{})
	if err != nil {
		return nil, err
	}
	w := &languageWork{closing: []func() error{engine.Close}}
	module, err := engine.Load(context.Background(), "count", data)
	if err != nil {
		return w, err
	}
	held, err := newHeldState()
	if err != nil {
		return w, err
	}
	w.closing = append(w.closing, held.close)
	for _, o := range module.Description().Operators {
		if o.Name == "count" {
			held.states, held.timers = o.States, o.Timers
		}
	}
	if err := held.open(held.store, nil); err != nil {
		return w, err
	}
	w.operator, err = module.Open(context.Background(), wasm.OpenConfig{Operator: "count", UID: "count", Parallelism: 1, State: held.keyed})
	if err != nil {
		return w, err
	}
	w.closing = append(w.closing, w.operator.Close)
	minute := int64(0)
	w.round = func() error {
		minute += countMinutes
		if err := w.countMinutes(minute); err != nil {
			return err
		}
		_, _, err := held.checkpoint() // state does not grow from round to round
		return err
	}
	return w, nil
}

// countMinutes has some minutes counted: each has several batches of the same
// keys, then ends, and tells the count of each key.
func (w *languageWork) countMinutes(first int64) error {
	minutes := make([]record.Batch, countMinutes)
	for i := range minutes {
		minutes[i] = countBatch((first + int64(i)) * countMinuteMS)
	}
	emitted := 0
	emit := func(_ int, b record.Batch) { emitted += b.Count() }
	err := w.timed(countMinutes*countBatches*boundaryRecords, func() error {
		for i, batch := range minutes {
			start := (first + int64(i)) * countMinuteMS
			for range countBatches {
				if err := w.operator.Process(0, batch, start, start, emit); err != nil {
					return err
				}
			}
			for more := true; more; {
				var err error
				if _, more, err = w.operator.Fire(boundaryRecords, start+countMinuteMS, start, emit); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil && emitted != countMinutes*boundaryRecords {
		err = fmt.Errorf("%d counts came out, want %d", emitted, countMinutes*boundaryRecords)
	}
	return err
}

// countBatch has records of 100 bytes, each with a key of its own: the fixed part
// of 28 bytes, a key of 12, a value of 8, and a header.
func countBatch(start int64) record.Batch {
	const headerBytes = 100 - 28 - 12 - 8 - 8
	extension := make([]byte, 8+headerBytes)
	binary.LittleEndian.PutUint16(extension, 1)
	binary.LittleEndian.PutUint32(extension[4:], headerBytes)
	binary.LittleEndian.PutUint32(extension[8:], 5)
	copy(extension[12:], "trace")
	var b record.Builder
	for i := range boundaryRecords {
		b.Append(record.Record{
			Key: fmt.Appendf(nil, "key-%08d", i), Value: binary.LittleEndian.AppendUint64(nil, uint64(i)),
			Timestamp: start + int64(i), Origin: uint32(i), Extensions: extension,
		})
	}
	return b.Finish()
}

// timed measures what handles so many records.
func (w *languageWork) timed(records int, handle func() error) error {
	fuel := w.operator.Usage().Fuel
	start, err := cpuNanoseconds()
	if err != nil {
		return err
	}
	if err := handle(); err != nil {
		return err
	}
	end, err := cpuNanoseconds()
	if err != nil {
		return err
	}
	w.rounds = append(w.rounds, float64(end-start)/float64(records))
	w.fuel += w.operator.Usage().Fuel - fuel
	w.records += records
	return nil
}

func (w *languageWork) fuelPerRecord() float64 { return float64(w.fuel) / float64(w.records) }

// measure runs one round; the first does not count.
func (w *languageWork) measure(round int) error {
	if err := w.round(); err != nil {
		return err
	}
	if round == 0 {
		w.rounds, w.fuel, w.records = nil, 0, 0
	}
	return nil
}

// The table stands between these lines of the document.
const (
	tableBegin = "<!-- table: go run ./bench -write docs/languages.md languages -->\n"
	tableEnd   = "<!-- end of table -->\n"
)

// writeLanguageTable replaces the table in a document.
func writeLanguageTable(path string, measured []*languageFigures) error {
	document, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, found := strings.Cut(string(document), tableBegin)
	_, tail, ended := strings.Cut(rest, tableEnd)
	if !found || !ended {
		return fmt.Errorf("%s has no place for the table: the lines %q and %q", path, tableBegin, tableEnd)
	}
	return os.WriteFile(path, []byte(head+tableBegin+languageTable(measured)+tableEnd+tail), 0o644)
}

func languageTable(measured []*languageFigures) string {
	var b strings.Builder
	b.WriteString("| Language | Module | Build | Compile | `pass`: a record | fuel | `count`: a record | fuel |\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, f := range measured {
		fmt.Fprintf(&b, "| %s | %.0f KiB | %.1f s | %.0f ms | %.0f ns | %.0f | %.0f ns | %.0f |\n",
			f.name, float64(f.bytes)/1024, f.build.Seconds(), float64(f.compile.Microseconds())/1000,
			median(f.pass.rounds), f.pass.fuelPerRecord(), median(f.count.rounds), f.count.fuelPerRecord())
	}
	return b.String()
}
