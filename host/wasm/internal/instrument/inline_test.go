package instrument

import (
	"bytes"
	"testing"
)

// Two layers of wrappers around a host function become part of their caller, a
// third and what calls no host function do not.
func TestWrappersBecomePartOfTheirCallers(t *testing.T) {
	data := append([]byte(nil), preamble...)
	data = appendSection(data, sectionType, []byte{1, 0x60, 0, 0})
	data = appendSection(data, sectionImport, []byte("\x01\x01m\x01f\x00\x00"))
	data = appendSection(data, sectionFunction, []byte{5, 0, 0, 0, 0, 0})
	body := func(calls ...byte) []byte {
		code := []byte{0}
		for _, index := range calls {
			code = append(code, opCall, index)
		}
		code = append(code, opEnd)
		return append([]byte{byte(len(code))}, code...)
	}
	// 0 is the import, 1 and 2 its wrappers, 3 wraps 2, 4 does nothing.
	code := append([]byte{5}, bytes.Join([][]byte{body(0), body(1), body(2), body(), body(2, 3, 4)}, nil)...)
	data = appendSection(data, sectionCode, code)
	rewritten, err := instrumented(data)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(rewritten)
	if err != nil {
		t.Fatal(err)
	}
	caller := m.bodies[4].code
	// The indices of defined functions have moved by one.
	for index, want := range map[byte]int{0: 1, 2: 0, 3: 0, 4: 1, 5: 1} {
		if got := bytes.Count(caller, []byte{opCall, index}); got != want {
			t.Errorf("%d calls of function %d in % x, want %d", got, index, caller, want)
		}
	}
}

// However often wrappers are called, a function grows by a bounded amount.
func TestInliningIsBounded(t *testing.T) {
	wrapper := append([]byte{0}, bytes.Repeat([]byte{0x01}, wrapperBytes-4)...) // nop
	wrapper = append(wrapper, opCall, 0, opEnd)
	caller := append([]byte{0}, bytes.Repeat([]byte{opCall, 1}, 10_000)...)
	caller = append(caller, opEnd)
	m := &Module{dataN: -1, types: []FunctionType{{}}, imports: []importEntry{{module: "m", name: "f"}},
		functions: []uint32{0, 0}, bodies: []body{{code: wrapper}, {code: caller}}}
	result, err := m.Instrument(Options{DepthBytes: depthBytes})
	if err != nil {
		t.Fatal(err)
	}
	if most := len(caller) + inlinedBytes + 2*len(wrapper); len(result.Bytes) > most {
		t.Errorf("%d bytes, want at most %d", len(result.Bytes), most)
	}
}
