package record

import (
	"encoding/binary"
	"fmt"
	"math"
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
func Parse(data []byte) (Batch, error) { return parse(data, math.MaxUint32+1) }

// ParseOutput is Parse for what an operator emits while it handles a batch of
// count records: each origin must be the index of one of them.
func ParseOutput(data []byte, count int) (Batch, error) { return parse(data, uint64(count)) }

// parse wants origins below a bound.
func parse(data []byte, origins uint64) (Batch, error) {
	fixed, err := parseHeader(data)
	if err != nil {
		return nil, err
	}
	count := binary.LittleEndian.Uint32(data[8:])
	rest := data[HeaderLength:]
	for range count {
		size, ok := quickRecord(rest, fixed, origins)
		if !ok {
			offset := len(data) - len(rest)
			if size, err = parseRecord(data, offset, fixed, origins); err != nil {
				return nil, err
			}
		}
		rest = rest[size:]
	}
	if len(rest) != 0 {
		return nil, malformed(len(data)-len(rest), "%d bytes follow the last of %d records", len(rest), count)
	}
	return Batch(data), nil
}

// quickRecord accepts the usual record: no extensions, nothing wrong. For all
// others parseRecord says what they are. Sums cannot wrap: they are of three
// 32-bit numbers in 64 bits.
func quickRecord(rest []byte, fixed int, origins uint64) (size int, ok bool) {
	if len(rest) < FixedLength {
		return 0, false
	}
	head := binary.LittleEndian.Uint64(rest)
	lengths := binary.LittleEndian.Uint64(rest[20:])
	keyLength, valueLength := lengths&math.MaxUint32, lengths>>32
	need, flags := head&math.MaxUint32, head>>32
	if need != uint64(fixed)+keyLength+valueLength || need > uint64(len(rest)) {
		return 0, false
	}
	if uint64(binary.LittleEndian.Uint32(rest[16:])) >= origins {
		return 0, false
	}
	if flags&^flagsKnown != 0 || flags&flagKeyNull != 0 && keyLength != 0 || flags&flagValueNull != 0 && valueLength != 0 {
		return 0, false
	}
	return int(need), true
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

func parseRecord(data []byte, offset, fixed int, origins uint64) (size int, err error) {
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
	if origin := binary.LittleEndian.Uint32(rest[16:]); uint64(origin) >= origins {
		return 0, malformed(offset+16, "a record has the origin %d, the input batch has %d records", origin, origins)
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
		if len(data) < extensionHead {
			return malformed(offset, "%d bytes left, an extension's head has %d", len(data), extensionHead)
		}
		kind := binary.LittleEndian.Uint16(data)
		if kind&MustUnderstand != 0 {
			return malformed(offset, "extension type %#x must be understood and is not", kind)
		}
		if r := binary.LittleEndian.Uint16(data[2:]); r != 0 {
			return malformed(offset+2, "reserved bytes %#x are not 0", r)
		}
		length := uint64(binary.LittleEndian.Uint32(data[4:]))
		if length > uint64(len(data)-extensionHead) {
			return malformed(offset+4, "extension of %d bytes, %d are left", length, len(data)-extensionHead)
		}
		if kind == ExtensionHeader && !validHeader(data[extensionHead:extensionHead+length]) {
			return malformed(offset+extensionHead, "a header of %d bytes does not hold the name and value that it tells of", length)
		}
		data = data[extensionHead+length:]
		offset += extensionHead + int(length)
	}
	return nil
}
