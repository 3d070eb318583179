// Package zig holds operators that are written in Zig without an SDK, with
// abi/SPEC.md and nothing else.
package zig
