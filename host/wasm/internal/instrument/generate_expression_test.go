package instrument

// The pieces of generated programs that have no blocks of their own, or give a
// value.

// leaveIf branches out of some block on a condition.
func (g *generator) leaveIf() {
	depth := g.random.IntN(len(g.labels))
	label := g.labels[len(g.labels)-1-depth]
	if len(label) == 1 && label[0] == closedLabel[0] {
		return
	}
	if g.random.IntN(4) == 0 {
		g.expression(typeI32)
		g.emit(opIf, 0x40)
		g.push(g.results)
		g.emit(opReturn, opEnd)
		return
	}
	g.push(label)
	g.expression(typeI32)
	g.with(opBrIf, depth)
	g.drop(label)
}

func (g *generator) jumpTable() {
	g.emit(opBlock, 0x40, opBlock, 0x40, opBlock, 0x40)
	g.labels = append(g.labels, nil, nil, nil)
	g.expression(typeI32)
	g.emit(opBrTable, 3, 2, 0, 1, 0)
	if g.random.IntN(2) == 0 {
		g.statements() // which never run
	}
	for range 3 {
		g.labels = g.labels[:len(g.labels)-1]
		g.emit(opEnd)
		g.statements()
	}
}

// call calls a function behind this one, or the host.
func (g *generator) call() {
	behind := len(g.functions) - g.self - 1
	if behind == 0 || g.self >= len(g.functions)-leaves || g.random.IntN(3) == 0 {
		g.expression(typeI32)
		g.emit(opCall, 0, 0x1a)
		return
	}
	callee := g.self + 1 + g.random.IntN(behind)
	t := g.types[g.functions[callee]]
	g.push(t.Parameters)
	g.with(opCall, callee+importedCalls)
	g.drop(t.Results)
}

// callIndirect calls what the table holds, which may be null or another type.
func (g *generator) callIndirect() {
	if g.self >= len(g.functions)-leaves {
		return
	}
	index := g.functions[len(g.functions)-1-g.random.IntN(leaves)]
	t := g.types[index]
	g.push(t.Parameters)
	g.emit(opI32Const, byte(g.random.IntN(leaves+1)))
	if g.random.IntN(4) == 0 {
		g.emit(0x1a)
		g.masked(7)
	}
	g.with(opCallIndirect, int(index))
	g.emit(0)
	g.drop(t.Results)
}

// masked is an i32 below a bound that is a power of 2.
func (g *generator) masked(mask int64) {
	g.expression(typeI32)
	g.out = appendSigned(append(g.out, opI32Const), mask)
	g.emit(0x71) // i32.and
}

func (g *generator) address() {
	if g.random.IntN(40) == 0 {
		g.expression(typeI32)
		return
	}
	g.masked(0xfff)
}

func (g *generator) store() {
	g.address()
	t := g.someType()
	g.expression(t)
	switch t {
	case typeI32:
		g.emit([]byte{0x36, 0x3a, 0x3b}[g.random.IntN(3)], 0, byte(g.random.IntN(100)))
	case typeI64:
		g.emit([]byte{0x37, 0x3c, 0x3d, 0x3e}[g.random.IntN(4)], 0, byte(g.random.IntN(100)))
	case typeF32:
		g.emit(0x38, 0, 4)
	case typeF64:
		g.emit(0x39, 0, 4)
	}
}

// bulk is an instruction on a range of memory, or one that makes it larger.
func (g *generator) bulk() {
	switch g.random.IntN(6) {
	case 0:
		g.address()
		g.address()
		g.masked(0xff)
		g.emit(memoryCopy...)
	case 1:
		g.address()
		g.expression(typeI32)
		g.masked(0xff)
		g.emit(memoryFill...)
	case 2:
		g.address()
		g.emit(opI32Const, byte(g.random.IntN(4)), opI32Const, byte(g.random.IntN(7)))
		g.emit(opPrefixMisc, miscMemoryInit, 1, 0)
	case 3:
		if g.random.IntN(4) == 0 {
			g.emit(opPrefixMisc, miscDataDrop, byte(g.random.IntN(generatedDatas)))
		}
	case 4:
		g.masked(1)
		g.emit(opMemoryGrow, 0, 0x1a)
	case 5:
		g.emit(opMemorySize, 0)
		g.with(opGlobalSet, 0)
	}
}

// tables is an instruction on the tables. They hold functions without calls.
func (g *generator) tables() {
	leaf := len(g.functions) - 1 - g.random.IntN(2) + importedCalls
	switch g.random.IntN(8) {
	case 0:
		g.masked(7)
		g.with(opRefFunc, leaf)
		g.emit(opTableSet, 0)
	case 1:
		g.masked(7)
		g.emit(opRefNull, typeFuncref, opTableSet, 0)
	case 2:
		g.masked(7)
		g.masked(7)
		g.emit(opTableGet, 0, opTableSet, 0)
	case 3:
		g.masked(3)
		g.masked(3)
		g.masked(3)
		g.emit(opPrefixMisc, miscTableCopy, 0, 0)
	case 4:
		g.masked(3)
		g.emit(opI32Const, 0, opI32Const, byte(g.random.IntN(3)))
		g.emit(opPrefixMisc, miscTableInit, 1, 0)
	case 5:
		if g.random.IntN(4) == 0 {
			g.emit(opPrefixMisc, miscElemDrop, 1)
		}
	case 6:
		g.emit(opRefNull, typeExternref)
		g.masked(3)
		g.emit(opPrefixMisc, miscTableGrow, 1)
		g.with(opGlobalSet, 0)
	case 7:
		g.masked(1)
		g.emit(opRefNull, typeExternref)
		g.masked(1)
		g.emit(opPrefixMisc, miscTableFill, 1)
		g.emit(opPrefixMisc, miscTableSize, byte(g.random.IntN(2)))
		g.with(opGlobalSet, 0)
	}
}

// Operations with two operands, and those with one and the type of that.
var (
	generatedBinary = map[byte][]byte{
		typeI32: {0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f},
		typeI64: {0x7c, 0x7d, 0x7e, 0x7f, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a},
		typeF32: {0x92, 0x93, 0x94, 0x95, 0x96, 0x97},
		typeF64: {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5},
	}
	generatedUnary = map[byte][][2]byte{
		typeI32: {{0x45, typeI32}, {0x67, typeI32}, {0x68, typeI32}, {0x69, typeI32}, {0x50, typeI64}, {0xa7, typeI64}, {0xc0, typeI32}, {0xaa, typeF64}, {0xbc, typeF32}},
		typeI64: {{0x79, typeI64}, {0x7a, typeI64}, {0x7b, typeI64}, {0xac, typeI32}, {0xad, typeI32}, {0xbd, typeF64}, {0xae, typeF32}},
		typeF32: {{0x91, typeF32}, {0xb2, typeI32}, {0xb6, typeF64}, {0x8d, typeF32}},
		typeF64: {{0x9f, typeF64}, {0xb7, typeI32}, {0xb9, typeI64}, {0xbb, typeF32}, {0x9c, typeF64}},
	}
	generatedLoads = map[byte][]byte{typeI32: {0x28, 0x2c, 0x2d, 0x2e, 0x2f}, typeI64: {0x29, 0x30, 0x31, 0x35}, typeF32: {0x2a}, typeF64: {0x2b}}
)

// expression gives one value.
func (g *generator) expression(t byte) {
	g.depth++
	defer func() { g.depth-- }()
	choice := g.random.IntN(11)
	if g.depth > 9 {
		choice = g.random.IntN(5)
	}
	switch choice {
	case 0, 1:
		g.constant(t)
	case 2, 3, 4:
		g.variable(t)
	case 5, 6:
		g.expression(t)
		g.expression(t)
		g.emit(generatedBinary[t][g.random.IntN(len(generatedBinary[t]))])
	case 7:
		u := generatedUnary[t][g.random.IntN(len(generatedUnary[t]))]
		g.expression(u[1])
		g.emit(u[0])
	case 8:
		g.address()
		if t == typeF32 || t == typeF64 { // bits of memory may be any NaN, of which operations keep one or the other
			g.emit(0x28, 0, 0, map[byte]byte{typeF32: 0xb2, typeF64: 0xb7}[t])
			return
		}
		g.emit(generatedLoads[t][g.random.IntN(len(generatedLoads[t]))], 0, byte(g.random.IntN(64)))
	case 9:
		g.expression(t)
		g.expression(t)
		g.expression(typeI32)
		g.emit(0x1b)
	case 10:
		g.choice(t)
	}
}

// choice is a block with a result.
func (g *generator) choice(t byte) {
	if g.random.IntN(2) == 0 {
		g.expression(typeI32)
		g.emit(opIf, t)
		g.labels = append(g.labels, []byte{t})
		g.expression(t)
		g.emit(opElse)
		g.expression(t)
	} else {
		g.emit(opBlock, t)
		g.labels = append(g.labels, []byte{t})
		g.expression(t)
		g.expression(typeI32)
		g.emit(opBrIf, 0)
	}
	g.labels = g.labels[:len(g.labels)-1]
	g.emit(opEnd)
}

func (g *generator) variable(t byte) {
	var locals []int
	for i, local := range g.locals {
		if local == t {
			locals = append(locals, i)
		}
	}
	local := locals[g.random.IntN(len(locals))]
	switch g.random.IntN(6) {
	case 0:
		for i, global := range generatedGlobalTypes[:globalBudget] {
			if global == t {
				g.with(opGlobalGet, i)
			}
		}
	case 1:
		g.constant(t)
		g.with(opLocalTee, local)
	default:
		g.with(opLocalGet, local)
	}
}

func (g *generator) constant(t byte) {
	values := []int64{0, 1, -1, 2, 7, 31, 32, 64, 255, 4096, 65535, -128, 1 << 31, -1 << 31, 1<<31 - 1, int64(g.random.Int32())}
	v := values[g.random.IntN(len(values))]
	switch t {
	case typeI32:
		g.out = appendSigned(append(g.out, opI32Const), int64(int32(v)))
	case typeI64:
		g.out = appendSigned(append(g.out, opI64Const), v<<(g.random.IntN(2)*20))
	case typeF32:
		g.out = appendSigned(append(g.out, opI32Const), int64(int32(v)))
		g.emit(0xb2)
	case typeF64:
		g.out = appendSigned(append(g.out, opI64Const), v)
		g.emit(0xb9)
	}
}
