// Package guests holds operators in WebAssembly's text form that break one rule
// of abi/SPEC.md each, and a few sound ones. Its test shows that the conformance
// suite of operators catches each with the check that is meant for it.
package guests
