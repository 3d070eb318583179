package main

import turgo "github.com/turgo-stream/turgo/guest-sdk/go"

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

func (s *split) line(line []byte) {
	empty := []byte{}
	for i := 0; i < len(line); i++ {
		if !inWord[line[i]] {
			continue
		}
		start := i
		for i++; i < len(line) && inWord[line[i]]; i++ {
		}
		s.words.Emit(line[start:i], empty)
	}
}

// inWord tells for each byte whether it belongs to a word.
var inWord = func() (table [256]bool) {
	for b := range table {
		table[b] = 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_'
	}
	return table
}()
