package record

import "encoding/binary"

// Keep drops the records for which keep is false, in place: the batch must be
// the caller's alone. It returns what is left.
func (b Batch) Keep(keep func(View) bool) Batch {
	to, count := HeaderLength, uint32(0)
	for from := HeaderLength; from < len(b); {
		view := b.At(from)
		length := view.Length()
		if keep(view) {
			copy(b[to:], b[from:from+length])
			to += length
			count++
		}
		from += length
	}
	b = b[:to]
	binary.LittleEndian.PutUint32(b[8:], count)
	binary.LittleEndian.PutUint32(b[12:], uint32(to))
	return b
}

// Section makes a batch of the count records that stand between two offsets, in
// place: its header takes the bytes right before the first of them. So the batch
// must be the caller's alone, and what stands before from is lost.
func (b Batch) Section(from, to, count int) Batch {
	s := b[from-HeaderLength : to : to]
	copy(s, b[:8])
	binary.LittleEndian.PutUint32(s[8:], uint32(count))
	binary.LittleEndian.PutUint32(s[12:], uint32(len(s)))
	binary.LittleEndian.PutUint64(s[16:], 0)
	return s
}

// NullKey finds the first record without a key.
func (b Batch) NullKey() (view View, found bool) {
	for offset := HeaderLength; offset < len(b); offset += int(binary.LittleEndian.Uint32(b[offset:])) {
		if b[offset+4]&flagKeyNull != 0 {
			return b.At(offset), true
		}
	}
	return View{}, false
}

// SetOrigin changes the origin of the record that starts at an offset.
func (b Batch) SetOrigin(offset int, origin uint32) {
	binary.LittleEndian.PutUint32(b[offset+16:], origin)
}
