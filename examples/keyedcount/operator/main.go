// Command operator is a module that counts the records of each key in value
// state. With the config `updates: true` it emits each new count.
package main

import (
	"strconv"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

type keyedCount struct {
	count   turgo.Value[uint64]
	counts  turgo.Output
	updates bool
	text    []byte
}

func (k *keyedCount) Declare(d *turgo.Declaration) {
	d.Input("in", k.process)
	k.counts = d.Output("counts")
	k.count = turgo.NewValue(d, "count", turgo.Uint64)
	d.ConfigSchema(`{"type":"object","properties":{"updates":{"type":"boolean"}},"additionalProperties":false}`)
}

func (k *keyedCount) Open(c *turgo.Context) error {
	k.updates = c.Config.Bool("updates", false)
	return c.Config.Err()
}

func (k *keyedCount) process(in *turgo.Batch) {
	for in.Next() {
		n, _ := k.count.Get()
		n++
		k.count.Put(n)
		if k.updates {
			k.text = strconv.AppendUint(k.text[:0], n, 10)
			k.counts.Emit(in.Key(), k.text)
		}
	}
}

func init() {
	turgo.Register("keyedcount", func() turgo.Operator { return new(keyedCount) })
}

func main() {}
