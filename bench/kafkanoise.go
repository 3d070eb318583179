package main

import "math/rand/v2"

// noise gives bytes that do not compress, without making each anew.
type noise []byte

func newNoise() noise {
	n := make(noise, 1<<20)
	source := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		n[i] = byte(source.Uint32())
	}
	return n
}

// value is the i-th value.
func (n noise) value(i, size int) []byte {
	start := i * 7919 % (len(n) - size)
	return n[start : start+size : start+size]
}
