package instrument

import "encoding/binary"

// Where a function has loops, its fuel is in a local while it runs. The others
// charge the global, which is loaded and stored around them.

func (w *rewriter) appendFuel(out []byte) []byte {
	if w.fuelLocal > 0 {
		return binary.AppendUvarint(append(out, opLocalGet), uint64(w.fuelLocal-1))
	}
	return binary.AppendUvarint(append(out, opGlobalGet), uint64(w.fuel))
}

func (w *rewriter) appendSetFuel(out []byte) []byte {
	if w.fuelLocal > 0 {
		return binary.AppendUvarint(append(out, opLocalSet), uint64(w.fuelLocal-1))
	}
	return binary.AppendUvarint(append(out, opGlobalSet), uint64(w.fuel))
}

// appendLoad takes the fuel from the global, where the function has it in a local.
func (w *rewriter) appendLoad(out []byte) []byte {
	if w.fuelLocal == 0 {
		return out
	}
	out = binary.AppendUvarint(append(out, opGlobalGet), uint64(w.fuel))
	return w.appendSetFuel(out)
}

// appendStore puts it back, for whoever runs next.
func (w *rewriter) appendStore(out []byte) []byte {
	if w.fuelLocal == 0 {
		return out
	}
	return binary.AppendUvarint(append(w.appendFuel(out), opGlobalSet), uint64(w.fuel))
}

func (w *rewriter) appendCharge(out []byte, charge int64) []byte {
	out = appendSigned(append(w.appendFuel(out), opI64Const), -charge)
	return w.appendSetFuel(append(out, opI64Add))
}

// appendPatched adds a constant to the fuel that is not known yet and returns
// where it stands.
func (w *rewriter) appendPatched(out []byte) (longer []byte, patch int) {
	out = append(w.appendFuel(out), opI64Const)
	patch = len(out)
	return w.appendSetFuel(append(out, 0, 0, 0, 0, 0, opI64Add)), patch
}

// appendCheck calls the host where fuel, or depth too, has become negative.
func (w *rewriter) appendCheck(out []byte, withDepth bool) []byte {
	out = w.appendNegative(out, withDepth)
	out = append(out, opIf, 0x40)
	return append(w.appendRefuel(out), opEnd)
}

func (w *rewriter) appendNegative(out []byte, withDepth bool) []byte {
	out = w.appendFuel(out)
	if withDepth {
		out = binary.AppendUvarint(append(out, opGlobalGet), uint64(w.depth))
		out = append(out, opI64Or)
	}
	return append(out, opI64Const, 0, opI64LtS)
}

func (w *rewriter) appendRefuel(out []byte) []byte {
	out = binary.AppendUvarint(append(w.appendFuel(out), opGlobalGet), uint64(w.depth))
	out = binary.AppendUvarint(append(out, opCall), uint64(w.refuel))
	return w.appendSetFuel(out)
}

// loopHead appends the charge and check of a loop in a function that has its
// fuel in a local. The loop is split in two, one around the other: the inner one
// leaves where its fuel is used up, and the outer one has the host refuel. So
// the call, which takes all registers, is no part of the loop that runs. What
// the turn was charged that is tried again is given back.
func (w *rewriter) loopHead(f *frame, first bool, head []byte) {
	f.splits = 1
	w.out = append(w.appendNegative(w.out, first), opIf, 0x40)
	w.out = w.appendRefuel(w.out)
	w.out, f.back = w.appendPatched(w.out)
	w.out = append(append(w.out, opEnd), head...)
	w.out, f.take = w.appendPatched(w.out)
	w.out = append(w.appendNegative(w.out, false), opBrIf, 1)
	if first {
		w.firstTake, w.firstBack = f.take, f.back
	}
}

// settle writes what the last segment of a loop has been found to take. A turn
// costs more than its instructions, so that no loop is free.
func (w *rewriter) settle(f *frame) {
	if f.take == 0 {
		return
	}
	charge := f.charge
	if f.back > 0 {
		charge++
		putPadded(w.out[f.back:], charge)
	}
	putPadded(w.out[f.take:], -charge)
	if f.take == w.firstTake {
		w.firstCharge = charge
	}
}

// A loop whose body starts with a jump by a table is how compilers without
// structured control flow, Go's among them, make a whole function: one turn
// runs a small part of it. Its parts, which the jump leads to, are charged one
// by one.
const (
	dispatchLabels = 4
	dispatchStart  = 4 // instructions before the jump at most
)

// dispatch marks the blocks whose ends a jump table leads to.
func (w *rewriter) dispatch(labels int) {
	loop := w.loops[len(w.loops)-1]
	if f := &w.frames[loop]; f.take == 0 || f.back == 0 || labels < dispatchLabels || f.charge > dispatchStart {
		return
	}
	for i := loop + 1; i < len(w.frames); i++ {
		w.frames[i].arm = true
	}
}

// segment begins a part of a loop that is charged where it begins.
func (w *rewriter) segment() {
	f := w.counted()
	w.settle(f)
	f.charge, f.back = 0, 0
	w.out, f.take = w.appendPatched(w.out)
}

// putPadded writes a signed integer in exactly five bytes.
func putPadded(out []byte, v int64) {
	for i := 0; i < 4; i++ {
		out[i] = byte(v&0x7f) | 0x80
		v >>= 7
	}
	out[4] = byte(v & 0x7f)
}
