package main

import (
	"context"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/native"
	"github.com/turgo-stream/turgo/host/plan"
)

// launcher gives package job the launcher of package native, which knows no plan.
type launcher struct{ *native.Launcher }

// Source implements job.Launcher.
func (l launcher) Source(ctx context.Context, name string, placement plan.Placement) (connectors.Source, error) {
	return l.Launcher.Source(ctx, name, native.Placement(placement))
}

// Sink implements job.Launcher.
func (l launcher) Sink(ctx context.Context, name string, placement plan.Placement) (connectors.Sink, error) {
	return l.Launcher.Sink(ctx, name, native.Placement(placement))
}
