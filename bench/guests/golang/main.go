// Command golang holds operators in Go, to measure what limits cost them.
package main

import turgo "github.com/turgo-stream/turgo/guest-sdk/go"

// operator does something to each record and forwards it.
type operator struct {
	out turgo.Output
	do  func(timestamp int64) int64
	sum int64 // so that the work is not left out
}

func (o *operator) Declare(d *turgo.Declaration) {
	d.Input("in", o.process)
	o.out = d.Output("out")
}

func (o *operator) process(in *turgo.Batch) {
	for in.Next() {
		if o.do != nil {
			o.sum += o.do(in.Timestamp())
		}
		o.out.Forward()
	}
}

// arithmetic is a chain of operations that no compiler can shorten.
func arithmetic(timestamp int64) int64 {
	x := uint64(timestamp) | 1
	for i := range uint64(1000) {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		x += i
	}
	return int64(x >> 1)
}

// count is as tight as a loop can be: a few instructions that do not wait for
// each other.
func count(timestamp int64) int64 {
	found := int64(0)
	for i := range int64(1000) {
		if (i^timestamp)&12 == 4 {
			found++
		}
	}
	return found
}

// poison gives up at a record with a negative timestamp.
func poison(timestamp int64) int64 {
	if timestamp < 0 {
		panic("a poison record")
	}
	return timestamp
}

func init() {
	register := func(name string, do func(int64) int64) {
		turgo.Register(name, func() turgo.Operator { return &operator{do: do} })
	}
	register("pass", nil)
	register("arithmetic", arithmetic)
	register("count", count)
	register("poison", poison)
}

func main() {}
