package instrument

import "encoding/binary"

// frame is one open block.
type frame struct {
	loop       bool
	arm        bool // its end is where a jump table leads, see segment
	splits     int  // frames up to this one that are split loops, see loopHead
	base       int  // operand height below the block's parameters
	parameters int
	results    int
	charge     int64 // loops and the function: instructions seen, of the last segment
	take, back int   // where in the output it is taken, and given back; 0 = nowhere
}

// rewriter rewrites one function after the other. What it adds works on the
// added globals and locals, and leaves the operands of the function alone, so
// an invalid function stays invalid.
type rewriter struct {
	module              *Module
	fuel, depth, change uint32 // added globals
	tables, refused     uint32 // added globals, see tableGrow
	refuel              uint32 // added function
	bulk                bulk
	blockTypes          map[string]uint32
	unmetered           bool

	r         reader
	out       []byte
	frames    []frame
	loops     []int // frames that are charged, innermost last
	height    int
	maxHeight int
	blocks    int
	loopN     int
	labels    int    // of jump tables
	locals    uint32 // with parameters
	own       int    // bytes of its code
	// 1 more than the added locals for a length, and for what a table had before
	// it grew; 0 = none yet.
	lengthLocal, grownLocal uint32
	calls                   bool
	vector                  bool
	branched                bool // an instruction other than a loop may leave the straight path
	looped                  bool
	fuelLocal               uint32 // 1 more than the added local for fuel; 0 = the global is used
	callees                 []uint32
	inlining                inlining
	wrappers                map[int]wrapper
	wrapsAll                bool

	// Where the first control instruction of the body is a loop: where a turn of
	// it is charged, as in its frame, and what. 0 = it is no loop.
	firstTake, firstBack int
	firstCharge          int64
}

// frameBase is what a call takes from the native stack besides its slots.
const frameBase = 128

// function rewrites body i and returns its local declarations and code. Where
// it has loops, its fuel is in a local, which is a register of the processor,
// and in the global only while another function runs.
func (w *rewriter) function(i int) ([]byte, error) {
	code, err := w.rewrite(i, false)
	if err == nil && w.looped && !w.unmetered {
		code, err = w.rewrite(i, true)
	}
	return code, err
}

func (w *rewriter) rewrite(i int, local bool) ([]byte, error) {
	b := w.module.bodies[i]
	kind := w.module.types[w.module.functions[i]]
	w.r = reader{data: b.code, base: b.base}
	w.out, w.frames, w.loops = w.out[:0], w.frames[:0], w.loops[:0]
	w.blocks, w.labels, w.loopN = 0, 0, 0
	w.height, w.maxHeight, w.locals = 0, 0, uint32(len(kind.Parameters))
	w.lengthLocal, w.grownLocal, w.fuelLocal = 0, 0, 0
	w.calls, w.vector, w.branched, w.looped = false, false, false, false
	w.own, w.callees = len(b.code), w.callees[:0]
	w.inlining = inlining{layer: wrapperLayers + 1}
	w.firstTake, w.firstBack, w.firstCharge = 0, 0, 0
	declarations, groups := w.declarations()
	w.inlining.visible = w.locals
	if local {
		w.fuelLocal = w.addLocals(typeI64) + 1
	}
	w.push(frame{results: len(kind.Results)})
	w.loops = append(w.loops, 0)
	entry := w.frames[0].charge
	for len(w.frames) > 0 && w.r.err == nil {
		entry = w.frames[0].charge
		w.instruction()
	}
	if w.r.err == nil && w.r.left() > 0 {
		w.r.fail("%d bytes follow the end of a function", w.r.left())
	}
	w.checkShape()
	if w.r.err != nil {
		return nil, w.r.err
	}
	return w.assemble(kind, declarations, groups, entry), nil
}

// checkShape holds a function to what the compiler can bear. What is added to
// it counts no more than by a factor.
func (w *rewriter) checkShape() {
	locals := int(w.locals) + 1
	if w.blocks*locals > blockLocalsMax {
		w.r.fail("function has %d locals and %d blocks, the limit of their product is %d", w.locals, w.blocks, blockLocalsMax)
	}
	if w.loopN*locals > loopLocalsMax {
		w.r.fail("function has %d locals and %d loops, the limit of their product is %d", w.locals, w.loopN, loopLocalsMax)
	}
}

// declarations reads the local declarations and returns them raw.
func (w *rewriter) declarations() (raw []byte, groups uint32) {
	groups = uint32(w.r.count("groups of locals"))
	start := w.r.pos
	total := uint64(w.locals)
	for i := uint32(0); i < groups && w.r.err == nil; i++ {
		total += uint64(w.r.u32())
		if w.r.valueType() == typeV128 {
			w.vector = true
		}
		if total > localsMax {
			w.r.fail("%d locals, the limit is %d", total, localsMax)
		}
	}
	if w.r.err != nil {
		return nil, 0
	}
	w.locals = uint32(total)
	return w.r.data[start:w.r.pos], groups
}

// weight is an upper bound of what a call of the function takes from the
// native stack: every local and operand spilled.
func (w *rewriter) weight(kind FunctionType) int64 {
	slots := int64(w.locals) + int64(len(w.inlining.added)) + int64(w.maxHeight) + int64(len(kind.Results)) + 1
	if w.vector {
		slots *= 2
	}
	return frameBase + 8*slots
}

// assemble puts the entry and exit code around the rewritten instructions. A
// function that calls none needs no depth: it adds one frame at most. If it has
// no loop either it is charged and not checked: whoever calls it without end
// is. Where a loop is the first thing that happens, its own charge and check
// serve the entry too.
func (w *rewriter) assemble(kind FunctionType, declarations []byte, groups uint32, charge int64) []byte {
	head := make([]byte, 0, len(w.out)+len(declarations)+64)
	groups += uint32(len(w.inlining.added))
	head = binary.AppendUvarint(head, uint64(groups))
	head = append(head, declarations...)
	for _, t := range w.inlining.added {
		head = append(head, 1, t)
	}
	if w.unmetered {
		return append(head, w.out...)
	}
	weight := w.weight(kind)
	if w.calls {
		head = appendAdd(head, w.depth, -weight)
	}
	head = w.appendLoad(head)
	if w.firstTake > 0 {
		putPadded(w.out[w.firstTake:], -w.firstCharge-charge)
		putPadded(w.out[w.firstBack:], w.firstCharge+charge)
	} else {
		head = w.appendCharge(head, charge)
		if w.calls || w.looped {
			head = w.appendCheck(head, w.calls)
		}
	}
	if !w.calls && !w.looped {
		return append(head, w.out...)
	}
	head = append(head, opBlock)
	head = w.appendBlockType(head, kind.Results)
	head = append(head, w.out...)
	head = w.appendStore(head)
	if w.calls {
		head = appendAdd(head, w.depth, weight)
	}
	return append(head, opEnd)
}

func (w *rewriter) appendBlockType(out []byte, results []byte) []byte {
	switch len(results) {
	case 0:
		return append(out, 0x40)
	case 1:
		return append(out, results[0])
	}
	index, found := w.blockTypes[string(results)]
	if !found {
		index = uint32(len(w.module.types)) + addedTypes + uint32(len(w.blockTypes))
		w.blockTypes[string(results)] = index
	}
	return appendSigned(out, int64(index))
}

// appendAdd adds a constant to an i64 global.
func appendAdd(out []byte, index uint32, value int64) []byte {
	out = binary.AppendUvarint(append(out, opGlobalGet), uint64(index))
	out = appendSigned(append(out, opI64Const), value)
	out = append(out, opI64Add, opGlobalSet)
	return binary.AppendUvarint(out, uint64(index))
}

// appendSigned appends a signed LEB128 integer.
func appendSigned(out []byte, v int64) []byte {
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}
