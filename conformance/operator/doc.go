// Package operator is the conformance suite for operators: it runs a built
// module through the host's own packages and reports which promises of the ABI it
// keeps. Checks lists the checks; docs/conformance.md tells what each means to an
// author.
//
// A check has one job. Where a fault that a check meets belongs to another one, as
// the use of a state that is not declared belongs to state_use, it is told there:
// so a fault is told once. Checks that could tell nothing any more are skipped and
// name the check that they need.
//
// The module is untrusted. All calls go through host/wasm with its limits, and
// each check bounds what it asks for.
//
// Read in this order: checks.go (the checks), run.go (the run and who is told
// what), scenario.go and records.go (what is sent), instance.go and state.go (an
// open operator), life.go (a sequence of batches and times, and what it gave), and
// the files that begin with check.
package operator
