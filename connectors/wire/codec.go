package wire

import (
	"fmt"
	"math/bits"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
)

// contentSubtype names the codec of the two streams: frames, not protobuf.
const contentSubtype = "turgo-frames"

func init() { encoding.RegisterCodecV2(codec{}) }

// outgoing is a frame to send, encoded already. gRPC frees the buffer.
type outgoing struct{ buffer mem.Buffer }

// incoming is a received frame; its owner frees it.
type incoming struct{ buffer mem.Buffer }

// codec passes bytes through.
type codec struct{}

func (codec) Name() string { return contentSubtype }

func (codec) Marshal(message any) (mem.BufferSlice, error) {
	out, ok := message.(*outgoing)
	if !ok {
		return nil, fmt.Errorf("wire: cannot send a %T", message)
	}
	return mem.BufferSlice{out.buffer}, nil
}

func (codec) Unmarshal(data mem.BufferSlice, message any) error {
	in, ok := message.(*incoming)
	if !ok {
		return fmt.Errorf("wire: cannot receive a %T", message)
	}
	in.buffer = data.MaterializeToBuffer(buffers)
	return nil
}

// buffers keeps message memory in classes by powers of two.
var buffers = &bufferPool{}

const (
	classMin = 12 // 4 KiB
	classMax = 27 // above the largest frame
)

type bufferPool struct{ classes [classMax + 1]sync.Pool }

// Get gives a buffer of that length, whose content is arbitrary.
func (p *bufferPool) Get(length int) *[]byte {
	class := max(classMin, bits.Len(uint(max(length, 1)-1)))
	if class > classMax {
		data := make([]byte, length)
		return &data
	}
	if kept, ok := p.classes[class].Get().(*[]byte); ok {
		*kept = (*kept)[:length]
		return kept
	}
	data := make([]byte, length, 1<<class)
	return &data
}

// Put takes a buffer back.
func (p *bufferPool) Put(data *[]byte) {
	class := bits.Len(uint(cap(*data))) - 1
	if class >= classMin && class <= classMax && cap(*data) == 1<<class {
		p.classes[class].Put(data)
	}
}

// sender is the sending half of either side's stream.
type sender interface{ SendMsg(message any) error }

// send sends one frame; its bytes are the caller's again when it returns.
func send(to sender, f *frame) error {
	data := buffers.Get(f.length())
	f.encode(*data)
	return to.SendMsg(&outgoing{buffer: mem.NewBuffer(data, buffers)})
}

// receiver is the receiving half of either side's stream.
type receiver interface{ RecvMsg(message any) error }

// receive waits for a frame. The frame lies in the buffer, which the caller frees.
func receive(from receiver) (frame, mem.Buffer, error) {
	var in incoming
	if err := from.RecvMsg(&in); err != nil {
		return frame{}, nil, err
	}
	f, err := parseFrame(in.buffer.ReadOnlyData())
	if err != nil {
		in.buffer.Free()
		return frame{}, nil, err
	}
	return f, in.buffer, nil
}

const (
	// windowBytes is how much a sender may have under way in one stream.
	windowBytes = 1 << 20
	// costMin is the least that a frame takes of the credit.
	costMin = 4 << 10
	// framesMax bounds the frames under way in one stream.
	framesMax = windowBytes/costMin + 2
	// ioBufferBytes is the buffer before the socket in each direction. Larger
	// ones save no time: they cost cache.
	ioBufferBytes = 64 << 10
)

// ServerOptions are what a connector's gRPC server needs.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(frameBytesMax),
		grpc.MaxSendMsgSize(frameBytesMax),
		grpc.ReadBufferSize(ioBufferBytes),
		grpc.WriteBufferSize(ioBufferBytes),
		grpc.StaticStreamWindowSize(2 * windowBytes),
		grpc.StaticConnWindowSize(16 * windowBytes),
	}
}

// DialOptions are what the host's connection to a connector needs.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(frameBytesMax), grpc.MaxCallSendMsgSize(frameBytesMax)),
		grpc.WithReadBufferSize(ioBufferBytes),
		grpc.WithWriteBufferSize(ioBufferBytes),
		grpc.WithStaticStreamWindowSize(2 * windowBytes),
		grpc.WithStaticConnWindowSize(16 * windowBytes),
		grpc.WithDisableRetry(),
	}
}
