package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
	"github.com/turgo-stream/turgo/guest-sdk/go/turgotest"
)

func newDedup() turgo.Operator   { return new(dedup) }
func newBalance() turgo.Operator { return new(balance) }

func paid(id, account, amount string) turgotest.Record {
	return turgotest.KeyValue(id, `{"account":"`+account+`","amount":`+amount+`}`)
}

func passed(id, account string, amount int64) turgotest.Record {
	return turgotest.KeyValue(account, string(appendPassed(nil, amount, []byte(id))))
}

func TestEachPaymentPassesOnce(t *testing.T) {
	turgotest.Run(t, newDedup, func(h *turgotest.Harness) {
		h.Send("payments", paid("p1", "alice", "1250"), paid("p2", "bob", "-5"), paid("p1", "alice", "1250"))
		h.Send("payments", turgotest.KeyValue("p2", "\n{ \"amount\" : -5,\t\"account\":\"bob\" } ").At(7), paid("p3", "alice", "1250").At(8))
		h.Expect("once", passed("p1", "alice", 1250), passed("p2", "bob", -5), passed("p3", "alice", 1250).At(8))
		if got := h.Metric("duplicates"); got != 2 {
			t.Errorf("%d duplicates, want 2", got)
		}
	})
}

func TestAnIDIsRememberedForADay(t *testing.T) {
	turgotest.Run(t, newDedup, func(h *turgotest.Harness) {
		h.Send("payments", paid("p1", "alice", "1"))
		h.AdvanceProcessingTime(rememberedMS - 1)
		h.Send("payments", paid("p1", "alice", "1"))
		h.Expect("once", passed("p1", "alice", 1))
		h.AdvanceProcessingTime(rememberedMS) // the second one did not make it last longer
		h.Send("payments", paid("p1", "alice", "1"))
		h.Expect("once", passed("p1", "alice", 1))
	})
}

func TestWhatIsNoPaymentFailsAlone(t *testing.T) {
	bad := []struct {
		record turgotest.Record
		code   uint32
		want   string
	}{
		{turgotest.Value(`{"account":"alice","amount":1}`), codeNotAPayment, "key must be"},
		{paid("a\"b", "alice", "1"), codeNotAPayment, "key must be"},
		{paid(strings.Repeat("x", 129), "alice", "1"), codeNotAPayment, "key must be"},
		{turgotest.KeyValue("p1", ""), codeNotAPayment, "is not like"},
		{turgotest.KeyValue("p1", "{}"), codeNotAPayment, "is not like"},
		{turgotest.KeyValue("p1", `{"amount":1}`), codeNotAPayment, "missing"},
		{turgotest.KeyValue("p1", `{"account":"alice","amount":1}x`), codeNotAPayment, "is not like"},
		{turgotest.KeyValue("p1", `{"account":"alice","amount":1,"amount":2}`), codeNotAPayment, `"amount" is unknown or there twice`},
		{turgotest.KeyValue("p1", `{"account":"alice","cents":1}`), codeNotAPayment, `"cents" is unknown`},
		{paid("p1", "", "1"), codeNotAPayment, "account must be"},
		{paid("p1", "al\\u0069ce", "1"), codeNotAPayment, "is not like"},
		{paid("p1", "alice", "1.5"), codeNotAPayment, "amount must be"},
		{paid("p1", "alice", "01"), codeNotAPayment, "amount must be"},
		{paid("p1", "alice", "1-2"), codeNotAPayment, "amount must be"},
		{paid("p1", "alice", "\"1\""), codeNotAPayment, "amount must be"},
		{paid("p1", "alice", "9223372036854775808"), codeNotAPayment, "amount must be"},
		{paid("p0", "alice", "2"), codeIDReused, "another payment had the id p0"},
		{paid("p0", "bob", "1"), codeIDReused, "another payment had the id p0"},
	}
	turgotest.Run(t, newDedup, func(h *turgotest.Harness) {
		records := []turgotest.Record{paid("p0", "alice", "1")}
		for _, b := range bad {
			records = append(records, b.record)
		}
		h.Send("payments", append(records, paid("p1", "alice", "2"))...)
		h.Expect("once", passed("p0", "alice", 1), passed("p1", "alice", 2))
		failures := h.Failures()
		if len(failures) != len(bad) {
			t.Fatalf("%d failures, want %d", len(failures), len(bad))
		}
		for i, f := range failures {
			if f.Code != bad[i].code || !strings.Contains(f.Text, bad[i].want) {
				t.Errorf("%v fails with %d %q, want %d %q", bad[i].record, f.Code, f.Text, bad[i].code, bad[i].want)
			}
		}
	})
}

func TestBalancesRun(t *testing.T) {
	turgotest.Run(t, newBalance, func(h *turgotest.Harness) {
		h.Send("once", passed("p1", "alice", 1250), passed("p2", "bob", -5).At(9), passed("p3", "alice", -250), passed("p4", "alice", 0))
		h.Expect("balances",
			turgotest.KeyValue("alice", `{"id":"p1","account":"alice","amount":1250,"balance":1250}`),
			turgotest.KeyValue("bob", `{"id":"p2","account":"bob","amount":-5,"balance":-5}`).At(9),
			turgotest.KeyValue("alice", `{"id":"p3","account":"alice","amount":-250,"balance":1000}`),
			turgotest.KeyValue("alice", `{"id":"p4","account":"alice","amount":0,"balance":1000}`))
	})
}

func TestABalanceNeverOverflows(t *testing.T) {
	turgotest.Run(t, newBalance, func(h *turgotest.Harness) {
		h.Send("once", passed("p1", "a", 1<<63-1), passed("p2", "a", 1), passed("p3", "a", -1),
			passed("p4", "b", -1<<63), passed("p5", "b", -1), turgotest.KeyValue("b", "short"))
		h.Expect("balances",
			turgotest.KeyValue("a", `{"id":"p1","account":"a","amount":9223372036854775807,"balance":9223372036854775807}`),
			turgotest.KeyValue("a", `{"id":"p3","account":"a","amount":-1,"balance":9223372036854775806}`),
			turgotest.KeyValue("b", `{"id":"p4","account":"b","amount":-9223372036854775808,"balance":-9223372036854775808}`))
		var codes []uint32
		for _, f := range h.Failures() {
			codes = append(codes, f.Code)
		}
		if len(codes) != 3 || codes[0] != codeTooLarge || codes[1] != codeTooLarge || codes[2] != codeNotAPayment {
			t.Errorf("failures with the codes %v, want too large twice and not a payment", codes)
		}
	})
}

// What parse accepts, encoding/json reads the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"account":"alice","amount":1250}`, ` { "amount" : -0 , "account" : "a b" } `, `{"account":"a","amount":1e3}`,
		`{"account":"a","amount":1,}`, `{"account":"é","amount":1}`, "{\"account\":\"a\x00\",\"amount\":1}", `{"account":"a","amount":--1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		got, refusal := parse(value)
		if refusal != "" {
			return
		}
		var want struct {
			Account string `json:"account"`
			Amount  int64  `json:"amount"`
		}
		decoder := json.NewDecoder(bytes.NewReader(value))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&want); err != nil || want.Account != string(got.account) || want.Amount != got.amount {
			t.Errorf("%q is read as %q, %d; encoding/json reads %+v, %v", value, got.account, got.amount, want, err)
		}
	})
}
