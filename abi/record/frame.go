package record

import "encoding/binary"

// A stream between tasks carries frames, one after the other:
//
//	offset  size  frame
//	0       1     kind: 0 batch, 1 watermark, 2 barrier, 3 idle, 4 end
//	1       3     reserved, 0
//	4       4     length of the body
//	8       -     body: a batch; the watermark or the barrier's epoch as i64;
//	              empty for idle and end

// FrameKind says what a frame is.
type FrameKind uint8

// The kinds of frame.
const (
	FrameBatch     FrameKind = iota // records
	FrameWatermark                  // event time has reached Value
	FrameBarrier                    // what follows belongs to the epoch after Value
	FrameIdle                       // no records for a while: leave this stream out of the watermark
	FrameEnd                        // no more records; barriers still come
)

const (
	frameHead = 8
	// FrameLengthMax bounds a frame, in bytes.
	FrameLengthMax = frameHead + LengthMax
)

// Frame is one element of a stream.
type Frame struct {
	Kind  FrameKind
	Value int64 // milliseconds for a watermark, the epoch for a barrier
	Batch Batch
}

// AppendFrame appends the encoding of a frame.
func AppendFrame(encoded []byte, f Frame) []byte {
	length := 0
	switch f.Kind {
	case FrameBatch:
		length = len(f.Batch)
	case FrameWatermark, FrameBarrier:
		length = 8
	}
	encoded = append(encoded, byte(f.Kind), 0, 0, 0)
	encoded = binary.LittleEndian.AppendUint32(encoded, uint32(length))
	if f.Kind == FrameBatch {
		return append(encoded, f.Batch...)
	}
	if length == 8 {
		encoded = binary.LittleEndian.AppendUint64(encoded, uint64(f.Value))
	}
	return encoded
}

// ParseFrame reads the first frame of a stream's bytes from an untrusted place,
// and its length. A length of 0 without an error means that the frame is not
// complete: need is how many bytes it takes, as far as these tell. The frame's
// batch stands in data. Errors are *FormatError, with the offset in data.
func ParseFrame(data []byte) (frame Frame, length, need int, err error) {
	if len(data) < frameHead {
		return Frame{}, 0, frameHead, nil
	}
	kind, body := FrameKind(data[0]), uint64(binary.LittleEndian.Uint32(data[4:]))
	if kind > FrameEnd {
		return Frame{}, 0, 0, malformedFrame(0, "kind %d, the last is %d", kind, FrameEnd)
	}
	if data[1] != 0 || data[2] != 0 || data[3] != 0 {
		return Frame{}, 0, 0, malformedFrame(1, "reserved bytes %x are not 0", data[1:4])
	}
	if err := checkBody(kind, body); err != nil {
		return Frame{}, 0, 0, err
	}
	total := frameHead + int(body)
	if len(data) < total {
		return Frame{}, 0, total, nil
	}
	frame = Frame{Kind: kind}
	switch kind {
	case FrameBatch:
		batch, err := Parse(data[frameHead:total:total])
		if err != nil {
			format := err.(*FormatError)
			return Frame{}, 0, 0, &FormatError{Offset: frameHead + format.Offset, What: format.What}
		}
		frame.Batch = batch
	case FrameWatermark, FrameBarrier:
		frame.Value = int64(binary.LittleEndian.Uint64(data[frameHead:]))
	}
	return frame, total, total, nil
}

// checkBody checks the length that a frame's head tells, before it is waited for.
func checkBody(kind FrameKind, length uint64) error {
	want := uint64(0)
	switch kind {
	case FrameBatch:
		if length < HeaderLength || length > LengthMax {
			return malformedFrame(4, "a batch of %d bytes, must be %d to %d", length, HeaderLength, LengthMax)
		}
		return nil
	case FrameWatermark, FrameBarrier:
		want = 8
	}
	if length != want {
		return malformedFrame(4, "a body of %d bytes, this kind of frame has %d", length, want)
	}
	return nil
}

func malformedFrame(offset int, format string, args ...any) error {
	return malformed(offset, "frame: "+format, args...)
}
