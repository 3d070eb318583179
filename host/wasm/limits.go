package wasm

import (
	"errors"
	"fmt"
	"time"
)

const pageBytes = 65536

// Limits bounds what a guest may take. A field of 0 takes its default.
type Limits struct {
	// MemoryPages bounds a guest's memory, in pages of 64 KiB: 8192 (512 MiB).
	MemoryPages uint32
	// TableElements bounds the elements of all tables of an instance: 262144.
	TableElements uint32
	// DepthBytes bounds the frames of nested calls, counted as if every local and
	// operand took its place: 32 MiB.
	DepthBytes int64
	// CompileDuration bounds how long a module may take to compile: 2 min. Set
	// for the engine only.
	CompileDuration time.Duration
	// CompileBytes bounds the memory of the process that compiles a module, see
	// CompileIfAsked: 2 GiB. Set for the engine only.
	CompileBytes int64
	// CallDuration bounds one call into the guest: 10 s.
	CallDuration time.Duration
	// CallFuel bounds the instructions of one call; none where it is 0.
	CallFuel int64
	// RecordFuel bounds the instructions that one record takes, and a call's by
	// this for each of its records; none where it is 0.
	RecordFuel int64
	// OutputBytes bounds the batches that one call emits: 256 MiB.
	OutputBytes int64
	// OutputRecords bounds the records that one call emits: 4194304.
	OutputRecords int64
	// StateBytes bounds the keys and values that one call writes: 256 MiB.
	StateBytes int64
	// StateWrites bounds the writes of values, elements, entries and timers of
	// one call, and so the keys that it touches by writing: 4194304.
	StateWrites int64
	// LogLineBytes bounds a line of the guest's log, the rest is cut off: 4096.
	LogLineBytes int
	// LogLinesPerSecond bounds the lines of the guest's log, further ones are
	// counted and dropped: 100.
	LogLinesPerSecond int
	// LogBytesPerSecond bounds their bytes in the same way: 262144.
	LogBytesPerSecond int
}

// ModuleBytesMax bounds an uploaded module.
const ModuleBytesMax = 64 << 20

// descriptionBytesMax bounds the JSON that a module describes itself with.
const descriptionBytesMax = 1 << 20

var limitsDefault = Limits{
	MemoryPages: 8192, TableElements: 1 << 18, DepthBytes: 32 << 20,
	CompileDuration: 2 * time.Minute, CompileBytes: 2 << 30, CallDuration: 10 * time.Second,
	OutputBytes: 256 << 20, OutputRecords: 4 << 20, StateBytes: 256 << 20, StateWrites: 4 << 20,
	LogLineBytes: 4096, LogLinesPerSecond: 100, LogBytesPerSecond: 256 << 10,
}

// ceilingsDefault are what a platform allows its jobs to ask for, where it says
// nothing else. Fuel has none, as time has one.
var ceilingsDefault = Limits{
	MemoryPages: memoryPagesMax, TableElements: 1 << 20, DepthBytes: 64 << 20,
	CompileDuration: 10 * time.Minute, CompileBytes: 16 << 30, CallDuration: time.Hour,
	OutputBytes: 1 << 30, OutputRecords: 16 << 20, StateBytes: 1 << 30, StateWrites: 16 << 20,
	LogLineBytes: 64 << 10, LogLinesPerSecond: 10_000, LogBytesPerSecond: 16 << 20,
}

// memoryPagesMax is what 32 bits can address.
const memoryPagesMax = 65536

// LimitsDefault are the limits where none are given.
func LimitsDefault() Limits { return limitsDefault }

// CeilingsDefault are the ceilings where none are given.
func CeilingsDefault() Limits { return ceilingsDefault }

// bound is one limit with what it is called, for all that is done to each.
type bound struct {
	name            string // as in the job file
	unit            unit
	value           int64
	fallback, below int64
	set             func(int64)
}

// unit is what a limit is counted in, for messages.
type unit uint8

const (
	inCount unit = iota
	inBytes
	inPages
	inTime // nanoseconds
)

func (u unit) text(value int64) string {
	switch u {
	case inBytes:
		return fmt.Sprintf("%d bytes", value)
	case inPages:
		return fmt.Sprintf("%d bytes", value*pageBytes)
	case inTime:
		return time.Duration(value).String()
	}
	return fmt.Sprint(value)
}

// each visits the limits in their order, beside those of two others.
func (l *Limits) each(fallback, ceilings *Limits, do func(bound)) {
	visit(&l.MemoryPages, fallback.MemoryPages, ceilings.MemoryPages, "memory", inPages, do)
	visit(&l.TableElements, fallback.TableElements, ceilings.TableElements, "table_elements", inCount, do)
	visit(&l.DepthBytes, fallback.DepthBytes, ceilings.DepthBytes, "call_depth", inBytes, do)
	visit(&l.CompileDuration, fallback.CompileDuration, ceilings.CompileDuration, "time_to_compile", inTime, do)
	visit(&l.CompileBytes, fallback.CompileBytes, ceilings.CompileBytes, "memory_to_compile", inBytes, do)
	visit(&l.CallDuration, fallback.CallDuration, ceilings.CallDuration, "time_per_call", inTime, do)
	visit(&l.CallFuel, fallback.CallFuel, ceilings.CallFuel, "fuel_per_call", inCount, do)
	visit(&l.RecordFuel, fallback.RecordFuel, ceilings.RecordFuel, "fuel_per_record", inCount, do)
	visit(&l.OutputBytes, fallback.OutputBytes, ceilings.OutputBytes, "output_per_call", inBytes, do)
	visit(&l.OutputRecords, fallback.OutputRecords, ceilings.OutputRecords, "output_records_per_call", inCount, do)
	visit(&l.StateBytes, fallback.StateBytes, ceilings.StateBytes, "state_per_call", inBytes, do)
	visit(&l.StateWrites, fallback.StateWrites, ceilings.StateWrites, "state_writes_per_call", inCount, do)
	visit(&l.LogLineBytes, fallback.LogLineBytes, ceilings.LogLineBytes, "log_line", inBytes, do)
	visit(&l.LogLinesPerSecond, fallback.LogLinesPerSecond, ceilings.LogLinesPerSecond, "log_lines_per_second", inCount, do)
	visit(&l.LogBytesPerSecond, fallback.LogBytesPerSecond, ceilings.LogBytesPerSecond, "log_bytes_per_second", inBytes, do)
}

func visit[T int | int64 | uint32 | time.Duration](field *T, fallback, ceiling T, name string, unit unit, do func(bound)) {
	do(bound{name: name, unit: unit, value: int64(*field), fallback: int64(fallback), below: int64(ceiling), set: func(v int64) { *field = T(v) }})
}

// or fills in what l leaves open.
func (l Limits) or(fallback Limits) Limits {
	l.each(&fallback, &Limits{}, func(b bound) {
		if b.value == 0 {
			b.set(b.fallback)
		}
	})
	return l
}

// atMost lowers what exceeds a ceiling. No limit exceeds every one; a ceiling
// of 0 is none.
func (l Limits) atMost(ceilings Limits) Limits {
	l.each(&Limits{}, &ceilings, func(b bound) {
		if b.below > 0 && (b.value == 0 || b.value > b.below) {
			b.set(b.below)
		}
	})
	return l
}

// check reports the limits that ask for more than a ceiling, or are negative.
func (l Limits) check(ceilings Limits) error {
	var problems []error
	l.each(&Limits{}, &ceilings, func(b bound) {
		switch {
		case b.value < 0:
			problems = append(problems, fmt.Errorf("wasm: limit %s is %d, it must not be negative", b.name, b.value))
		case b.below > 0 && b.value > b.below:
			problems = append(problems, &CeilingError{Limit: b.name, Asked: b.value, Ceiling: b.below, unit: b.unit})
		}
	})
	return errors.Join(problems...)
}

// CeilingError tells that an operator asks for more than the platform allows.
type CeilingError struct {
	Limit          string
	Asked, Ceiling int64
	unit           unit
}

func (e *CeilingError) Error() string {
	return fmt.Sprintf("wasm: limit %s is %s, this platform allows %s: ask for less, or have its ceilings raised", e.Limit, e.unit.text(e.Asked), e.unit.text(e.Ceiling))
}

// Fatal tells that asking again changes nothing.
func (e *CeilingError) Fatal() bool { return true }

// CheckLimits reports which of an operator's limits exceed the engine's
// ceilings, as *CeilingError. A field of 0 asks for nothing.
func (e *Engine) CheckLimits(l Limits) error { return l.check(e.ceilings) }
