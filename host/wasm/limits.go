package wasm

import "time"

const pageBytes = 65536

// Limits bounds what a guest may take. A field of 0 takes its default.
type Limits struct {
	// MemoryPages bounds a guest's memory, in pages of 64 KiB: 8192 (512 MiB).
	MemoryPages uint32
	// TableElements bounds each table of a module: 262144. Set for the engine only.
	TableElements uint32
	// DepthBytes bounds the frames of nested calls, counted as if every local and
	// operand took its place: 32 MiB. Set for the engine only.
	DepthBytes int64
	// CompileDuration bounds how long a module may take to compile: 2 min. Set
	// for the engine only.
	CompileDuration time.Duration
	// CallDuration bounds one call into the guest: 10 s.
	CallDuration time.Duration
	// CallFuel bounds the instructions of one call; none where it is 0.
	CallFuel int64
	// OutputBytes bounds the batches that one call emits: 256 MiB.
	OutputBytes int64
	// OutputRecords bounds the records that one call emits: 4194304.
	OutputRecords int64
	// StateBytes bounds the keys and values that one call writes: 256 MiB.
	StateBytes int64
	// LogLineBytes bounds a line of the guest's log, the rest is cut off: 4096.
	LogLineBytes int
	// LogLinesPerSecond bounds the lines of the guest's log, further ones are
	// counted and dropped: 100.
	LogLinesPerSecond int
}

// ModuleBytesMax bounds an uploaded module.
const ModuleBytesMax = 64 << 20

// descriptionBytesMax bounds the JSON that a module describes itself with.
const descriptionBytesMax = 1 << 20

var limitsDefault = Limits{
	MemoryPages: 8192, TableElements: 1 << 18, DepthBytes: 32 << 20,
	CompileDuration: 2 * time.Minute, CallDuration: 10 * time.Second,
	OutputBytes: 256 << 20, OutputRecords: 4 << 20, StateBytes: 256 << 20,
	LogLineBytes: 4096, LogLinesPerSecond: 100,
}

func orDefault[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// or fills in what l leaves open.
func (l Limits) or(fallback Limits) Limits {
	return Limits{
		MemoryPages:       orDefault(l.MemoryPages, fallback.MemoryPages),
		TableElements:     orDefault(l.TableElements, fallback.TableElements),
		DepthBytes:        orDefault(l.DepthBytes, fallback.DepthBytes),
		CompileDuration:   orDefault(l.CompileDuration, fallback.CompileDuration),
		CallDuration:      orDefault(l.CallDuration, fallback.CallDuration),
		CallFuel:          orDefault(l.CallFuel, fallback.CallFuel),
		OutputBytes:       orDefault(l.OutputBytes, fallback.OutputBytes),
		OutputRecords:     orDefault(l.OutputRecords, fallback.OutputRecords),
		StateBytes:        orDefault(l.StateBytes, fallback.StateBytes),
		LogLineBytes:      orDefault(l.LogLineBytes, fallback.LogLineBytes),
		LogLinesPerSecond: orDefault(l.LogLinesPerSecond, fallback.LogLinesPerSecond),
	}
}
