package wasm

import (
	"encoding/binary"
	"slices"
	"testing"
)

// Section numbers that tests use.
const (
	customSection   = 0
	typeSection     = 1
	functionSection = 3
	exportSection   = 7
	codeSection     = 10
)

// section is one section of a module that is taken apart.
type section struct {
	id      byte
	content []byte
}

// sectionsOf takes a module apart.
func sectionsOf(t testing.TB, data []byte) []section {
	t.Helper()
	var list []section
	for rest := data[8:]; len(rest) > 0; {
		id := rest[0]
		length, n := binary.Uvarint(rest[1:])
		end := 1 + n + int(length)
		if n <= 0 || end > len(rest) {
			t.Fatal("the module to be changed is malformed")
		}
		list = append(list, section{id: id, content: slices.Clone(rest[1+n : end])})
		rest = rest[end:]
	}
	return list
}

// moduleFrom puts sections together.
func moduleFrom(list []section) []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range list {
		out = binary.AppendUvarint(append(out, s.id), uint64(len(s.content)))
		out = append(out, s.content...)
	}
	return out
}

// withFunctions adds n functions without parameters to a module, with so many
// locals of type i32.
func withFunctions(t testing.TB, data []byte, n, locals int, code []byte) []byte {
	t.Helper()
	list := sectionsOf(t, data)
	grow := func(id byte, by int, added []byte) (before uint64) {
		for i := range list {
			if s := &list[i]; s.id == id {
				count, length := binary.Uvarint(s.content)
				content := binary.AppendUvarint(nil, count+uint64(by))
				s.content = append(append(content, s.content[length:]...), added...)
				return count
			}
		}
		t.Fatalf("the module has no section %d", id)
		return 0
	}
	signature := grow(typeSection, 1, []byte{0x60, 0, 0})
	var signatures, bodies []byte
	body := []byte{0}
	if locals > 0 {
		body = append(binary.AppendUvarint([]byte{1}, uint64(locals)), 0x7f)
	}
	body = append(append(body, code...), 0x0b)
	for range n {
		signatures = binary.AppendUvarint(signatures, signature)
		bodies = append(binary.AppendUvarint(bodies, uint64(len(body))), body...)
	}
	grow(functionSection, n, signatures)
	grow(codeSection, n, bodies)
	return moduleFrom(list)
}
