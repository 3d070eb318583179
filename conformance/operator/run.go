package operator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/conformance/report"
	"github.com/turgo-stream/turgo/host/wasm"
)

// Options are those of a run. What is zero takes the default named.
type Options struct {
	// Scenario tells the operators' configs and records; nil: the config is empty
	// and all records are made up.
	Scenario *Scenario
	// Operators are the names of those to check: all.
	Operators []string
	// Seed is that of all random choices.
	Seed uint64
	// Batches are how many memory_growth sends: 10000.
	Batches int
	// BatchBytes is how large the largest batch and buffer are: 64 MiB, as the ABI has it.
	BatchBytes int
	// RecordFuel is how many instructions an ordinary record may take, for limits:
	// 10 million.
	RecordFuel int64
	// CacheDir keeps compiled modules: nothing is kept.
	CacheDir string
	// Progress hears of each check that begins.
	Progress func(group, check string)
}

// Defaults of the options.
const (
	BatchesDefault    = 10_000
	RecordFuelDefault = 10_000_000
)

// batchBytesMin is the least that BatchBytes can be: checks need some room.
const batchBytesMin = 256 << 10

// Run checks the operators of a module. The name is for the report. An error is
// one of the suite, the scenario or the machine, never the module's. Where the
// context ends, the report tells what was found so far.
func Run(ctx context.Context, name string, module []byte, options Options) (*report.Report, error) {
	if options.Batches <= 0 {
		options.Batches = BatchesDefault
	}
	if options.BatchBytes <= 0 || options.BatchBytes > record.LengthMax {
		options.BatchBytes = record.LengthMax
	}
	options.BatchBytes = max(options.BatchBytes, batchBytesMin)
	if options.RecordFuel <= 0 {
		options.RecordFuel = RecordFuelDefault
	}
	start := time.Now()
	folder, err := os.MkdirTemp("", "turgo-conformance-")
	if err != nil {
		return nil, fmt.Errorf("conformance: %w", err)
	}
	defer os.RemoveAll(folder)
	engine, err := wasm.NewEngine(wasm.Config{CacheDir: options.CacheDir})
	if err != nil {
		return nil, err
	}
	s := &suite{ctx: ctx, options: options, engine: engine, folder: folder,
		report: &report.Report{Suite: "operator", Subject: name, Seed: options.Seed}}
	err = errors.Join(s.run(name, module), engine.Close())
	s.report.Duration = time.Since(start)
	return s.report, err
}

// suite is one run over a module.
type suite struct {
	ctx     context.Context
	options Options
	report  *report.Report
	engine  *wasm.Engine
	module  *wasm.Module
	face    wasm.Interface
	text    []byte // of the description
	folder  string
	folders int
}

func (s *suite) run(name string, data []byte) error {
	loaded, err := s.load(name, data)
	if err != nil {
		return err
	}
	if !loaded {
		s.skipOperators()
		return nil
	}
	operators, err := s.operators()
	if err != nil {
		return errors.Join(err, s.module.Close())
	}
	for _, index := range operators {
		subject, err := newSubject(s, index)
		if err != nil {
			return errors.Join(err, s.module.Close())
		}
		if err := subject.run(); err != nil {
			return errors.Join(err, s.module.Close())
		}
		if s.report.Interrupted {
			break
		}
	}
	return s.module.Close()
}

// operators are the numbers of those to check.
func (s *suite) operators() ([]int, error) {
	var names []string
	for i := range s.module.Description().Operators {
		names = append(names, s.module.Description().Operators[i].Name)
	}
	if s.options.Scenario != nil {
		for name := range s.options.Scenario.Operators {
			if !slices.Contains(names, name) {
				return nil, &ScenarioError{fmt.Errorf("scenario: the module has no operator %q: it has %q", name, names)}
			}
		}
	}
	var chosen []int
	for _, name := range s.options.Operators {
		index := slices.Index(names, name)
		if index < 0 {
			return nil, &ScenarioError{fmt.Errorf("the module has no operator %q: it has %q", name, names)}
		}
		chosen = append(chosen, index)
	}
	if len(chosen) == 0 {
		for index := range names {
			chosen = append(chosen, index)
		}
	}
	return chosen, nil
}

// load runs the checks of the module as a whole.
func (s *suite) load(name string, data []byte) (loaded bool, err error) {
	for _, c := range checks {
		if c.OfModule && s.options.Progress != nil {
			s.options.Progress("", c.Name)
		}
	}
	start := time.Now()
	s.module, err = s.engine.Load(s.ctx, name, data)
	took := time.Since(start)
	var fault *wasm.ModuleError
	failed := ""
	switch {
	case err == nil:
		if s.face, err = wasm.Inspect(name, data); err != nil {
			return false, errors.Join(err, s.module.Close())
		}
		if err := s.strictDescription(); err != nil {
			fault, failed = &wasm.ModuleError{Module: name, Err: err}, CheckDescription
			if err := s.module.Close(); err != nil {
				return false, err
			}
		}
	case s.ctx.Err() != nil:
		s.report.Interrupted = true
		return false, nil
	case !errors.As(err, &fault):
		return false, err
	default:
		failed = map[wasm.Part]string{wasm.PartFormat: CheckModule, wasm.PartImports: CheckImports, wasm.PartExports: CheckExports}[fault.Part]
		if failed == "" {
			failed = CheckDescription
		}
	}
	status := report.Pass
	for _, c := range checks {
		if !c.OfModule {
			continue
		}
		result := report.Result{Check: c.Name, Status: status}
		switch {
		case c.Name == failed:
			result.Status, result.Reason, result.Duration = report.Fail, fault.Err.Error()+adviceOfModule[c.Name], took
			status = report.Skip
		case status == report.Skip:
			result.Reason = "needs " + failed
		case c.Name == CheckModule:
			result.Duration = took
		}
		s.report.Add(result)
	}
	return failed == "", nil
}

// adviceOfModule says what to do about a module that does not load.
var adviceOfModule = map[string]string{
	CheckModule:      "\nbuild for WebAssembly core 2.0 without threads, tail calls and exceptions, and see SPEC.md, sections 1 and 12",
	CheckImports:     "\nonly turgo_v1 and the functions of wasi_snapshot_preview1 may be imported: see SPEC.md, sections 5 and 11",
	CheckExports:     "\nsee SPEC.md, section 3, for what a module exports",
	CheckDescription: "\nsee SPEC.md, section 10, for what a description holds",
}

// skipOperators tells that the checks of operators did not run.
func (s *suite) skipOperators() {
	failed := s.report.Failed()
	if len(failed) == 0 {
		return // the run was interrupted
	}
	for _, c := range checks {
		if !c.OfModule {
			s.report.Add(report.Result{Check: c.Name, Status: report.Skip, Reason: "needs " + failed[0].Check})
		}
	}
}

// failure is what a check returns where the module is at fault. Owner is the
// check to which the fault belongs; empty: the one that met it. trapped says that
// the guest ran into a trap of its own.
type failure struct {
	owner, reason string
	trapped       bool
}

func (f *failure) Error() string { return f.reason }

// skipped is what a check returns where it has nothing to tell.
type skipped struct{ reason string }

func (s *skipped) Error() string { return s.reason }

func fails(format string, arguments ...any) error {
	return &failure{reason: fmt.Sprintf(format, arguments...)}
}

func skips(format string, arguments ...any) error {
	return &skipped{fmt.Sprintf(format, arguments...)}
}

// verdict is how a check of an operator ended.
type verdict struct {
	report.Result
	// root is the failed check that this one needed; empty where it told something.
	root string
}

// subject is one operator that is checked.
type subject struct {
	*suite
	index       int
	description *abi.OperatorDescription
	config      map[string]any
	configGiven bool
	given       []step // of the scenario
	verdicts    map[string]*verdict

	calibration *calibration
	plain       *trace // of the life, undisturbed
	used        usedParts
}

func newSubject(s *suite, index int) (*subject, error) {
	o := &subject{suite: s, index: index, description: &s.module.Description().Operators[index], config: map[string]any{}, verdicts: map[string]*verdict{}}
	if s.options.Scenario == nil {
		return o, nil
	}
	part, found := s.options.Scenario.Operators[o.description.Name]
	if !found {
		return o, nil
	}
	var err error
	if o.given, err = part.steps(o.description); err != nil {
		return nil, &ScenarioError{fmt.Errorf("scenario: %w", err)}
	}
	if part.Config != nil {
		o.config, o.configGiven = part.Config, true
	}
	return o, nil
}

// run runs the checks of the operator, and reports them in their order.
func (o *subject) run() error {
	defer o.tell()
	for _, c := range checks {
		if c.OfModule {
			continue
		}
		if o.ctx.Err() != nil {
			o.report.Interrupted = true
			return nil
		}
		if o.verdicts[c.Name] != nil { // another check met its fault
			continue
		}
		if root := o.blockedBy(c.Needs); root != "" {
			o.verdicts[c.Name] = &verdict{Result: report.Result{Status: report.Skip, Reason: "needs " + root}, root: root}
			continue
		}
		if o.options.Progress != nil {
			o.options.Progress(o.description.Name, c.Name)
		}
		start := time.Now()
		err := c.run(o)
		if o.ctx.Err() != nil {
			o.report.Interrupted = true
			return nil
		}
		if err := o.settle(c.Name, err, time.Since(start)); err != nil {
			return fmt.Errorf("conformance: operator %s, check %s: %w", o.description.Name, c.Name, err)
		}
	}
	return nil
}

// settle keeps how a check ended. It gives an error that is no fault of the module.
func (o *subject) settle(check string, err error, took time.Duration) error {
	v := &verdict{Result: report.Result{Status: report.Pass, Duration: took}}
	var fault *failure
	var skip *skipped
	switch {
	case err == nil:
	case errors.As(err, &fault) && fault.owner != "" && fault.owner != check:
		o.verdicts[fault.owner] = &verdict{Result: report.Result{Status: report.Fail, Reason: fault.reason}}
		v.Status, v.Reason, v.root = report.Skip, "needs "+fault.owner, fault.owner
	case errors.As(err, &fault):
		v.Status, v.Reason = report.Fail, fault.reason
	case errors.As(err, &skip):
		v.Status, v.Reason = report.Skip, skip.reason
	default:
		return err
	}
	o.verdicts[check] = v
	return nil
}

// blockedBy finds the failed check because of which a check cannot run.
func (o *subject) blockedBy(needs []string) string {
	for _, name := range needs {
		v := o.verdicts[name]
		switch {
		case v == nil:
		case v.Status == report.Fail:
			return name
		case v.root != "":
			return v.root
		}
	}
	return ""
}

// tell adds the verdicts to the report.
func (o *subject) tell() {
	for _, c := range checks {
		if v := o.verdicts[c.Name]; v != nil {
			result := v.Result
			result.Group, result.Check = o.description.Name, c.Name
			o.report.Add(result)
		}
	}
}
