// Package abi names everything that crosses the boundary between the host and
// a guest module. SPEC.md explains it to authors in any language; the
// constants here are shared by the host, the tests and the conformance suite.
package abi

// ModuleName is the import module of every host function. The version is the
// name, so a guest built for another version fails at load.
const ModuleName = "turgo_v1"

// ValueType is a WebAssembly value type as the binary format encodes it.
type ValueType byte

// The only two types in the ABI.
const (
	I32 ValueType = 0x7f
	I64 ValueType = 0x7e
)

// Signature is the type of an import or export.
type Signature struct {
	Parameters []ValueType
	Results    []ValueType
}

// Function is one import or export of the ABI.
type Function struct {
	Name      string
	Signature Signature
	Optional  bool // exports only: a module may lack it
}

func function(name string, parameters, results []ValueType) Function {
	return Function{Name: name, Signature: Signature{Parameters: parameters, Results: results}}
}

func optional(f Function) Function { f.Optional = true; return f }

func types(t ...ValueType) []ValueType { return t }

// Exports of the guest. Pointers and lengths are i32 and unsigned.
var (
	// ExportInitialize runs once after instantiation, before anything else.
	ExportInitialize = optional(function("_initialize", nil, nil))
	// ExportDescribe returns pointer<<32 | length of the Description as JSON.
	ExportDescribe = function("turgo_describe", nil, types(I64))
	// ExportBuffer (length) returns the address of a buffer that the guest owns,
	// of at least that many bytes, for the host to write the next argument into.
	// It is valid until the next call of turgo_buffer. 0 = out of memory.
	ExportBuffer = function("turgo_buffer", types(I32), types(I32))
	// ExportOpen (operator, pointer, length) opens one operator of the module
	// with an OpenRequest as JSON, and returns the address of the control block.
	// 0 = refused: the guest said why with fail.
	ExportOpen = function("turgo_open", types(I32, I32, I32), types(I32))
	// ExportProcess (input, pointer, length) handles one batch. 0 = success; any
	// other status fails the call as a whole.
	ExportProcess = function("turgo_process", types(I32, I32, I32), types(I32))
	// ExportTimers (timer, pointer, length) handles fired timers of one
	// declaration: a batch whose records hold the key, an empty value, and the
	// timer's time as timestamp. Needed by operators that declare timers.
	ExportTimers = optional(function("turgo_timers", types(I32, I32, I32), types(I32)))
	// ExportAggregate (aggregation, pointer, length) handles the groups of a batch:
	// the bulk form of keyed aggregation.
	ExportAggregate = optional(function("turgo_aggregate", types(I32, I32, I32), types(I32)))
	// ExportClose is the last call to an instance that ends in good order.
	ExportClose = optional(function("turgo_close", nil, nil))
)

// Exports lists every export of the ABI.
var Exports = []Function{ExportInitialize, ExportDescribe, ExportBuffer, ExportOpen, ExportProcess, ExportTimers, ExportAggregate, ExportClose}

// Imports from module turgo_v1. State and timer calls act on the key of the
// record in hand. A call that breaks the rules (a state that was not declared,
// a pointer outside memory, no record in hand) is a trap.
//
// Calls that return bytes take a buffer (pointer, capacity). Where the bytes
// do not fit, nothing is written and the result still tells the length, so
// that the guest calls again with a larger buffer.
var (
	// ImportEmit (output, pointer, length) emits one whole batch.
	ImportEmit = function("emit", types(I32, I32, I32), nil)
	// ImportFail (code, pointer, length) fails the record in hand with a text; in
	// open, it tells why the operator refuses. What was staged while this record
	// was in hand is undone, and output of this origin is dropped.
	ImportFail = function("fail", types(I32, I32, I32), nil)

	// ImportStateGet (state, pointer, capacity) reads a value state. It returns
	// schema version<<32 | length, or -1 where there is none.
	ImportStateGet = function("state_get", types(I32, I32, I32), types(I64))
	// ImportStatePut (state, pointer, length) writes a value state.
	ImportStatePut = function("state_put", types(I32, I32, I32), nil)
	// ImportStateClear (state) removes a value, or all of a list or map.
	ImportStateClear = function("state_clear", types(I32), nil)

	// ImportListAppend (state, pointer, length) appends: a blind write.
	ImportListAppend = function("list_append", types(I32, I32, I32), nil)
	// ImportListRead (state, from, pointer, capacity) reads whole elements in
	// order, starting after the cursor from (0 at first). It writes entries of
	// (u64 cursor, u32 length, u16 schema version, u16 0, bytes) and returns
	// count<<32 | bytes written. 0 = no more. Where not even one element fits it
	// returns count 0 and the bytes that the next one needs.
	ImportListRead = function("list_read", types(I32, I64, I32, I32), types(I64))

	// ImportMapGet (state, key, key length, pointer, capacity) is state_get for
	// one entry of a map.
	ImportMapGet = function("map_get", types(I32, I32, I32, I32, I32), types(I64))
	// ImportMapPut (state, key, key length, pointer, length) writes one entry.
	ImportMapPut = function("map_put", types(I32, I32, I32, I32, I32), nil)
	// ImportMapDelete (state, key, key length) removes one entry.
	ImportMapDelete = function("map_delete", types(I32, I32, I32), nil)
	// ImportMapScan (state, after key, after length, pointer, capacity) reads
	// whole entries in byte order of their keys, those greater than the after key
	// (length 0xffffffff: from the first). It writes entries of (u32 key length,
	// u32 value length, u16 schema version, u16 0, key, value) and returns as
	// list_read does. It sees what this call has staged.
	ImportMapScan = function("map_scan", types(I32, I32, I32, I32, I32), types(I64))

	// ImportTimerSet (timer, timestamp) sets a timer for the key in hand. There is
	// one timer for each declaration, key and timestamp.
	ImportTimerSet = function("timer_set", types(I32, I64), nil)
	// ImportTimerDelete (timer, timestamp) removes it.
	ImportTimerDelete = function("timer_delete", types(I32, I64), nil)

	// ImportLog (level, pointer, length) writes a line to the operator's log;
	// levels 0 debug, 1 info, 2 warn, 3 error.
	ImportLog = function("log", types(I32, I32, I32), nil)
	// ImportMetric (metric, value) adds to a declared counter or sets a gauge.
	ImportMetric = function("metric", types(I32, I64), nil)
)

// Imports lists every host function of the ABI.
var Imports = []Function{
	ImportEmit, ImportFail,
	ImportStateGet, ImportStatePut, ImportStateClear,
	ImportListAppend, ImportListRead,
	ImportMapGet, ImportMapPut, ImportMapDelete, ImportMapScan,
	ImportTimerSet, ImportTimerDelete,
	ImportLog, ImportMetric,
}

// The control block, whose address turgo_open returns. The host writes the
// watermark and the processing time before each call; the guest writes the
// index of the record (or group, or timer) before it touches it.
const (
	// ControlHand is the offset of the u32 index of the record in hand. The host
	// sets it to NoHand before each call.
	ControlHand = 0
	// ControlWatermark is the offset of the i64 current watermark, in milliseconds.
	ControlWatermark = 8
	// ControlProcessingTime is the offset of the i64 processing time of this call,
	// in milliseconds since the epoch. It stands still during the call.
	ControlProcessingTime = 16
	// ControlLength is the control block's size in bytes.
	ControlLength = 32
	// NoHand is the index that stands for no record.
	NoHand = 0xffffffff
)

// Watermark bounds: before any watermark, and at the end of a bounded input.
const (
	WatermarkMin = -1 << 63
	WatermarkMax = 1<<63 - 1
)

// OpenRequest is what turgo_open receives, as JSON.
type OpenRequest struct {
	UID         string `json:"uid"`
	Subtask     int    `json:"subtask"`
	Parallelism int    `json:"parallelism"`
	// Config is the operator's config from the job file, an object.
	Config map[string]any `json:"config"`
}
