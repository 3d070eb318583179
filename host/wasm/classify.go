package wasm

// Fatal tells that running the same call again fails again: a restart of the
// job does not help.
func (e *GuestError) Fatal() bool { return true }

// Record is the index of the record that is to blame; -1 = unknown.
func (e *GuestError) Record() int { return e.RecordIndex }

// Fatal tells that the module does not load, now or later.
func (e *ModuleError) Fatal() bool { return true }
