// Package wat holds operators that are written by hand in WebAssembly's text
// form: the example of abi/SPEC.md, and a keyed count.
package wat
