package main

import (
	"encoding/binary"
	"strconv"
)

// payment is what a record of the input tells. Its id is the record's key.
type payment struct {
	account []byte
	amount  int64 // cents; negative where money goes out
}

// The codes of failures.
const (
	codeNotAPayment = 1 // the record cannot be read
	codeIDReused    = 2 // another payment had the same id
	codeTooLarge    = 3 // the balance would not fit 64 bits
)

const nameBytesMax = 128

// isName tells whether an id or an account is one that the output can hold as it is:
// printable ASCII without quote and backslash.
func isName(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return len(text) > 0 && len(text) <= nameBytesMax
}

// parse reads the value of a record, {"account":"alice","amount":1250}, fields in any
// order. What it cannot read exactly it refuses, and says why; "" is success.
func parse(value []byte) (p payment, refusal string) {
	r := reader{data: value}
	hasAmount := false
	r.byte('{')
	for more := true; more && !r.bad; more = r.tryByte(',') {
		name := string(r.text())
		r.byte(':')
		switch {
		case r.bad:
		case name == "account" && p.account == nil:
			if p.account = r.text(); !r.bad && !isName(p.account) {
				return p, "account must be 1 to 128 printable ASCII characters without quote and backslash"
			}
		case name == "amount" && !hasAmount:
			hasAmount = true
			if p.amount = r.integer(); r.bad {
				return p, "amount must be a whole number of cents"
			}
		default:
			return p, "field " + strconv.Quote(name) + " is unknown or there twice"
		}
	}
	r.byte('}')
	if r.space(); r.bad || r.at != len(value) {
		return p, `value is not like {"account":"alice","amount":1250}`
	}
	if p.account == nil || !hasAmount {
		return p, "account or amount is missing"
	}
	return p, ""
}

// reader reads the little of JSON that a payment needs. After bad is set,
// nothing that it gives means anything.
type reader struct {
	data []byte
	at   int
	bad  bool
}

func (r *reader) space() {
	for r.at < len(r.data) && (r.data[r.at] == ' ' || r.data[r.at] == '\n' || r.data[r.at] == '\t' || r.data[r.at] == '\r') {
		r.at++
	}
}

func (r *reader) tryByte(c byte) bool {
	if r.space(); r.at >= len(r.data) || r.data[r.at] != c {
		return false
	}
	r.at++
	return true
}

func (r *reader) byte(c byte) {
	if !r.tryByte(c) {
		r.bad = true
	}
}

// text reads a string without escapes.
func (r *reader) text() []byte {
	r.byte('"')
	for start := r.at; r.at < len(r.data); r.at++ {
		switch c := r.data[r.at]; {
		case c == '"':
			r.at++
			return r.data[start : r.at-1]
		case c == '\\' || c < ' ':
			r.bad = true
			return nil
		}
	}
	r.bad = true
	return nil
}

// integer reads a whole number as JSON writes it: no sign but minus, no leading zeros.
func (r *reader) integer() int64 {
	r.space()
	start := r.at
	for r.at < len(r.data) && (r.data[r.at] == '-' || '0' <= r.data[r.at] && r.data[r.at] <= '9') {
		r.at++
	}
	digits := r.data[start:r.at]
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > 1 && digits[0] == '0' {
		r.bad = true
		return 0
	}
	n, err := strconv.ParseInt(string(r.data[start:r.at]), 10, 64)
	r.bad = r.bad || err != nil
	return n
}

// Between the operators a payment's record has the account as its key; its value is
// the amount, 8 bytes little-endian, and the id.

func appendPassed(buffer []byte, amount int64, id []byte) []byte {
	return append(binary.LittleEndian.AppendUint64(buffer, uint64(amount)), id...)
}

func readPassed(value []byte) (amount int64, id []byte, ok bool) {
	if len(value) < 8 {
		return 0, nil, false
	}
	return int64(binary.LittleEndian.Uint64(value)), value[8:], true
}
