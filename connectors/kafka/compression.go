package kafka

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The codecs of record batches.
const (
	codecNone = iota
	codecGzip
	codecSnappy
	codecLZ4
	codecZstd
)

// decompressedBytesMax bounds what a batch decompresses to: a few bytes may
// stand for any number.
const decompressedBytesMax = 256 << 20

// decompressor reads one batch at a time, into one buffer that it uses again.
type decompressor struct {
	bytesMax int
	output   bytes.Buffer
	input    bytes.Reader
	gzip     *gzip.Reader
	lz4      *lz4.Reader
	zstd     *zstd.Decoder
	other    kgo.Decompressor
}

// decompress gives the records of a batch. They are valid until the next call.
func (d *decompressor) decompress(data []byte, codec int) ([]byte, error) {
	if codec == codecNone {
		return data, nil
	}
	d.output.Reset()
	d.input.Reset(data)
	switch codec {
	case codecGzip:
		if err := d.resetGzip(); err != nil {
			return nil, err
		}
		return d.stream(d.gzip)
	case codecLZ4:
		if d.lz4 == nil {
			d.lz4 = lz4.NewReader(nil)
		}
		d.lz4.Reset(&d.input)
		return d.stream(d.lz4)
	case codecZstd:
		return d.decompressZstd(data)
	case codecSnappy:
		return d.decompressSnappy(data)
	}
	return nil, fmt.Errorf("a record batch has the unknown compression %d", codec)
}

func (d *decompressor) resetGzip() (err error) {
	if d.gzip != nil {
		return d.gzip.Reset(&d.input)
	}
	d.gzip, err = gzip.NewReader(&d.input)
	return err
}

// stream reads all that a codec gives.
func (d *decompressor) stream(from io.Reader) ([]byte, error) {
	n, err := d.output.ReadFrom(io.LimitReader(from, int64(d.bytesMax)+1))
	if err != nil {
		return nil, err
	}
	if n > int64(d.bytesMax) {
		return nil, d.tooMuch()
	}
	return d.output.Bytes(), nil
}

func (d *decompressor) decompressZstd(data []byte) (_ []byte, err error) {
	if d.zstd == nil {
		if d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(d.bytesMax))); err != nil {
			return nil, err
		}
	}
	output, err := d.zstd.DecodeAll(data, d.output.AvailableBuffer())
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		return nil, d.tooMuch()
	}
	return d.keep(output), err
}

func (d *decompressor) tooMuch() error {
	return fmt.Errorf("a record batch decompresses to more than %d bytes", d.bytesMax)
}

// keep makes the buffer own what a codec appended to its memory, so that grown
// memory is used again.
func (d *decompressor) keep(output []byte) []byte {
	if cap(output) > d.output.Cap() {
		d.output = *bytes.NewBuffer(output)
	}
	return output
}

// xerial begins what the Java client compresses with Snappy: after 16 bytes
// come blocks, each with its length in front.
var xerial = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeadBytes = 16

func (d *decompressor) decompressSnappy(data []byte) ([]byte, error) {
	if len(data) < xerialHeadBytes || !bytes.HasPrefix(data, xerial) {
		return d.snappyBlock(d.output.AvailableBuffer(), data)
	}
	output := d.output.AvailableBuffer()
	for rest := data[xerialHeadBytes:]; len(rest) > 0; {
		if len(rest) < 4 {
			return nil, io.ErrUnexpectedEOF
		}
		length := uint64(rest[0])<<24 | uint64(rest[1])<<16 | uint64(rest[2])<<8 | uint64(rest[3])
		if length > uint64(len(rest)-4) {
			return nil, io.ErrUnexpectedEOF
		}
		var err error
		if output, err = d.snappyBlock(output, rest[4:4+length]); err != nil {
			return nil, err
		}
		rest = rest[4+length:]
	}
	return d.keep(output), nil
}

// snappyBlock appends one block.
func (d *decompressor) snappyBlock(output, block []byte) ([]byte, error) {
	size, err := s2.DecodedLen(block)
	if err != nil {
		return nil, err
	}
	if size > d.bytesMax-len(output) {
		return nil, d.tooMuch()
	}
	start := len(output)
	output = append(output, make([]byte, size)...)
	if _, err := s2.Decode(output[start:], block); err != nil {
		return nil, err
	}
	return d.keep(output), nil
}

// legacy is a decompressor for message sets.
func (d *decompressor) legacy() kgo.Decompressor {
	if d.other == nil {
		d.other = kgo.DefaultDecompressor()
	}
	return d.other
}
