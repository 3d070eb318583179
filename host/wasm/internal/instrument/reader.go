package instrument

import (
	"fmt"
	"unicode/utf8"
)

// FormatError says where bytes stop being a WebAssembly module.
type FormatError struct {
	Offset int // in bytes from the module's start
	What   string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("module is malformed at byte %d: %s", e.Offset, e.What)
}

// ImportError tells that a module imports what cannot be imported.
type ImportError struct {
	Offset int
	What   string
}

func (e *ImportError) Error() string {
	return fmt.Sprintf("module is malformed at byte %d: %s", e.Offset, e.What)
}

// FeatureError names a WebAssembly feature that is not accepted.
type FeatureError struct {
	Offset  int
	Feature string
	What    string
}

func (e *FeatureError) Error() string {
	return fmt.Sprintf("module uses the %s feature (%s at byte %d), which is not supported: build for WebAssembly core 2.0", e.Feature, e.What, e.Offset)
}

// LimitError says which limit a module exceeds.
type LimitError struct {
	What       string
	Value, Max uint64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s is %d, the limit is %d", e.What, e.Value, e.Max)
}

// reader reads a module with bounds checks. The first error sticks: later
// reads give zeros, so a caller may check once after several reads.
type reader struct {
	data []byte
	pos  int
	base int // offset of data in the module, for errors
	err  error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = &FormatError{Offset: r.base + r.pos, What: fmt.Sprintf(format, args...)}
	}
	r.pos = len(r.data)
}

func (r *reader) failFeature(feature, what string) {
	if r.err == nil {
		r.err = &FeatureError{Offset: r.base + r.pos, Feature: feature, What: what}
	}
	r.pos = len(r.data)
}

func (r *reader) more() bool { return r.err == nil && r.pos < len(r.data) }

func (r *reader) left() int { return len(r.data) - r.pos }

func (r *reader) byte() byte {
	if r.pos >= len(r.data) {
		r.fail("unexpected end, the module is truncated")
		return 0
	}
	b := r.data[r.pos]
	r.pos++
	return b
}

func (r *reader) bytes(n uint32) []byte {
	if uint64(n) > uint64(r.left()) {
		r.fail("%d bytes announced, %d are left: the module is truncated", n, r.left())
		return nil
	}
	b := r.data[r.pos : r.pos+int(n) : r.pos+int(n)]
	r.pos += int(n)
	return b
}

func (r *reader) u32() uint32 {
	if r.pos < len(r.data) && r.data[r.pos] < 0x80 {
		r.pos++
		return uint32(r.data[r.pos-1])
	}
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		b := r.byte()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if v > 1<<32-1 {
				r.fail("integer %d exceeds 32 bits", v)
				return 0
			}
			return uint32(v)
		}
	}
	r.fail("integer of more than 5 bytes")
	return 0
}

// signed reads a signed integer of at most bits bits.
func (r *reader) signed(bits int) int64 {
	var v int64
	for shift := 0; shift < bits; shift += 7 {
		b := r.byte()
		v |= int64(b&0x7f) << shift
		if b >= 0x80 {
			continue
		}
		if shift+7 < 64 && b&0x40 != 0 {
			v |= -1 << (shift + 7)
		}
		if bits < 64 && (v < -1<<(bits-1) || v > 1<<(bits-1)-1) {
			r.fail("signed integer %d exceeds %d bits", v, bits)
			return 0
		}
		return v
	}
	r.fail("signed integer is too long for %d bits", bits)
	return 0
}

// count reads the length of a vector whose elements have at least one byte.
func (r *reader) count(what string) int {
	n := r.u32()
	if r.err == nil && uint64(n) > uint64(r.left()) {
		r.fail("%d %s announced, %d bytes are left: the module is truncated", n, what, r.left())
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

func (r *reader) name() string {
	b := r.bytes(r.u32())
	if r.err == nil && !utf8.Valid(b) {
		r.fail("name is not UTF-8")
	}
	return string(b)
}

func (r *reader) sub(n uint32) reader {
	start := r.pos
	b := r.bytes(n)
	return reader{data: b, base: r.base + start, err: r.err}
}
