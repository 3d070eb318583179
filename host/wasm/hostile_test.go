package wasm

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// changed gives a module with one section put in the place of another, or added
// where it stands in the order.
func changed(t testing.TB, data []byte, id byte, content []byte) []byte {
	t.Helper()
	list := sectionsOf(t, data)
	at := slices.IndexFunc(list, func(s section) bool { return s.id == id })
	if at < 0 {
		if at = slices.IndexFunc(list, func(s section) bool { return s.id > id || s.id == customSection }); at < 0 {
			at = len(list)
		}
		list = slices.Insert(list, at, section{})
	}
	list[at] = section{id: id, content: content}
	return moduleFrom(list)
}

// hostileModule is a module that was made to do harm, or that is odd.
type hostileModule struct {
	name string
	data []byte
	want string // what Load says; empty: it loads
}

// hostileModules are made from one that is good and has one memory, 1 import and
// 4 functions.
func hostileModules(t testing.TB, good []byte) []hostileModule {
	function := func(code ...byte) []byte { return withFunctions(t, good, 1, 0, code) }
	one := func(id byte, content string) []byte { return changed(t, good, id, []byte(content)) }
	swapped := sectionsOf(t, good)
	swapped[3], swapped[4] = swapped[4], swapped[3]
	doubled := sectionsOf(t, good)
	doubled = slices.Insert(doubled, 1, doubled[0])
	huge := "\xff\xff\xff\xff\x0f"
	name := func(content string) []byte {
		return moduleFrom(append(sectionsOf(t, good), section{customSection, []byte("\x04name" + content)}))
	}
	list := []hostileModule{
		{"sections out of order", moduleFrom(swapped), "is unknown or out of order"},
		{"section twice", moduleFrom(doubled), "section 1 is unknown or out of order"},
		{"unknown section", moduleFrom(append(sectionsOf(t, good), section{14, nil})), "section 14 is unknown or out of order"},
		{"tags", one(13, "\x00"), "uses the exceptions feature"},
		{"types without end", one(1, huge), "4294967295 types announced"},
		{"imports without end", one(2, huge), "4294967295 imports announced"},
		{"functions without end", one(3, huge), "4294967295 functions announced"},
		{"exports without end", one(7, huge), "4294967295 exports announced"},
		{"bodies without end", one(10, huge), "4294967295 bodies announced"},
		{"data without end", one(11, "\x01\x00\x41\x00\x0b"+huge), "4294967295 bytes announced"},
		{"integer of six bytes", one(1, "\x80\x80\x80\x80\x80\x00"), "integer of more than 5 bytes"},
		{"integer of 33 bits", one(1, "\xff\xff\xff\xff\x1f"), "exceeds 32 bits"},
		{"integer with needless bytes", one(5, "\x81\x80\x80\x80\x00\x00\x82\x80\x80\x80\x00"), ""},
		{"type of functions that is a struct", one(1, "\x01\x5f\x00"), "uses the garbage collection feature"},
		{"nested too deep", function(append(bytes.Repeat([]byte{0x02, 0x40}, 10_001), bytes.Repeat([]byte{0x0b}, 10_001)...)...), "function has more than 10000 blocks"},
		{"labels without end", function(append(append([]byte{0x41, 0, 0x0e}, huge...), 0)...), "labels announced"},
		{"locals that overflow", withLocals(t, good, "\x02\xff\xff\xff\xff\x0f\x7f\xff\xff\xff\xff\x0f\x7f"), "locals, the limit is 50000"},
		{"start that is not there", one(8, "\x63"), "function 99 is out of range"},
		{"start with parameters", one(8, "\x02"), "module is not valid"},
		{"data outside of memory", one(11, "\x01\x00\x41\xff\xff\xff\xff\x07\x0b\x01x"), "starting the module (its data, its start function, _initialize) failed: trap: data[0]"},
		{"memory of 64 bits", one(5, "\x01\x04\x02"), "uses the memory64 feature"},
		{"shared memory", one(5, "\x01\x03\x02\x02"), "uses the threads feature"},
		{"two memories", one(5, "\x02\x00\x02\x00\x02"), "uses the multi-memory feature"},
		{"memory of 4 GiB and a page", one(5, "\x01\x00\x81\x80\x04"), "memory of 65537 pages"},
		{"nine tables", one(4, "\x09"+strings.Repeat("\x70\x00\x01", 9)), "9 tables, the limit is 8"},
		{"call of the host's refuelling", one(2, "\x01\x0eturgo_internal\x06refuel\x00\x00"), `imports from the unknown module "turgo_internal"`},
		{"name of the fuel", exporting(t, good, "\x0aturgo:fuel\x02\x00"), `names that start with "turgo:" are reserved`},
		{"names without end", name("\x01\x05" + huge), ""},
		{"name of no function", name("\x01\x05\x01\x63\x02hi"), ""},
		{"name that is no text", name("\x01\x05\x01\x00\x02\xff\xfe"), ""},
		{"long name", name("\x01\x85\x80\x40\x01\x00\x80\x80\x40" + strings.Repeat("n", 1<<20)), ""},
		{"custom section that lies", moduleFrom(append(sectionsOf(t, good), section{customSection, []byte(huge)})), "4294967295 bytes announced"},
	}
	return append(list, namingWhatIsAdded(t, good)...)
}

// exporting adds an export.
func exporting(t testing.TB, data []byte, export string) []byte {
	t.Helper()
	list := sectionsOf(t, data)
	for i := range list {
		if s := &list[i]; s.id == exportSection {
			s.content[0]++
			s.content = append(s.content, export...)
		}
	}
	return moduleFrom(list)
}

// withLocals adds a function with these declarations of locals.
func withLocals(t testing.TB, data []byte, declarations string) []byte {
	t.Helper()
	data = withFunctions(t, data, 1, 0, nil)
	list := sectionsOf(t, data)
	for i := range list {
		if s := &list[i]; s.id == codeSection {
			s.content = append(s.content[:len(s.content)-3], byte(len(declarations)+1))
			s.content = append(append(s.content, declarations...), 0x0b)
		}
	}
	return moduleFrom(list)
}

// namingWhatIsAdded are modules that name globals, functions, locals, types and
// blocks which are not theirs, but will be there once the module is instrumented.
func namingWhatIsAdded(t testing.TB, good []byte) (list []hostileModule) {
	for i := range byte(6) {
		add := func(name, want string, code ...byte) {
			list = append(list, hostileModule{fmt.Sprintf("%s %d", name, i), withFunctions(t, good, 1, 0, code), want})
		}
		add("added global read", "is out of range", 0x23, 1+i, 0x1a)
		add("added global written", "is out of range", 0x42, 0, 0x24, 1+i)
		add("added function called", "is out of range", 0x10, 6+i)
		add("added function taken", "is out of range", 0xd2, 6+i, 0x1a)
		add("added local read", "is out of range", 0x20, i, 0x1a)
		add("added local written", "is out of range", 0x41, 0, 0x21, i)
		add("added block left", "branch leaves", 0x0c, 1+i)
		add("added block left from a loop", "branch leaves", 0x03, 0x40, 0x0c, 2+i, 0x0b)
		add("added type of a block", "is out of range", 0x02, 40+i, 0x0b)
		list = append(list,
			hostileModule{fmt.Sprintf("added global exported %d", i), exporting(t, good, "\x01g\x03"+string(rune(1+i))), "names global"},
			hostileModule{fmt.Sprintf("added function exported %d", i), exporting(t, good, "\x01f\x00"+string(rune(5+i))), "names function"},
			hostileModule{fmt.Sprintf("added function as start %d", i), changed(t, good, 8, []byte{5 + i}), "is out of range"})
	}
	return list
}

func TestHostileModules(t *testing.T) {
	engine := newEngine(t, Config{Limits: Limits{CallDuration: 200 * time.Millisecond}})
	good := assemble(t, "passthrough")
	for _, test := range hostileModules(t, good) {
		t.Run(test.name, func(t *testing.T) {
			if test.want != "" {
				checkRefused(t, engine, test.data, test.want)
				return
			}
			load(t, engine, "m", test.data)
		})
	}
}

// No instruction, known or not, gets a module past the checks and the compiler
// apart from being run or refused.
func TestEveryInstruction(t *testing.T) {
	engine := newEngine(t, Config{Limits: Limits{CallDuration: 200 * time.Millisecond}})
	engine.apart = false // which would be a process for each
	good := assemble(t, "passthrough")
	loaded := 0
	try := func(instruction ...byte) {
		for _, operands := range []string{"", "\x41\x00", "\x41\x00\x41\x00", "\x41\x00\x41\x00\x41\x00"} {
			code := append(append([]byte(operands), instruction...), 0, 0, 0x00)
			module, err := engine.Load(context.Background(), "m", withFunctions(t, good, 1, 2, code))
			var fault *ModuleError
			if err != nil && !errors.As(err, &fault) {
				t.Fatalf("% x: %v", instruction, err)
			}
			if err == nil {
				loaded++
				if err := module.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for op := range 256 {
		try(byte(op))
	}
	for _, prefix := range []byte{0xfb, 0xfc, 0xfd, 0xfe} {
		for sub := range uint64(300) {
			try(binary.AppendUvarint([]byte{prefix}, sub)...)
		}
	}
	if loaded < 100 {
		t.Errorf("only %d modules loaded", loaded)
	}
}
