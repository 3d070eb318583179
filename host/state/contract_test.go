package state

import "github.com/turgo-stream/turgo/host/wasm"

// Keyed is what guest calls use. Only this test may look up to that layer.
var _ wasm.State = (*Keyed)(nil)
