package task

import (
	"context"
	"fmt"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/exchange"
)

// sinkWritesMax is how many batches wait for the writer before the task stands still.
const sinkWritesMax = 8

// SinkConfig is the sink at the end of a chain.
type SinkConfig struct {
	UID  string
	Open func(ctx context.Context) (connectors.Writer, error)
}

// sink writes through a worker.
type sink struct {
	ctx     context.Context
	config  SinkConfig
	worker  Worker
	writer  connectors.Writer // used by the worker only, after it has opened it
	writes  int               // under way
	broken  bool              // used by the worker only: nothing may follow a failure
	failure error
	// refuse hears of the records that the writer did not take.
	refuse func([]connectors.Refused)
	tries  []*sinkTry // written, and not prepared yet
}

// room reports whether another batch may be written.
func (s *sink) room() bool { return s.writes < sinkWritesMax }

func (s *sink) write(batch record.Batch) {
	s.writes++
	buffer := exchange.CopyOf(batch)
	s.submit(func(ctx context.Context) error {
		defer buffer.Release()
		return s.writer.Write(ctx, buffer.Batch)
	}, func() { s.writes-- })
}

// prepare asks for the committables of an epoch, behind all writes so far.
func (s *sink) prepare(epoch checkpoint.Epoch, done func([]checkpoint.Committable)) {
	var prepared []connectors.Committable
	s.submit(func(ctx context.Context) (err error) {
		prepared, err = s.writer.Prepare(ctx, uint64(epoch))
		return err
	}, func() {
		committables := make([]checkpoint.Committable, len(prepared))
		for i, p := range prepared {
			committables[i] = checkpoint.Committable{Sink: s.config.UID, Epoch: epoch, ID: p.ID, Data: p.Data}
		}
		done(committables)
	})
}

// submit runs work on the worker and then, if it succeeded, done on the task.
func (s *sink) submit(work func(ctx context.Context) error, done func()) {
	s.worker.Submit(func() func() {
		if s.broken {
			return nil // a Prepare behind a failed Write would hide what was lost
		}
		err := s.open()
		if err == nil {
			err = work(s.ctx)
		}
		var refused []connectors.Refused
		if refuser, ok := s.writer.(connectors.Refuser); ok && err == nil {
			refused = refuser.Refused()
		}
		s.broken = err != nil
		return func() {
			if err != nil {
				s.failure = fmt.Errorf("task: sink %s: %w", s.config.UID, err)
				return
			}
			if len(refused) > 0 {
				s.refuse(refused)
			}
			done()
		}
	})
}

func (s *sink) open() (err error) {
	if s.writer == nil {
		s.writer, err = s.config.Open(s.ctx)
	}
	return err
}

func (s *sink) close() error {
	if s.writer == nil {
		return nil
	}
	return s.writer.Close()
}
