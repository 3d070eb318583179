package record

import (
	"encoding/binary"
	"fmt"
)

// FormatError says where bytes stop being a batch.
type FormatError struct {
	Offset int // in bytes from the batch's start
	What   string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("record: batch is malformed at byte %d: %s", e.Offset, e.What)
}

func malformed(offset int, format string, args ...any) error {
	return &FormatError{Offset: offset, What: fmt.Sprintf(format, args...)}
}

// Parse checks bytes from an untrusted place and returns them as a batch. It
// is total: any byte string is valid or gives a *FormatError. It copies nothing.
func Parse(data []byte) (Batch, error) {
	fixed, err := parseHeader(data)
	if err != nil {
		return nil, err
	}
	count := binary.LittleEndian.Uint32(data[8:])
	offset := HeaderLength
	for i := uint32(0); i < count; i++ {
		size, err := parseRecord(data, offset, fixed)
		if err != nil {
			return nil, err
		}
		offset += size
	}
	if offset != len(data) {
		return nil, malformed(offset, "%d bytes follow the last of %d records", len(data)-offset, count)
	}
	return Batch(data), nil
}

func parseHeader(data []byte) (fixed int, err error) {
	if len(data) < HeaderLength {
		return 0, malformed(len(data), "%d bytes, a header has %d", len(data), HeaderLength)
	}
	if len(data) > LengthMax {
		return 0, malformed(LengthMax, "%d bytes, a batch has at most %d", len(data), LengthMax)
	}
	if string(data[:4]) != magic {
		return 0, malformed(0, "magic %q, want %q", data[:4], magic)
	}
	if data[4] != Version {
		return 0, malformed(4, "version %d, want %d", data[4], Version)
	}
	if data[5] != 0 {
		return 0, malformed(5, "encoding %d, want 0", data[5])
	}
	fixed = int(binary.LittleEndian.Uint16(data[6:]))
	if fixed < FixedLength {
		return 0, malformed(6, "fixed part of %d bytes, want at least %d", fixed, FixedLength)
	}
	if n := binary.LittleEndian.Uint32(data[12:]); int(n) != len(data) {
		return 0, malformed(12, "length %d, the bytes are %d", n, len(data))
	}
	if n := binary.LittleEndian.Uint64(data[16:]); n != 0 {
		return 0, malformed(16, "flags or reserved bytes %#x are not 0", n)
	}
	return fixed, nil
}

func parseRecord(data []byte, offset, fixed int) (size int, err error) {
	rest := data[offset:]
	if len(rest) < fixed {
		return 0, malformed(offset, "%d bytes left, a record's fixed part has %d", len(rest), fixed)
	}
	size64 := uint64(binary.LittleEndian.Uint32(rest))
	if size64 > uint64(len(rest)) {
		return 0, malformed(offset, "record of %d bytes, %d are left", size64, len(rest))
	}
	if flags := binary.LittleEndian.Uint32(rest[4:]); flags&^flagsKnown != 0 {
		return 0, malformed(offset+4, "unknown flags or reserved bytes %#x", flags)
	}
	keyLength := uint64(binary.LittleEndian.Uint32(rest[20:]))
	valueLength := uint64(binary.LittleEndian.Uint32(rest[24:]))
	need := uint64(fixed) + keyLength + valueLength
	if size64 < need {
		return 0, malformed(offset+20, "fixed part %d, key %d and value %d bytes exceed the record's %d", fixed, keyLength, valueLength, size64)
	}
	if rest[4]&flagKeyNull != 0 && keyLength != 0 {
		return 0, malformed(offset+20, "a null key has %d bytes", keyLength)
	}
	if rest[4]&flagValueNull != 0 && valueLength != 0 {
		return 0, malformed(offset+24, "a null value has %d bytes", valueLength)
	}
	if size64 == need {
		return int(size64), nil
	}
	return int(size64), parseExtensions(rest[need:size64], offset+int(need))
}

func parseExtensions(data []byte, offset int) error {
	for len(data) > 0 {
		if len(data) < 8 {
			return malformed(offset, "%d bytes left, an extension's head has 8", len(data))
		}
		kind := binary.LittleEndian.Uint16(data)
		if kind&0x8000 != 0 {
			return malformed(offset, "extension type %#x must be understood and is not", kind)
		}
		if r := binary.LittleEndian.Uint16(data[2:]); r != 0 {
			return malformed(offset+2, "reserved bytes %#x are not 0", r)
		}
		length := uint64(binary.LittleEndian.Uint32(data[4:]))
		if length > uint64(len(data)-8) {
			return malformed(offset+4, "extension of %d bytes, %d are left", length, len(data)-8)
		}
		data = data[8+length:]
		offset += 8 + int(length)
	}
	return nil
}
