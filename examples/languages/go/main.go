// Command go is the module of examples/languages in Go: four operators that are
// written in each language and do the same, to the byte.
package main

import turgo "github.com/turgo-stream/turgo/guest-sdk/go"

func init() {
	turgo.Register("pass", func() turgo.Operator { return new(pass) })
	turgo.Register("parse", func() turgo.Operator { return new(parse) })
	turgo.Register("count", func() turgo.Operator { return new(count) })
	turgo.Register("sum", func() turgo.Operator { return new(sum) })
}

func main() {}

// The codes of failures.
const (
	codeNotALine    = 1 // the text of a line cannot be read
	codeNotAPayment = 2 // the record is not one of parse
)

// pass passes each record on as it is.
type pass struct{ out turgo.Output }

func (p *pass) Declare(d *turgo.Declaration) {
	d.Input("in", p.process, turgo.Insert, turgo.UpdateBefore, turgo.UpdateAfter, turgo.Delete)
	p.out = d.Output("out")
}

func (p *pass) process(in *turgo.Batch) {
	for in.Next() {
		p.out.Forward()
	}
}
