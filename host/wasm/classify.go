package wasm

import "github.com/turgo-stream/turgo/host/letter"

// Fatal tells that running the same call again fails again: a restart of the
// job does not help.
func (e *GuestError) Fatal() bool { return true }

// Record is the index of the record that is to blame; -1 = unknown.
func (e *GuestError) Record() int { return e.RecordIndex }

// Failure tells what failed, for the failure policy. ok is false where no record
// or timer can be to blame.
func (e *GuestError) Failure() (failure letter.Failure, ok bool) {
	if e.alone != nil {
		failure = *e.alone
	}
	failure.Index = e.RecordIndex
	failure.Error = letter.Error{Kind: string(e.Kind), Code: e.Code, Reason: e.Reason, Stack: e.Stack}
	return failure, !e.Opening
}

// OutOfTime tells that the call took too long.
func (e *GuestError) OutOfTime() bool { return e.Kind == KindTime }

// Fatal tells that the module does not load, now or later.
func (e *ModuleError) Fatal() bool { return true }
