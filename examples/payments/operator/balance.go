package main

import (
	"strconv"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

// balance keeps the running balance of each account, and tells it with each
// payment: {"id":"p-1","account":"alice","amount":1250,"balance":1250}.
type balance struct {
	total turgo.Value[int64]
	out   turgo.Output
	text  []byte
}

func (b *balance) Declare(d *turgo.Declaration) {
	d.Input("once", b.process)
	b.out = d.Output("balances")
	b.total = turgo.NewValue(d, "total", turgo.Int64)
}

func (b *balance) process(in *turgo.Batch) {
	for in.Next() {
		amount, id, ok := readPassed(in.Value())
		if !ok {
			in.Fail(codeNotAPayment, "the record is not one of dedup")
			continue
		}
		before, _ := b.total.Get()
		total := before + amount
		if (total > before) != (amount > 0) && amount != 0 {
			in.Fail(codeTooLarge, "balance "+strconv.FormatInt(before, 10)+" cannot take another "+strconv.FormatInt(amount, 10))
			continue
		}
		b.total.Put(total)
		b.text = append(append(b.text[:0], `{"id":"`...), id...)
		b.text = append(append(b.text, `","account":"`...), in.Key()...)
		b.text = strconv.AppendInt(append(b.text, `","amount":`...), amount, 10)
		b.text = strconv.AppendInt(append(b.text, `,"balance":`...), total, 10)
		b.text = append(b.text, '}')
		b.out.Emit(in.Key(), b.text)
	}
}
