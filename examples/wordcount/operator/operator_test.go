package main

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
	"github.com/turgo-stream/turgo/guest-sdk/go/turgotest"
)

func newSplit() turgo.Operator { return new(split) }
func newCount() turgo.Operator { return new(count) }

func words(text ...string) (records []turgotest.Record) {
	for _, word := range text {
		records = append(records, turgotest.KeyValue(word, ""))
	}
	return records
}

func TestSplitEmitsEachWordOfALine(t *testing.T) {
	turgotest.Run(t, newSplit, func(h *turgotest.Harness) {
		h.Send("lines", turgotest.Value("func main() {}"), turgotest.Value(""), turgotest.Value("a_b c9,\tZ"))
		h.Expect("words", words("func", "main", "a_b", "c9", "Z")...)
	})
}

func TestSplitKeepsTheTimestampOfTheLine(t *testing.T) {
	turgotest.Run(t, newSplit, func(h *turgotest.Harness) {
		h.Send("lines", turgotest.Value("x averyveryverylongword").At(42))
		h.Expect("words", turgotest.KeyValue("x", "").At(42), turgotest.KeyValue("averyveryverylongword", "").At(42))
	})
}

func TestSplitTakesBytesThatAreNotText(t *testing.T) {
	turgotest.Run(t, newSplit, func(h *turgotest.Harness) {
		h.Send("lines", turgotest.Value("a\x00b\xffc\r"), turgotest.Value("h\u00e9llo"))
		h.Expect("words", words("a", "b", "c", "h", "llo")...)
	})
}

func TestSplitTakesALineOfTenMegabytes(t *testing.T) {
	h := turgotest.New(t, newSplit, turgotest.Whole, turgotest.Options{})
	const longWords = 10 << 20 / 50
	h.Send("lines", turgotest.Value(strings.Repeat(strings.Repeat("w", 49)+" ", longWords)), turgotest.Value(strings.Repeat("x", 10<<20)))
	got := h.Output("words")
	if len(got) != longWords+1 {
		t.Fatalf("%d words, want %d", len(got), longWords+1)
	}
	if last := got[len(got)-1].Key; len(last) != 10<<20 {
		t.Errorf("last word of %d bytes, want %d", len(last), 10<<20)
	}
}

// The expression and the byte-wise loop must agree on any bytes, at any length.
func TestSplitAgreesWithARegularExpression(t *testing.T) {
	word := regexp.MustCompile(`[A-Za-z0-9_]+`)
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []byte("azAZ09_ @[`{/:^\x00\x7f\x80\xdf\xff.-")
	var lines []turgotest.Record
	var want []turgotest.Record
	for range 3000 {
		line := make([]byte, random.IntN(200))
		for i := range line {
			if line[i] = byte(random.Uint32()); random.IntN(3) > 0 {
				line[i] = alphabet[random.IntN(len(alphabet))]
			}
		}
		lines = append(lines, turgotest.Value(string(line)))
		for _, w := range word.FindAll(line, -1) {
			want = append(want, turgotest.KeyValue(string(w), ""))
		}
	}
	h := turgotest.New(t, newSplit, turgotest.Whole, turgotest.Options{})
	h.Send("lines", lines...)
	h.Expect("words", want...)
}

func TestEveryByteIsInAWordOrNot(t *testing.T) {
	for c := range 256 {
		got := inWord(uint64(c)<<24) != 0
		want := bytes.ContainsRune([]byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), rune(c)) && c < 128
		if got != want {
			t.Errorf("byte %#x: %v, want %v", c, got, want)
		}
	}
}

func TestCountTellsTheTotalsWhenTheInputEnds(t *testing.T) {
	turgotest.Run(t, newCount, func(h *turgotest.Harness) {
		h.Send("words", words("a", "b", "a")...)
		h.AdvanceWatermark(1_000_000)
		h.Expect("totals")
		h.Send("words", words("a")...)
		h.End()
		h.Expect("totals",
			turgotest.KeyValue("a", "a 3").At(turgo.WatermarkMax),
			turgotest.KeyValue("b", "b 1").At(turgo.WatermarkMax))
	})
}
