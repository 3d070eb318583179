// Package replay repeats the call at which an operator failed, from a dead
// letter: on a fresh instance of a module, with the state that the key had, at the
// times of then. Nothing of the job is touched.
package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/checkpoint/memstore"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/state"
	"github.com/turgo-stream/turgo/host/wasm"
)

// Request says what to repeat.
type Request struct {
	Letter *letter.Letter
	// Module is what to run: that of then, or another build.
	Module *wasm.Module
	// Open is how the job opens the operator: its name in the module (empty = the
	// letter's), config and limits. The rest is the letter's.
	Open wasm.OpenConfig
	// State is what the operator's states hold for the key.
	State []letter.StateEntry
}

// Result is what happened.
type Result struct {
	// Failure is nil where the call handled the record or timer.
	Failure *letter.Error `json:"failure,omitempty"`
	// Undone tells that the outputs, changes and timers below are those that the
	// guest made before it failed: none of them takes effect.
	Undone  bool     `json:"undone"`
	Outputs []Output `json:"outputs"`
	Changes []Change `json:"changes"`
	Timers  []Timer  `json:"timers"`
	Log     []Line   `json:"log"`
	// Fuel is the instructions that the call took.
	Fuel int64 `json:"fuel"`
}

// Output is one batch that the guest emitted.
type Output struct {
	Output string       `json:"output"`
	Batch  record.Batch `json:"batch"`
}

// Change is one entry of state that the call changed: nil is none.
type Change struct {
	Before *letter.StateEntry `json:"before,omitempty"`
	After  *letter.StateEntry `json:"after,omitempty"`
}

// Timer is one thing that the call did with a timer of its key.
type Timer struct {
	Timer     string `json:"timer"`
	Timestamp int64  `json:"timestamp"`
	Action    string `json:"action"` // set, delete, fire
}

// NotReplayableError tells why a letter cannot be repeated.
type NotReplayableError struct{ ID, Reason string }

func (e *NotReplayableError) Error() string {
	return fmt.Sprintf("replay: letter %s cannot be repeated: %s", e.ID, e.Reason)
}

// Same reports whether a failure is the one that the letter tells.
func Same(l *letter.Letter, failure *letter.Error) bool {
	return failure != nil && failure.Kind == l.Error.Kind && failure.Code == l.Error.Code && cut(failure.Reason) == cut(l.Error.Reason)
}

// cut is as much of a reason as a letter keeps.
func cut(reason string) string { return reason[:min(len(reason), letter.ReasonBytesMax)] }

// stateCacheBytes bounds the cache of the state of one key.
const stateCacheBytes = 16 << 20

// Run repeats the call. Its error is no failure of the guest but tells that it
// could not be repeated at all.
func Run(ctx context.Context, r Request) (*Result, error) {
	l := r.Letter
	if l.Kind != letter.Record && l.Kind != letter.Timer {
		return nil, &NotReplayableError{l.ID, fmt.Sprintf("it is of the kind %s, which no operator has seen", l.Kind)}
	}
	if l.Record.Count() != 1 {
		return nil, &NotReplayableError{l.ID, fmt.Sprintf("it holds %d records, not one", l.Record.Count())}
	}
	if r.Open.Operator == "" {
		r.Open.Operator = l.Entry
	}
	description, err := Describe(r.Module, r.Open.Operator)
	if err != nil {
		return nil, err
	}
	run := &run{request: &r, letter: l, description: description, result: &Result{}}
	if description.Keyed() {
		backend, err := run.openState()
		if err != nil {
			return nil, err
		}
		defer backend.Close()
	}
	if err := run.call(ctx); err != nil {
		return nil, err
	}
	return run.result, nil
}

// Describe gives the description of an operator of a module.
func Describe(m *wasm.Module, entry string) (*abi.OperatorDescription, error) {
	var names []string
	for i := range m.Description().Operators {
		if o := &m.Description().Operators[i]; o.Name == entry {
			return o, nil
		}
		names = append(names, m.Description().Operators[i].Name)
	}
	return nil, fmt.Errorf("replay: the module has no operator %q: it has %q", entry, names)
}

// Key is the key of a letter's record, nil where null.
func Key(l *letter.Letter) []byte {
	records := l.Record.Records()
	records.Next()
	return records.Record().Key()
}

// run is one repetition.
type run struct {
	request     *Request
	letter      *letter.Letter
	description *abi.OperatorDescription
	recorder    *recorder // nil where the operator is not keyed
	result      *Result
}

// maxParallelism is of no importance here: the one key is in some group.
const maxParallelism = 128

// openState makes an empty state in memory and brings in what the key had.
func (r *run) openState() (*state.Backend, error) {
	backend, err := state.Open(state.Config{
		FS: vfs.NewMem(), Dir: "replay", First: 0, Last: maxParallelism - 1, MaxParallelism: maxParallelism, Attempt: 1,
		Store: memstore.New(), ObjectPrefix: "replay", CacheBytes: stateCacheBytes,
		Clock: func() int64 { return r.letter.ProcessingTimeMS },
	})
	if err != nil {
		return nil, err
	}
	keyed, err := backend.Operator(r.letter.UID, r.description.States, r.description.Timers)
	if err == nil {
		r.recorder = &recorder{Keyed: keyed, run: r}
		err = r.bringIn(keyed)
	}
	if err != nil {
		return nil, errors.Join(err, backend.Close())
	}
	return backend, nil
}

// bringIn writes the state of the key, and the timer of a timer's letter.
func (r *run) bringIn(keyed *state.Keyed) error {
	key := Key(r.letter)
	if key == nil {
		return nil
	}
	keyed.Begin(r.letter.ProcessingTimeMS)
	err := keyed.SetKey(key)
	for i := range r.request.State {
		if err != nil {
			break
		}
		e := &r.request.State[i]
		at := slices.IndexFunc(r.description.States, func(s abi.StateDescription) bool { return s.Name == e.State })
		if at < 0 {
			continue // the module does not declare it any more
		}
		if kind := r.description.States[at].Kind; kind != e.Kind {
			err = fmt.Errorf("replay: state %s was a %s, and is a %s in this module: a job that holds it refuses the module", e.State, e.Kind, kind)
			break
		}
		err = keyed.Import(at, e.Key, e.Value, e.Version, e.ExpiresMS)
	}
	if err == nil && r.letter.Kind == letter.Timer {
		if r.letter.Timer >= len(r.description.Timers) {
			err = fmt.Errorf("replay: the module declares %d timers, the letter is of timer %d", len(r.description.Timers), r.letter.Timer)
		} else {
			err = keyed.TimerSet(r.letter.Timer, r.firedAt())
		}
	}
	if err != nil {
		keyed.Rollback()
		return err
	}
	r.recorder.before, err = export(keyed, r.description)
	return errors.Join(err, keyed.Commit())
}

// firedAt is the time of a timer's letter.
func (r *run) firedAt() int64 {
	records := r.letter.Record.Records()
	records.Next()
	return records.Record().Timestamp()
}

// call opens the operator and repeats the call.
func (r *run) call(ctx context.Context) error {
	l, log := r.letter, &lines{}
	config := r.request.Open
	config.UID, config.Subtask, config.Parallelism, config.Logger = l.UID, l.Subtask, l.Parallelism, log.logger()
	config.KeepState, config.Seed = false, l.Seed
	config.OnEmit = func(output int, batch record.Batch) {
		r.result.Outputs = append(r.result.Outputs, Output{Output: r.description.Outputs[output].Name, Batch: bytes.Clone(batch)})
	}
	if r.recorder != nil {
		config.State = r.recorder
	}
	operator, err := r.request.Module.Open(ctx, config)
	if err != nil {
		return err
	}
	log.list = nil // what it said when it opened is not of the call
	used := operator.Usage().Fuel
	emit := func(int, record.Batch) {} // OnEmit has it
	if l.Kind == letter.Timer {
		var fired int
		fired, _, err = operator.Fire(1, l.Watermark, l.ProcessingTimeMS, emit)
		if err == nil && fired == 0 {
			err = fmt.Errorf("replay: the timer of %d is not due at watermark %d and processing time %d", r.firedAt(), l.Watermark, l.ProcessingTimeMS)
		}
	} else {
		err = operator.Process(l.Input, l.Record, l.Watermark, l.ProcessingTimeMS, emit)
	}
	r.result.Fuel = operator.Usage().Fuel - used
	r.result.Log = log.list
	failures := operator.Failures()
	var failed interface {
		Failure() (letter.Failure, bool)
	}
	switch {
	case errors.As(err, &failed):
		failure, _ := failed.Failure()
		r.result.Failure, err = &failure.Error, nil
	case err == nil && len(failures) > 0:
		failure := failures[0].Error
		r.result.Failure = &failure
	}
	if err == nil {
		r.result.Undone = r.result.Failure != nil
		r.tell()
	}
	return errors.Join(err, operator.Close())
}

// tell compares the state before and after.
func (r *run) tell() {
	if r.recorder == nil {
		return
	}
	r.result.Timers = r.recorder.timers
	r.result.Changes = changes(r.recorder.before, r.recorder.after)
}
