// Package instrument reads WebAssembly modules from untrusted bytes and adds
// to them what keeps a running guest within its limits: fuel, call depth, and
// exported copies of what a reset has to restore.
package instrument

import (
	"fmt"
	"strings"
)

// Value types of the binary format.
const (
	typeI32       = 0x7f
	typeI64       = 0x7e
	typeF32       = 0x7d
	typeF64       = 0x7c
	typeV128      = 0x7b
	typeFuncref   = 0x70
	typeExternref = 0x6f
)

// Section numbers.
const (
	sectionCustom = iota
	sectionType
	sectionImport
	sectionFunction
	sectionTable
	sectionMemory
	sectionGlobal
	sectionExport
	sectionStart
	sectionElement
	sectionCode
	sectionData
	sectionDataCount
	sectionTag
)

// Bounds of what a module may hold, whatever its size in bytes.
const (
	typesMax      = 100_000
	parametersMax = 1000
	localsMax     = 50_000
	tablesMax     = 8
	globalsMax    = 10_000

	// The compiler's time grows with the square of a function's blocks, so
	// these bound how long one function can keep it.
	blocksMax = 10_000
	labelsMax = 20_000
	// It also grows with the locals that meet at each block, and most with those
	// at the heads of loops, which go into them again.
	blockLocalsMax = 1_000_000
	loopLocalsMax  = 100_000
	// And with its length, of which it takes some hundred times in memory.
	bodyBytesMax = 1 << 20

	functionsMax = 1_000_000
	exportsMax   = 100_000
	importsMax   = 100_000
)

// FunctionType is a signature.
type FunctionType struct {
	Parameters, Results []byte
}

func (t FunctionType) String() string {
	return "(" + typeNames(t.Parameters) + ") -> (" + typeNames(t.Results) + ")"
}

// Equal reports whether two signatures are the same.
func (t FunctionType) Equal(o FunctionType) bool {
	return string(t.Parameters) == string(o.Parameters) && string(t.Results) == string(o.Results)
}

func typeNames(types []byte) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = typeName(t)
	}
	return strings.Join(names, ", ")
}

func typeName(t byte) string {
	switch t {
	case typeI32:
		return "i32"
	case typeI64:
		return "i64"
	case typeF32:
		return "f32"
	case typeF64:
		return "f64"
	case typeV128:
		return "v128"
	case typeFuncref:
		return "funcref"
	case typeExternref:
		return "externref"
	}
	return fmt.Sprintf("type %#x", t)
}

// Import is an imported function. Nothing else can be imported.
type Import struct {
	Module, Name string
	Type         FunctionType
}

// Export kinds.
const (
	KindFunction = 0
	KindTable    = 1
	KindMemory   = 2
	KindGlobal   = 3
)

// Export is one export of any kind. Type is set for functions.
type Export struct {
	Name  string
	Kind  byte
	Type  FunctionType
	index uint32
}

type importEntry struct {
	module, name string
	typeIndex    uint32
}

type global struct {
	valueType byte
	mutable   bool
	init      []byte // rewritten constant expression
}

type table struct {
	element  byte
	min, max uint32
	bounded  bool
}

type body struct {
	code []byte // local declarations and instructions
	base int
}

// Module is a parsed module. It refers to the bytes that it was read from.
type Module struct {
	types     []FunctionType
	imports   []importEntry
	functions []uint32 // type of each defined function
	tables    []table
	memory    *table
	globals   []global
	exports   []Export
	start     *uint32
	elements  []byte // rewritten section
	elementN  uint32
	dataN     int64 // from the data count section, -1 = none
	dataRaw   []byte
	bodies    []body
	names     []byte // rewritten function names
}

// Imports lists the imported functions.
func (m *Module) Imports() []Import {
	list := make([]Import, len(m.imports))
	for i, entry := range m.imports {
		list[i] = Import{Module: entry.module, Name: entry.name, Type: m.types[entry.typeIndex]}
	}
	return list
}

// Exports lists the exports.
func (m *Module) Exports() []Export { return m.exports }

// HasMemory reports whether the module defines a memory.
func (m *Module) HasMemory() bool { return m.memory != nil }

// MemoryPages is the memory's minimum, in pages of 64 KiB.
func (m *Module) MemoryPages() uint32 {
	if m.memory == nil {
		return 0
	}
	return m.memory.min
}

// TableElements is how many elements all tables have at their start. Instrument
// refuses a module that has more than its options allow.
func (m *Module) TableElements() uint32 { return uint32(m.tableElements()) }

func (m *Module) tableElements() uint64 {
	sum := uint64(0)
	for _, t := range m.tables {
		sum += uint64(t.min)
	}
	return sum
}

func (m *Module) functionCount() uint32 { return uint32(len(m.imports) + len(m.functions)) }

func (m *Module) functionType(index uint32) FunctionType {
	if index < uint32(len(m.imports)) {
		return m.types[m.imports[index].typeIndex]
	}
	return m.types[m.functions[index-uint32(len(m.imports))]]
}

// shifted is a function's index after the refuel import has been added
// behind the module's own imports.
func (m *Module) shifted(index uint32) uint32 {
	if index < uint32(len(m.imports)) {
		return index
	}
	return index + 1
}
