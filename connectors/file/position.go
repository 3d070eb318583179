package file

import (
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// fingerprintBytes is how much of a file's beginning a position remembers.
const fingerprintBytes = 256

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// position is where a reader stands in a file: the offset of the next line, and
// the checksum of the file's first bytes, min(256, offset) of them, which tells
// another file of the same name apart. It is stored as text: "4711 0a1b2c3d".
type position struct {
	offset   int64
	checksum uint32
}

func (p position) encode() []byte {
	text := make([]byte, 0, 28)
	text = strconv.AppendInt(text, p.offset, 10)
	text = append(text, ' ')
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		text = append(text, digits[p.checksum>>shift&15])
	}
	return text
}

func decodePosition(text []byte) (position, error) {
	first, second, found := strings.Cut(string(text), " ")
	offset, err := strconv.ParseInt(first, 10, 64)
	checksum, err2 := strconv.ParseUint(second, 16, 32)
	if !found || err != nil || err2 != nil || offset < 0 {
		return position{}, fmt.Errorf("position %.64q is not \"OFFSET CHECKSUM\"", text)
	}
	return position{offset: offset, checksum: uint32(checksum)}, nil
}

// fingerprint collects a file's first bytes as they are read.
type fingerprint struct {
	bytes  [fingerprintBytes]byte
	length int
}

// see takes bytes that stand at offset, which may have been read before.
func (f *fingerprint) see(offset int64, data []byte) {
	known := int64(f.length) - offset
	if f.length < fingerprintBytes && known >= 0 && known < int64(len(data)) {
		f.length += copy(f.bytes[f.length:], data[known:])
	}
}

// checksum covers the first min(256, offset) bytes. They were seen before.
func (f *fingerprint) checksum(offset int64) uint32 {
	return crc32.Checksum(f.bytes[:min(int64(f.length), offset)], castagnoli)
}
