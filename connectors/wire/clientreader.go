package wire

import (
	"context"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

// idleWait is how long Next waits before it gives an empty delivery.
const idleWait = 100 * time.Millisecond

// received is a delivery with the memory that it lies in.
type received struct {
	frame       frame
	batch       record.Batch
	buffer      mem.Buffer
	undecodable undecodables
}

// undecodables are what came before a delivery and belongs to it.
type undecodables struct {
	list  []connectors.Undecodable
	bytes int   // of what is in list
	cost  int64 // of its frames
}

// clientReader is a connectors.Reader at the other end of a stream. What was read
// ahead waits in the queue, which credit keeps small.
type clientReader struct {
	*clientStream
	queue    chan received
	assigned chan int64 // sequences that the connector confirmed
	sequence int64
	pending  undecodables // the receiving goroutine's own: of the next delivery

	held   mem.Buffer // memory of the last delivery
	owed   int64      // credit that was not given back yet
	lastID string     // of the last delivery, to save an allocation
	idle   *time.Timer
}

func openReader(ctx context.Context, connection grpc.ClientConnInterface, subtask int, explain Explain) (connectors.Reader, error) {
	stream, _, err := openStream(ctx, connection, "Read", subtask, explain)
	if err != nil {
		return nil, err
	}
	r := &clientReader{
		clientStream: stream,
		queue:        make(chan received, framesMax),
		assigned:     make(chan int64, 1),
		idle:         time.NewTimer(idleWait),
	}
	go r.receiveAll(r.take)
	if err := r.send(&frame{kind: kindCredit, number: windowBytes}); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// take checks a frame at the host's door. The queue has room for all that
// credit allows, so it never waits there.
func (r *clientReader) take(f frame, buffer mem.Buffer) (kept bool, err error) {
	switch f.kind {
	case kindAssigned:
		select {
		case r.assigned <- f.number:
			return false, nil
		case <-r.context.Done():
			return false, r.context.Err()
		}
	case kindUndecodable:
		return false, r.pending.add(f)
	case kindDelivery:
	default:
		return false, malformed("kind %d from a reader", f.kind)
	}
	if len(f.text) == 0 || !utf8.Valid(f.text) {
		return false, malformed("split ID %.64q is empty or not UTF-8", f.text)
	}
	item := received{frame: f, buffer: buffer, undecodable: r.pending}
	r.pending = undecodables{}
	if len(f.body) > 0 {
		if item.batch, err = record.Parse(f.body); err != nil {
			return false, err
		}
	}
	select {
	case r.queue <- item:
		return true, nil
	default:
		return false, malformed("more than %d frames without credit", framesMax)
	}
}

// add copies what a frame tells, within the bounds of a delivery.
func (u *undecodables) add(f frame) error {
	if len(f.body) > connectors.UndecodableBytesMax || len(f.text) > connectors.ReasonBytesMax || f.number < 0 {
		return malformed("undecodable of %d bytes with a reason of %d bytes at %d; at most %d and %d are allowed",
			len(f.body), len(f.text), f.number, connectors.UndecodableBytesMax, connectors.ReasonBytesMax)
	}
	u.bytes += len(f.body) + len(f.text)
	if len(u.list) >= connectors.UndecodablesMax || u.bytes > connectors.UndecodablesBytesMax {
		return malformed("more than %d undecodables, or %d bytes of them, before a delivery", connectors.UndecodablesMax, connectors.UndecodablesBytesMax)
	}
	u.cost += f.cost()
	u.list = append(u.list, connectors.Undecodable{
		Bytes: append([]byte{}, f.body...), Reason: strings.ToValidUTF8(string(f.text), "\uFFFD"), Index: int(min(f.number, math.MaxInt32)),
	})
	return nil
}

// Assign adds splits, and waits until the connector has taken them.
func (r *clientReader) Assign(ctx context.Context, assignments []connectors.Assignment) error {
	return pages(assignments, assignmentSize, func(part []connectors.Assignment, _ bool) error {
		body, err := proto.Marshal(&v1.Assignments{Assignments: assignmentsToWire(part)})
		if err != nil {
			return err
		}
		r.sequence++
		if err := r.send(&frame{kind: kindAssign, number: r.sequence, body: body}); err != nil {
			return err
		}
		return r.awaitAssigned(ctx)
	})
}

// awaitAssigned skips answers that an earlier, cancelled call did not wait for.
func (r *clientReader) awaitAssigned(ctx context.Context) error {
	for {
		select {
		case sequence := <-r.assigned:
			if sequence == r.sequence {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-r.done:
			return r.failure()
		}
	}
}

// Next gives the next delivery, read ahead or awaited.
func (r *clientReader) Next(ctx context.Context) (connectors.Delivery, error) {
	if err := r.release(); err != nil {
		return connectors.Delivery{}, err
	}
	select {
	case item := <-r.queue:
		return r.deliver(item), nil
	default:
	}
	r.idle.Reset(idleWait)
	select {
	case item := <-r.queue:
		return r.deliver(item), nil
	case <-r.idle.C:
		return connectors.Delivery{}, nil
	case <-ctx.Done():
		return connectors.Delivery{}, ctx.Err()
	case <-r.done:
	}
	select { // what came before the end is good still
	case item := <-r.queue:
		return r.deliver(item), nil
	default:
		return connectors.Delivery{}, r.failure()
	}
}

func (r *clientReader) deliver(item received) connectors.Delivery {
	r.held = item.buffer
	r.owed += item.frame.cost() + item.undecodable.cost
	if string(item.frame.text) != r.lastID {
		r.lastID = string(item.frame.text)
	}
	return connectors.Delivery{
		SplitID: r.lastID, Batch: item.batch, Position: append([]byte{}, item.frame.position...),
		End: item.frame.flags&flagEnd != 0, LagRecords: item.frame.number, Undecodable: item.undecodable.list,
	}
}

// release frees the last delivery and gives its credit back, in portions.
func (r *clientReader) release() error {
	if r.held != nil {
		r.held.Free()
		r.held = nil
	}
	if r.owed < windowBytes/4 {
		return nil
	}
	select {
	case <-r.done: // what waits in the queue can still be had
		return nil
	default:
	}
	owed := r.owed
	r.owed = 0
	if err := send(r.stream, &frame{kind: kindCredit, number: owed}); err != nil {
		<-r.done // the receiving goroutine keeps the reason
	}
	return nil
}

// Close ends the reader.
func (r *clientReader) Close() error {
	r.idle.Stop()
	if r.held != nil {
		r.held.Free()
		r.held = nil
	}
	err := r.close()
	for {
		select {
		case item := <-r.queue:
			item.buffer.Free()
		default:
			return err
		}
	}
}
