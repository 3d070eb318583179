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
	if n := len(w.frames); n > 0 {
		f.splits += w.frames[n-1].splits
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

func (w *rewriter) count() { w.counted().charge++ }

// counted is the loop, or the function, that instructions belong to.
func (w *rewriter) counted() *frame { return &w.frames[w.loops[len(w.loops)-1]] }

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
		if op != opLoop {
			w.push(f)
			return
		}
		first := !w.branched && !w.calls
		w.branched, w.looped = true, true
		w.loopN++
		if w.fuelLocal > 0 {
			w.loopHead(&f, first, w.r.data[start:w.r.pos])
		}
		w.loops = append(w.loops, len(w.frames))
		w.push(f)
	}
}

func (w *rewriter) end() {
	f := *w.top()
	if f.loop {
		w.settle(&f)
		w.loops = w.loops[:len(w.loops)-1]
	}
	w.out = append(w.out, opEnd)
	if f.loop && w.fuelLocal > 0 {
		w.out = append(w.out, opEnd)
	}
	w.height = f.base
	w.frames = w.frames[:len(w.frames)-1]
	if len(w.frames) > 0 {
		w.add(f.results)
	}
	if f.arm {
		w.segment()
	}
}

// label reads how many blocks a branch leaves and writes it with the added ones.
func (w *rewriter) label() {
	depth, open := w.r.u32(), len(w.frames)-w.inlining.outer
	if w.r.err == nil && depth >= uint32(open) {
		w.r.fail("branch leaves %d blocks, %d are open", depth, open)
	}
	if w.r.err == nil {
		w.out = binary.AppendUvarint(w.out, w.written(int(depth)))
	}
}

// written is the label of the frame that lies depth frames below the top: split
// loops in between are two blocks.
func (w *rewriter) written(depth int) uint64 {
	top, target := len(w.frames)-1, len(w.frames)-1-depth
	return uint64(depth + w.frames[top].splits - w.frames[target].splits)
}

// branch rewrites what transfers control and reports whether op does.
func (w *rewriter) branch(op byte, start int) bool {
	switch op {
	case opUnreachable:
		w.copy(start, effect{})
		w.leave()
	case opBr:
		w.out = append(w.out, op)
		w.label()
		w.leave()
	case opBrIf:
		w.out = append(w.out, op)
		w.label()
		w.pop(1)
	case opBrTable:
		n := w.r.count("labels")
		w.out = binary.AppendUvarint(append(w.out, op), uint64(n))
		if w.inlining.outer == 0 {
			w.labels += n
		}
		if w.labels > labelsMax {
			w.r.fail("function has more than %d labels in jump tables", labelsMax)
		}
		for i := 0; i <= n && w.r.err == nil; i++ {
			w.label()
		}
		w.dispatch(n)
		w.pop(1)
		w.leave()
	case opReturn:
		// The outermost label is the block around the body, whose end undoes
		// the depth; where there is none it is the function's.
		w.out = binary.AppendUvarint(append(w.out, opBr), w.written(len(w.frames)-1-w.inlining.outer))
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
		w.out = w.appendStore(w.out)
		w.out = binary.AppendUvarint(append(w.out, opCall), uint64(w.module.shifted(index)))
		w.called(w.module.functionType(index))
		return true
	case opCallIndirect:
		index := w.module.typeIndex(&w.r)
		w.table()
		if w.r.err != nil {
			return true
		}
		w.out = w.appendStore(w.out)
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
	w.out = w.appendLoad(w.out)
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
