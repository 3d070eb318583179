package wire

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

// clientWriter is a connectors.Writer at the other end of a stream. Batches go ahead
// of the connector as far as its credit allows.
type clientWriter struct {
	*clientStream
	credit   atomic.Int64
	credited chan struct{} // signals that credit came
	prepared chan prepared

	mutex        sync.Mutex
	refused      []connectors.Refused
	refusedBytes int
}

// refusedBytesMax bounds the refused records that wait for the host to take them.
const refusedBytesMax = 2 * record.LengthMax

type prepared struct {
	epoch        uint64
	committables []connectors.Committable
}

func openWriter(ctx context.Context, connection grpc.ClientConnInterface, subtask int, explain Explain) (connectors.Writer, error) {
	stream, opened, err := openStream(ctx, connection, "Write", subtask, explain)
	if err != nil {
		return nil, err
	}
	w := &clientWriter{clientStream: stream, credited: make(chan struct{}, 1), prepared: make(chan prepared, 1)}
	w.credit.Store(opened.number)
	go w.receiveAll(w.take)
	return w, nil
}

func (w *clientWriter) take(f frame, _ mem.Buffer) (kept bool, err error) {
	switch f.kind {
	case kindCredit:
		w.credit.Add(f.number)
		select {
		case w.credited <- struct{}{}:
		default:
		}
		return false, nil
	case kindRefused:
		return false, w.refuse(f)
	case kindPrepared:
		var list v1.Committables
		if err := proto.Unmarshal(f.body, &list); err != nil {
			return false, malformed("committables: %v", err)
		}
		committables, err := preparedFromWire(&list)
		if err != nil {
			return false, err
		}
		select {
		case w.prepared <- prepared{uint64(f.number), committables}:
			return false, nil
		case <-w.context.Done():
			return false, w.context.Err()
		}
	}
	return false, malformed("kind %d from a writer", f.kind)
}

// refuse keeps a record that the connector did not take.
func (w *clientWriter) refuse(f frame) error {
	batch, err := record.Parse(f.body)
	if err != nil {
		return err
	}
	if batch.Count() != 1 || len(f.text) > connectors.ReasonBytesMax {
		return malformed("%d refused records at once with a reason of %d bytes", batch.Count(), len(f.text))
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.refusedBytes += len(batch); w.refusedBytes > refusedBytesMax {
		return malformed("more than %d bytes of refused records", refusedBytesMax)
	}
	w.refused = append(w.refused, connectors.Refused{Record: append(record.Batch{}, batch...), Reason: strings.ToValidUTF8(string(f.text), "\uFFFD")})
	return nil
}

// Refused gives what the connector has refused so far.
func (w *clientWriter) Refused() []connectors.Refused {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	list := w.refused
	w.refused, w.refusedBytes = nil, 0
	return list
}

// Write sends a batch on. An error of the connector may show at a later call.
func (w *clientWriter) Write(ctx context.Context, batch record.Batch) error {
	for w.credit.Load() <= 0 {
		select {
		case <-w.credited:
		case <-ctx.Done():
			return ctx.Err()
		case <-w.done:
			return w.failure()
		}
	}
	f := frame{kind: kindWrite, body: batch}
	w.credit.Add(-f.cost())
	return w.send(&f)
}

// Prepare waits until the connector has prepared all that was sent before.
func (w *clientWriter) Prepare(ctx context.Context, epoch uint64) ([]connectors.Committable, error) {
	if err := w.send(&frame{kind: kindPrepare, number: int64(epoch)}); err != nil {
		return nil, err
	}
	for {
		select {
		case answer := <-w.prepared:
			if answer.epoch == epoch {
				return answer.committables, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-w.done:
			return nil, w.failure()
		}
	}
}

// Close ends the writer.
func (w *clientWriter) Close() error { return w.close() }
