package wire

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

// receiveOpen takes the first frame of a stream.
func receiveOpen(stream grpc.ServerStream) (subtask int, err error) {
	f, buffer, err := receive(stream)
	if err != nil {
		return 0, err
	}
	defer buffer.Free()
	if f.kind != kindOpen {
		return 0, malformed("kind %d where the first frame has to be open", f.kind)
	}
	return int(f.number), nil
}

// readStream serves one reader. One goroutine receives; the other, which owns
// the reader, assigns, reads and sends.
type readStream struct {
	stream grpc.ServerStream
	reader connectors.Reader
	credit int64
	splits int // assigned and not ended
	orders chan order
}

// order is what the receiving goroutine hands over: assignments, credit, or
// the stream's end.
type order struct {
	assign   []connectors.Assignment
	sequence int64
	credit   int64
	err      error // io.EOF where the host closed its side
}

func handleRead(service any, stream grpc.ServerStream) error {
	source, err := service.(*server).source()
	if err != nil {
		return err
	}
	subtask, err := receiveOpen(stream)
	if err != nil {
		return err
	}
	reader, err := source.OpenReader(stream.Context(), subtask)
	if err != nil {
		return toStatus(err)
	}
	r := &readStream{stream: stream, reader: reader, orders: make(chan order, 16)}
	if err = send(stream, &frame{kind: kindOpened}); err == nil {
		go r.receiveOrders(stream.Context())
		err = r.run(stream.Context())
	}
	if closeErr := reader.Close(); err == nil {
		err = closeErr
	}
	return toStatus(err)
}

// receiveOrders ends when the stream does, at the latest when the handler returns.
func (r *readStream) receiveOrders(ctx context.Context) {
	for {
		o := r.receiveOrder()
		select {
		case r.orders <- o:
		case <-ctx.Done():
			return
		}
		if o.err != nil {
			return
		}
	}
}

func (r *readStream) receiveOrder() order {
	f, buffer, err := receive(r.stream)
	if err != nil {
		return order{err: err}
	}
	defer buffer.Free()
	switch f.kind {
	case kindCredit:
		return order{credit: f.number}
	case kindAssign:
		var list v1.Assignments
		if err := proto.Unmarshal(f.body, &list); err != nil {
			return order{err: malformed("assignments: %v", err)}
		}
		return order{assign: assignmentsFromWire(list.GetAssignments()), sequence: f.number}
	}
	return order{err: malformed("kind %d in a read stream", f.kind)}
}

func (r *readStream) run(ctx context.Context) error {
	for {
		o, got := order{}, false
		if r.credit > 0 && r.splits > 0 {
			select {
			case o = <-r.orders:
				got = true
			default:
			}
		} else {
			select {
			case o = <-r.orders:
				got = true
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		var err error
		if got {
			err = r.obey(ctx, o)
		} else {
			err = r.deliver(ctx)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *readStream) obey(ctx context.Context, o order) error {
	if o.err != nil {
		return o.err
	}
	r.credit += o.credit
	if o.sequence == 0 {
		return nil
	}
	if err := r.reader.Assign(ctx, o.assign); err != nil {
		return err
	}
	r.splits += len(o.assign)
	return send(r.stream, &frame{kind: kindAssigned, number: o.sequence})
}

func (r *readStream) deliver(ctx context.Context) error {
	delivery, err := r.reader.Next(ctx)
	if err != nil {
		return notEOF(err)
	}
	if delivery.SplitID == "" {
		return nil
	}
	if err := r.sendUndecodable(delivery.Undecodable); err != nil {
		return err
	}
	f := frame{kind: kindDelivery, number: delivery.LagRecords, text: []byte(delivery.SplitID), position: delivery.Position, body: delivery.Batch}
	if delivery.End {
		f.flags = flagEnd
		r.splits--
	}
	r.credit -= f.cost()
	return send(r.stream, &f)
}

// sendUndecodable sends what belongs to the next delivery.
func (r *readStream) sendUndecodable(list []connectors.Undecodable) error {
	for _, u := range list {
		f := frame{kind: kindUndecodable, number: int64(u.Index), text: []byte(connectors.CutReason(u.Reason)), body: u.Bytes}
		r.credit -= f.cost()
		if err := send(r.stream, &f); err != nil {
			return err
		}
	}
	return nil
}

// notEOF keeps a connector's io.EOF from passing for the host's good-bye.
func notEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return &ConnectorError{Message: err.Error()}
	}
	return err
}

func handleWrite(service any, stream grpc.ServerStream) error {
	sink, err := service.(*server).sink()
	if err != nil {
		return err
	}
	subtask, err := receiveOpen(stream)
	if err != nil {
		return err
	}
	writer, err := sink.OpenWriter(stream.Context(), subtask)
	if err != nil {
		return toStatus(err)
	}
	if err = send(stream, &frame{kind: kindOpened, number: windowBytes}); err == nil {
		err = serveWriter(stream, writer)
	}
	if closeErr := writer.Close(); err == nil {
		err = closeErr
	}
	return toStatus(err)
}

// serveWriter obeys one frame after the other, and gives credit back in portions.
func serveWriter(stream grpc.ServerStream, writer connectors.Writer) error {
	consumed := int64(0)
	for {
		f, buffer, err := receive(stream)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		cost := f.cost()
		err = serveWrite(stream, writer, f, buffer)
		if err != nil {
			return err
		}
		if f.kind != kindWrite {
			continue
		}
		if consumed += cost; consumed >= windowBytes/4 {
			if err := send(stream, &frame{kind: kindCredit, number: consumed}); err != nil {
				return err
			}
			consumed = 0
		}
	}
}

func serveWrite(stream grpc.ServerStream, writer connectors.Writer, f frame, buffer mem.Buffer) error {
	defer buffer.Free()
	switch f.kind {
	case kindWrite:
		if err := writer.Write(stream.Context(), record.Batch(f.body)); err != nil {
			return notEOF(err)
		}
		return sendRefused(stream, writer)
	case kindPrepare:
		committables, err := writer.Prepare(stream.Context(), uint64(f.number))
		if err != nil {
			return notEOF(err)
		}
		if err := sendRefused(stream, writer); err != nil {
			return err
		}
		body, err := proto.Marshal(committablesToWire(committables))
		if err != nil {
			return err
		}
		if len(body) > bodyBytesMax {
			return malformed("committables of %d bytes, at most %d", len(body), bodyBytesMax)
		}
		return send(stream, &frame{kind: kindPrepared, number: f.number, body: body})
	}
	return malformed("kind %d in a write stream", f.kind)
}

// sendRefused sends the records that the writer did not take.
func sendRefused(stream grpc.ServerStream, writer connectors.Writer) error {
	refuser, ok := writer.(connectors.Refuser)
	if !ok {
		return nil
	}
	for _, refused := range refuser.Refused() {
		if err := send(stream, &frame{kind: kindRefused, text: []byte(connectors.CutReason(refused.Reason)), body: refused.Record}); err != nil {
			return err
		}
	}
	return nil
}
