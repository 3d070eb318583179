package instrument

import "encoding/binary"

// Costs of instructions that work on a length: bytes or entries for each unit.
const (
	bytesPerFuelShift = 3
	fuelPerPageShift  = 10
)

// pieceBytes is how much of memory is copied or filled at once: in between the
// host has its turn, as it has in a loop.
const pieceBytes = 1 << 20

// bulk holds the added functions that copy and fill memory in pieces.
type bulk struct {
	helpers    [][]byte // bodies
	copy, fill uint32   // 1 more than their place among the helpers; 0 = none yet
}

// bulkType is the type of the helpers: that of memory.copy and memory.fill.
func (w *rewriter) bulkType() uint32 { return uint32(len(w.module.types)) + 1 }

// helper is the function index of an added function, which stands behind all
// of the module's own.
func (w *rewriter) helper(place *uint32, body func() []byte) uint32 {
	if *place == 0 {
		w.bulk.helpers = append(w.bulk.helpers, body())
		*place = uint32(len(w.bulk.helpers))
	}
	return w.module.shifted(w.module.functionCount()) + *place - 1
}

// changed notes that tables or segments differ from those of a new instance.
func (w *rewriter) changed() {
	w.out = append(w.out, opI32Const, 1, opGlobalSet)
	w.out = binary.AppendUvarint(w.out, uint64(w.change))
}

// added is the index of a local that the function gets when it is first used.
func (w *rewriter) added(place *uint32) uint64 {
	if *place == 0 {
		*place = w.addLocals(typeI32) + 1
	}
	return uint64(*place - 1)
}

func (w *rewriter) length() uint64 { return w.added(&w.lengthLocal) }

// chargeLength charges fuel by the i32 on top of the stack, which stays there.
func (w *rewriter) chargeLength(shift byte, op byte) {
	if w.unmetered {
		return
	}
	w.out = binary.AppendUvarint(append(w.out, opLocalTee), w.length())
	w.out = w.appendFuel(w.out)
	w.out = binary.AppendUvarint(append(w.out, opLocalGet), w.length())
	w.out = append(w.out, opI64ExtendU, opI64Const, shift, op, opI64Sub)
	w.out = w.appendSetFuel(w.out)
	w.out = w.appendCheck(w.out, false)
}

// inPieces charges an instruction on memory by its length, and has a helper do
// it in pieces where it is long.
func (w *rewriter) inPieces(start int, place *uint32, body func() []byte) {
	w.chargeLength(bytesPerFuelShift, opI64ShrU)
	if w.unmetered || w.r.err != nil {
		return
	}
	w.out = binary.AppendUvarint(append(w.out, opLocalGet), w.length())
	w.out = appendSigned(append(w.out, opI32Const), pieceBytes)
	w.out = appendSigned(append(w.out, opI32GtU, opIf), int64(w.bulkType()))
	w.out = w.appendStore(w.out)
	w.out = binary.AppendUvarint(append(w.out, opCall), uint64(w.helper(place, body)))
	w.out = append(w.appendLoad(w.out), opElse)
	w.out = append(w.out, w.r.data[start:w.r.pos]...)
	w.out = append(w.out, opEnd)
	w.pop(3)
}

// tableGrow holds all tables together to the elements that the host allows: the
// length becomes one that no table can grow by.
func (w *rewriter) tableGrow(start int) {
	length, tables := w.length(), uint64(w.tables)
	w.out = binary.AppendUvarint(append(w.out, opLocalTee), length)
	w.out = binary.AppendUvarint(append(w.out, opGlobalGet), tables)
	w.out = append(w.out, opI32GtU, opIf, 0x40)
	w.out = binary.AppendUvarint(append(w.out, opLocalGet), length)
	w.out = binary.AppendUvarint(append(w.out, opGlobalSet), uint64(w.refused))
	w.out = binary.AppendUvarint(append(w.out, opI32Const, 0x7f, opLocalSet), length)
	w.out = append(w.out, opEnd)
	w.out = binary.AppendUvarint(append(w.out, opLocalGet), length)
	w.copy(start, effect{2, 1})
	// A length of -1 that was not granted is taken from nothing: the result is -1.
	result := w.added(&w.grownLocal)
	w.out = binary.AppendUvarint(append(w.out, opLocalTee), result)
	w.out = append(w.out, opI32Const, 0x7f, opI32Ne, opIf, 0x40)
	w.out = binary.AppendUvarint(append(w.out, opGlobalGet), tables)
	w.out = binary.AppendUvarint(append(w.out, opLocalGet), length)
	w.out = binary.AppendUvarint(append(w.out, opI32Sub, opGlobalSet), tables)
	w.out = append(w.out, opEnd)
	w.out = binary.AppendUvarint(append(w.out, opLocalGet), result)
}

// misc rewrites the instructions behind the prefix 0xfc.
func (w *rewriter) misc(start int) {
	sub := w.r.u32()
	e := effect{3, 0}
	switch {
	case sub <= 7:
		e = effect{1, 1}
	case sub == miscMemoryInit, sub == miscDataDrop:
		if index := w.r.u32(); w.r.err == nil && int64(index) >= w.module.dataN {
			w.r.fail("data segment %d is out of range, there are %d", index, max(w.module.dataN, 0))
		}
		if sub == miscDataDrop {
			w.changed()
			e = effect{0, 0}
			break
		}
		w.r.zero()
		w.chargeLength(bytesPerFuelShift, opI64ShrU)
	case sub == miscMemoryCopy:
		w.r.zero()
		w.r.zero()
		w.inPieces(start, &w.bulk.copy, w.copyInPieces)
	case sub == miscMemoryFill:
		w.r.zero()
		w.inPieces(start, &w.bulk.fill, w.fillInPieces)
	case sub <= miscTableFill:
		w.tableInstruction(sub, start)
		return
	default:
		w.r.fail("instruction 0xfc %d is unknown", sub)
	}
	if w.r.err == nil && (w.unmetered || sub != miscMemoryCopy && sub != miscMemoryFill) {
		w.copy(start, e)
	}
}

// tableInstruction rewrites the instructions on tables behind the prefix 0xfc.
func (w *rewriter) tableInstruction(sub uint32, start int) {
	e := effect{3, 0}
	switch sub {
	case miscTableInit, miscElemDrop:
		if index := w.r.u32(); w.r.err == nil && index >= w.module.elementN {
			w.r.fail("element segment %d is out of range, there are %d", index, w.module.elementN)
		}
		w.changed()
		if sub == miscElemDrop {
			e = effect{0, 0}
			break
		}
		w.table()
		w.chargeLength(0, opI64ShrU)
	case miscTableCopy:
		w.table()
		w.table()
		w.changed()
		w.chargeLength(0, opI64ShrU)
	case miscTableGrow:
		w.table()
		w.changed()
		w.chargeLength(0, opI64ShrU)
		if !w.unmetered && w.r.err == nil {
			w.tableGrow(start)
			return
		}
		e = effect{2, 1}
	case miscTableSize:
		w.table()
		e = effect{0, 1}
	case miscTableFill:
		w.table()
		w.changed()
		w.chargeLength(0, opI64ShrU)
	}
	if w.r.err == nil {
		w.copy(start, e)
	}
}

// assembly writes the code of helpers.
type assembly struct{ out []byte }

func (a *assembly) op(bytes ...byte) *assembly {
	a.out = append(a.out, bytes...)
	return a
}

func (a *assembly) with(op byte, index uint32) *assembly {
	a.out = binary.AppendUvarint(append(a.out, op), uint64(index))
	return a
}

func (a *assembly) get(locals ...uint32) *assembly {
	for _, local := range locals {
		a.with(opLocalGet, local)
	}
	return a
}

// piece puts the size of a piece on the stack.
func (a *assembly) piece() *assembly {
	a.out = appendSigned(append(a.out, opI32Const), pieceBytes)
	return a
}

// step changes a local by one piece.
func (a *assembly) step(local uint32, op byte) *assembly {
	return a.get(local).piece().op(op).with(opLocalSet, local)
}

// outside tells whether a range of memory ends outside of it.
func (a *assembly) outside(pointer, length uint32) *assembly {
	a.get(pointer).op(opI64ExtendU).get(length).op(opI64ExtendU, opI64Add)
	return a.op(opMemorySize, 0, opI64ExtendU, opI64Const, 16, opI64Shl, opI64GtU)
}

// turn gives the host its turn.
func (a *assembly) turn(w *rewriter) *assembly {
	return a.with(opGlobalGet, w.fuel).with(opGlobalGet, w.depth).with(opCall, w.refuel).with(opGlobalSet, w.fuel)
}

// Parameters of the helpers.
const (
	bulkTarget = iota
	bulkSource // or the value
	bulkLength
)

var (
	memoryCopy = []byte{opPrefixMisc, miscMemoryCopy, 0, 0}
	memoryFill = []byte{opPrefixMisc, miscMemoryFill, 0}
)

// fillInPieces is memory.fill: what ends outside of memory changes nothing.
func (w *rewriter) fillInPieces() []byte {
	a := &assembly{out: []byte{0}}
	a.outside(bulkTarget, bulkLength).op(opIf, 0x40)
	a.get(bulkTarget, bulkSource, bulkLength).op(memoryFill...).op(opReturn, opEnd)
	a.op(opLoop, 0x40).get(bulkLength).piece().op(opI32GtU, opIf, 0x40)
	a.get(bulkTarget, bulkSource).piece().op(memoryFill...)
	a.step(bulkTarget, opI32Add).step(bulkLength, opI32Sub).turn(w)
	a.op(opBr, 1, opEnd, opEnd)
	return a.get(bulkTarget, bulkSource, bulkLength).op(memoryFill...).op(opEnd).out
}

// copyInPieces is memory.copy: where the target lies behind the source it
// begins at the end, as the two may overlap.
func (w *rewriter) copyInPieces() []byte {
	a := &assembly{out: []byte{0}}
	a.outside(bulkTarget, bulkLength).outside(bulkSource, bulkLength).op(opI32Or, opIf, 0x40)
	a.get(bulkTarget, bulkSource, bulkLength).op(memoryCopy...).op(opReturn, opEnd)
	a.get(bulkTarget, bulkSource).op(opI32LeU, opIf, 0x40)
	a.op(opLoop, 0x40).get(bulkLength).piece().op(opI32GtU, opIf, 0x40)
	a.get(bulkTarget, bulkSource).piece().op(memoryCopy...)
	a.step(bulkTarget, opI32Add).step(bulkSource, opI32Add).step(bulkLength, opI32Sub).turn(w)
	a.op(opBr, 1, opEnd, opEnd, opElse)
	a.op(opLoop, 0x40).get(bulkLength).piece().op(opI32GtU, opIf, 0x40)
	a.step(bulkLength, opI32Sub)
	a.get(bulkTarget, bulkLength).op(opI32Add).get(bulkSource, bulkLength).op(opI32Add).piece().op(memoryCopy...)
	a.turn(w).op(opBr, 1, opEnd, opEnd, opEnd)
	return a.get(bulkTarget, bulkSource, bulkLength).op(memoryCopy...).op(opEnd).out
}
