package instrument

import "fmt"

// Opcodes that the rewriting treats by name.
const (
	opUnreachable  = 0x00
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opSelectTyped  = 0x1c
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opTableGet     = 0x25
	opTableSet     = 0x26
	opMemorySize   = 0x3f
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opI32Ne        = 0x47
	opI32GtU       = 0x4b
	opI32LeU       = 0x4d
	opI64LtS       = 0x53
	opI64GtU       = 0x56
	opI32Add       = 0x6a
	opI32Sub       = 0x6b
	opI32Or        = 0x72
	opI64Add       = 0x7c
	opI64Sub       = 0x7d
	opI64Or        = 0x84
	opI64Shl       = 0x86
	opI64ShrU      = 0x88
	opI64ExtendU   = 0xad
	opRefNull      = 0xd0
	opRefIsNull    = 0xd1
	opRefFunc      = 0xd2
	opPrefixMisc   = 0xfc
	opPrefixVector = 0xfd

	miscMemoryInit = 8
	miscDataDrop   = 9
	miscMemoryCopy = 10
	miscMemoryFill = 11
	miscTableInit  = 12
	miscElemDrop   = 13
	miscTableCopy  = 14
	miscTableGrow  = 15
	miscTableSize  = 16
	miscTableFill  = 17
)

// effect is how many operands an instruction takes and gives.
type effect struct{ pops, pushes int8 }

// plain holds the effect of the instructions without immediates and of the
// memory accesses, pushes -1 where the opcode is none of these.
var plain = func() (t [256]effect) {
	for i := range t {
		t[i] = effect{0, -1}
	}
	set := func(from, to int, pops, pushes int8) {
		for i := from; i <= to; i++ {
			t[i] = effect{pops, pushes}
		}
	}
	set(0x01, 0x01, 0, 0) // nop
	set(0x1a, 0x1a, 1, 0) // drop
	set(0x1b, 0x1b, 3, 1) // select
	set(0x28, 0x35, 1, 1) // loads
	set(0x36, 0x3e, 2, 0) // stores
	set(0x45, 0x45, 1, 1) // i32.eqz
	set(0x46, 0x4f, 2, 1) // i32 comparisons
	set(0x50, 0x50, 1, 1) // i64.eqz
	set(0x51, 0x66, 2, 1) // comparisons
	set(0x67, 0x69, 1, 1) // i32 clz, ctz, popcnt
	set(0x6a, 0x78, 2, 1) // i32 arithmetic
	set(0x79, 0x7b, 1, 1) // i64 clz, ctz, popcnt
	set(0x7c, 0x8a, 2, 1) // i64 arithmetic
	set(0x8b, 0x91, 1, 1) // f32 unary
	set(0x92, 0x98, 2, 1) // f32 binary
	set(0x99, 0x9f, 1, 1) // f64 unary
	set(0xa0, 0xa6, 2, 1) // f64 binary
	set(0xa7, 0xc4, 1, 1) // conversions and sign extensions
	set(0xd1, 0xd1, 1, 1) // ref.is_null
	return t
}()

func isMemoryAccess(op byte) bool { return op >= 0x28 && op <= 0x3e }

// vectorUnary marks the vector instructions with one operand; those without
// immediates that are not marked have two.
var vectorUnary = func() (t [256]bool) {
	for _, span := range [][2]int{
		{0x0f, 0x14}, {0x4d, 0x4d}, {0x53, 0x53}, {0x5e, 0x5f}, {0x60, 0x64}, {0x67, 0x6a},
		{0x74, 0x75}, {0x7a, 0x7a}, {0x7c, 0x81}, {0x83, 0x84}, {0x87, 0x8a}, {0x94, 0x94},
		{0xa0, 0xa1}, {0xa3, 0xa4}, {0xa7, 0xaa}, {0xc0, 0xc1}, {0xc3, 0xc4}, {0xc7, 0xca},
		{0xe0, 0xe1}, {0xe3, 0xe3}, {0xec, 0xed}, {0xef, 0xef}, {0xf8, 0xff},
	} {
		for i := span[0]; i <= span[1]; i++ {
			t[i] = true
		}
	}
	return t
}()

// vector reads the immediates of a vector instruction and gives its effect.
func (r *reader) vector() effect {
	sub := r.u32()
	switch {
	case sub > 0xff:
		r.failFeature("relaxed SIMD", fmt.Sprintf("vector instruction %#x", sub))
		return effect{}
	case sub <= 0x0a, sub == 0x5c, sub == 0x5d: // loads
		r.memoryArgument()
		return effect{1, 1}
	case sub == 0x0b: // store
		r.memoryArgument()
		return effect{2, 0}
	case sub == 0x0c: // constant
		r.bytes(16)
		return effect{0, 1}
	case sub == 0x0d: // shuffle
		r.bytes(16)
		return effect{2, 1}
	case sub >= 0x15 && sub <= 0x22: // lanes
		r.byte()
		switch sub {
		case 0x17, 0x1a, 0x1c, 0x1e, 0x20, 0x22:
			return effect{2, 1} // replace
		}
		return effect{1, 1} // extract
	case sub >= 0x54 && sub <= 0x57: // load lane
		r.memoryArgument()
		r.byte()
		return effect{2, 1}
	case sub >= 0x58 && sub <= 0x5b: // store lane
		r.memoryArgument()
		r.byte()
		return effect{2, 0}
	case sub == 0x52: // bitselect
		return effect{3, 1}
	case vectorUnary[sub]:
		return effect{1, 1}
	}
	return effect{2, 1}
}

func (r *reader) memoryArgument() {
	align := r.u32()
	if align&0x40 != 0 {
		r.failFeature("multi-memory", "access to another memory")
	}
	r.u32()
}

// zero reads a memory index, which must be 0.
func (r *reader) zero() {
	if b := r.byte(); b != 0 && r.err == nil {
		r.pos--
		r.failFeature("multi-memory", fmt.Sprintf("memory %d", b))
	}
}

func opcodeName(op byte) string { return fmt.Sprintf("instruction %#x", op) }

// failOpcode refuses an instruction that is not of core 2.0.
func (r *reader) failOpcode(op byte) {
	r.pos--
	switch {
	case op == 0x12 || op == 0x13:
		r.failFeature("tail calls", opcodeName(op))
	case op >= 0x06 && op <= 0x0a, op == 0x18, op == 0x19, op == 0x1f:
		r.failFeature("exceptions", opcodeName(op))
	case op == 0x14 || op == 0x15 || op >= 0xd3 && op <= 0xd6:
		r.failFeature("typed function references", opcodeName(op))
	case op == 0xfb:
		r.failFeature("garbage collection", opcodeName(op))
	case op == 0xfe:
		r.failFeature("threads", opcodeName(op))
	default:
		r.fail("instruction %#x is unknown", op)
	}
}
