package main

import (
	"strconv"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

// count counts the records of each key. Its only output is the totals at the
// end of the input, as lines of text: the word, a space, the count.
type count struct {
	total  turgo.Aggregation[uint64]
	end    turgo.Timer
	totals turgo.Output
	line   []byte
}

func (c *count) Declare(d *turgo.Declaration) {
	c.total = turgo.NewAggregation(d, "total", turgo.Uint64)
	c.total.Input("words", c.add)
	c.totals = d.Output("totals")
	c.end = d.EventTimer("end", c.emit)
}

// add adds the records of a batch to the total of their word, once for a word.
func (c *count) add(words *turgo.Groups[uint64]) {
	for words.Next() {
		total, found := words.Accumulator()
		if !found {
			c.end.Set(turgo.WatermarkMax)
		}
		words.Put(total + uint64(words.Len()))
	}
}

func (c *count) emit(ended *turgo.Batch) {
	for ended.Next() {
		total, _ := c.total.Get()
		c.line = append(append(c.line[:0], ended.Key()...), ' ')
		c.line = strconv.AppendUint(c.line, total, 10)
		c.totals.Emit(ended.Key(), c.line)
	}
}
