// Package wat holds an operator that is written by hand in WebAssembly's text
// form: the example of abi/SPEC.md.
package wat
