package faulty

import (
	"encoding/binary"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

const messageBytesMax = 24 + 4<<10 + 64<<10 + 64<<20

// codec passes frames through, and encodes all other messages as protobuf.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(message any) (mem.BufferSlice, error) {
	if raw, ok := message.(*[]byte); ok {
		return mem.BufferSlice{mem.SliceBuffer(*raw)}, nil
	}
	data, err := proto.Marshal(message.(proto.Message))
	return mem.BufferSlice{mem.SliceBuffer(data)}, err
}

func (codec) Unmarshal(data mem.BufferSlice, message any) error {
	if raw, ok := message.(*[]byte); ok {
		*raw = data.Materialize()
		return nil
	}
	return proto.Unmarshal(data.Materialize(), message.(proto.Message))
}

// The kinds of frames.
const (
	kindOpen = 1 + iota
	kindOpened
	kindCredit
	kindAssign
	kindAssigned
	kindDelivery
	kindWrite
	kindPrepare
	kindPrepared
	kindUndecodable
	kindRefused
)

const (
	headBytes = 24
	flagEnd   = 1
	costMin   = 4 << 10
)

type frame struct {
	kind, flags          byte
	number               int64
	text, position, body []byte
}

func (f *frame) cost() int64 {
	return int64(max(headBytes+len(f.text)+len(f.position)+len(f.body), costMin))
}

func send(stream grpc.ServerStream, f frame) error {
	data := make([]byte, headBytes, headBytes+len(f.text)+len(f.position)+len(f.body))
	data[0], data[1] = f.kind, f.flags
	binary.LittleEndian.PutUint32(data[4:], uint32(len(f.text)))
	binary.LittleEndian.PutUint32(data[8:], uint32(len(f.position)))
	binary.LittleEndian.PutUint32(data[12:], uint32(len(f.body)))
	binary.LittleEndian.PutUint64(data[16:], uint64(f.number))
	data = append(append(append(data, f.text...), f.position...), f.body...)
	return stream.SendMsg(&data)
}

func receive(stream grpc.ServerStream) (f frame, err error) {
	var data []byte
	if err := stream.RecvMsg(&data); err != nil {
		return f, err
	}
	if len(data) < headBytes {
		return f, fmt.Errorf("faulty: a frame of %d bytes", len(data))
	}
	text := int(binary.LittleEndian.Uint32(data[4:]))
	position := int(binary.LittleEndian.Uint32(data[8:]))
	body := int(binary.LittleEndian.Uint32(data[12:]))
	rest := data[headBytes:]
	if len(rest) != text+position+body || data[0] < kindOpen || data[0] > kindRefused || data[1] > flagEnd {
		return f, fmt.Errorf("faulty: malformed frame %x", data[:headBytes])
	}
	return frame{
		kind: data[0], flags: data[1], number: int64(binary.LittleEndian.Uint64(data[16:])),
		text: rest[:text], position: rest[text : text+position], body: rest[text+position:],
	}, nil
}
