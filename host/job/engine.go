package job

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/plan"
	"github.com/turgo-stream/turgo/host/state"
	"github.com/turgo-stream/turgo/host/task"
	"github.com/turgo-stream/turgo/host/wasm"
)

// modulePageBytes is the size of a page of guest memory.
const modulePageBytes = 64 << 10

// Launcher gives connectors by name: in a process of their own, or in the host.
type Launcher interface {
	Source(ctx context.Context, name string, placement plan.Placement) (connectors.Source, error)
	Sink(ctx context.Context, name string, placement plan.Placement) (connectors.Sink, error)
}

// EngineConfig sets up an Engine.
type EngineConfig struct {
	// CacheDir keeps compiled modules; empty keeps nothing.
	CacheDir string
	Launcher Launcher
	Logger   *slog.Logger
	// Ceilings are what operators may ask for at most; 0 = the default, see
	// wasm.CeilingsDefault.
	Ceilings plan.Limits
}

// Engine is the Runtime of the real world: guests in WebAssembly, state in
// Pebble, connectors as processes.
type Engine struct {
	config   EngineConfig
	wasm     *wasm.Engine
	stateDir string // temporary, made when first needed
	mu       struct {
		sync.Mutex
		modules map[string]*wasm.Module // by path
	}
}

// NewEngine starts an engine.
func NewEngine(config EngineConfig) (*Engine, error) {
	guests, err := wasm.NewEngine(wasm.Config{CacheDir: config.CacheDir, Ceilings: limits(config.Ceilings)})
	if err != nil {
		return nil, err
	}
	e := &Engine{config: config, wasm: guests}
	e.mu.modules = map[string]*wasm.Module{}
	return e, nil
}

// Close frees the engine, after all that was opened from it.
func (e *Engine) Close() error {
	err := e.wasm.Close()
	if e.stateDir != "" {
		err = errors.Join(err, os.RemoveAll(e.stateDir))
	}
	return err
}

// Load loads the module at a path, once.
func (e *Engine) Load(ctx context.Context, path string) (*wasm.Module, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m := e.mu.modules[path]; m != nil {
		return m, nil
	}
	data, err := readModule(path)
	if err != nil {
		return nil, err
	}
	m, err := e.wasm.Load(ctx, path, data)
	if err != nil {
		return nil, err
	}
	e.mu.modules[path] = m
	return m, nil
}

// readModule reads a file that may be anything.
func readModule(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("job: module: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("job: module: %s is not a file", path)
	}
	if info.Size() > wasm.ModuleBytesMax {
		return nil, fmt.Errorf("job: module: %s has %d bytes, the limit is %d", path, info.Size(), wasm.ModuleBytesMax)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("job: module: %w", err)
	}
	return data, nil
}

// Describe gives the description of a step's operator: what plan.Build asks for.
func (e *Engine) Describe(ctx context.Context, step *plan.Step) (*abi.OperatorDescription, error) {
	if err := e.wasm.CheckLimits(limits(step.Limits)); err != nil {
		return nil, err
	}
	m, err := e.Load(ctx, step.Module)
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range m.Description().Operators {
		if o := &m.Description().Operators[i]; o.Name == step.Entry {
			return o, nil
		}
		names = append(names, m.Description().Operators[i].Name)
	}
	return nil, fmt.Errorf("job: module %s has no operator %q: it has %q", step.Module, step.Entry, names)
}

// Module is the digest of a step's module.
func (e *Engine) Module(step *plan.ChainedStep) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if m := e.mu.modules[step.Module]; m != nil {
		return m.Digest()
	}
	return ""
}

// Retryable implements Runtime.
func (e *Engine) Retryable(err error) bool {
	var r interface{ Retryable() bool }
	return errors.As(err, &r) && r.Retryable()
}

// Source implements Runtime.
func (e *Engine) Source(ctx context.Context, step *plan.ChainedStep, config connectors.Config) (connectors.Source, error) {
	source, err := e.config.Launcher.Source(ctx, step.Connector, step.Placement)
	if err != nil {
		return nil, err
	}
	if err := source.Open(ctx, config); err != nil {
		return nil, errors.Join(err, source.Close())
	}
	return source, nil
}

// Sink implements Runtime.
func (e *Engine) Sink(ctx context.Context, step *plan.ChainedStep, config connectors.Config) (connectors.Sink, connectors.Guarantee, error) {
	sink, err := e.config.Launcher.Sink(ctx, step.Connector, step.Placement)
	if err != nil {
		return nil, "", err
	}
	guarantee, err := sink.Open(ctx, config)
	if err != nil {
		return nil, "", errors.Join(err, sink.Close())
	}
	return sink, guarantee, nil
}

// Check validates the connector of a step, and what its config names.
func (e *Engine) Check(ctx context.Context, step *plan.ChainedStep, config connectors.Config) error {
	if step.Kind == plan.Source {
		source, err := e.config.Launcher.Source(ctx, step.Connector, step.Placement)
		if err != nil {
			return err
		}
		return errors.Join(source.Check(ctx, config), source.Close())
	}
	sink, err := e.config.Launcher.Sink(ctx, step.Connector, step.Placement)
	if err != nil {
		return err
	}
	return errors.Join(sink.Check(ctx, config), sink.Close())
}

// Chain implements Runtime.
func (e *Engine) Chain(ctx context.Context, chain Chain) (*Operators, error) {
	out := &Operators{}
	var backend *state.Backend
	for i := range chain.Steps {
		if !chain.Steps[i].Description.Keyed() || backend != nil {
			continue
		}
		var err error
		if backend, err = e.openState(ctx, chain); err != nil {
			return nil, err
		}
		out.State = NewState(backend, len(chain.Tables) > 0, e.config.Logger.With("task", chain.Task.String()))
	}
	for i := range chain.Steps {
		operator, err := e.openOperator(ctx, chain, &chain.Steps[i], backend)
		if err != nil {
			return nil, errors.Join(err, out.close())
		}
		out.Operators = append(out.Operators, operator)
	}
	return out, nil
}

func (o *Operators) close() error {
	var errs []error
	for _, operator := range o.Operators {
		errs = append(errs, operator.Close())
	}
	if o.State != nil {
		errs = append(errs, o.State.Close())
	}
	return errors.Join(errs...)
}

func (e *Engine) openState(ctx context.Context, chain Chain) (*state.Backend, error) {
	dir, err := e.stateDirectory(chain.State.Directory)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s-%d", chain.Task.Vertex, chain.Task.Subtask)
	backend, err := state.Open(state.Config{
		Dir: filepath.Join(dir, name), First: chain.First, Last: chain.Last, MaxParallelism: chain.MaxParallelism,
		Attempt: chain.Attempt, Store: chain.Store, CacheBytes: chain.State.Cache,
		ObjectPrefix: fmt.Sprintf("%s%08d/%s", checkpoint.TablePrefix, chain.Attempt, name),
		Clock:        func() int64 { return time.Now().UnixMilli() },
	})
	if err != nil {
		return nil, err
	}
	if err := backend.Restore(ctx, chain.Tables); err != nil {
		return nil, errors.Join(err, backend.Close())
	}
	return backend, nil
}

// stateDirectory is where local databases live: what the job says, or a
// temporary folder of this process.
func (e *Engine) stateDirectory(configured string) (string, error) {
	if configured != "" {
		return configured, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stateDir == "" {
		dir, err := os.MkdirTemp("", "turgo-state-")
		if err != nil {
			return "", fmt.Errorf("job: state: %w", err)
		}
		e.stateDir = dir
	}
	return e.stateDir, nil
}

func (e *Engine) openOperator(ctx context.Context, chain Chain, step *plan.ChainedStep, backend *state.Backend) (task.Operator, error) {
	m, err := e.Load(ctx, step.Module)
	if err != nil {
		return nil, err
	}
	config, err := OpenConfig(step)
	if err != nil {
		return nil, err
	}
	config.Subtask, config.Parallelism, config.Logger = chain.Task.Subtask, chain.Parallelism, e.config.Logger
	if step.Description.Keyed() {
		keyed, err := backend.Operator(step.UID, step.Description.States, step.Description.Timers)
		if err != nil {
			return nil, err
		}
		config.State = keyed
	}
	return m.Open(ctx, config)
}

// OpenConfig is what the job says of a step's operator: its config and limits,
// without subtask and state.
func OpenConfig(step *plan.ChainedStep) (wasm.OpenConfig, error) {
	config := wasm.OpenConfig{
		Operator: step.Entry, UID: step.UID, Limits: limits(step.Limits), KeepState: step.OnFailure.Policy == plan.DeadLetterOnFailure,
		KeyedOutputs: step.KeyedOutputs,
	}
	if len(step.Config) > 0 {
		// A json.Number keeps all digits of a large integer.
		decoder := json.NewDecoder(bytes.NewReader(step.Config))
		decoder.UseNumber()
		if err := decoder.Decode(&config.Config); err != nil {
			return config, fmt.Errorf("job: operator %s: config: %w", step.UID, err)
		}
	}
	return config, nil
}

func limits(l plan.Limits) wasm.Limits {
	return wasm.Limits{
		MemoryPages: uint32(l.Memory / modulePageBytes), TableElements: uint32(l.TableElements), DepthBytes: l.CallDepth,
		CallDuration: l.TimePerCall, CallFuel: l.FuelPerCall, RecordFuel: l.FuelPerRecord,
		OutputBytes: l.OutputPerCall, OutputRecords: l.OutputRecordsPerCall,
		StateBytes: l.StatePerCall, StateWrites: l.StateWritesPerCall,
		LogLinesPerSecond: int(l.LogLinesPerSecond), LogBytesPerSecond: int(l.LogBytesPerSecond),
	}
}
