package faulty

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
)

// reading is one reader's stream. One goroutine receives; another obeys and sends.
type reading struct {
	*connector
	stream grpc.ServerStream
	input  settings
	credit int64
	splits []*split // assigned and not ended
	orders chan order
}

type split struct {
	id     string
	offset int64
	pid    int // of the process that gave the position; 0 = none did
}

type order struct {
	frame frame
	err   error
}

func (c *connector) read(_ any, stream grpc.ServerStream) error {
	release, err := c.acquire(stream.Context())
	if err != nil {
		return err
	}
	err = c.serveReader(stream)
	release(err)
	return failed(err)
}

func (c *connector) serveReader(stream grpc.ServerStream) error {
	if err := receiveOpen(stream); err != nil {
		return err
	}
	_, input, _ := c.opened()
	r := &reading{connector: c, stream: stream, input: input, orders: make(chan order, 64)}
	if err := send(stream, frame{kind: kindOpened}); err != nil {
		return err
	}
	if r.has("trips_over_lock") {
		if err := os.WriteFile(input.lockPath(), nil, 0o600); err != nil {
			return err
		}
		defer os.Remove(input.lockPath())
	}
	go r.receiveOrders(stream.Context())
	return r.run(stream.Context())
}

func receiveOpen(stream grpc.ServerStream) error {
	open, err := receive(stream)
	if err != nil {
		return err
	}
	if open.kind != kindOpen {
		return fmt.Errorf("faulty: kind %d where open was due", open.kind)
	}
	return nil
}

func (r *reading) receiveOrders(ctx context.Context) {
	for {
		f, err := receive(r.stream)
		select {
		case r.orders <- order{f, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

func (r *reading) run(ctx context.Context) error {
	for {
		ready := len(r.splits) > 0 && (r.credit > 0 || r.has("ignores_credit"))
		var o order
		if ready {
			select {
			case o = <-r.orders:
			default:
				err := r.deliver()
				if r.has("overdraws_credit") && err == nil && len(r.splits) > 0 {
					err = r.deliver()
				}
				if err != nil {
					return err
				}
				continue
			}
		} else {
			select {
			case o = <-r.orders:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if errors.Is(o.err, io.EOF) {
			if r.has("reader_ignores_half_close") {
				<-ctx.Done()
			}
			return nil
		}
		if err := errors.Join(o.err, ctx.Err()); err != nil {
			return err
		}
		if err := r.obey(o.frame); err != nil {
			return err
		}
	}
}

func (r *reading) obey(f frame) error {
	switch f.kind {
	case kindCredit:
		r.credit += f.number
		return nil
	case kindAssign:
	default:
		return fmt.Errorf("faulty: kind %d in a read stream", f.kind)
	}
	var list v1.Assignments
	if err := proto.Unmarshal(f.body, &list); err != nil {
		return err
	}
	if err := r.known(&list); err != nil {
		return err
	}
	if r.has("forgets_earlier_assignments") {
		r.splits = nil
	}
	for _, assignment := range list.GetAssignments() {
		one, err := r.assign(assignment)
		if err != nil {
			return err
		}
		r.splits = append(r.splits, one)
	}
	sequence := f.number
	if r.has("confirms_another_assign") {
		sequence++
	}
	return send(r.stream, frame{kind: kindAssigned, number: sequence})
}

func (r *reading) assign(assignment *v1.Assignment) (*split, error) {
	one := &split{id: assignment.GetSplit().GetId()}
	if assignment.Position == nil {
		return one, nil
	}
	offset, pid, found := bytes.Cut(assignment.Position, []byte("/"))
	var err error
	if one.offset, err = parsePosition(offset); err != nil {
		return nil, err
	}
	if found {
		if one.pid, err = strconv.Atoi(string(pid)); err != nil {
			return nil, fmt.Errorf("faulty: position %q: %w", assignment.Position, err)
		}
	}
	switch {
	case r.has("forgets_positions_of_others") && one.pid != os.Getpid():
		one.offset = 0
	case r.has("repeats_after_resume"):
		one.offset, err = r.before(one)
	case r.has("skips_after_resume"):
		one.offset, err = r.behind(one)
	}
	return one, err
}

// before is the offset of the last line before a split's offset.
func (r *reading) before(one *split) (int64, error) {
	single := r.input
	single.BatchRecords = 1
	for at := int64(0); ; {
		p, err := single.readPortion(one.id, at)
		if err != nil || p.end >= one.offset {
			return at, err
		}
		at = p.end
	}
}

// behind is the offset of the next line but one.
func (r *reading) behind(one *split) (int64, error) {
	single := r.input
	single.BatchRecords = 1
	p, err := single.readPortion(one.id, one.offset)
	return p.end, err
}

// deliver sends the next records of the first split, which goes to the end of the line.
func (r *reading) deliver() error {
	one := r.splits[0]
	r.splits = append(r.splits[1:], one)
	if r.has("begins_anew_after_checkpoint") && r.completed.Swap(false) {
		one.offset = 0
	}
	p, err := r.input.readPortion(one.id, one.offset)
	if err != nil {
		return err
	}
	before := one.offset
	one.offset = p.end
	if p.last && r.has("loses_the_last_record") && len(p.lines) > 0 {
		p.lines = p.lines[:len(p.lines)-1]
	}
	if err := r.sendUndecodable(p); err != nil {
		return err
	}
	if r.has("gives_the_position_before") {
		return r.sendDelivery(one, p, before)
	}
	return r.sendDelivery(one, p, one.offset)
}

func (r *reading) sendUndecodable(p portion) error {
	for _, u := range p.undecodable {
		f := frame{kind: kindUndecodable, number: int64(u.index), text: cut("no JSON", 100), body: u.text}
		switch {
		case r.has("undecodable_outside_of_delivery"):
			f.number = int64(len(p.lines) + 1)
		case r.has("undecodable_too_large"):
			f.body = bytes.Repeat([]byte{'x'}, 64<<10+1)
		}
		r.credit -= f.cost()
		if err := send(r.stream, f); err != nil {
			return err
		}
	}
	return nil
}

func (r *reading) sendDelivery(one *split, p portion, position int64) error {
	f := frame{kind: kindDelivery, number: -1, text: []byte(one.id), position: fmt.Appendf(nil, "%d", position), body: batch(p.lines)}
	if p.last && !r.has("never_ends_a_split") {
		f.flags = flagEnd
	}
	if p.last {
		r.splits = r.splits[:len(r.splits)-1]
	}
	switch {
	case r.has("forgets_positions_of_others"):
		f.position = fmt.Appendf(f.position, "/%d", os.Getpid())
	case r.has("gives_no_position"):
		f.position = nil
	case r.has("delivers_foreign_splits"):
		f.text = []byte("nobody's")
	case r.has("delivers_malformed_batches") && len(f.body) > 0:
		f.body[len(f.body)-1], f.body[4] = 0, 2
	case r.has("lag_out_of_range"):
		f.number = -2
	}
	r.credit -= f.cost()
	if err := send(r.stream, f); err != nil {
		return err
	}
	if p.last && r.has("delivers_behind_the_end") {
		return send(r.stream, frame{kind: kindDelivery, number: -1, text: f.text, position: f.position})
	}
	return nil
}
