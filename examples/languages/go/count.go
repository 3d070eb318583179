package main

import (
	"encoding/binary"
	"strconv"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

const minuteMS = 60_000

// readCents reads the value of a record of parse.
func readCents(in *turgo.Batch) (cents int64, ok bool) {
	value := in.Value()
	if len(value) != 8 || in.Timestamp() == turgo.NoTimestamp {
		in.Fail(codeNotAPayment, "not a payment")
		return 0, false
	}
	return int64(binary.LittleEndian.Uint64(value)), true
}

// count counts the payments of each account in each minute of event time, and
// tells a minute's count when the watermark has passed it.
type count struct {
	minutes turgo.Map[int64, int64] // by the minute's start
	end     turgo.Timer             // of a minute
	late    turgo.Counter
	counts  turgo.Output
	text    []byte
}

func (c *count) Declare(d *turgo.Declaration) {
	d.Input("payments", c.process)
	c.counts = d.Output("counts")
	c.minutes = turgo.NewMap(d, "minutes", turgo.OrderedInt64, turgo.Int64)
	c.end = d.EventTimer("minute_end", c.fire)
	c.late = d.Counter("late")
}

func (c *count) process(payments *turgo.Batch) {
	for payments.Next() {
		if _, ok := readCents(payments); !ok {
			continue
		}
		t := payments.Timestamp()
		if t < payments.Watermark() {
			c.late.Add(1)
			continue
		}
		start := startOfMinute(t)
		n, found := c.minutes.Get(start)
		if c.minutes.Put(start, n+1); !found {
			c.end.Set(start + minuteMS)
		}
	}
}

func (c *count) fire(ends *turgo.Batch) {
	for ends.Next() {
		end := ends.Timestamp()
		start := end - minuteMS
		n, found := c.minutes.Get(start)
		if !found {
			continue
		}
		c.minutes.Delete(start)
		c.text = strconv.AppendInt(c.text[:0], start, 10)
		c.text = strconv.AppendInt(append(c.text, ' '), n, 10)
		c.counts.EmitRecord(turgo.Record{Key: ends.Key(), Value: c.text, Timestamp: end - 1})
	}
}

// startOfMinute rounds down, times before the epoch too.
func startOfMinute(t int64) int64 {
	into := t % minuteMS
	if into < 0 {
		into += minuteMS
	}
	return t - into
}
