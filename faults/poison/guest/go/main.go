// Command go is the operator account of the poison harness, in Go: a running
// count and sum for each key, which some records make it fail at, after it has
// changed state and emitted. ../c/poison.c is the same in C.
package main

import (
	"strconv"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

// Where the fields of a line are, and how long a line is.
const (
	idAt, idEnd         = 22, 31
	amountAt, amountEnd = 43, 46
	kindAt              = 56
	lineLength          = 59
)

// account keeps the running totals.
type account struct {
	count, sum turgo.Value[uint64]
	end        turgo.Timer
	totals     turgo.Output
	line       []byte
}

func (a *account) Declare(d *turgo.Declaration) {
	d.Input("payments", a.process)
	a.totals = d.Output("totals")
	a.count = turgo.NewValue(d, "count", turgo.Uint64)
	a.sum = turgo.NewValue(d, "sum", turgo.Uint64)
	a.end = d.EventTimer("end", a.tell)
}

func (a *account) process(payments *turgo.Batch) {
	for payments.Next() {
		line := payments.Value()
		if len(line) != lineLength {
			payments.Fail(8, "not a line of payments")
			continue
		}
		amount := uint64(0)
		for _, digit := range line[amountAt:amountEnd] {
			amount = amount*10 + uint64(digit-'0')
		}
		count, found := a.count.Get()
		if !found {
			a.end.Set(turgo.WatermarkMax)
		}
		sum, _ := a.sum.Get()
		count, sum = count+1, sum+amount
		a.count.Put(count)
		a.sum.Put(sum)
		a.put(payments.Key(), line[idAt:idEnd], count, sum)
		if kind := line[kindAt]; kind != 'g' {
			poison(payments, kind)
		}
	}
}

// put emits "head count sum".
func (a *account) put(key, head []byte, count, sum uint64) {
	a.line = append(append(a.line[:0], head...), ' ')
	a.line = append(strconv.AppendUint(a.line, count, 10), ' ')
	a.line = strconv.AppendUint(a.line, sum, 10)
	a.totals.Emit(key, a.line)
}

func (a *account) tell(ended *turgo.Batch) {
	for ended.Next() {
		count, found := a.count.Get()
		if !found {
			continue
		}
		sum, _ := a.sum.Get()
		a.put(ended.Key(), []byte("total"), count, sum)
	}
}

var (
	zero    int
	numbers = []int{1, 2, 3}
	nothing *account
)

// poison fails in the way that a record asks for.
func poison(payments *turgo.Batch, kind byte) {
	switch kind {
	case 'u':
		panic("a record that nobody thought of")
	case 'o':
		zero = numbers[len(numbers)+zero]
	case 'n':
		nothing.line = nil
	case 'd':
		zero = 7 / zero
	case 'l':
		for {
			numbers[0]++
		}
	case 'f':
		payments.Fail(7, "the amount is not to be had")
	}
}

func init() {
	turgo.Register("account", func() turgo.Operator { return new(account) })
}

func main() {}
