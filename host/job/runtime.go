// Package job runs a plan: it builds the tasks, drives the coordinator, commits
// what is durable, and starts again after a failure.
package job

import (
	"context"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/plan"
	"github.com/turgo-stream/turgo/host/task"
)

// Runtime makes the parts of a job that touch the outside world. Engine is the
// real one; simulation has another.
type Runtime interface {
	// Source and Sink give the connector of a step, opened.
	Source(ctx context.Context, step *plan.ChainedStep, config connectors.Config) (connectors.Source, error)
	Sink(ctx context.Context, step *plan.ChainedStep, config connectors.Config) (connectors.Sink, connectors.Guarantee, error)
	// Chain opens the operators of one task, in the order of its chain, and their
	// keyed state. A chain without state has a nil State.
	Chain(ctx context.Context, chain Chain) (*Operators, error)
	// Retryable reports whether a connector that failed with this error can be
	// opened again at the same place.
	Retryable(err error) bool
	// Module is the digest of a step's module, for the manifest.
	Module(step *plan.ChainedStep) string
	Close() error
}

// Chain says what to open for one task.
type Chain struct {
	Task           checkpoint.TaskID
	Attempt        uint64
	Steps          []plan.ChainedStep // operators only
	Parallelism    int
	MaxParallelism int
	First, Last    int // key groups, inclusive
	Tables         []checkpoint.Table
	Store          checkpoint.Store
	State          plan.State
}

// Operators are the opened operators of a chain and what they share.
type Operators struct {
	Operators []task.Operator
	State     task.State
}
