package instrument

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// moduleOf makes a module of one function without parameters.
func moduleOf(instructions ...[]byte) []byte {
	code := append([]byte{0}, bytes.Join(instructions, nil)...)
	code = append(binary.AppendUvarint([]byte{1}, uint64(len(code))), code...)
	out := append([]byte(nil), preamble...)
	out = appendSection(out, sectionType, []byte{1, 0x60, 0, 0})
	out = appendSection(out, sectionFunction, []byte{1, 0})
	return appendSection(out, sectionCode, code)
}

// The compiler's time grows with the square of a function's blocks: a small
// module could keep it for hours.
func TestBlocksOfAFunctionAreBounded(t *testing.T) {
	block, end := []byte{opBlock, 0x40}, []byte{opEnd}
	jumps := binary.AppendUvarint([]byte{opI32Const, 0, opBrTable}, labelsMax+1)
	for _, test := range []struct {
		data []byte
		want string
	}{
		{moduleOf(bytes.Repeat(block, blocksMax-1), bytes.Repeat(end, blocksMax)), ""},
		{moduleOf(bytes.Repeat(block, blocksMax), bytes.Repeat(end, blocksMax+1)), fmt.Sprintf("function has more than %d blocks", blocksMax)},
		{moduleOf(bytes.Repeat(append(block, opEnd), blocksMax), end), fmt.Sprintf("function has more than %d blocks", blocksMax)},
		{moduleOf(jumps, make([]byte, labelsMax+2), end), fmt.Sprintf("function has more than %d labels in jump tables", labelsMax)},
	} {
		if _, err := instrumented(test.data); test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}
