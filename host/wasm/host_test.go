package wasm

import (
	"context"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/wasm/internal/instrument"
)

// Whatever a toolchain may import from WASI preview 1 must be there, with the
// signature that it expects.
func TestAllOfWASICanBeImported(t *testing.T) {
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer runtime.Close(ctx)
	complete, err := wasi_snapshot_preview1.NewBuilder(runtime).Compile(ctx)
	if err != nil {
		t.Fatal(err)
	}
	functions := complete.ExportedFunctions()
	if len(functions) != len(wasiFunctions) {
		t.Errorf("%d functions, want %d", len(wasiFunctions), len(functions))
	}
	for name, definition := range functions {
		want := instrument.FunctionType{Parameters: definition.ParamTypes(), Results: definition.ResultTypes()}
		if got := hostSignatures[wasiModule][name]; !got.Equal(want) {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestAllOfTheABIIsImplemented(t *testing.T) {
	for _, f := range abi.Imports {
		if abiFunctions[f.Name] == nil {
			t.Errorf("%s is missing", f.Name)
		}
	}
	if len(abiFunctions) != len(abi.Imports) {
		t.Errorf("%d functions, the ABI has %d", len(abiFunctions), len(abi.Imports))
	}
}

// No arguments may make a host function fail but in the way that ends the
// guest's call.
func TestHostFunctionsBearAnyArguments(t *testing.T) {
	module := load(t, newEngine(t, Config{}), "rules", assemble(t, "rules"))
	state := newMemoryState()
	operator := open(t, module, OpenConfig{State: state})
	size := uint64(len(operator.memory.bytes))
	values := []uint64{0, 1, 2, 3, 8, 24, 48, 65536, size - 48, size - 8, size - 1, size, size + 1, 1 << 31, 1<<31 - 1, 1<<32 - 1, 1<<32 - 8, 1 << 63, 1<<64 - 1}
	random := rand.New(rand.NewPCG(5, 6))
	functions := maps.Clone(abiFunctions)
	for name, f := range wasiFunctions {
		functions[name] = f.call()
	}
	for name, f := range functions {
		if err := operator.begin(batchOf("a", "b"), 0, 1); err != nil {
			t.Fatal(err)
		}
		aborted, returned := 0, 0
		for range 3000 {
			operator.arm(phaseProcess)
			operator.memory.bytes[operator.control] = byte(random.IntN(3))
			clear(operator.memory.bytes[operator.control+1 : operator.control+4])
			stack := make([]uint64, 9)
			for i := range stack {
				stack[i] = values[random.IntN(len(values))]
			}
			if callHost(t, operator, name, f, stack) {
				returned++
			} else {
				aborted++
			}
			operator.outputs.reset()
		}
		state.Rollback()
		if returned == 0 && name != "proc_exit" && name != "emit" {
			t.Errorf("%s never returned, %d calls were aborted", name, aborted)
		}
	}
}

// callHost calls a host function and reports whether it returned.
func callHost(t *testing.T, operator *Operator, name string, f hostFunction, stack []uint64) (returned bool) {
	t.Helper()
	arguments := append([]uint64(nil), stack...)
	defer func() {
		if r := recover(); r != nil && r != errAborted {
			t.Fatalf("%s%x: %v", name, arguments, r)
		}
	}()
	f.Call(operator.context, stack)
	return true
}
