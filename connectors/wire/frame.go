package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

// kind tells what a frame is; abi/connector/v1/connector.proto has the table.
type kind uint8

const (
	kindOpen kind = 1 + iota
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
	kindEnd // the number after the last kind
)

const (
	headBytes = 24
	flagEnd   = 1

	textBytesMax     = connectors.SplitIDBytesMax
	positionBytesMax = connectors.PositionBytesMax
	bodyBytesMax     = record.LengthMax
	frameBytesMax    = headBytes + textBytesMax + positionBytesMax + bodyBytesMax
)

// frame is one message of a stream. Parsed, its byte strings lie in the
// message's memory.
type frame struct {
	kind     kind
	flags    uint8
	number   int64
	text     []byte
	position []byte
	body     []byte
}

// FrameError says why a message is no frame.
type FrameError struct{ What string }

func (e *FrameError) Error() string { return "wire: malformed frame: " + e.What }

func malformed(format string, args ...any) error {
	return &FrameError{What: fmt.Sprintf(format, args...)}
}

func (f *frame) length() int { return headBytes + len(f.text) + len(f.position) + len(f.body) }

// cost is what a frame takes of its sender's credit.
func (f *frame) cost() int64 { return frameCost(f.length()) }

// frameCost counts a small frame as more than its bytes, so that credit bounds
// the number of frames too.
func frameCost(length int) int64 { return int64(max(length, costMin)) }

// encode writes the frame to data, which has the frame's length.
func (f *frame) encode(data []byte) {
	data[0], data[1], data[2], data[3] = byte(f.kind), f.flags, 0, 0
	binary.LittleEndian.PutUint32(data[4:], uint32(len(f.text)))
	binary.LittleEndian.PutUint32(data[8:], uint32(len(f.position)))
	binary.LittleEndian.PutUint32(data[12:], uint32(len(f.body)))
	binary.LittleEndian.PutUint64(data[16:], uint64(f.number))
	at := headBytes + copy(data[headBytes:], f.text)
	at += copy(data[at:], f.position)
	copy(data[at:], f.body)
}

// parseFrame reads a message. It is total, and copies nothing.
func parseFrame(data []byte) (frame, error) {
	if len(data) < headBytes {
		return frame{}, malformed("%d bytes, a head has %d", len(data), headBytes)
	}
	f := frame{kind: kind(data[0]), flags: data[1], number: int64(binary.LittleEndian.Uint64(data[16:]))}
	if f.kind == 0 || f.kind >= kindEnd {
		return frame{}, malformed("unknown kind %d", f.kind)
	}
	if f.flags&^flagEnd != 0 || data[2] != 0 || data[3] != 0 {
		return frame{}, malformed("unknown flags or reserved bytes %#x", data[1:4])
	}
	text := uint64(binary.LittleEndian.Uint32(data[4:]))
	position := uint64(binary.LittleEndian.Uint32(data[8:]))
	body := uint64(binary.LittleEndian.Uint32(data[12:]))
	if text > textBytesMax || position > positionBytesMax || body > bodyBytesMax {
		return frame{}, malformed("text of %d, position of %d, body of %d bytes; at most %d, %d, %d are allowed",
			text, position, body, textBytesMax, positionBytesMax, bodyBytesMax)
	}
	if want := headBytes + text + position + body; want != uint64(len(data)) {
		return frame{}, malformed("%d bytes, its head says %d", len(data), want)
	}
	rest := data[headBytes:]
	f.text, rest = rest[:text:text], rest[text:]
	f.position, rest = rest[:position:position], rest[position:]
	f.body = rest[:body:body]
	return f, nil
}
