package main

import (
	"slices"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/wasm"
)

// The ABI is a promise because each call of it has been made from each language:
// the module imports and exports all there is, and the random life above plays
// each verb.
func TestEachLanguageMakesEachCall(t *testing.T) {
	for language := range builds {
		t.Run(language, func(t *testing.T) {
			found, err := wasm.Inspect("everything", build(t, language))
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range abi.Imports {
				if !slices.ContainsFunc(found.Imports, func(i wasm.InterfaceItem) bool { return i.Module == abi.ModuleName && i.Name == call.Name }) {
					t.Errorf("it does not import %s", call.Name)
				}
			}
			for _, call := range abi.Exports {
				if !call.Optional && !slices.ContainsFunc(found.Exports, func(i wasm.InterfaceItem) bool { return i.Name == call.Name }) {
					t.Errorf("it does not export %s", call.Name)
				}
			}
			for _, name := range []string{abi.ExportTimers.Name, abi.ExportAggregate.Name} {
				if !slices.ContainsFunc(found.Exports, func(i wasm.InterfaceItem) bool { return i.Name == name }) {
					t.Errorf("it does not export %s", name)
				}
			}
		})
	}
}
