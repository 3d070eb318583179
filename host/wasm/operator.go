package wasm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

// OpenConfig tells which operator of a module to open, and with what.
type OpenConfig struct {
	// Operator is its name in the description; empty where the module has one.
	Operator string
	// UID, Subtask and Parallelism are those of the job.
	UID                  string
	Subtask, Parallelism int
	// Config is the operator's config from the job.
	Config map[string]any
	// RequestFields are further fields of the open request, which guests skip: a
	// newer host may send some.
	RequestFields map[string]any
	// Limits overrides the engine's where a field is not 0.
	Limits Limits
	// State may be nil where the operator declares no state and no timer.
	State State
	// KeepState says that failures carry what the states held for their key.
	KeepState bool
	// Seed is that of the random numbers that each record meets, as a failure tells
	// it: for calls with one record that are repeated.
	Seed []byte
	// OnEmit hears of each batch that the guest emits, at once, also where the call
	// fails later and the output is dropped. The batch is valid during the call.
	OnEmit func(output int, batch record.Batch)
	// KeyedOutputs tells, by the number of the output, whose records need a key.
	KeyedOutputs []bool
	// Logger receives what the guest logs and prints; nil drops it.
	Logger *slog.Logger
}

// Operator is one open operator of a module, in an instance of its own. It
// belongs to one goroutine, but for Usage and Metric.
type Operator struct {
	module      *Module
	name        string
	index       int
	config      OpenConfig
	limits      Limits
	description *abi.OperatorDescription
	aggregates  []int // by input: the aggregation that takes its records, or -1
	prefetches  []int // states that are prefetched
	openRequest []byte
	state       State
	kinds       []stateKinds
	log         *logger
	metrics     []metric
	usage       usage
	opening     bool
	closed      bool

	instance
	call
	scan    scan
	timers  timerBatch
	outputs outputs
	groups  groups
}

// Open makes an instance of the module and opens one of its operators in it.
func (m *Module) Open(ctx context.Context, config OpenConfig) (*Operator, error) {
	index, err := m.operatorIndex(config.Operator)
	if err != nil {
		return nil, err
	}
	description := &m.description.Operators[index]
	if description.Keyed() && config.State == nil {
		return nil, fmt.Errorf("wasm: operator %s of module %s needs keyed state, and got none", description.Name, m.name)
	}
	if config.Config == nil {
		config.Config = map[string]any{}
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	request, err := config.request()
	if err != nil {
		return nil, fmt.Errorf("wasm: operator %s: config is not JSON: %w", description.Name, err)
	}
	if err := m.engine.CheckLimits(config.Limits); err != nil {
		return nil, err
	}
	limits := config.Limits.or(m.engine.limits)
	o := &Operator{
		module: m, name: description.Name, index: index, config: config, limits: limits,
		description: description, aggregates: aggregations(description), prefetches: prefetches(description), openRequest: request, state: config.State, kinds: kindsOf(description.States),
		metrics: make([]metric, len(description.Metrics)),
	}
	attributes := config.Logger.With("operator", o.name, "uid", config.UID, "subtask", config.Subtask)
	o.log = newLogger(attributes, limits, m.engine.now)
	o.scan.bind()
	o.timers.bind()
	if err := o.start(ctx); err != nil {
		return nil, err
	}
	return o, nil
}

// request is the open request as JSON.
func (c *OpenConfig) request() ([]byte, error) {
	request := abi.OpenRequest{UID: c.UID, Subtask: c.Subtask, Parallelism: c.Parallelism, Config: c.Config}
	if len(c.RequestFields) == 0 {
		return json.Marshal(request)
	}
	fields := map[string]any{"uid": request.UID, "subtask": request.Subtask, "parallelism": request.Parallelism, "config": request.Config}
	for name, value := range c.RequestFields {
		if _, taken := fields[name]; !taken {
			fields[name] = value
		}
	}
	return json.Marshal(fields)
}

func (m *Module) operatorIndex(name string) (int, error) {
	operators := m.description.Operators
	if name == "" && len(operators) == 1 {
		return 0, nil
	}
	names := make([]string, len(operators))
	for i := range operators {
		if operators[i].Name == name {
			return i, nil
		}
		names[i] = operators[i].Name
	}
	return 0, fmt.Errorf("wasm: module %s has no operator %q: it has %q", m.name, name, names)
}

// Description is what the module tells about this operator.
func (o *Operator) Description() *abi.OperatorDescription { return o.description }

// Brief asks that the calls from now on take a part of their time limit at most.
func (o *Operator) Brief(brief bool) { o.brief = brief }

// Process handles one batch of one input. Where it returns an error, nothing
// that the call did took effect, and a *GuestError tells the record in hand.
// Otherwise all of it did, but for the records that Failures tells.
func (o *Operator) Process(input int, batch record.Batch, watermark, processingTime int64, emit func(output int, batch record.Batch)) error {
	if input < 0 || input >= len(o.description.Inputs) {
		return fmt.Errorf("wasm: operator %s has no input %d, it has %d", o.name, input, len(o.description.Inputs))
	}
	o.firing, o.trial = false, false
	if a := o.aggregates[input]; a >= 0 {
		return o.aggregate(a, batch, watermark, processingTime, emit)
	}
	if err := o.begin(batch, watermark, processingTime); err != nil {
		return err
	}
	o.trial = batch.Count() > 1
	err := o.prefetch(batch)
	if err == nil {
		err = o.deliver(phaseProcess, o.functions.process, uint64(input))
	}
	return o.finish(err, emit)
}

// Close ends the instance. The operator cannot be used any more.
func (o *Operator) Close() error {
	if o.closed {
		return nil
	}
	o.closed = true
	var err error
	if o.functions.close != nil && !o.broken {
		err = o.guestError(o.invoke(phaseClose, o.functions.close, nil))
	}
	return errors.Join(err, o.destroy())
}
