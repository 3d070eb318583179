package wire

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
)

// clientStream is the host's end of a reader's or writer's stream. One
// goroutine receives, until the stream ends or the close gives up on it.
type clientStream struct {
	stream  grpc.ClientStream
	context context.Context // of the stream
	cancel  context.CancelFunc
	explain Explain
	// patience is how long close waits for an answer.
	patience time.Duration
	done     chan struct{} // closed when nothing more is received
	err      error         // why, nil after a good-bye; read after done
}

// openStream starts the stream. It lasts until close, whatever becomes of ctx.
func openStream(ctx context.Context, connection grpc.ClientConnInterface, name string, subtask int, explain Explain) (*clientStream, frame, error) {
	streamContext, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stopWatching := context.AfterFunc(ctx, cancel)
	defer stopWatching()
	fail := func(err error) (*clientStream, frame, error) {
		cancel()
		return nil, frame{}, fromStatus(ctx, err, explain)
	}
	stream, err := connection.NewStream(streamContext, &grpc.StreamDesc{StreamName: name, ServerStreams: true, ClientStreams: true},
		"/"+streamsService+"/"+name, grpc.CallContentSubtype(contentSubtype))
	if err != nil {
		return fail(err)
	}
	if err := send(stream, &frame{kind: kindOpen, number: int64(subtask)}); err != nil && !errors.Is(err, io.EOF) {
		return fail(err)
	}
	opened, buffer, err := receive(stream)
	if errors.Is(err, io.EOF) {
		err = malformed("the stream ended before it was opened")
	}
	if err != nil {
		return fail(err)
	}
	buffer.Free()
	if opened.kind != kindOpened {
		return fail(malformed("kind %d where opened was expected", opened.kind))
	}
	c := &clientStream{stream: stream, context: streamContext, cancel: cancel, explain: explain, patience: closeTimeout, done: make(chan struct{})}
	return c, frame{kind: opened.kind, number: opened.number}, nil
}

// receiveAll gives every frame to take, which owns the buffer and reports
// whether it keeps it.
func (c *clientStream) receiveAll(take func(f frame, buffer mem.Buffer) (kept bool, err error)) {
	defer close(c.done)
	for {
		f, buffer, err := receive(c.stream)
		if err == nil {
			var kept bool
			if kept, err = take(f, buffer); !kept {
				buffer.Free()
			}
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			c.err = fromStatus(c.context, err, c.explain)
			c.cancel()
			return
		}
	}
}

// failure is why the stream ended, which it has.
func (c *clientStream) failure() error {
	<-c.done
	if c.err != nil {
		return c.err
	}
	return errors.New("wire: the stream has ended")
}

// send sends a frame; where the stream is broken, the receiver knows why.
func (c *clientStream) send(f *frame) error {
	err := send(c.stream, f)
	if errors.Is(err, io.EOF) {
		return c.failure()
	}
	return fromStatus(c.context, err, c.explain)
}

// close says good-bye, and cuts the stream where that is not answered.
func (c *clientStream) close() error {
	closeErr := c.stream.CloseSend()
	timer := time.NewTimer(c.patience)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		closeErr = errors.New("wire: the connector did not close its stream in time")
	}
	c.cancel()
	<-c.done
	if c.err != nil && closeErr == nil {
		closeErr = c.err
	}
	return closeErr
}
