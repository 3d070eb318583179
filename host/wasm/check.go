package wasm

import (
	"fmt"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/wasm/internal/instrument"
)

func binaryType(s abi.Signature) instrument.FunctionType {
	return instrument.FunctionType{Parameters: binaryTypes(s.Parameters), Results: binaryTypes(s.Results)}
}

func binaryTypes(types []abi.ValueType) []byte {
	out := make([]byte, len(types))
	for i, t := range types {
		out[i] = byte(t)
	}
	return out
}

// checkInterface compares a module's imports and exports with the ABI.
func checkInterface(m *instrument.Module) error {
	if err := checkImports(m); err != nil {
		return &partError{PartImports, err}
	}
	if err := checkExports(m); err != nil {
		return &partError{PartExports, err}
	}
	return nil
}

func checkImports(m *instrument.Module) error {
	for _, f := range m.Imports() {
		want, known := hostSignatures[f.Module][f.Name]
		switch {
		case !known && hostSignatures[f.Module] == nil:
			return fmt.Errorf("guest imports from the unknown module %q: known are %q and %q", f.Module, abi.ModuleName, wasiModule)
		case !known:
			return fmt.Errorf("guest imports the unknown function %s.%s: use a newer turgo if it has the function", f.Module, f.Name)
		case !f.Type.Equal(want):
			return fmt.Errorf("guest imports %s.%s with the wrong signature: is %s, must be %s", f.Module, f.Name, f.Type, want)
		}
	}
	return nil
}

func checkExports(m *instrument.Module) error {
	if !m.HasMemory() {
		return fmt.Errorf("guest has no memory")
	}
	exports := map[string]instrument.Export{}
	for _, e := range m.Exports() {
		exports[e.Name] = e
	}
	if e, found := exports[exportMemory]; !found || e.Kind != instrument.KindMemory {
		return fmt.Errorf("guest does not export its memory as %q", exportMemory)
	}
	for _, f := range abi.Exports {
		e, found := exports[f.Name]
		want := binaryType(f.Signature)
		switch {
		case !found && f.Optional:
		case !found:
			return fmt.Errorf("guest lacks the export %s, which must be a function of %s", f.Name, want)
		case e.Kind != instrument.KindFunction:
			return fmt.Errorf("guest exports %s, but not as a function: it must be one of %s", f.Name, want)
		case !e.Type.Equal(want):
			return fmt.Errorf("guest exports the wrong signature for %s: is %s, must be %s", f.Name, e.Type, want)
		}
	}
	return nil
}

// exportMemory is the name by which a guest exports its memory.
const exportMemory = "memory"

// hasExport reports whether the module exports a name.
func hasExport(m *instrument.Module, name string) bool {
	for _, e := range m.Exports() {
		if e.Name == name {
			return true
		}
	}
	return false
}
