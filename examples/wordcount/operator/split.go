package main

import (
	"math/bits"
	"unsafe"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

// split emits each word of a line: its key is the word, its value is empty. A
// word is a run of [A-Za-z0-9_]; all other bytes only end words.
type split struct {
	words turgo.Output
}

func (s *split) Declare(d *turgo.Declaration) {
	d.Input("lines", s.process)
	s.words = d.Output("words")
}

func (s *split) process(lines *turgo.Batch) {
	for lines.Next() {
		s.line(lines.Value())
	}
}

// line walks the line in windows of 64 bytes. A window becomes a mask with a
// bit for each byte, and the mask its edges: the bits where a word starts or ends.
func (s *split) line(line []byte) {
	var empty [0]byte
	for at := 0; at < len(line); {
		mask := window(line, at)
		next := at + 64
		edges := mask ^ mask<<1
		for edges&(edges-1) != 0 { // two at least
			start := at + bits.TrailingZeros64(edges)
			edges &= edges - 1
			end := at + bits.TrailingZeros64(edges)
			edges &= edges - 1
			s.words.Emit(line[start:end], empty[:])
		}
		if edges != 0 { // the window ends in a word
			start := at + bits.TrailingZeros64(edges)
			next = wordEnd(line, next)
			s.words.Emit(line[start:next], empty[:])
		}
		at = next
	}
}

// window is a mask of which of up to 64 bytes from an offset belong to words.
func window(line []byte, at int) (mask uint64) {
	count := min(len(line)-at+7, 64) &^ 7
	for i := 0; i < count; i += 8 {
		mask |= inWord(load(line, at+i)) << uint(i)
	}
	return mask
}

// wordEnd is where a word that goes on at an offset ends.
func wordEnd(line []byte, at int) int {
	for at < len(line) && inWord(uint64(line[at])) != 0 {
		at++
	}
	return at
}

// load returns the eight bytes at offset, with zeros after the line's end.
func load(line []byte, at int) uint64 {
	from := unsafe.Pointer(unsafe.SliceData(line))
	past := at + 8 - len(line)
	if past <= 0 {
		return *(*uint64)(unsafe.Add(from, at))
	}
	if len(line) >= 8 {
		return *(*uint64)(unsafe.Add(from, len(line)-8)) >> (8 * uint(past))
	}
	word := uint64(0)
	for i := len(line) - 1; i >= at; i-- {
		word = word<<8 | uint64(line[i])
	}
	return word
}

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
	lows  = 0x7f * ones
)

// inWord is a mask of which of eight bytes belong to words.
func inWord(bytes uint64) uint64 {
	ascii := bytes & lows
	lower := ascii | 0x20*ones
	letter := (lower + (0x80-'a')*ones) &^ (lower + (0x7f-'z')*ones)
	digit := (ascii + (0x80-'0')*ones) &^ (ascii + (0x7f-'9')*ones)
	underscore := highs - (ascii ^ '_'*ones)
	in := (letter | digit | underscore) & highs &^ bytes >> 7
	return in * 0x0102040810204080 >> 56 // the lowest bits of the bytes, side by side
}
