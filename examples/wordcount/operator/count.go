package main

import (
	"strconv"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

// count counts the records of each key. Its only output is the totals at the
// end of the input, as lines of text: the word, a space, the count.
type count struct {
	total  turgo.Value[uint64]
	end    turgo.Timer
	totals turgo.Output
	line   []byte
}

func (c *count) Declare(d *turgo.Declaration) {
	d.Input("words", c.process)
	c.totals = d.Output("totals")
	c.total = turgo.NewValue(d, "total", turgo.Uint64)
	c.end = d.EventTimer("end", c.emit)
}

func (c *count) process(words *turgo.Batch) {
	for words.Next() {
		total, found := c.total.Get()
		if !found {
			c.end.Set(turgo.WatermarkMax)
		}
		c.total.Put(total + 1)
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
