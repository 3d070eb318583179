package turgo

import (
	"errors"
	"math/bits"
	"unsafe"
)

// Codec turns values of a type into bytes and back. Append appends to buffer
// and returns it. The bytes given to Decode are valid during the call only.
type Codec[T any] interface {
	Append(buffer []byte, value T) []byte
	Decode(data []byte) (T, error)
}

// The codecs of the SDK. Integers are 8 bytes, little-endian.
var (
	Uint64 Codec[uint64] = uint64Codec{}
	Int64  Codec[int64]  = int64Codec{}
	String Codec[string] = stringCodec{}
	// Bytes copies what it decodes.
	Bytes Codec[[]byte] = bytesCodec{}
	// OrderedUint64 and OrderedInt64 are big-endian, so that a map is in the
	// order of the numbers.
	OrderedUint64 Codec[uint64] = orderedUint64Codec{}
	OrderedInt64  Codec[int64]  = orderedInt64Codec{}
)

var errIntegerLength = errors.New("turgo: an integer in state does not have 8 bytes")

type uint64Codec struct{}

func (uint64Codec) Append(buffer []byte, v uint64) []byte {
	return append(buffer, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
}

func (uint64Codec) Decode(data []byte) (uint64, error) {
	if len(data) != 8 {
		return 0, errIntegerLength
	}
	return load64(unsafe.Pointer(unsafe.SliceData(data)), 0), nil
}

type int64Codec struct{}

func (int64Codec) Append(buffer []byte, v int64) []byte {
	return uint64Codec{}.Append(buffer, uint64(v))
}

func (int64Codec) Decode(data []byte) (int64, error) {
	v, err := uint64Codec{}.Decode(data)
	return int64(v), err
}

type stringCodec struct{}

func (stringCodec) Append(buffer []byte, v string) []byte { return append(buffer, v...) }
func (stringCodec) Decode(data []byte) (string, error)    { return string(data), nil }

type bytesCodec struct{}

func (bytesCodec) Append(buffer []byte, v []byte) []byte { return append(buffer, v...) }
func (bytesCodec) Decode(data []byte) ([]byte, error)    { return append([]byte{}, data...), nil }

type orderedUint64Codec struct{}

func (orderedUint64Codec) Append(buffer []byte, v uint64) []byte {
	return uint64Codec{}.Append(buffer, bits.ReverseBytes64(v))
}

func (orderedUint64Codec) Decode(data []byte) (uint64, error) {
	v, err := uint64Codec{}.Decode(data)
	return bits.ReverseBytes64(v), err
}

type orderedInt64Codec struct{}

func (orderedInt64Codec) Append(buffer []byte, v int64) []byte {
	return orderedUint64Codec{}.Append(buffer, uint64(v)^1<<63)
}

func (orderedInt64Codec) Decode(data []byte) (int64, error) {
	v, err := orderedUint64Codec{}.Decode(data)
	return int64(v ^ 1<<63), err
}
