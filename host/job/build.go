package job

import (
	"context"
	"fmt"
	"time"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/exchange"
	"github.com/turgo-stream/turgo/host/keygroup"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/plan"
	"github.com/turgo-stream/turgo/host/task"
)

// builder makes the tasks of one attempt from the plan.
type builder struct {
	attempt *Attempt
	plan    *plan.Plan
	// wakes holds a channel of capacity 1 for each task: who has something for a
	// task fills it.
	wakes map[checkpoint.TaskID]chan struct{}
	// lanes holds the channels of each edge: [from subtask][to subtask], or
	// [subtask][0] on a forward edge.
	lanes map[plan.Edge][][]*exchange.Channel
}

func taskID(v *plan.Vertex, subtask int) checkpoint.TaskID {
	return checkpoint.TaskID{Vertex: v.UID, Subtask: subtask}
}

// wake fills a wake channel.
func wake(c chan struct{}) func() {
	return func() {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// build makes all tasks, in topological order. What it opened before an error is
// in the attempt, and closed with it.
func (b *builder) build(ctx context.Context) error {
	b.wakes = map[checkpoint.TaskID]chan struct{}{}
	b.lanes = map[plan.Edge][][]*exchange.Channel{}
	for i := range b.plan.Vertices {
		v := &b.plan.Vertices[i]
		for subtask := range v.Parallelism {
			b.wakes[taskID(v, subtask)] = make(chan struct{}, 1)
		}
	}
	for i := range b.plan.Vertices {
		for _, edge := range b.plan.Vertices[i].Out {
			b.connect(edge)
		}
	}
	for i := range b.plan.Vertices {
		v := &b.plan.Vertices[i]
		for subtask := range v.Parallelism {
			t, err := b.task(ctx, v, subtask)
			if err != nil {
				return err
			}
			b.attempt.add(t, b.wakes[t.ID()])
			b.attempt.reached(DuringRestore)
		}
	}
	return nil
}

func (b *builder) connect(edge plan.Edge) {
	lanes := make([][]*exchange.Channel, edge.FromParallelism)
	for from := range lanes {
		drained := wake(b.wakes[checkpoint.TaskID{Vertex: edge.From.Vertex, Subtask: from}])
		for to := range edge.ToParallelism {
			if edge.Kind == plan.Forward && to != from {
				continue
			}
			filled := wake(b.wakes[checkpoint.TaskID{Vertex: edge.To.Vertex, Subtask: to}])
			lanes[from] = append(lanes[from], exchange.NewChannel(filled, drained))
		}
	}
	b.lanes[edge] = lanes
}

func (b *builder) task(ctx context.Context, v *plan.Vertex, subtask int) (*task.Task, error) {
	id := taskID(v, subtask)
	config := task.Config{
		ID: id, Parallelism: v.Parallelism, Context: b.attempt.ctx, NowMS: b.attempt.nowMS, NewWorker: b.attempt.config.NewWorker,
		Listener: b.attempt, Wake: wake(b.wakes[id]),
	}
	operators, err := b.operators(ctx, v, subtask)
	if err != nil {
		return nil, err
	}
	config.State = operators.State
	for index := range v.Chain {
		s := &v.Chain[index]
		step := task.Step{UID: s.UID, OnFailure: s.OnFailure}
		step.Routes, step.DeadLetters = b.routes(v, index, subtask)
		switch s.Kind {
		case plan.Source:
			config.Source = b.source(v, s, subtask)
		case plan.Sink:
			sink := b.attempt.sinks[s.UID].sink
			config.Sink = &task.SinkConfig{UID: s.UID, Open: func(ctx context.Context) (connectors.Writer, error) {
				return sink.OpenWriter(ctx, subtask)
			}}
		case plan.Operator:
			step.Operator = operators.Operators[0]
			operators.Operators = operators.Operators[1:]
			step.Module, step.Entry = b.attempt.config.Runtime.Module(s), s.Entry
			for _, t := range s.Description.Timers {
				step.ProcessingTimers = step.ProcessingTimers || t.Domain == "processing"
			}
		}
		config.Steps = append(config.Steps, step)
	}
	config.Letters = b.keeper(id, "")
	if config.Sink != nil {
		config.SinkLetters = b.keeper(id, "-sink")
	}
	if config.Source == nil {
		config.Inbox = b.inbox(v, subtask)
	}
	return task.New(config), nil
}

// keeper makes the keeper of what a task cannot handle.
func (b *builder) keeper(id checkpoint.TaskID, part string) *letter.Keeper {
	return letter.NewKeeper(letter.KeeperConfig{
		Store: b.attempt.config.Store, Attempt: b.attempt.number, Subtask: id.Subtask,
		Prefix: fmt.Sprintf("%s%08d/%s-%d%s-", checkpoint.LetterPrefix, b.attempt.number, id.Vertex, id.Subtask, part),
	})
}

func (b *builder) source(v *plan.Vertex, s *plan.ChainedStep, subtask int) *task.SourceConfig {
	source := b.attempt.sources[s.UID].source
	return &task.SourceConfig{
		UID:        s.UID,
		Open:       func(ctx context.Context) (connectors.Reader, error) { return source.OpenReader(ctx, subtask) },
		Retryable:  b.attempt.config.Runtime.Retryable,
		Restored:   b.attempt.sources[s.UID].restored[subtask],
		Discovered: b.attempt.recovered.decision.Manifest.Discovered(s.UID),
		Watermarks: task.Watermarks{
			Enabled:          s.Watermark.Strategy != plan.NoWatermark,
			OutOfOrdernessMS: s.Watermark.OutOfOrderness.Milliseconds(),
			IdleTimeoutMS:    s.Watermark.IdleTimeout.Milliseconds(),
		},
		ObserveOutput: v.WatermarkStep == 1,
	}
}

// operators opens the operators of a chain with the state that the checkpoint
// holds of them.
func (b *builder) operators(ctx context.Context, v *plan.Vertex, subtask int) (*Operators, error) {
	chain := Chain{
		Task: taskID(v, subtask), Attempt: b.attempt.number, Parallelism: v.Parallelism,
		MaxParallelism: b.plan.MaxParallelism, Store: b.attempt.config.Store, State: b.plan.State,
	}
	chain.First, chain.Last = keygroup.Range(subtask, b.plan.MaxParallelism, v.Parallelism)
	for i := range v.Chain {
		if v.Chain[i].Kind == plan.Operator {
			chain.Steps = append(chain.Steps, v.Chain[i])
		}
	}
	if len(chain.Steps) == 0 {
		return &Operators{}, nil
	}
	chain.Tables = b.attempt.recovered.byTask[chain.Task].Tables
	started := time.Now()
	operators, err := b.attempt.config.Runtime.Chain(ctx, chain)
	if err != nil {
		return nil, fmt.Errorf("job: open %s: %w", chain.Task, err)
	}
	b.attempt.config.Logger.Debug("operators opened", "task", chain.Task.String(), "tables", len(chain.Tables), "duration_ms", time.Since(started).Milliseconds())
	return operators, nil
}

// routes lists the ways out of each output of a step, and of its dead letters.
func (b *builder) routes(v *plan.Vertex, index, subtask int) (routes [][]task.Route, deadLetters []*exchange.Outbox) {
	routes = make([][]task.Route, v.Chain[index].Outputs())
	if index+1 < len(v.Chain) {
		output := v.Chain[index+1].PreviousOutput
		routes[output] = append(routes[output], task.Route{Chained: true})
	}
	for _, edge := range v.Out {
		if edge.From.Step != index {
			continue
		}
		outbox := exchange.NewOutbox(partitioning(edge.Kind), b.plan.MaxParallelism, b.lanes[edge][subtask])
		if edge.From.Output == len(routes) {
			deadLetters = append(deadLetters, outbox)
			continue
		}
		routes[edge.From.Output] = append(routes[edge.From.Output], task.Route{Outbox: outbox})
	}
	return routes, deadLetters
}

func partitioning(kind plan.EdgeKind) exchange.Partitioning {
	switch kind {
	case plan.Key:
		return exchange.Key
	case plan.Rebalance:
		return exchange.Rebalance
	case plan.Broadcast:
		return exchange.Broadcast
	}
	return exchange.Forward
}

// inbox gathers the channels into one subtask.
func (b *builder) inbox(v *plan.Vertex, subtask int) *exchange.Inbox {
	var inputs []exchange.Input
	for _, edge := range v.In {
		for from, lane := range b.lanes[edge] {
			switch {
			case edge.Kind != plan.Forward:
				inputs = append(inputs, exchange.Input{Channel: lane[subtask], Index: edge.To.Input})
			case from == subtask:
				inputs = append(inputs, exchange.Input{Channel: lane[0], Index: edge.To.Input})
			}
		}
	}
	return exchange.NewInbox(inputs)
}
