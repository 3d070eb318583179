package instrument

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Names of what Instrument adds. A module may not export such names itself.
const (
	ExportPrefix  = "turgo:"
	ExportFuel    = ExportPrefix + "fuel"
	ExportDepth   = ExportPrefix + "depth"
	ExportChange  = ExportPrefix + "changed"
	ExportTables  = ExportPrefix + "tables"
	ExportRefused = ExportPrefix + "refused"
	ImportModule  = "turgo_internal"
	ImportRefuel  = "refuel"
)

// memoryPagesMax is what 32 bits can address. The memory's allocator holds it
// to its limit, and so knows when a guest wanted more.
const memoryPagesMax = 65536

// addedTypes are those of refuel and of the helpers of bulk instructions; types
// of blocks follow them.
const addedTypes = 2

// Options bounds the module.
type Options struct {
	MemoryPages   uint32 // maximum of the memory's minimum, in pages of 64 KiB
	TableElements uint32 // maximum of the minimum of all tables, and of each table
	DepthBytes    int64  // budget of call frames, see ExportDepth
	// Unmetered leaves out all charges and checks: to measure what they cost and
	// to test that they change no result. Never run an untrusted module so.
	Unmetered bool

	wrapsAll bool // tests only: all small functions count as wrappers
}

// Result is an instrumented module.
//
// Its i64 global ExportFuel is charged by the instructions that run. Where it
// or ExportDepth, the bytes left for call frames, is negative, the code calls
// ImportModule.ImportRefuel (fuel, depth) which returns the new fuel. Its i32
// global ExportChange becomes 1 when tables change or segments are dropped. Its
// tables may grow by ExportTables elements in all; where one wants more it gets
// none, and ExportRefused tells how many it wanted.
type Result struct {
	Bytes []byte
	// Globals names the exports of the module's own mutable globals.
	Globals []string
	// Opaque tells that a mutable global cannot be read and set from outside,
	// as it holds a vector or a reference.
	Opaque bool
}

// Instrument rewrites the module.
func (m *Module) Instrument(o Options) (*Result, error) {
	if err := m.checkLimits(o); err != nil {
		return nil, err
	}
	globals := uint32(len(m.globals))
	w := &rewriter{module: m, fuel: globals, depth: globals + 1, change: globals + 2,
		tables: globals + 3, refused: globals + 4,
		refuel: uint32(len(m.imports)), blockTypes: map[string]uint32{}, unmetered: o.Unmetered, wrapsAll: o.wrapsAll}
	code, err := m.encodeCode(w)
	if err != nil {
		return nil, err
	}
	result := &Result{}
	out := append([]byte(nil), preamble...)
	out = appendSection(out, sectionType, m.encodeTypes(w))
	out = appendSection(out, sectionImport, m.encodeImports())
	out = appendSection(out, sectionFunction, m.encodeFunctions(w))
	if len(m.tables) > 0 {
		out = appendSection(out, sectionTable, m.encodeTables(o))
	}
	if m.memory != nil {
		out = appendSection(out, sectionMemory, appendLimits([]byte{1}, *m.memory, memoryPagesMax))
	}
	out = appendSection(out, sectionGlobal, m.encodeGlobals(o))
	out = appendSection(out, sectionExport, m.encodeExports(w, result))
	if m.start != nil {
		out = appendSection(out, sectionStart, binary.AppendUvarint(nil, uint64(m.shifted(*m.start))))
	}
	if m.elements != nil {
		out = appendSection(out, sectionElement, m.elements)
	}
	if m.dataN >= 0 {
		out = appendSection(out, sectionDataCount, binary.AppendUvarint(nil, uint64(m.dataN)))
	}
	out = appendSection(out, sectionCode, code)
	if m.dataRaw != nil {
		out = appendSection(out, sectionData, m.dataRaw)
	}
	if m.names != nil {
		section := append([]byte("\x04name\x01"), binary.AppendUvarint(nil, uint64(len(m.names)))...)
		out = appendSection(out, sectionCustom, append(section, m.names...))
	}
	result.Bytes = out
	return result, nil
}

func (m *Module) checkLimits(o Options) error {
	if m.memory != nil && m.memory.min > o.MemoryPages {
		return &LimitError{What: "the memory's minimum in pages of 64 KiB", Value: uint64(m.memory.min), Max: uint64(o.MemoryPages)}
	}
	if elements := m.tableElements(); elements > uint64(o.TableElements) {
		return &LimitError{What: "the minimum of all tables in elements", Value: elements, Max: uint64(o.TableElements)}
	}
	for _, e := range m.exports {
		if strings.HasPrefix(e.Name, ExportPrefix) {
			return fmt.Errorf("export %q: names that start with %q are reserved", e.Name, ExportPrefix)
		}
	}
	return nil
}

func appendSection(out []byte, id byte, content []byte) []byte {
	out = binary.AppendUvarint(append(out, id), uint64(len(content)))
	return append(out, content...)
}

func appendName(out []byte, name string) []byte {
	return append(binary.AppendUvarint(out, uint64(len(name))), name...)
}

func appendType(out []byte, parameters, results []byte) []byte {
	out = binary.AppendUvarint(append(out, 0x60), uint64(len(parameters)))
	out = binary.AppendUvarint(append(out, parameters...), uint64(len(results)))
	return append(out, results...)
}

// appendLimits writes limits with a maximum, which is at most max.
func appendLimits(out []byte, t table, maximum uint32) []byte {
	if t.bounded {
		maximum = min(maximum, t.max)
	}
	out = binary.AppendUvarint(append(out, 1), uint64(t.min))
	return binary.AppendUvarint(out, uint64(maximum))
}

// encodeTypes adds the types of what is added, and those of blocks with many results.
func (m *Module) encodeTypes(w *rewriter) []byte {
	out := binary.AppendUvarint(nil, uint64(len(m.types)+addedTypes+len(w.blockTypes)))
	for _, t := range m.types {
		out = appendType(out, t.Parameters, t.Results)
	}
	out = appendType(out, []byte{typeI64, typeI64}, []byte{typeI64})
	out = appendType(out, []byte{typeI32, typeI32, typeI32}, nil)
	added := make([]string, len(w.blockTypes))
	for results, index := range w.blockTypes {
		added[index-uint32(len(m.types))-addedTypes] = results
	}
	for _, results := range added {
		out = appendType(out, nil, []byte(results))
	}
	return out
}

func (m *Module) encodeImports() []byte {
	out := binary.AppendUvarint(nil, uint64(len(m.imports)+1))
	for _, entry := range m.imports {
		out = append(appendName(appendName(out, entry.module), entry.name), KindFunction)
		out = binary.AppendUvarint(out, uint64(entry.typeIndex))
	}
	out = append(appendName(appendName(out, ImportModule), ImportRefuel), KindFunction)
	return binary.AppendUvarint(out, uint64(len(m.types)))
}

func (m *Module) encodeFunctions(w *rewriter) []byte {
	out := binary.AppendUvarint(nil, uint64(len(m.functions)+len(w.bulk.helpers)))
	for _, index := range m.functions {
		out = binary.AppendUvarint(out, uint64(index))
	}
	for range w.bulk.helpers {
		out = binary.AppendUvarint(out, uint64(w.bulkType()))
	}
	return out
}

func (m *Module) encodeTables(o Options) []byte {
	out := binary.AppendUvarint(nil, uint64(len(m.tables)))
	for _, t := range m.tables {
		out = appendLimits(append(out, t.element), t, o.TableElements)
	}
	return out
}

// encodeGlobals adds fuel, which starts at 0 so that the first check refuels,
// the depth's budget, the mark of changes, and what tables may grow by.
func (m *Module) encodeGlobals(o Options) []byte {
	out := binary.AppendUvarint(nil, uint64(len(m.globals)+5))
	for _, g := range m.globals {
		mutable := byte(0)
		if g.mutable {
			mutable = 1
		}
		out = append(append(out, g.valueType, mutable), g.init...)
	}
	out = append(out, typeI64, 1, opI64Const, 0, opEnd)
	out = append(appendSigned(append(out, typeI64, 1, opI64Const), o.DepthBytes), opEnd)
	out = append(out, typeI32, 1, opI32Const, 0, opEnd)
	out = append(appendSigned(append(out, typeI32, 1, opI32Const), int64(int32(o.TableElements-m.TableElements()))), opEnd)
	return append(out, typeI32, 1, opI32Const, 0, opEnd)
}

func (m *Module) encodeExports(w *rewriter, result *Result) []byte {
	var added []byte
	count := 0
	add := func(name string, index uint32) {
		added = binary.AppendUvarint(append(appendName(added, name), KindGlobal), uint64(index))
		count++
	}
	add(ExportFuel, w.fuel)
	add(ExportDepth, w.depth)
	add(ExportChange, w.change)
	add(ExportTables, w.tables)
	add(ExportRefused, w.refused)
	for i, g := range m.globals {
		switch {
		case !g.mutable:
		case g.valueType == typeV128 || g.valueType == typeFuncref || g.valueType == typeExternref:
			result.Opaque = true
		default:
			name := fmt.Sprintf("%sglobal:%d", ExportPrefix, i)
			result.Globals = append(result.Globals, name)
			add(name, uint32(i))
		}
	}
	out := binary.AppendUvarint(nil, uint64(len(m.exports)+count))
	for _, e := range m.exports {
		index := e.index
		if e.Kind == KindFunction {
			index = m.shifted(index)
		}
		out = binary.AppendUvarint(append(appendName(out, e.Name), e.Kind), uint64(index))
	}
	return append(out, added...)
}

func (m *Module) encodeCode(w *rewriter) ([]byte, error) {
	length := 0
	for _, b := range m.bodies {
		length += len(b.code)
	}
	w.findWrappers()
	w.bulk = bulk{}
	code := make([]byte, 0, length+length/8+64)
	for i := range m.bodies {
		rewritten, err := w.function(i)
		if err != nil {
			return nil, err
		}
		code = append(binary.AppendUvarint(code, uint64(len(rewritten))), rewritten...)
	}
	for _, helper := range w.bulk.helpers {
		code = append(binary.AppendUvarint(code, uint64(len(helper))), helper...)
	}
	out := binary.AppendUvarint(make([]byte, 0, len(code)+5), uint64(len(m.bodies)+len(w.bulk.helpers)))
	return append(out, code...), nil
}
