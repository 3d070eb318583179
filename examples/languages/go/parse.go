package main

import (
	"bytes"
	"encoding/binary"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

const (
	numberDigitsMax = 15
	accountBytesMax = 64
)

// payment is a line that was read: TIME,ACCOUNT,CENTS,NOTE. The note is not kept.
type payment struct {
	time    int64 // milliseconds since the epoch
	account []byte
	cents   int64
}

// parse makes a record of each payment that is not small: the account is its key,
// the cents are its value, 8 bytes little-endian.
type parse struct {
	payments turgo.Output
	small    turgo.Counter
	centsMin int64
	value    [8]byte
}

func (p *parse) Declare(d *turgo.Declaration) {
	d.Input("lines", p.process)
	p.payments = d.Output("payments")
	p.small = d.Counter("small")
	d.AssignsTimestamps()
	d.ConfigSchema(`{"type":"object","properties":{"cents_min":{"type":"integer","default":100}},"additionalProperties":false}`)
}

func (p *parse) Open(c *turgo.Context) error {
	p.centsMin = c.Config.Int64("cents_min", 100)
	return c.Config.Err()
}

func (p *parse) process(lines *turgo.Batch) {
	for lines.Next() {
		payment, wrong := readLine(lines.Value())
		if wrong != "" {
			lines.Fail(codeNotALine, "not a payment: "+wrong)
			continue
		}
		if payment.cents < p.centsMin {
			p.small.Add(1)
			continue
		}
		binary.LittleEndian.PutUint64(p.value[:], uint64(payment.cents))
		p.payments.EmitRecord(turgo.Record{Key: payment.account, Value: p.value[:], Timestamp: payment.time})
	}
}

// readLine reads a line. Where it is no payment it tells the first field that is
// wrong; "" is success.
func readLine(line []byte) (p payment, wrong string) {
	time, line, _ := bytes.Cut(line, comma)
	var ok bool
	if p.time, ok = readDigits(time); !ok {
		return p, "time"
	}
	account, line, _ := bytes.Cut(line, comma)
	if len(account) == 0 || len(account) > accountBytesMax {
		return p, "account"
	}
	p.account = account
	cents, _, noted := bytes.Cut(line, comma)
	digits := bytes.TrimPrefix(cents, minus)
	if p.cents, ok = readDigits(digits); !ok {
		return p, "cents"
	}
	if len(digits) < len(cents) {
		p.cents = -p.cents
	}
	if !noted {
		return p, "note"
	}
	return p, ""
}

var comma, minus = []byte(","), []byte("-")

// readDigits reads decimal digits and nothing else.
func readDigits(digits []byte) (n int64, ok bool) {
	if len(digits) == 0 || len(digits) > numberDigitsMax {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
