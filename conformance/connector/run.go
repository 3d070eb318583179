package connector

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/turgo-stream/turgo/conformance/report"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/connectors/wire"
)

// The defaults of Options.
const (
	CallLimitDefault = 10 * time.Second
	SequencesDefault = 6
)

const (
	// startLimitDefault is how long a process may take until it serves, as in the host.
	startLimitDefault = 10 * time.Second
	callLimitMax      = 10 * time.Minute
	sequencesMax      = 10_000
	// checkLimit bounds one check.
	checkLimit = 3 * time.Minute
	// sequenceLimit is the part of one random sequence in that of its check.
	sequenceLimit = 20 * time.Second
	// commandLimit bounds a command of FILE.
	commandLimit = time.Minute
	// readBackBytesMax bounds what is read back.
	readBackBytesMax = 64 << 20
	// recordsMax bounds the records that are read from a source.
	recordsMax = 1 << 20
	// subtasks is the parallelism that a connector is told.
	subtasks = 2
)

// Options are what Run checks, and how.
type Options struct {
	// Command is the executable and its arguments.
	Command []string
	// Builtin is instead the name of a connector that this very program serves:
	// its main has to call wire.ServeIfAsked.
	Builtin  string
	Scenario *Scenario
	// Checks names the checks to run; none = all. The names are those of Names.
	Checks []string
	// Seed starts the random choices; 0 = a random one, which the report tells.
	Seed uint64
	// CallLimit is how long the connector may take for one answer; 0 = 10 s.
	CallLimit time.Duration
	// Sequences is how many random sequences the check order runs; 0 = 6.
	Sequences int
	// Progress is told of each check before it runs; nil = nobody.
	Progress func(group, check string)
}

// OptionsError says that there is nothing to run.
type OptionsError struct{ What string }

func (e *OptionsError) Error() string { return "connector: " + e.What }

// suite is one run over all checks.
type suite struct {
	options    Options
	scenario   *Scenario
	program    program
	token      string // of this run, in names that no other run may have
	startLimit time.Duration

	rude  bool          // processes do not end when they are told to
	whole *wholeReading // what the source holds, once it was read
}

// Run checks a connector. An error means that the checks could not be run; what
// the connector does is in the report. Where ctx ends, the report is what was
// found until then, marked as interrupted.
func Run(ctx context.Context, options Options) (*report.Report, error) {
	s, err := newSuite(options)
	if err != nil {
		return nil, err
	}
	result := &report.Report{Suite: "connector", Subject: s.subject(), Seed: s.options.Seed}
	start := time.Now()
	blocked := map[string]bool{} // group/check
	for _, c := range s.selected() {
		if ctx.Err() != nil {
			result.Interrupted = true
			break
		}
		if s.options.Progress != nil {
			s.options.Progress(c.group, c.name)
		}
		one, err := s.runCheck(ctx, c, blocked)
		if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			result.Interrupted = true
			break
		}
		result.Add(one)
	}
	result.Duration = time.Since(start)
	return result, nil
}

func newSuite(options Options) (*suite, error) {
	s := &suite{options: options, scenario: options.Scenario, startLimit: startLimitDefault}
	if s.scenario == nil || s.scenario.Source == nil && s.scenario.Sink == nil {
		return nil, &OptionsError{"the scenario describes neither a source nor a sink"}
	}
	for _, name := range options.Checks {
		if !slices.Contains(Names(), name) {
			return nil, &OptionsError{fmt.Sprintf("there is no check %q; there are %s", name, strings.Join(Names(), ", "))}
		}
	}
	s.options.CallLimit = cmp.Or(s.options.CallLimit, CallLimitDefault)
	s.options.Sequences = cmp.Or(s.options.Sequences, SequencesDefault)
	if s.options.CallLimit < 0 || s.options.CallLimit > callLimitMax || s.options.Sequences < 0 || s.options.Sequences > sequencesMax {
		return nil, &OptionsError{fmt.Sprintf("a call limit of %v and %d sequences; more than 0, at most %v and %d are allowed", s.options.CallLimit, s.options.Sequences, callLimitMax, sequencesMax)}
	}
	var random [12]byte
	rand.Read(random[:])
	if s.token = hex.EncodeToString(random[:4]); s.options.Seed == 0 {
		for _, b := range random[4:] {
			s.options.Seed = s.options.Seed<<8 | uint64(b)
		}
	}
	var err error
	s.program, err = s.resolve()
	return s, err
}

// resolve tells how to start the connector under test.
func (s *suite) resolve() (program, error) {
	if s.options.Builtin != "" {
		return builtinProgram(s.options.Builtin)
	}
	if len(s.options.Command) == 0 {
		return program{}, &OptionsError{"name the connector's executable"}
	}
	path, err := exec.LookPath(s.options.Command[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return program{}, &OptionsError{fmt.Sprintf("executable %s: %v", s.options.Command[0], err)}
	}
	run := program{path: path, arguments: s.options.Command[1:], environment: inherited(s.scenario.Environment)}
	run.environment = append(run.environment, wire.EnvironmentName+"="+s.manifestName())
	return run, nil
}

// builtinProgram is this very program, asked for one of its connectors.
func builtinProgram(name string) (program, error) {
	path, err := ownExecutable()
	if err != nil {
		return program{}, fmt.Errorf("connector: %w", err)
	}
	run := program{path: path, environment: append(inherited(nil), wire.EnvironmentName+"="+name)}
	for _, variable := range os.Environ() {
		if strings.HasPrefix(variable, connectors.SecretPrefix) {
			run.environment = append(run.environment, variable)
		}
	}
	return run, nil
}

// inherited is what the host gives to each connector, and the named variables.
func inherited(names []string) []string {
	var environment []string
	for _, name := range append([]string{"LANG", "TMPDIR", "TZ"}, names...) {
		if value, found := os.LookupEnv(name); found {
			environment = append(environment, name+"="+value)
		}
	}
	return environment
}

// manifestName is the name by which the host asks the executable for its connector.
func (s *suite) manifestName() string {
	if s.options.Builtin != "" {
		return s.options.Builtin
	}
	name := filepath.Base(s.options.Command[0])
	return strings.TrimLeft(strings.TrimSuffix(name, filepath.Ext(name)), ".")
}

func (s *suite) subject() string {
	if s.options.Builtin != "" {
		return s.options.Builtin + " (built in)"
	}
	return strings.Join(s.options.Command, " ")
}

// selected lists the checks to run: those that were named, of the sides that
// the scenario describes.
func (s *suite) selected() []check {
	var list []check
	for _, c := range checks() {
		switch {
		case c.group == GroupSource && s.scenario.Source == nil, c.group == GroupSink && s.scenario.Sink == nil:
		case len(s.options.Checks) > 0 && !slices.Contains(s.options.Checks, c.name):
		default:
			list = append(list, c)
		}
	}
	return list
}

// runCheck runs a check unless one that it needs has failed.
func (s *suite) runCheck(ctx context.Context, c check, blocked map[string]bool) (report.Result, error) {
	result := report.Result{Group: c.group, Check: c.name, Status: report.Pass}
	for _, need := range c.needs {
		if blocked[GroupProcess+"/"+need] || blocked[c.group+"/"+need] {
			blocked[c.group+"/"+c.name] = true
			result.Status, result.Reason = report.Skip, "needs "+need
			return result, nil
		}
	}
	start := time.Now()
	limit := s.limitOf(c)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	t, err := s.newTrial(ctx, c)
	if err != nil {
		return result, &SetupError{err}
	}
	err = c.run(ctx, t)
	if t.end(); err == nil && t.unseen {
		err = skipf("what the connector answers is right; what is visible was not looked at, as FILE has no sink.read_back")
	}
	result.Duration = time.Since(start)
	var skip *skipError
	var setup *SetupError
	switch {
	case err == nil:
	case errors.As(err, &setup):
		return result, err
	case errors.As(err, &skip):
		result.Status, result.Reason = report.Skip, skip.reason
	case errors.Is(err, syscall.EMFILE):
		return result, err
	default:
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = fmt.Errorf("the check was not done within %v: %w", limit, err)
		}
		result.Status, result.Reason = report.Fail, err.Error()
		blocked[c.group+"/"+c.name] = true
		s.rude = s.rude || c.name == CleanExit
	}
	return result, nil
}

// limitOf is how long a check may take.
func (s *suite) limitOf(c check) time.Duration {
	if c.name == Order {
		return max(checkLimit, time.Duration(s.options.Sequences)*sequenceLimit)
	}
	return checkLimit
}

// SetupError says that something around the connector failed: a command that FILE
// names, or what is read back.
type SetupError struct{ Err error }

func (e *SetupError) Error() string { return "connector: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *SetupError) Unwrap() error { return e.Err }
