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

const notLike = `value is not like {"account":"alice","amount":1250}`

// parse reads the value of a record, {"account":"alice","amount":1250}, fields in any
// order. What it cannot read exactly it refuses, and says why; "" is success.
func parse(value []byte) (p payment, refusal string) {
	r := reader{data: value}
	hasAmount := false
	r.take('{')
	for more := true; more; more = r.tryTake(',') {
		name := r.text()
		r.take(':')
		switch {
		case r.bad:
			return p, notLike
		case string(name) == "account" && p.account == nil:
			if p.account = r.text(); r.bad {
				return p, notLike
			}
			if !isName(p.account) {
				return p, "account must be 1 to 128 printable ASCII characters without quote and backslash"
			}
		case string(name) == "amount" && !hasAmount:
			hasAmount = true
			if p.amount = r.integer(); r.bad {
				return p, "amount must be a whole number of cents"
			}
		default:
			return p, "field " + strconv.Quote(string(name)) + " is unknown or there twice"
		}
	}
	r.take('}')
	if r.space(); r.bad || r.at != len(value) {
		return p, notLike
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
	for r.at < len(r.data) && r.data[r.at] <= ' ' {
		if c := r.data[r.at]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return
		}
		r.at++
	}
}

// tryTake skips space and one byte, if that is next.
func (r *reader) tryTake(c byte) bool {
	if r.at < len(r.data) && r.data[r.at] == c { // most often there is no space
		r.at++
		return true
	}
	if r.space(); r.at >= len(r.data) || r.data[r.at] != c {
		return false
	}
	r.at++
	return true
}

func (r *reader) take(c byte) {
	if !r.tryTake(c) {
		r.bad = true
	}
}

// text reads a string without escapes.
func (r *reader) text() []byte {
	r.take('"')
	rest := r.data[r.at:]
	for i, c := range rest {
		if c == '"' {
			r.at += i + 1
			return rest[:i]
		}
		if c == '\\' || c < ' ' {
			break
		}
	}
	r.bad = true
	return nil
}

// amountDigits is what surely fits 64 bits; longer numbers take the slow way.
const amountDigits = 18

// integer reads a whole number as JSON writes it: no sign but minus, no leading zeros.
func (r *reader) integer() (n int64) {
	r.space()
	start, digits := r.at, r.data[r.at:]
	negative := len(digits) > 0 && digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	length := 0
	for length < len(digits) && '0' <= digits[length] && digits[length] <= '9' {
		n = n*10 + int64(digits[length]-'0')
		length++
	}
	r.at = len(r.data) - len(digits) + length
	if length == 0 || length > 1 && digits[0] == '0' || r.at < len(r.data) && !endsNumber(r.data[r.at]) {
		r.bad = true
	}
	if length > amountDigits {
		var err error
		n, err = strconv.ParseInt(string(r.data[start:r.at]), 10, 64)
		r.bad = r.bad || err != nil
		return n
	}
	if negative {
		return -n
	}
	return n
}

func endsNumber(c byte) bool { return c == ',' || c == '}' || c <= ' ' }

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
