package connector

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
)

// The kinds of frame, as connector.proto numbers them.
const (
	frameOpen uint8 = 1 + iota
	frameOpened
	frameCredit
	frameAssign
	frameAssigned
	frameDelivery
	frameWrite
	framePrepare
	framePrepared
	frameUndecodable
	frameRefused
)

var frameNames = []string{"0", "open", "opened", "credit", "assign", "assigned", "delivery", "write", "prepare", "prepared", "undecodable", "refused"}

const (
	headBytes = 24
	flagEnd   = 1
	// costMin is the least that a frame takes of the credit.
	costMin = 4 << 10
	// windowBytes is the credit that the host gives to a reader.
	windowBytes = 1 << 20
)

// frame is one message of a stream. The suite has an encoding of its own, as it
// has to see and to send what the host's client would refuse.
type frame struct {
	kind                 uint8
	flags                uint8
	number               int64
	text, position, body []byte
}

func (f *frame) name() string {
	if int(f.kind) < len(frameNames) {
		return frameNames[f.kind]
	}
	return fmt.Sprintf("kind %d", f.kind)
}

// cost is what the frame takes of the credit.
func (f *frame) cost() int64 {
	return max(costMin, int64(headBytes+len(f.text)+len(f.position)+len(f.body)))
}

func (f *frame) encode() []byte {
	data := make([]byte, headBytes, headBytes+len(f.text)+len(f.position)+len(f.body))
	data[0], data[1] = f.kind, f.flags
	binary.LittleEndian.PutUint32(data[4:], uint32(len(f.text)))
	binary.LittleEndian.PutUint32(data[8:], uint32(len(f.position)))
	binary.LittleEndian.PutUint32(data[12:], uint32(len(f.body)))
	binary.LittleEndian.PutUint64(data[16:], uint64(f.number))
	return append(append(append(data, f.text...), f.position...), f.body...)
}

func parseFrame(data []byte) (frame, error) {
	if len(data) < headBytes {
		return frame{}, fmt.Errorf("a message of %d bytes is no frame, whose head has %d", len(data), headBytes)
	}
	text := uint64(binary.LittleEndian.Uint32(data[4:]))
	position := uint64(binary.LittleEndian.Uint32(data[8:]))
	body := uint64(binary.LittleEndian.Uint32(data[12:]))
	if want := headBytes + text + position + body; want != uint64(len(data)) {
		return frame{}, fmt.Errorf("a frame of %d bytes whose head says %d", len(data), want)
	}
	if data[1]&^flagEnd != 0 || data[2] != 0 || data[3] != 0 {
		return frame{}, fmt.Errorf("a frame with unknown flags or reserved bytes %#x", data[1:4])
	}
	rest := data[headBytes:]
	return frame{
		kind: data[0], flags: data[1], number: int64(binary.LittleEndian.Uint64(data[16:])),
		text: rest[:text], position: rest[text : text+position], body: rest[text+position:],
	}, nil
}

// frameCodec passes the bytes of frames through.
type frameCodec struct{}

func (frameCodec) Name() string { return "turgo-frames" }

func (frameCodec) Marshal(message any) (mem.BufferSlice, error) {
	data, ok := message.([]byte)
	if !ok {
		return nil, fmt.Errorf("connector: cannot send a %T", message)
	}
	return mem.BufferSlice{mem.SliceBuffer(data)}, nil
}

func (frameCodec) Unmarshal(data mem.BufferSlice, message any) error {
	into, ok := message.(*[]byte)
	if !ok {
		return fmt.Errorf("connector: cannot receive a %T", message)
	}
	*into = data.Materialize()
	return nil
}

// received is what came next in a stream.
type received struct {
	frame frame
	err   error // io.EOF where the connector ended the stream in good order
}

// errQuiet says that nothing came within the limit.
var errQuiet = errors.New("nothing came within the limit")

// stream is one stream of frames. One goroutine receives; it waits while nobody
// takes what came, so no more than flow control allows is ever held.
type stream struct {
	process *process
	name    string // Read or Write
	limit   time.Duration
	inner   grpc.ClientStream
	cancel  context.CancelFunc
	come    chan received
	opened  frame
}

// openStream opens a stream for a subtask and waits until it is opened.
func openStream(ctx context.Context, p *process, name string, subtask int64, limit time.Duration) (*stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &stream{process: p, name: name, limit: limit, cancel: cancel, come: make(chan received)}
	var err error
	s.inner, err = p.connection.NewStream(ctx, &grpc.StreamDesc{StreamName: name, ServerStreams: true, ClientStreams: true},
		"/turgo.connector.v1.Streams/"+name, grpc.ForceCodecV2(frameCodec{}))
	if err != nil {
		cancel()
		return nil, p.failed("open a "+name+" stream", err)
	}
	go s.receive(ctx)
	if err := s.send(&frame{kind: frameOpen, number: subtask}); err != nil {
		cancel()
		return nil, err
	}
	if s.opened, err = s.next(limit); err != nil {
		cancel()
		return nil, s.failed("await opened", err)
	}
	if s.opened.kind != frameOpened {
		cancel()
		return nil, fmt.Errorf("stream %s: %s came where opened was due", name, s.opened.name())
	}
	return s, nil
}

func (s *stream) receive(ctx context.Context) {
	for {
		var data []byte
		var r received
		if r.err = s.inner.RecvMsg(&data); r.err == nil {
			r.frame, r.err = parseFrame(data)
		}
		select {
		case s.come <- r:
		case <-ctx.Done():
			return
		}
		if r.err != nil {
			return
		}
	}
}

// send sends a frame. Where flow control holds it back, it waits for the limit only.
func (s *stream) send(f *frame) error {
	data := f.encode()
	sent := make(chan error, 1)
	go func() { sent <- s.inner.SendMsg(data) }()
	timer := time.NewTimer(s.limit)
	defer timer.Stop()
	select {
	case err := <-sent:
		if errors.Is(err, io.EOF) { // the stream has ended; what it says is received
			return s.failed("send "+f.name(), s.end())
		}
		return s.failed("send "+f.name(), err)
	case <-timer.C:
		s.cancel()
		return fmt.Errorf("stream %s: %s was not taken within %v", s.name, f.name(), s.limit)
	}
}

// end receives until the stream ends, and gives its end.
func (s *stream) end() error {
	for deadline := time.Now().Add(s.limit); ; {
		if _, err := s.next(time.Until(deadline)); err != nil {
			return err
		}
	}
}

// next waits for the next frame. Where none comes it is errQuiet, at the end of
// the stream io.EOF.
func (s *stream) next(within time.Duration) (frame, error) {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case r := <-s.come:
		return r.frame, r.err
	case <-timer.C:
		return frame{}, errQuiet
	}
}

// failed tells what went wrong in the stream.
func (s *stream) failed(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errQuiet):
		return fmt.Errorf("stream %s: %s: nothing came within %v%s", s.name, doing, s.limit, s.process.lastWords())
	case errors.Is(err, io.EOF):
		return fmt.Errorf("stream %s: %s: the connector ended the stream%s", s.name, doing, s.process.lastWords())
	}
	return s.process.failed(s.name+" stream: "+doing, err)
}

// halfClose closes the host's side, as it does to close a reader or writer, and
// waits until the connector ends the stream. Frames on the way go to take.
func (s *stream) halfClose(take func(frame) error) error {
	defer s.cancel()
	if err := s.inner.CloseSend(); err != nil {
		return s.failed("close", err)
	}
	deadline := time.Now().Add(s.limit)
	for {
		f, err := s.next(time.Until(deadline))
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errQuiet):
			return fmt.Errorf("stream %s: the host closed its side, and the connector did not end the stream within %v", s.name, s.limit)
		case err != nil:
			return s.failed("close", err)
		}
		if err := take(f); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("stream %s: the host closed its side, and the connector still sends after %v", s.name, s.limit)
		}
	}
}

// drop takes a frame that does not matter.
func drop(frame) error { return nil }
