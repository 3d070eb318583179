// Package turgo is what a Go operator for Turgo imports. An operator is an
// ordinary type that declares its inputs, outputs, states and timers:
//
//	type count struct {
//		total  turgo.Value[uint64]
//		totals turgo.Output
//	}
//
//	func (c *count) Declare(d *turgo.Declaration) {
//		d.Input("words", c.process)
//		c.totals = d.Output("totals")
//		c.total = turgo.NewValue(d, "total", turgo.Uint64)
//	}
//
//	func (c *count) process(words *turgo.Batch) {
//		for words.Next() {
//			total, _ := c.total.Get()
//			c.total.Put(total + 1)
//			c.totals.Emit(words.Key(), strconv.AppendUint(nil, total+1, 10))
//		}
//	}
//
//	func init() { turgo.Register("count", func() turgo.Operator { return new(count) }) }
//
//	func main() {}
//
// It becomes a module with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags='-s -w' -o count.wasm
//
// Package turgotest runs it natively in a unit test.
package turgo

// Operator is what an author writes. Declare is called once, before anything
// else, on a new value; what an operator keeps in its own fields may vanish
// after any call. What must last is state.
type Operator interface {
	Declare(d *Declaration)
}

// Opener is an Operator that prepares before its first batch. An error refuses:
// the job does not start.
type Opener interface {
	Open(c *Context) error
}

// Closer is an Operator that is told when an instance ends in good order.
type Closer interface {
	Close()
}

type registration struct {
	name   string
	create func() Operator
}

var registered []registration

// Register adds an operator to the module. Call it from init.
func Register(name string, create func() Operator) {
	for _, r := range registered {
		if r.name == name {
			panic("turgo: operator " + name + " is registered twice")
		}
	}
	registered = append(registered, registration{name: name, create: create})
}
