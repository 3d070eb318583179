package instrument

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
)

// generator makes random programs that are valid and end: each loop and each
// function takes from a budget, and where that is used up the program traps.
type generator struct {
	random    *rand.Rand
	types     []FunctionType
	functions []uint32 // types of the defined functions
	out       []byte
	locals    []byte
	labels    [][]byte // what a branch to each open block takes
	results   []byte
	self      int // the function that is made; it calls those behind it
	left      int // statements
	depth     int
}

// What every generated module has.
const (
	generatedGlobals = 5 // i32, i64, f64, f32, and the budget
	globalBudget     = 4
	generatedBudget  = 3000
	tableElements    = 8
	generatedDatas   = 2
	leaves           = 3 // functions at the end that call none: the table holds them
	importedCalls    = 1
)

var generatedGlobalTypes = []byte{typeI32, typeI64, typeF64, typeF32, typeI32}

// generate makes the program of a seed, with about so many statements for each
// function. The same seed with a smaller size is a simpler program.
func generate(seed uint64, size int) []byte {
	g := &generator{random: rand.New(rand.NewPCG(seed, 7))}
	g.types = []FunctionType{{}, {Parameters: []byte{typeI32}, Results: []byte{typeI32}}}
	count := leaves + 2 + g.random.IntN(5)
	for range count {
		g.functions = append(g.functions, g.typeOf(g.someTypes(3), g.someTypes(2)))
	}
	bodies := binary.AppendUvarint(nil, uint64(count))
	for i := range count {
		code := g.function(i, size)
		bodies = append(binary.AppendUvarint(bodies, uint64(len(code))), code...)
	}
	return g.module(bodies)
}

func (g *generator) someTypes(most int) []byte {
	types := make([]byte, g.random.IntN(most+1))
	for i := range types {
		types[i] = g.someType()
	}
	return types
}

func (g *generator) someType() byte {
	return []byte{typeI32, typeI32, typeI32, typeI64, typeI64, typeF64, typeF32}[g.random.IntN(7)]
}

// typeOf is the index of a signature.
func (g *generator) typeOf(parameters, results []byte) uint32 {
	for i, t := range g.types {
		if t.Equal(FunctionType{Parameters: parameters, Results: results}) {
			return uint32(i)
		}
	}
	g.types = append(g.types, FunctionType{Parameters: parameters, Results: results})
	return uint32(len(g.types) - 1)
}

func (g *generator) module(bodies []byte) []byte {
	out := append([]byte(nil), preamble...)
	types := binary.AppendUvarint(nil, uint64(len(g.types)))
	for _, t := range g.types {
		types = appendType(types, t.Parameters, t.Results)
	}
	out = appendSection(out, sectionType, types)
	out = appendSection(out, sectionImport, []byte("\x01\x04host\x04call\x00\x01"))
	functions := binary.AppendUvarint(nil, uint64(len(g.functions)))
	for _, t := range g.functions {
		functions = binary.AppendUvarint(functions, uint64(t))
	}
	out = appendSection(out, sectionFunction, functions)
	out = appendSection(out, sectionTable, []byte{2, typeFuncref, 0, tableElements, typeExternref, 1, 2, 12})
	out = appendSection(out, sectionMemory, []byte{1, 1, 1, 3})
	globals := binary.AppendUvarint(nil, generatedGlobals)
	globals = append(globals, typeI32, 1, opI32Const, 5, opEnd, typeI64, 1, opI64Const, 7, opEnd)
	globals = append(globals, typeF64, 1, opF64Const, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, opEnd, typeF32, 1, opF32Const, 0, 0, 0x80, 0x3f, opEnd)
	globals = append(globals, typeI32, 1, opI32Const, 0, opEnd)
	out = appendSection(out, sectionGlobal, globals)
	exports := binary.AppendUvarint(nil, uint64(len(g.functions)+1+generatedGlobals))
	exports = append(appendName(exports, "memory"), KindMemory, 0)
	for i := range generatedGlobals {
		exports = append(appendName(exports, string(rune('a'+i))), KindGlobal, byte(i))
	}
	for i := range g.functions {
		exports = append(appendName(exports, "f"+string(rune('0'+i))), KindFunction, byte(i+importedCalls))
	}
	out = appendSection(out, sectionExport, exports)
	// Segment 0 fills the table with leaves, 1 is passive.
	elements := []byte{2, 0, opI32Const, 0, opEnd, leaves}
	for i := range leaves {
		elements = append(elements, byte(len(g.functions)-1-i+importedCalls))
	}
	elements = append(elements, 1, 0, 2, byte(len(g.functions)+importedCalls-1), byte(len(g.functions)+importedCalls-2))
	out = appendSection(out, sectionElement, elements)
	out = appendSection(out, sectionDataCount, []byte{generatedDatas})
	out = appendSection(out, sectionCode, bodies)
	return appendSection(out, sectionData, []byte("\x02\x00\x41\x10\x0b\x05hello\x01\x09a passive"))
}

func (g *generator) function(i, size int) []byte {
	t := g.types[g.functions[i]]
	g.self, g.results = i, t.Results
	g.locals = slices.Clone(t.Parameters)
	declared := []byte{typeI32, typeI32, typeI64, typeF64, typeF32}
	g.locals = append(g.locals, declared...)
	g.labels, g.out, g.depth = [][]byte{t.Results}, nil, 0
	g.left = g.random.IntN(size + 1)
	g.spend()
	g.statements()
	for _, result := range t.Results {
		g.expression(result)
	}
	head := binary.AppendUvarint(nil, uint64(len(g.locals)-len(t.Parameters)))
	for _, local := range g.locals[len(t.Parameters):] {
		head = append(head, 1, local)
	}
	return append(append(head, g.out...), opEnd)
}

func (g *generator) emit(bytes ...byte) { g.out = append(g.out, bytes...) }

func (g *generator) with(op byte, index int) {
	g.out = binary.AppendUvarint(append(g.out, op), uint64(index))
}

// spend takes one from the budget.
func (g *generator) spend() {
	g.with(opGlobalGet, globalBudget)
	g.emit(opI32Const, 1, opI32Sub)
	g.with(opGlobalSet, globalBudget)
	g.with(opGlobalGet, globalBudget)
	g.emit(opI32Const, 0, 0x48, opIf, 0x40, opUnreachable, opEnd) // i32.lt_s
}

func (g *generator) statements() {
	for n := g.random.IntN(5) + 1; n > 0 && g.left > 0; n-- {
		g.left--
		g.depth++
		g.statement()
		g.depth--
	}
}

func (g *generator) statement() {
	choice := g.random.IntN(20)
	if g.depth > 6 {
		choice = g.random.IntN(8)
	}
	switch choice {
	case 0, 1:
		local := g.random.IntN(len(g.locals))
		g.expression(g.locals[local])
		g.with(opLocalSet, local)
	case 2:
		global := g.random.IntN(globalBudget)
		g.expression(generatedGlobalTypes[global])
		g.with(opGlobalSet, global)
	case 3:
		g.store()
	case 4:
		g.bulk()
	case 5:
		g.tables()
	case 6:
		g.leaveIf()
	case 7:
		g.expression(g.someType())
		g.emit(0x1a)
	case 8, 9:
		g.conditional()
	case 10, 11:
		g.block(g.someTypes(2))
	case 12, 13, 14:
		g.loop()
	case 15:
		g.jumpTable()
	case 16, 17:
		g.dispatchLoop()
	case 18:
		g.call()
	case 19:
		g.callIndirect()
	}
}

// blockType writes the type of a block without parameters.
func (g *generator) blockType(results []byte) {
	switch len(results) {
	case 0:
		g.emit(0x40)
	case 1:
		g.emit(results[0])
	default:
		g.out = appendSigned(g.out, int64(g.typeOf(nil, results)))
	}
}

func (g *generator) within(label []byte, do func()) {
	g.labels = append(g.labels, label)
	do()
	g.labels = g.labels[:len(g.labels)-1]
	g.emit(opEnd)
}

func (g *generator) drop(types []byte) {
	for range types {
		g.emit(0x1a)
	}
}

func (g *generator) push(types []byte) {
	for _, t := range types {
		g.expression(t)
	}
}

func (g *generator) block(results []byte) {
	g.emit(opBlock)
	g.blockType(results)
	g.within(results, func() {
		g.statements()
		g.push(results)
	})
	g.drop(results)
}

func (g *generator) conditional() {
	g.expression(typeI32)
	g.emit(opIf, 0x40)
	g.labels = append(g.labels, nil)
	g.statements()
	if g.random.IntN(2) == 0 {
		g.emit(opElse)
		g.statements()
	}
	g.labels = g.labels[:len(g.labels)-1]
	g.emit(opEnd)
}

// counter takes a new local for the turns of a loop.
func (g *generator) counter() int {
	g.locals = append(g.locals, typeI32)
	return len(g.locals) - 1
}

// loop makes a loop of a few turns, sometimes with values that go round.
func (g *generator) loop() {
	parameters := g.someTypes(g.random.IntN(3))
	counter := g.counter()
	g.emit(opI32Const, byte(1+g.random.IntN(9)))
	g.with(opLocalSet, counter)
	g.push(parameters)
	g.emit(opLoop)
	if len(parameters) == 0 {
		g.emit(0x40)
	} else {
		g.out = appendSigned(g.out, int64(g.typeOf(parameters, nil)))
	}
	g.within(parameters, func() {
		g.drop(parameters)
		g.spend()
		g.statements()
		g.with(opLocalGet, counter)
		g.emit(opI32Const, 1, opI32Sub)
		g.with(opLocalTee, counter)
		g.emit(opI32Const, 0, 0x4a, opIf, 0x40) // i32.gt_s
		g.labels = append(g.labels, nil)
		g.push(parameters)
		g.emit(opBr, 1, opEnd)
		g.labels = g.labels[:len(g.labels)-1]
	})
}

// closedLabel is one that only its maker branches to.
var closedLabel = []byte{0xff}

// dispatchLoop is a loop around a jump table, as compilers of languages with
// goto make it.
func (g *generator) dispatchLoop() {
	counter, place := g.counter(), g.counter()
	arms := dispatchLabels + g.random.IntN(4)
	g.emit(opI32Const, byte(1+g.random.IntN(12)))
	g.with(opLocalSet, counter)
	g.emit(opLoop, 0x40)
	// Nothing else branches to its head, where nothing is taken from the budget.
	g.within(closedLabel, func() {
		for range arms {
			g.emit(opBlock, 0x40)
			g.labels = append(g.labels, nil)
		}
		g.with(opLocalGet, place)
		g.with(opBrTable, arms-1)
		for i := range arms {
			g.emit(byte(i))
		}
		for i := range arms {
			g.labels = g.labels[:len(g.labels)-1]
			g.emit(opEnd)
			g.statements()
			if g.random.IntN(3) == 0 {
				continue // falls into the next
			}
			g.with(opLocalGet, counter)
			g.emit(opI32Const, 1, opI32Sub)
			g.with(opLocalTee, counter)
			g.emit(opI32Const, 0, 0x4a, opIf, 0x40)
			g.labels = append(g.labels, nil)
			g.spend()
			g.emit(opI32Const, byte(g.random.IntN(arms)))
			g.with(opLocalSet, place)
			g.with(opBr, arms-i) // out of the condition and the arms that are open
			g.labels = g.labels[:len(g.labels)-1]
			g.emit(opEnd)
		}
	})
}
