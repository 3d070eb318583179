package main

import (
	"encoding/binary"
	"strings"
	"testing"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
	"github.com/turgo-stream/turgo/guest-sdk/go/turgotest"
)

func newPass() turgo.Operator  { return new(pass) }
func newParse() turgo.Operator { return new(parse) }
func newCount() turgo.Operator { return new(count) }
func newSum() turgo.Operator   { return new(sum) }

func paid(account string, cents, time int64) turgotest.Record {
	return turgotest.KeyValue(account, string(binary.LittleEndian.AppendUint64(nil, uint64(cents)))).At(time)
}

func lines(texts ...string) (records []turgotest.Record) {
	for _, text := range texts {
		records = append(records, turgotest.Value(text))
	}
	return records
}

func expectFailures(t *testing.T, h *turgotest.Harness, code uint32, want ...string) {
	t.Helper()
	failures := h.Failures()
	if len(failures) != len(want) {
		t.Errorf("%d failures, want %d", len(failures), len(want))
	}
	for i, f := range failures[:min(len(failures), len(want))] {
		if f.Code != code || f.Text != want[i] {
			t.Errorf("%v fails with %d %q, want %d %q", f.Record, f.Code, f.Text, code, want[i])
		}
	}
}

func TestPassChangesNothing(t *testing.T) {
	records := []turgotest.Record{
		turgotest.KeyValue("k", "v").At(7), turgotest.Value("v").As(turgo.UpdateBefore), turgotest.KeyValue("", "").As(turgo.UpdateAfter).At(-1),
		{Key: []byte("gone"), Kind: turgo.Delete, Timestamp: turgo.NoTimestamp},
	}
	turgotest.Run(t, newPass, func(h *turgotest.Harness) {
		h.Send("in", records...)
		h.Expect("out", records...)
	})
}

func TestParseReadsPayments(t *testing.T) {
	longest := strings.Repeat("x", accountBytesMax)
	turgotest.Run(t, newParse, func(h *turgotest.Harness) {
		h.Send("lines", lines("7,alice,100,", "999999999999999,"+longest+",999999999999999,a, b", "007,,,", "8,bob,99,small", "9,bob,-100,small")...)
		h.Expect("payments", paid("alice", 100, 7), paid(longest, 999999999999999, 999999999999999))
		expectFailures(t, h, codeNotALine, "not a payment: account")
		if got := h.Metric("small"); got != 2 {
			t.Errorf("%d small payments, want 2", got)
		}
	})
}

func TestParseTellsTheFirstFieldThatIsWrong(t *testing.T) {
	wrong := map[string][]string{
		"time":    {"", ",a,1,", "-7,a,1,", "x", "1234567890123456,a,1,", " 7,a,1,", "7 ,,,"},
		"account": {"7", "7,", "7,,1,", "7," + strings.Repeat("x", accountBytesMax+1) + ",1,"},
		"cents":   {"7,a", "7,a,", "7,a,,", "7,a,-,", "7,a,--1,", "7,a,+1,", "7,a,1.0,", "7,a,1234567890123456,", "7,a,1 "},
		"note":    {"7,a,1", "7,a,-1000"},
	}
	for field, texts := range wrong {
		turgotest.Run(t, newParse, func(h *turgotest.Harness) {
			var want []string
			for range texts {
				want = append(want, "not a payment: "+field)
			}
			h.Send("lines", lines(texts...)...)
			expectFailures(t, h, codeNotALine, want...)
			h.Send("lines", turgotest.Record{Key: []byte("k"), Timestamp: 5})
			expectFailures(t, h, codeNotALine, "not a payment: time")
			h.Expect("payments")
		})
	}
}

func TestParseTakesItsLimitFromTheConfig(t *testing.T) {
	options := turgotest.Options{Config: map[string]any{"cents_min": -5}}
	turgotest.RunWith(t, options, newParse, func(h *turgotest.Harness) {
		h.Send("lines", lines("7,a,-5,", "7,a,-6,")...)
		h.Expect("payments", paid("a", -5, 7))
	})
}

func TestCountTellsAMinuteWhenItHasPassed(t *testing.T) {
	turgotest.Run(t, newCount, func(h *turgotest.Harness) {
		h.Send("payments", paid("a", 1, 0), paid("a", 1, 59_999), paid("b", 1, 60_000), paid("a", 1, -1), paid("a", 1, 60_000))
		h.AdvanceWatermark(59_999)
		h.Expect("counts", turgotest.KeyValue("a", "-60000 1").At(-1))
		h.Send("payments", paid("a", 1, 59_998), paid("a", 1, 59_999)) // the first is late
		h.AdvanceWatermark(60_000)
		h.Expect("counts", turgotest.KeyValue("a", "0 3").At(59_999))
		h.End()
		h.Expect("counts", turgotest.KeyValue("a", "60000 1").At(119_999), turgotest.KeyValue("b", "60000 1").At(119_999))
		if got := h.Metric("late"); got != 1 {
			t.Errorf("%d late payments, want 1", got)
		}
	})
}

func TestWhatIsNoPaymentFails(t *testing.T) {
	for input, create := range map[string]func() turgo.Operator{"count": newCount, "sum": newSum} {
		t.Run(input, func(t *testing.T) {
			turgotest.Run(t, create, func(h *turgotest.Harness) {
				h.Send("payments", turgotest.KeyValue("a", "1234567").At(5), turgotest.KeyValue("a", "12345678"), turgotest.Record{Key: []byte("a"), Timestamp: 5})
				expectFailures(t, h, codeNotAPayment, "not a payment", "not a payment", "not a payment")
			})
		})
	}
}

func TestSumJoinsWhatNoGapParts(t *testing.T) {
	options := turgotest.Options{Config: map[string]any{"gap_ms": 10}}
	turgotest.RunWith(t, options, newSum, func(h *turgotest.Harness) {
		h.Send("payments", paid("a", 1, 100), paid("a", 2, 109), paid("a", 4, 119)) // the last is apart by the gap
		h.Send("payments", paid("b", 1, 100), paid("b", 2, 118), paid("b", 4, 109)) // the last joins both
		h.Send("payments", paid("c", 1, 100), paid("c", 2, 95), paid("c", 4, 97))   // an earlier first, and one within
		h.AdvanceWatermark(118)
		h.Expect("sums", turgotest.KeyValue("c", "95 100 7").At(100))
		h.Send("payments", paid("a", 1000, 117), paid("a", 8, 118))
		h.AdvanceWatermark(119)
		h.End()
		h.Expect("sums", turgotest.KeyValue("b", "100 118 7").At(118), turgotest.KeyValue("a", "100 119 15").At(119))
		if got := h.Metric("late"); got != 1 {
			t.Errorf("%d late payments, want 1", got)
		}
	})
}

func TestSumRefusesAGapOfNothing(t *testing.T) {
	if got := turgotest.Refusal(t, newSum, map[string]any{"gap_ms": 0}); got != "config: gap_ms must be 1 or more" {
		t.Errorf("refused with %q", got)
	}
}
