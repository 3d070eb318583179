// Package hostcall is the guest's door to the host: one method for each import
// of module turgo_v1. In a Wasm module the methods are the imports; natively
// they go to whatever a test kit puts behind Host.
package hostcall
