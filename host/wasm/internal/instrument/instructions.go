package instrument

import "encoding/binary"

func (w *rewriter) push(f frame) {
	if w.inlining.outer == 0 {
		w.blocks++
	}
	if w.blocks > blocksMax {
		w.r.fail("function has more than %d blocks", blocksMax)
		return
	}
	w.frames = append(w.frames, f)
}

func (w *rewriter) top() *frame { return &w.frames[len(w.frames)-1] }

func (w *rewriter) pop(n int) { w.height = max(w.height-n, w.top().base) }

func (w *rewriter) add(n int) {
	w.height += n
	w.maxHeight = max(w.maxHeight, w.height)
}

// leave marks the rest of the block as unreachable.
func (w *rewriter) leave() { w.height = w.top().base }

// instruction rewrites the next instruction.
func (w *rewriter) instruction() {
	start := w.r.pos
	op := w.r.byte()
	if w.r.err != nil {
		return
	}
	if e := plain[op]; e.pushes >= 0 {
		if isMemoryAccess(op) {
			w.r.memoryArgument()
		}
		w.count()
		w.copy(start, e)
		return
	}
	switch op {
	case opBlock, opLoop, opIf, opElse, opEnd:
		w.structured(op, start)
		return
	case opPrefixMisc:
		w.count()
		w.misc(start)
		return
	case opPrefixVector:
		w.count()
		w.vector = true
		w.copy(start, w.r.vector())
		return
	}
	w.count()
	if !w.branch(op, start) && !w.access(op, start) && w.r.err == nil {
		w.r.failOpcode(op)
	}
}

func (w *rewriter) count() { w.frames[w.loops[len(w.loops)-1]].charge++ }

// copy passes an instruction on unchanged.
func (w *rewriter) copy(start int, e effect) {
	w.out = append(w.out, w.r.data[start:w.r.pos]...)
	w.pop(int(e.pops))
	w.add(int(e.pushes))
}

// blockType reads the type of a block.
func (w *rewriter) blockType() (parameters, results int) {
	if w.r.left() > 0 {
		switch b := w.r.data[w.r.pos]; b {
		case 0x40:
			w.r.pos++
			return 0, 0
		case typeI32, typeI64, typeF32, typeF64, typeV128, typeFuncref, typeExternref:
			w.r.pos++
			return 0, 1
		}
	}
	index := w.r.signed(33)
	if w.r.err == nil && (index < 0 || index >= int64(len(w.module.types))) {
		w.r.fail("block type %d is out of range, there are %d types", index, len(w.module.types))
	}
	if w.r.err != nil {
		return 0, 0
	}
	t := w.module.types[index]
	return len(t.Parameters), len(t.Results)
}

func (w *rewriter) structured(op byte, start int) {
	switch op {
	case opElse:
		w.out = append(w.out, op)
		w.height = w.top().base
		w.add(w.top().parameters)
	case opEnd:
		w.end()
	default:
		parameters, results := w.blockType()
		if w.r.err != nil {
			return
		}
		w.out = append(w.out, w.r.data[start:w.r.pos]...)
		if op == opIf {
			w.count()
			w.pop(1)
			w.branched = true
		}
		w.pop(parameters)
		f := frame{loop: op == opLoop, base: w.height, parameters: parameters, results: results}
		w.add(parameters)
		if op == opLoop {
			first := !w.branched && !w.calls
			w.branched = true
			if !w.unmetered {
				f.chargePatch = w.loopHead(first)
			}
			if first {
				w.firstPatch = f.chargePatch
			}
			w.loops = append(w.loops, len(w.frames))
		}
		w.push(f)
	}
}

// loopHead appends the charge and check of a loop and returns where its
// charge is to be patched in.
func (w *rewriter) loopHead(withDepth bool) int {
	w.out = binary.AppendUvarint(append(w.out, opGlobalGet), uint64(w.fuel))
	w.out = append(w.out, opI64Const)
	patch := len(w.out)
	w.out = append(w.out, 0, 0, 0, 0, 0, opI64Add, opGlobalSet)
	w.out = binary.AppendUvarint(w.out, uint64(w.fuel))
	w.out = w.appendCheck(w.out, withDepth)
	return patch
}

func (w *rewriter) end() {
	f := *w.top()
	if f.loop {
		if !w.unmetered {
			putPadded(w.out[f.chargePatch:], -f.turn())
		}
		if f.chargePatch == w.firstPatch {
			w.firstCharge = f.turn()
		}
		w.loops = w.loops[:len(w.loops)-1]
	}
	w.out = append(w.out, opEnd)
	w.height = f.base
	w.frames = w.frames[:len(w.frames)-1]
	if len(w.frames) > 0 {
		w.add(f.results)
	}
}

// A loop whose body starts with a jump by a table is how compilers without
// structured control flow, Go's among them, make a whole function: one turn
// runs a small part of it. It is charged a part, which still bounds the time
// between two checks.
const (
	dispatchLabels = 4
	dispatchStart  = 4 // instructions before the jump at most
	dispatchPart   = 16
)

// turn is what one turn of a loop is charged.
func (f *frame) turn() int64 {
	if f.dispatches {
		return min(f.charge+1, dispatchPart+f.charge/dispatchPart)
	}
	return f.charge + 1
}

func (w *rewriter) label() {
	if depth, open := w.r.u32(), len(w.frames)-w.inlining.outer; w.r.err == nil && depth >= uint32(open) {
		w.r.fail("branch leaves %d blocks, %d are open", depth, open)
	}
}

// branch rewrites what transfers control and reports whether op does.
func (w *rewriter) branch(op byte, start int) bool {
	switch op {
	case opUnreachable:
		w.copy(start, effect{})
		w.leave()
	case opBr:
		w.label()
		w.copy(start, effect{})
		w.leave()
	case opBrIf:
		w.label()
		w.copy(start, effect{1, 0})
	case opBrTable:
		n := w.r.count("labels")
		if w.inlining.outer == 0 {
			w.labels += n
		}
		if w.labels > labelsMax {
			w.r.fail("function has more than %d labels in jump tables", labelsMax)
		}
		for i := 0; i <= n && w.r.err == nil; i++ {
			w.label()
		}
		if loop := &w.frames[w.loops[len(w.loops)-1]]; loop.loop && n >= dispatchLabels && loop.charge <= dispatchStart {
			loop.dispatches = true
		}
		w.copy(start, effect{1, 0})
		w.leave()
	case opReturn:
		// The outermost label is the block around the body, whose end undoes
		// the depth; where there is none it is the function's.
		w.out = binary.AppendUvarint(append(w.out, opBr), uint64(len(w.frames)-1-w.inlining.outer))
		w.leave()
	case opCall:
		index := w.module.functionIndex(&w.r)
		if w.r.err != nil {
			return true
		}
		w.callees = append(w.callees, index)
		if w.inline(index) {
			return true
		}
		w.out = binary.AppendUvarint(append(w.out, opCall), uint64(w.module.shifted(index)))
		w.called(w.module.functionType(index))
		return true
	case opCallIndirect:
		index := w.module.typeIndex(&w.r)
		w.table()
		if w.r.err != nil {
			return true
		}
		w.copy(start, effect{1, 0})
		w.called(w.module.types[index])
		return true
	default:
		return false
	}
	w.branched = true
	return true
}

func (w *rewriter) called(t FunctionType) {
	w.calls = true
	w.pop(len(t.Parameters))
	w.add(len(t.Results))
}

func (w *rewriter) table() {
	if index := w.r.u32(); w.r.err == nil && index >= uint32(len(w.module.tables)) {
		w.r.fail("table %d is out of range, there are %d", index, len(w.module.tables))
	}
}

// access rewrites the remaining instructions of one byte that have immediates
// and reports whether op is one.
func (w *rewriter) access(op byte, start int) bool {
	e := effect{0, 1}
	switch op {
	case opSelectTyped:
		w.r.valueTypes()
		e = effect{3, 1}
	case opLocalGet, opLocalSet, opLocalTee:
		w.local(op)
		return true
	case opGlobalGet:
		w.module.globalIndex(&w.r)
	case opGlobalSet:
		w.module.globalIndex(&w.r)
		e = effect{1, 0}
	case opTableGet:
		w.table()
		e = effect{1, 1}
	case opTableSet:
		w.table()
		w.changed()
		e = effect{2, 0}
	case opMemorySize:
		w.r.zero()
	case opMemoryGrow:
		w.r.zero()
		w.chargeLength(fuelPerPageShift, opI64Shl)
		e = effect{1, 1}
	case opI32Const:
		w.r.signed(32)
	case opI64Const:
		w.r.signed(64)
	case opF32Const:
		w.r.bytes(4)
	case opF64Const:
		w.r.bytes(8)
	case opRefNull:
		w.r.valueType()
	case opRefFunc:
		index := w.module.functionIndex(&w.r)
		if w.r.err == nil {
			w.out = binary.AppendUvarint(append(w.out, opRefFunc), uint64(w.module.shifted(index)))
			w.add(1)
		}
		return true
	default:
		return false
	}
	if w.r.err == nil {
		w.copy(start, e)
	}
	return true
}

func (w *rewriter) local(op byte) {
	index := w.r.u32()
	if w.r.err == nil && index >= w.inlining.visible {
		w.r.fail("local %d is out of range, there are %d", index, w.inlining.visible)
	}
	if w.r.err != nil {
		return
	}
	w.out = binary.AppendUvarint(append(w.out, op), uint64(w.inlining.first+index))
	switch op {
	case opLocalGet:
		w.add(1)
	case opLocalSet:
		w.pop(1)
	case opLocalTee:
		w.pop(1)
		w.add(1)
	}
}
