package main

import turgo "github.com/turgo-stream/turgo/guest-sdk/go"

// rememberedMS is how long an id is remembered: a day. A producer that sends a
// payment again must do so within it.
const rememberedMS = 24 * 60 * 60 * 1000

// dedup lets the first payment of each id pass, under the key of its account.
// The same payment again is dropped and counted; another one with the id of an
// earlier is refused.
type dedup struct {
	seen       turgo.Value[uint64] // fingerprint of the payment
	payments   turgo.Output
	duplicates turgo.Counter
	value      []byte
}

func (d *dedup) Declare(declaration *turgo.Declaration) {
	declaration.Input("payments", d.process)
	d.payments = declaration.Output("once")
	d.seen = turgo.NewValue(declaration, "seen", turgo.Uint64).Expiring(rememberedMS)
	d.duplicates = declaration.Counter("duplicates")
}

func (d *dedup) process(in *turgo.Batch) {
	duplicates := int64(0)
	for in.Next() {
		id := in.Key()
		if !isName(id) {
			in.Fail(codeNotAPayment, "key must be the payment's id: 1 to 128 printable ASCII characters without quote and backslash")
			continue
		}
		p, refusal := parse(in.Value())
		if refusal != "" {
			in.Fail(codeNotAPayment, refusal)
			continue
		}
		mark := fingerprint(p)
		if before, seen := d.seen.Get(); seen {
			if before != mark {
				in.Fail(codeIDReused, "another payment had the id "+string(id))
				continue
			}
			duplicates++
			continue
		}
		d.seen.Put(mark)
		d.value = appendPassed(d.value[:0], p.amount, id)
		d.payments.Emit(p.account, d.value)
	}
	if duplicates > 0 {
		d.duplicates.Add(duplicates)
	}
}

// fingerprint is FNV-1a over account and amount, the amount in one step.
func fingerprint(p payment) uint64 {
	const prime = 1099511628211
	hash := uint64(14695981039346656037)
	for _, c := range p.account {
		hash = (hash ^ uint64(c)) * prime
	}
	hash = (hash ^ uint64(p.amount)) * prime
	return hash ^ hash>>32
}
