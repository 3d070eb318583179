package wasm

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"
)

// index appends an instruction with an index.
func index(out []byte, op byte, i int) []byte {
	return binary.AppendUvarint(append(out, op), uint64(i))
}

// manyLoops is code of loops that follow each other, each with a local of its own.
func manyLoops(locals, loops int) (code []byte) {
	for i := range loops {
		code = append(code, 0x03, 0x40)
		code = append(index(code, 0x20, i%locals), 0x41, 1, 0x6a)
		code = append(index(code, 0x22, i%locals), 0x0d, 0, 0x0b)
	}
	return code
}

// nestedLoops is code of loops in each other, which all change all locals.
func nestedLoops(locals, loops int) []byte {
	code := bytes.Repeat([]byte{0x03, 0x40}, loops)
	for i := range locals {
		code = append(index(code, 0x20, i), 0x41, 1, 0x6a)
		code = index(code, 0x21, i)
	}
	return append(code, bytes.Repeat([]byte{0x41, 1, 0x0d, 0, 0x0b}, loops)...)
}

// livingLocals is code with many branches between the first and the last use of
// many locals.
func livingLocals(locals, branches int) (code []byte) {
	for i := range locals {
		code = index(append(code, 0x41, 0, 0x28, 2, 0), 0x21, i)
	}
	for i := range branches {
		code = append(index(append(code, 0x41, 0, 0x28, 2, 0, 0x04, 0x40, 0x41, 1), 0x21, i%locals), 0x0b)
	}
	for i := range locals {
		code = append(index(append(code, 0x41, 0), 0x20, i), 0x36, 2, 0)
	}
	return code
}

// Whatever the shape of its functions, a module is compiled or refused within
// the time and the memory that it may take, in a process of its own.
func TestCompilingTakesBoundedTimeAndMemory(t *testing.T) {
	limits := Limits{CompileDuration: 4 * time.Second, CompileBytes: 512 << 20}
	base := assemble(t, "passthrough")
	for _, test := range []struct {
		name              string
		functions, locals int
		code              []byte
	}{
		{"many functions", 100_000, 0, nil},
		{"many locals", 1, 49_000, nil},
		{"loops", 1, 24, manyLoops(24, 4000)},
		{"nested loops", 1, 300, nestedLoops(300, 300)},
		{"functions of nested loops", 20, 300, nestedLoops(300, 300)},
		{"locals that live long", 1, 990, livingLocals(990, 990)},
		{"functions with locals that live long", 50, 990, livingLocals(990, 990)},
		{"nested blocks", 1, 10, append(bytes.Repeat([]byte{0x02, 0x40, 0x41, 1, 0x0d, 0}, 9000), bytes.Repeat([]byte{0x0b}, 9000)...)},
		{"a long function", 1, 0, bytes.Repeat([]byte{0x41, 0, 0x41, 1, 0x36, 2, 0}, 140_000)},
		{"long functions", 30, 0, bytes.Repeat([]byte{0x41, 0, 0x41, 1, 0x36, 2, 0}, 140_000)},
		{"many operands", 1, 0, append(append(bytes.Repeat([]byte{0x41, 0, 0x28, 2, 0}, 100_000), bytes.Repeat([]byte{0x6a}, 99_999)...), 0x1a)},
	} {
		if testing.Short() && test.functions > 1 {
			continue // the same in larger modules
		}
		t.Run(test.name, func(t *testing.T) {
			engine := newEngine(t, Config{CacheDir: t.TempDir() + "/cache", Limits: limits})
			data := withFunctions(t, base, test.functions, test.locals, test.code)
			start := time.Now()
			_, err := engine.Load(context.Background(), "m", data)
			elapsed, peak := time.Since(start), engine.compilerPeak.Load()
			t.Logf("%d bytes: %s, %d MiB at most: %v", len(data), elapsed.Round(time.Millisecond), peak>>20, err)
			var fault *ModuleError
			if err != nil && !errors.As(err, &fault) {
				t.Error(err)
			}
			// What is mapped and not written to, the program itself, is not limited.
			if peak > limits.CompileBytes+(128<<20) || peak == 0 {
				t.Errorf("the compiler had %d bytes, its limit is %d", peak, limits.CompileBytes)
			}
			if elapsed > 10*limits.CompileDuration {
				t.Errorf("it took %s, the limit is %s", elapsed, limits.CompileDuration)
			}
		})
	}
}

// A compiler that takes too much is ended, and the module blamed.
func TestCompilerIsEnded(t *testing.T) {
	data := withFunctions(t, assemble(t, "passthrough"), 1, 300, nestedLoops(300, 300))
	memory := newEngine(t, Config{CacheDir: t.TempDir() + "/cache", Limits: Limits{CompileBytes: 64 << 20}})
	checkRefused(t, memory, data, "compiling takes more than 67108864 bytes of memory")
	duration := newEngine(t, Config{CacheDir: t.TempDir() + "/cache", Limits: Limits{CompileDuration: 20 * time.Millisecond}})
	checkRefused(t, duration, data, "compiling takes longer than 20ms")
}

// An invalid module is refused by the compiler apart with the reason, and a
// compiled one is not compiled again.
func TestCompilerApart(t *testing.T) {
	dir := t.TempDir() + "/cache"
	engine := newEngine(t, Config{CacheDir: dir})
	good := assemble(t, "passthrough")
	checkRefused(t, engine, withFunctions(t, good, 1, 0, []byte{0x41, 1}), "module is not valid: ")
	load(t, engine, "m", good)
	if engine.compilerPeak.Load() == 0 {
		t.Error("it was not compiled apart")
	}
	again := newEngine(t, Config{CacheDir: dir})
	load(t, again, "m", good)
	if again.compilerPeak.Load() != 0 {
		t.Error("it was compiled again")
	}
}

func TestCompilerTextIsBounded(t *testing.T) {
	text := &boundedText{}
	for range 3 {
		if n, err := text.Write(bytes.Repeat([]byte("x"), 3000)); n != 3000 || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := text.String(); got != strings.Repeat("x", compilerTextMax) {
		t.Errorf("%d bytes are kept", len(got))
	}
}

// What no real module has is refused before it is compiled.
func TestShapesAreBounded(t *testing.T) {
	engine := newEngine(t, Config{})
	base := assemble(t, "passthrough")
	for _, test := range []struct {
		functions, locals int
		code              []byte
		want              string
	}{
		{1, 500, nestedLoops(500, 500), "function has 500 locals and 500 loops, the limit of their product is 100000"},
		{1, 5000, livingLocals(5000, 5000), "function has 5000 locals and 5001 blocks, the limit of their product is 1000000"},
		{1, 0, make([]byte, 2<<20), "function has 2097154 bytes of code, the limit is 1048576"},
		{1, 60_000, nil, "60000 locals, the limit is 50000"},
		{1_000_001, 0, nil, "functions, the limit is 1000000"},
	} {
		checkRefused(t, engine, withFunctions(t, base, test.functions, test.locals, test.code), test.want)
	}
}
