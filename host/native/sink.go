package native

import (
	"context"
	"errors"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/connectors/wire"
)

// sink is a sink in a process of its own.
type sink struct {
	connectors.Sink
	launcher *Launcher
	process  *process
}

func newSink(ctx context.Context, l *Launcher, name string, run executable) (connectors.Sink, error) {
	p, err := l.start(ctx, name, run)
	if err != nil {
		return nil, err
	}
	if err := describe(ctx, p, sideSink); err != nil {
		l.stop(p)
		return nil, err
	}
	return &sink{Sink: wire.NewSink(p.connection, p.explain), launcher: l, process: p}, nil
}

// Open remembers the step for errors.
func (s *sink) Open(ctx context.Context, config connectors.Config) (connectors.Guarantee, error) {
	s.process.setUID(config.UID)
	return s.Sink.Open(ctx, config)
}

// Close ends the process. That it died before is no error of Close.
func (s *sink) Close() error {
	err := s.Sink.Close()
	s.launcher.stop(s.process)
	return ignoreDeath(err)
}

func ignoreDeath(err error) error {
	var died *ProcessDiedError
	if errors.As(err, &died) {
		return nil
	}
	return err
}
