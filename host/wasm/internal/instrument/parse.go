package instrument

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

var preamble = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}

// order gives the place of each section in a module: they may not be swapped.
var order = map[byte]int{
	sectionType: 1, sectionImport: 2, sectionFunction: 3, sectionTable: 4, sectionMemory: 5,
	sectionGlobal: 6, sectionExport: 7, sectionStart: 8, sectionElement: 9, sectionDataCount: 10,
	sectionCode: 11, sectionData: 12,
}

// Parse reads a module. It is total: any byte string gives a module or an
// error, within a multiple of its length in time and memory. It checks every
// index, so that what Instrument adds cannot be named by the module; types of
// instructions are left to the compiler's validation.
func Parse(data []byte) (*Module, error) {
	if len(data) < 4 || !bytes.Equal(data[:4], preamble[:4]) {
		return nil, &FormatError{What: fmt.Sprintf("not WebAssembly: it starts with %q, not with %q", data[:min(4, len(data))], preamble[:4])}
	}
	if len(data) < 8 {
		return nil, &FormatError{Offset: len(data), What: "unexpected end, the module is truncated"}
	}
	if !bytes.Equal(data[4:8], preamble[4:]) {
		if data[6] != 0 || data[7] != 0 {
			return nil, &FeatureError{Offset: 4, Feature: "component model", What: "version " + fmt.Sprint(binary.LittleEndian.Uint32(data[4:]))}
		}
		return nil, &FormatError{Offset: 4, What: fmt.Sprintf("version %d, want 1", binary.LittleEndian.Uint32(data[4:]))}
	}
	m := &Module{dataN: -1}
	r := reader{data: data[8:], base: 8}
	last := 0
	for r.more() {
		id := r.byte()
		section := r.sub(r.u32())
		if r.err != nil {
			return nil, r.err
		}
		if id != sectionCustom && id != sectionTag {
			if order[id] == 0 || order[id] <= last {
				return nil, &FormatError{Offset: section.base, What: fmt.Sprintf("section %d is unknown or out of order", id)}
			}
			last = order[id]
		}
		if err := m.section(id, &section); err != nil {
			return nil, err
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return m, m.complete(len(data))
}

func (m *Module) complete(length int) error {
	if len(m.bodies) != len(m.functions) {
		return &FormatError{Offset: length, What: fmt.Sprintf("%d functions are declared, %d have code: the module is truncated", len(m.functions), len(m.bodies))}
	}
	return nil
}

func (m *Module) section(id byte, r *reader) error {
	switch id {
	case sectionCustom:
		m.custom(r)
		return r.err
	case sectionType:
		m.parseTypes(r)
	case sectionImport:
		m.parseImports(r)
	case sectionFunction:
		m.parseFunctions(r)
	case sectionTable:
		m.parseTables(r)
	case sectionMemory:
		m.parseMemory(r)
	case sectionGlobal:
		m.parseGlobals(r)
	case sectionExport:
		m.parseExports(r)
	case sectionStart:
		start := m.functionIndex(r)
		m.start = &start
	case sectionElement:
		m.parseElements(r)
	case sectionDataCount:
		m.dataN = int64(r.u32())
	case sectionCode:
		m.parseCode(r)
	case sectionData:
		m.parseData(r)
	case sectionTag:
		r.failFeature("exceptions", "tag section")
	}
	if r.err == nil && r.left() > 0 {
		r.fail("%d bytes follow the end of section %d", r.left(), id)
	}
	return r.err
}

func (r *reader) valueType() byte {
	t := r.byte()
	switch t {
	case typeI32, typeI64, typeF32, typeF64, typeV128, typeFuncref, typeExternref:
		return t
	}
	if r.err == nil {
		r.pos--
		switch t {
		case 0x63, 0x64, 0x6e, 0x6d, 0x6c, 0x6b, 0x6a, 0x71, 0x72, 0x73:
			r.failFeature("garbage collection", fmt.Sprintf("value type %#x", t))
		case 0x69, 0x74:
			r.failFeature("exceptions", fmt.Sprintf("value type %#x", t))
		default:
			r.fail("value type %#x is unknown", t)
		}
	}
	return t
}

func (r *reader) valueTypes() []byte {
	n := r.count("value types")
	if n > parametersMax {
		r.fail("%d value types, the limit is %d", n, parametersMax)
	}
	start := r.pos
	for i := 0; i < n && r.err == nil; i++ {
		r.valueType()
	}
	if r.err != nil {
		return nil
	}
	return r.data[start:r.pos:r.pos]
}

func (m *Module) parseTypes(r *reader) {
	n := r.count("types")
	if n > typesMax {
		r.fail("%d types, the limit is %d", n, typesMax)
	}
	for i := 0; i < n && r.err == nil; i++ {
		form := r.byte()
		if r.err == nil && form != 0x60 {
			r.pos--
			if form >= 0x4d && form <= 0x5f {
				r.failFeature("garbage collection", fmt.Sprintf("type form %#x", form))
			} else {
				r.fail("type form %#x is unknown", form)
			}
			return
		}
		m.types = append(m.types, FunctionType{Parameters: r.valueTypes(), Results: r.valueTypes()})
	}
}

func (m *Module) typeIndex(r *reader) uint32 {
	index := r.u32()
	if r.err == nil && index >= uint32(len(m.types)) {
		r.fail("type %d is out of range, there are %d", index, len(m.types))
	}
	return index
}

func (m *Module) functionIndex(r *reader) uint32 {
	index := r.u32()
	if r.err == nil && index >= m.functionCount() {
		r.fail("function %d is out of range, there are %d", index, m.functionCount())
	}
	return index
}

func (m *Module) globalIndex(r *reader) uint32 {
	index := r.u32()
	if r.err == nil && index >= uint32(len(m.globals)) {
		r.fail("global %d is out of range, there are %d", index, len(m.globals))
	}
	return index
}

func (m *Module) parseImports(r *reader) {
	n := r.count("imports")
	if n > importsMax {
		r.fail("%d imports, the limit is %d", n, importsMax)
	}
	for i := 0; i < n && r.err == nil; i++ {
		module, name, kind := r.name(), r.name(), r.byte()
		if r.err != nil {
			return
		}
		if kind != KindFunction {
			r.pos--
			if kind == 4 {
				r.failFeature("exceptions", "tag import")
			}
			if r.err == nil {
				r.err = &ImportError{Offset: r.base + r.pos, What: fmt.Sprintf("import %s.%s is a %s: only functions can be imported", module, name, kindName(kind))}
			}
			return
		}
		m.imports = append(m.imports, importEntry{module: module, name: name, typeIndex: m.typeIndex(r)})
	}
}

func kindName(kind byte) string {
	switch kind {
	case KindFunction:
		return "function"
	case KindTable:
		return "table"
	case KindMemory:
		return "memory"
	case KindGlobal:
		return "global"
	}
	return fmt.Sprintf("kind %d", kind)
}

func (m *Module) parseFunctions(r *reader) {
	n := r.count("functions")
	if n > functionsMax {
		r.fail("%d functions, the limit is %d", n, functionsMax)
		return
	}
	m.functions = make([]uint32, 0, n)
	for i := 0; i < n && r.err == nil; i++ {
		m.functions = append(m.functions, m.typeIndex(r))
	}
}

func (m *Module) parseTables(r *reader) {
	n := r.count("tables")
	if n > tablesMax {
		r.fail("%d tables, the limit is %d", n, tablesMax)
	}
	for i := 0; i < n && r.err == nil; i++ {
		if r.left() > 0 && r.data[r.pos] == 0x40 {
			r.failFeature("garbage collection", "table with an initial expression")
			return
		}
		element := r.valueType()
		if r.err == nil && element != typeFuncref && element != typeExternref {
			r.fail("table of %s, want funcref or externref", typeName(element))
		}
		t := r.limits("table")
		t.element = element
		m.tables = append(m.tables, t)
	}
}

func (r *reader) limits(what string) table {
	flags := r.byte()
	if r.err == nil && flags&^1 != 0 {
		r.pos--
		switch {
		case flags&2 != 0:
			r.failFeature("threads", "shared "+what)
		case flags&4 != 0:
			r.failFeature("memory64", "64-bit "+what)
		default:
			r.fail("%s has unknown flags %#x", what, flags)
		}
	}
	t := table{bounded: flags&1 != 0, min: r.u32()}
	if t.bounded {
		t.max = r.u32()
		if r.err == nil && t.max < t.min {
			r.fail("%s has a maximum of %d below its minimum of %d", what, t.max, t.min)
		}
	}
	return t
}

func (m *Module) parseMemory(r *reader) {
	switch n := r.count("memories"); {
	case n == 1:
		memory := r.limits("memory")
		if pages := max(memory.min, memory.max); r.err == nil && pages > memoryPagesMax {
			r.fail("memory of %d pages, WebAssembly has at most %d", pages, memoryPagesMax)
		}
		m.memory = &memory
	case n > 1:
		r.failFeature("multi-memory", fmt.Sprintf("%d memories", n))
	}
}

func (m *Module) parseExports(r *reader) {
	n := r.count("exports")
	if n > exportsMax {
		r.fail("%d exports, the limit is %d", n, exportsMax)
	}
	seen := make(map[string]bool, min(n, 1024))
	for i := 0; i < n && r.err == nil; i++ {
		e := Export{Name: r.name(), Kind: r.byte(), index: r.u32()}
		if r.err != nil {
			return
		}
		limit := 0
		switch e.Kind {
		case KindFunction:
			limit = int(m.functionCount())
		case KindTable:
			limit = len(m.tables)
		case KindMemory:
			if m.memory != nil {
				limit = 1
			}
		case KindGlobal:
			limit = len(m.globals)
		case 4:
			r.failFeature("exceptions", "tag export")
			return
		}
		switch {
		case int64(e.index) >= int64(limit):
			r.fail("export %q names %s %d, there are %d", e.Name, kindName(e.Kind), e.index, limit)
			return
		case seen[e.Name]:
			r.fail("export %q is there twice", e.Name)
			return
		}
		seen[e.Name] = true
		if e.Kind == KindFunction {
			e.Type = m.functionType(e.index)
		}
		m.exports = append(m.exports, e)
	}
}

func (m *Module) parseCode(r *reader) {
	n := r.count("bodies")
	if r.err == nil && n != len(m.functions) {
		r.fail("%d functions are declared, %d have code", len(m.functions), n)
		return
	}
	m.bodies = make([]body, 0, n)
	for i := 0; i < n && r.err == nil; i++ {
		b := r.sub(r.u32())
		if len(b.data) > bodyBytesMax {
			r.fail("function has %d bytes of code, the limit is %d", len(b.data), bodyBytesMax)
			return
		}
		m.bodies = append(m.bodies, body{code: b.data, base: b.base})
	}
}
