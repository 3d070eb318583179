package instrument

import "encoding/binary"

// constant reads a constant expression and returns it with function indices
// shifted.
func (m *Module) constant(r *reader) []byte {
	var out []byte
	for r.err == nil {
		start := r.pos
		switch op := r.byte(); op {
		case 0x0b:
			return append(out, op)
		case 0x23:
			m.globalIndex(r)
			out = append(out, r.data[start:r.pos]...)
		case 0x41:
			r.signed(32)
			out = append(out, r.data[start:r.pos]...)
		case 0x42:
			r.signed(64)
			out = append(out, r.data[start:r.pos]...)
		case 0x43:
			r.bytes(4)
			out = append(out, r.data[start:r.pos]...)
		case 0x44:
			r.bytes(8)
			out = append(out, r.data[start:r.pos]...)
		case 0xd0:
			r.valueType()
			out = append(out, r.data[start:r.pos]...)
		case 0xd2:
			out = binary.AppendUvarint(append(out, op), uint64(m.shifted(m.functionIndex(r))))
		case 0xfd:
			if sub := r.u32(); sub != 12 && r.err == nil {
				r.fail("vector instruction %d in a constant expression", sub)
			}
			r.bytes(16)
			out = append(out, r.data[start:r.pos]...)
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e:
			r.failFeature("extended constant expressions", opcodeName(op))
		default:
			r.fail("instruction %#x in a constant expression", op)
		}
	}
	return nil
}

func (m *Module) parseGlobals(r *reader) {
	n := r.count("globals")
	if n > globalsMax {
		r.fail("%d globals, the limit is %d", n, globalsMax)
	}
	for i := 0; i < n && r.err == nil; i++ {
		g := global{valueType: r.valueType()}
		mutable := r.byte()
		if r.err == nil && mutable > 1 {
			r.fail("global has the mutability %d", mutable)
		}
		g.mutable = mutable == 1
		g.init = m.constant(r)
		m.globals = append(m.globals, g)
	}
}

// parseElements checks the element section and rewrites its function indices.
// Flag bit 0: passive or declarative; bit 1: explicit table, or declarative;
// bit 2: expressions in place of indices.
func (m *Module) parseElements(r *reader) {
	n := r.count("element segments")
	m.elementN = uint32(n)
	out := binary.AppendUvarint(nil, uint64(n))
	for i := 0; i < n && r.err == nil; i++ {
		flags := r.u32()
		if r.err == nil && flags > 7 {
			r.fail("element segment has unknown flags %#x", flags)
		}
		out = binary.AppendUvarint(out, uint64(flags))
		if flags&1 == 0 {
			tableIndex := uint32(0)
			if flags&2 != 0 {
				tableIndex = r.u32()
				out = binary.AppendUvarint(out, uint64(tableIndex))
			}
			if r.err == nil && tableIndex >= uint32(len(m.tables)) {
				r.fail("table %d is out of range, there are %d", tableIndex, len(m.tables))
			}
			out = append(out, m.constant(r)...)
		}
		if flags&3 != 0 {
			out = append(out, r.byte())
		}
		count := r.count("elements")
		out = binary.AppendUvarint(out, uint64(count))
		for j := 0; j < count && r.err == nil; j++ {
			if flags&4 != 0 {
				out = append(out, m.constant(r)...)
			} else {
				out = binary.AppendUvarint(out, uint64(m.shifted(m.functionIndex(r))))
			}
		}
	}
	m.elements = out
}

func (m *Module) parseData(r *reader) {
	start := r.pos
	n := r.count("data segments")
	for i := 0; i < n && r.err == nil; i++ {
		flags := r.u32()
		switch {
		case r.err != nil:
			return
		case flags > 2:
			r.fail("data segment has unknown flags %#x", flags)
		case flags == 2:
			if index := r.u32(); index != 0 {
				r.failFeature("multi-memory", "data segment of another memory")
			}
		}
		if flags != 1 {
			m.constant(r)
		}
		r.bytes(r.u32())
	}
	if r.err == nil {
		m.dataRaw = r.data[start:r.pos]
	}
}

// custom keeps the function names, for stack traces, and drops what else a
// tool may have written: it would not fit the rewritten code.
func (m *Module) custom(r *reader) {
	name := r.name()
	if r.err != nil || name != "name" {
		return
	}
	names := reader{data: r.data[r.pos:]}
	for names.more() {
		id := names.byte()
		subsection := names.sub(names.u32())
		if id == 1 && names.err == nil {
			m.names = m.functionNames(&subsection)
		}
	}
}

// functionNames rewrites a map from function index to name; nil where it is
// malformed, which the format allows.
func (m *Module) functionNames(r *reader) []byte {
	n := r.count("names")
	out := binary.AppendUvarint(nil, uint64(n))
	last := int64(-1)
	for i := 0; i < n && r.err == nil; i++ {
		index := r.u32()
		name := r.name()
		if int64(index) <= last || index >= m.functionCount() {
			return nil
		}
		last = int64(index)
		out = binary.AppendUvarint(out, uint64(m.shifted(index)))
		out = binary.AppendUvarint(out, uint64(len(name)))
		out = append(out, name...)
	}
	if r.err != nil {
		return nil
	}
	return out
}
