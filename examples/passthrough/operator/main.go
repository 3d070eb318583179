// Command operator is a module that emits each record unchanged.
package main

import turgo "github.com/turgo-stream/turgo/guest-sdk/go"

type passthrough struct {
	out turgo.Output
}

func (p *passthrough) Declare(d *turgo.Declaration) {
	d.Input("in", p.process)
	p.out = d.Output("out")
}

func (p *passthrough) process(in *turgo.Batch) {
	for in.Next() {
		p.out.Forward()
	}
}

func init() {
	turgo.Register("passthrough", func() turgo.Operator { return new(passthrough) })
}

func main() {}
