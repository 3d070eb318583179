// Package connector proves a connector: it starts the built executable as the
// host does, speaks the wire of abi/connector/v1 with it, and looks at what it
// does. Each check has one job and a sound connector passes all of them; a check
// whose ground another one has found missing is skipped with "needs CHECK".
//
// The executable is not trusted: each wait, each answer and each output is
// bounded, and whatever it started is killed at the end.
//
// Checks lists them, with what each looks at; docs/conformance.md tells how to
// mend what they find. They are of three groups: the process itself, the source,
// the sink.
//
// A sink that promises less than exactly once is checked by what it promises:
// what concerns records that are not to be visible yet is skipped, and committed
// records have to be visible at least once.
package connector
