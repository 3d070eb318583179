package wasm

import (
	"fmt"

	"github.com/turgo-stream/turgo/host/wasm/internal/instrument"
)

// Interface lists what a module takes from its host and gives to it.
type Interface struct {
	Imports []InterfaceItem `json:"imports"`
	Exports []InterfaceItem `json:"exports"`
}

// InterfaceItem is one import or export. Type is set for functions.
type InterfaceItem struct {
	Module string `json:"module,omitempty"` // of an import
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Type   string `json:"type,omitempty"`
}

// Inspect reads the interface of a module, without running it. Unlike Load it
// also takes modules that are no operators.
func Inspect(name string, data []byte) (Interface, error) {
	if len(data) > ModuleBytesMax {
		return Interface{}, &ModuleError{Module: name, Err: fmt.Errorf("more than %d bytes", ModuleBytesMax)}
	}
	m, err := instrument.Parse(data)
	if err != nil {
		return Interface{}, &ModuleError{Module: name, Err: err}
	}
	result := Interface{Imports: []InterfaceItem{}, Exports: []InterfaceItem{}}
	for _, f := range m.Imports() {
		result.Imports = append(result.Imports, InterfaceItem{Module: f.Module, Name: f.Name, Kind: "function", Type: f.Type.String()})
	}
	for _, e := range m.Exports() {
		item := InterfaceItem{Name: e.Name, Kind: exportKinds[e.Kind]}
		if e.Kind == instrument.KindFunction {
			item.Type = e.Type.String()
		}
		result.Exports = append(result.Exports, item)
	}
	return result, nil
}

var exportKinds = map[byte]string{
	instrument.KindFunction: "function",
	instrument.KindTable:    "table",
	instrument.KindMemory:   "memory",
	instrument.KindGlobal:   "global",
}
