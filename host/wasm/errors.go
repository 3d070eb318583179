package wasm

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/wasm/internal/instrument"
)

// Kind is what went wrong in a guest.
type Kind string

// The kinds of guest errors.
const (
	KindTrap         Kind = "trap"
	KindTime         Kind = "time limit"
	KindFuel         Kind = "fuel limit"
	KindDepth        Kind = "call depth"
	KindMemory       Kind = "memory limit"
	KindTable        Kind = "table limit"
	KindOutput       Kind = "output"
	KindState        Kind = "state limit"
	KindFailedRecord Kind = "failed record"
	KindProtocol     Kind = "protocol"
	KindRefused      Kind = "refused"
)

// Rule is one of the rules of the ABI that a guest broke in a host function or by
// what it returned.
type Rule string

// The rules.
const (
	RulePhase    Rule = "phase"    // a call that is not allowed now
	RuleDeclared Rule = "declared" // a number that is not declared, or a state of another kind
	RuleHand     Rule = "hand"     // no record of the batch is in hand
	RuleMemory   Rule = "memory"   // bytes outside the guest's memory
	RuleBatch    Rule = "batch"    // what is emitted is no valid batch, or has origins that are none
	RuleStatus   Rule = "status"   // a status that is not 0
	RuleBuffer   Rule = "buffer"   // turgo_buffer gave none
	RuleControl  Rule = "control"  // no place for the control block
	RuleSize     Rule = "size"     // a batch larger than one may be
	RuleBatches  Rule = "batches"  // more batches emitted by a call than may be
	RuleReason   Rule = "reason"   // an operator that refuses must say why
)

// GuestError tells that a guest's call failed through the guest's own fault or
// through one of its records. Nothing that the call did took effect.
type GuestError struct {
	Operator, UID string
	Kind          Kind
	// RecordIndex is the record that the guest had in hand; -1 = none.
	RecordIndex int
	// Code is what the guest gave with a failed record.
	Code uint32
	// Reason says what happened.
	Reason string
	// Rule is the rule of the ABI that was broken, and Call the host function in
	// which it was; empty where the guest failed in another way.
	Rule Rule
	Call string
	// Stack is the guest's call stack, and what it wrote to standard error;
	// empty where there is none.
	Stack string
	// Opening tells that no batch is to blame: the operator does not open.
	Opening bool

	alone *letter.Failure // where the record was alone in the batch
}

func (e *GuestError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "wasm: operator %s", e.Operator)
	if e.UID != "" {
		fmt.Fprintf(&b, " (uid %s)", e.UID)
	}
	if e.RecordIndex >= 0 {
		fmt.Fprintf(&b, ": record %d of the batch", e.RecordIndex)
	}
	fmt.Fprintf(&b, ": %s: %s", e.Kind, e.Reason)
	return b.String()
}

// Part is a part of a module that loading looks at.
type Part string

// The parts, in the order in which they are looked at.
const (
	PartFormat      Part = "format" // that it is WebAssembly, within the bounds of shape and size
	PartImports     Part = "imports"
	PartExports     Part = "exports" // memory too
	PartDescription Part = "description"
)

// ModuleError tells why a module was not loaded: the module is at fault.
type ModuleError struct {
	Module string
	// Part is what is wrong. Where it is of the exports, the imports are right.
	Part Part
	Err  error
}

func (e *ModuleError) Error() string { return fmt.Sprintf("wasm: module %s: %v", e.Module, e.Err) }

// Unwrap gives the reason.
func (e *ModuleError) Unwrap() error { return e.Err }

// errAborted is what host functions panic with after they have stored the
// reason in the operator.
var errAborted = errors.New("call aborted by the host")

// stackMark is where wazero's error texts begin to tell the stack.
const stackMark = "\nwasm stack trace:\n"

// splitStack separates the reason of a trap from the guest's stack.
func splitStack(err error) (reason, stack string) {
	reason, stack, _ = strings.Cut(err.Error(), stackMark)
	stack = strings.ReplaceAll(stack, "\t", "")
	if first, rest, _ := strings.Cut(stack, "\n"); strings.HasPrefix(first, instrument.ImportModule+".") {
		stack = rest // the author knows nothing of the check
	}
	reason = strings.TrimPrefix(reason, "wasm error: ")
	return strings.TrimSuffix(reason, " (recovered by wazero)"), stack
}

// isHostFault tells that a host function failed, not the guest.
func isHostFault(err error) bool {
	var fault runtime.Error
	return errors.As(err, &fault)
}
