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

// line walks the line eight bytes at a time. In each step it looks only at the
// edges: the bytes where a word starts or ends.
func (s *split) line(line []byte) {
	var empty [0]byte
	start := -1         // of the word that is open, or -1
	before := uint64(0) // whether the byte before this step is in a word
	for at := 0; at < len(line); at += 8 {
		in := inWord(load(line, at))
		edges := in ^ (in<<8 | before)
		before = in >> 56
		for edges != 0 {
			edge := at + bits.TrailingZeros64(edges)>>3
			edges &= edges - 1
			if start < 0 {
				start = edge
			} else {
				s.words.Emit(line[start:edge], empty[:])
				start = -1
			}
		}
	}
	if start >= 0 {
		s.words.Emit(line[start:], empty[:])
	}
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

// inWord sets the lowest bit of each byte that belongs to a word.
func inWord(bytes uint64) uint64 {
	ascii := bytes & lows
	lower := ascii | 0x20*ones
	letter := (lower + (0x80-'a')*ones) &^ (lower + (0x7f-'z')*ones)
	digit := (ascii + (0x80-'0')*ones) &^ (ascii + (0x7f-'9')*ones)
	underscore := highs - (ascii ^ '_'*ones)
	return (letter | digit | underscore) & highs &^ bytes >> 7
}
