package instrument

import "encoding/binary"

// Toolchains wrap host functions in small functions of their own, and Go in two
// layers of them. After a host call the processor predicts no return, so each
// layer costs more than what it does: wrappers become part of their callers.
// They are charged as all code is, and stand in no stack trace.

// Bounds of what becomes part of one function. They are so low that its blocks
// and labels need no count.
const (
	wrapperBytes  = 512 // of the code of one wrapper
	wrapperLocals = 16  // of one wrapper
	wrapperLayers = 2
	inlinedBytes  = 2048 // and at most inlinedFactor times the function's own
	inlinedFactor = 4
	inlinedCalls  = 32
	inlinedLocals = localsMax - inlinedCalls*wrapperLocals
)

// wrapper is a small function that calls a host function, or another wrapper.
type wrapper struct {
	layer  int    // 1 calls a host function itself
	locals []byte // types of its parameters and locals
	params int
	start  int // of its instructions, in its code
}

// budget is what a function has got of its wrappers so far.
type budget struct {
	added  []byte         // types of the locals
	places map[int]uint32 // body -> its first local in the function
	bytes  int
	count  int
}

// inlining is the budget, and which code is being rewritten: the function's own
// or that of a wrapper in it.
type inlining struct {
	budget
	layer   int    // wrappers below it may be inlined here
	outer   int    // frame of the function or wrapper that instructions belong to
	first   uint32 // local that stands for their local 0
	visible uint32 // how many locals they have
}

// findWrappers looks at the small functions. What is wrong in them the
// rewriting finds, whether they are wrappers or not.
func (w *rewriter) findWrappers() {
	w.wrappers = nil // so that they call what they call
	found, callees := map[int]wrapper{}, map[int][]uint32{}
	for i, b := range w.module.bodies {
		if len(b.code) > wrapperBytes {
			continue
		}
		if _, err := w.function(i); err != nil || len(w.callees) == 0 && !w.wrapsAll || w.vector {
			continue
		}
		if candidate, ok := w.candidate(i); ok {
			found[i], callees[i] = candidate, append([]uint32(nil), w.callees...)
		}
	}
	w.wrappers = map[int]wrapper{}
	for layer := 1; layer <= wrapperLayers; layer++ {
		for i, c := range found {
			c.layer = layer
			if w.wrapsAll && i%wrapperLayers == layer-1 || w.wrappers[i].layer == 0 && w.reaches(callees[i], layer-1) {
				w.wrappers[i] = c
			}
		}
	}
}

// reaches reports whether one of the functions is of a layer; hosts' are of 0.
func (w *rewriter) reaches(callees []uint32, layer int) bool {
	imports := uint32(len(w.module.imports))
	for _, index := range callees {
		if index < imports {
			if layer == 0 {
				return true
			}
			continue
		}
		if layer > 0 && w.wrappers[int(index-imports)].layer == layer {
			return true
		}
	}
	return false
}

// candidate reads the locals of a function that was found to be well-formed.
func (w *rewriter) candidate(i int) (wrapper, bool) {
	b, kind := w.module.bodies[i], w.module.types[w.module.functions[i]]
	c := wrapper{locals: append([]byte(nil), kind.Parameters...), params: len(kind.Parameters)}
	r := reader{data: b.code}
	for n := r.count("groups of locals"); n > 0 && r.err == nil; n-- {
		count, valueType := r.u32(), r.valueType()
		if uint64(len(c.locals))+uint64(count) > wrapperLocals {
			return c, false
		}
		for ; count > 0; count-- {
			c.locals = append(c.locals, valueType)
		}
	}
	c.start = r.pos
	for _, t := range c.locals {
		if t != typeI32 && t != typeI64 && t != typeF32 && t != typeF64 {
			return c, false
		}
	}
	return c, len(c.locals) <= wrapperLocals && r.err == nil
}

// inline puts a wrapper in the place of its call, and reports whether it did.
func (w *rewriter) inline(index uint32) bool {
	i := int(index) - len(w.module.imports)
	c, found := w.wrappers[i]
	if !found || c.layer >= w.inlining.layer || w.inlining.count >= inlinedCalls || w.locals >= inlinedLocals {
		return false
	}
	b := w.module.bodies[i]
	if w.inlining.bytes += len(b.code); w.inlining.bytes > min(inlinedBytes, inlinedFactor*w.own) {
		w.inlining.bytes -= len(b.code)
		return false
	}
	w.inlining.count++
	kind := w.module.types[w.module.functions[i]]
	first := w.takeArguments(i, c)
	w.out = w.appendBlockType(append(w.out, opBlock), kind.Results)
	w.pop(len(kind.Parameters))
	outside, saved := w.r, w.inlining
	w.r = reader{data: b.code, base: b.base, pos: c.start}
	w.inlining.layer, w.inlining.outer = c.layer, len(w.frames)
	w.inlining.first, w.inlining.visible = first, uint32(len(c.locals))
	w.push(frame{base: w.height, results: len(kind.Results)})
	for len(w.frames) > w.inlining.outer && w.r.err == nil {
		w.instruction()
	}
	err := w.r.err
	w.r = outside
	if err != nil {
		w.r.err = err
	}
	saved.budget = w.inlining.budget
	w.inlining = saved
	return true
}

// takeArguments moves the operands of a call into the locals that stand for
// the wrapper's, and makes the others zero, as they are in a new call.
func (w *rewriter) takeArguments(i int, c wrapper) (first uint32) {
	first, found := w.inlining.places[i]
	if !found {
		first = w.addLocals(c.locals...)
		if w.inlining.places == nil {
			w.inlining.places = map[int]uint32{}
		}
		w.inlining.places[i] = first
	}
	for k := c.params - 1; k >= 0; k-- {
		w.out = binary.AppendUvarint(append(w.out, opLocalSet), uint64(first)+uint64(k))
	}
	for k := c.params; k < len(c.locals); k++ {
		switch c.locals[k] {
		case typeI32:
			w.out = append(w.out, opI32Const, 0)
		case typeI64:
			w.out = append(w.out, opI64Const, 0)
		case typeF32:
			w.out = append(w.out, opF32Const, 0, 0, 0, 0)
		case typeF64:
			w.out = append(w.out, opF64Const, 0, 0, 0, 0, 0, 0, 0, 0)
		}
		w.out = binary.AppendUvarint(append(w.out, opLocalSet), uint64(first)+uint64(k))
	}
	return first
}

// addLocals gives the function more locals and returns the first one's index.
func (w *rewriter) addLocals(types ...byte) uint32 {
	first := w.locals + uint32(len(w.inlining.added))
	w.inlining.added = append(w.inlining.added, types...)
	return first
}
