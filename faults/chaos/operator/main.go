// Command operator is the module of the chaos job: it keeps count and sum of
// each key, and tells both with the id of each record.
package main

import (
	"bytes"
	"strconv"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

const codeMalformed = 1

// totals reads values "ID AMOUNT" and emits "ID COUNT SUM" under the same key.
type totals struct {
	count turgo.Value[uint64]
	sum   turgo.Value[int64]
	out   turgo.Output
	text  []byte
}

func (t *totals) Declare(d *turgo.Declaration) {
	d.Input("in", t.process)
	t.out = d.Output("out")
	t.count = turgo.NewValue(d, "count", turgo.Uint64)
	t.sum = turgo.NewValue(d, "sum", turgo.Int64)
}

func (t *totals) process(in *turgo.Batch) {
	for in.Next() {
		id, digits, _ := bytes.Cut(in.Value(), []byte(" "))
		amount, err := strconv.ParseInt(string(digits), 10, 64)
		if err != nil {
			in.Fail(codeMalformed, "the value is not ID AMOUNT")
			continue
		}
		count, _ := t.count.Get()
		sum, _ := t.sum.Get()
		count, sum = count+1, sum+amount
		t.count.Put(count)
		t.sum.Put(sum)
		t.text = append(append(t.text[:0], id...), ' ')
		t.text = append(strconv.AppendUint(t.text, count, 10), ' ')
		t.text = strconv.AppendInt(t.text, sum, 10)
		t.out.Emit(in.Key(), t.text)
	}
}

func init() {
	turgo.Register("totals", func() turgo.Operator { return new(totals) })
}

func main() {}
