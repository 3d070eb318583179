package languages

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write payments.txt and expected/ anew")

// The input's shape.
const (
	inputPath       = "payments.txt"
	inputLines      = 4000
	inputStart      = 1767225600000 // 2026-01-01
	inputBoundMS    = 5000          // job.yaml's out_of_orderness
	bridgeEvery     = 150
	wrongEvery      = 90
	pauseEvery      = 400
	ordinaryStepsMS = 1800
)

var inputAccounts = []string{
	"alice", "bob", "carol", "dora", "emil", "frieda", "Gänseblümchen", "h i j", "k\"l", "0", "x'y;z", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
}

var inputNotes = []string{
	"", "rent", "coffee, cake, and tip", "a \"quoted\" word", ",", "ümläut, ∑", "-1,2,3", "two  spaces ",
}

// wrongLines are no payments, each for a reason of its own; %d is a time.
var wrongLines = []string{
	"", ",,,", "soon,alice,500,time is a word", "-%d,alice,500,negative time", " %d,alice,500,space before the time",
	"1234567890123456,alice,500,time of 16 digits", "%d", "%d,,500,no account",
	"%d,0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0,500,account of 65 bytes", "%d,alice", "%d,alice,", "%d,alice,,no cents",
	"%d,alice,-,no digits", "%d,alice,--5,two signs", "%d,alice,+5,plus", "%d,alice,5.00,not whole", "%d,alice,1234567890123456,16 digits",
	"%d,alice,0x10,hex", "%d,alice,500", "%d,bob,12 ,space behind the cents", "%d;alice;500;other commas",
}

// makeInput makes the lines of payments.txt: the same ones each time.
func makeInput() []byte {
	random := rand.New(rand.NewPCG(6, 2026))
	var lines bytes.Buffer
	now, count, wrong := int64(inputStart), 0, 0
	line := func(time int64, account string, cents int64) {
		fmt.Fprintf(&lines, "%d,%s,%d,%s\n", time, account, cents, inputNotes[random.IntN(len(inputNotes))])
		count++
	}
	for count < inputLines {
		now += 1 + random.Int64N(ordinaryStepsMS)
		if count%pauseEvery == pauseEvery-1 {
			now += 95_000 // all sessions end, a minute is without payments
		}
		switch account := inputAccounts[random.IntN(len(inputAccounts))]; {
		case count%wrongEvery == wrongEvery-1:
			text := wrongLines[wrong%len(wrongLines)]
			if bytes.Contains([]byte(text), []byte("%d")) {
				text = fmt.Sprintf(text, now)
			}
			lines.WriteString(text + "\n")
			wrong++
			count++
		case count%bridgeEvery == 0:
			now = bridge(line, now, count/bridgeEvery)
		case random.IntN(7) == 0:
			line(now, account, random.Int64N(300)-100) // about small
		case random.IntN(3) == 0:
			line(now-random.Int64N(inputBoundMS+1), account, 100+random.Int64N(100_000))
		default:
			line(now, account, 100+random.Int64N(100_000))
		}
	}
	return lines.Bytes()
}

// bridge writes payments of an account at the edges of minutes, gaps and of the
// watermark's bound, and returns the time of the latest.
func bridge(line func(time int64, account string, cents int64), now int64, number int) int64 {
	const gap, minute = 30_000, 60_000
	account := fmt.Sprintf("bridge-%d", number)
	now += minute - now%minute
	line(now-1, account, 100) // the last of a minute, not small by a hair
	line(now, account, 1000)  // the first of the next, in the same session
	switch number % 4 {
	case 0: // apart by the gap: two sessions
		line(now+gap, account, 10_000)
		return now + gap
	case 1: // just within it: one session
		line(now+gap-1, account, 10_000)
		return now + gap - 1
	case 2: // two sessions, until a payment between them comes as late as it may
		line(now+gap+inputBoundMS-1, account, 10_000)
		line(now+gap-1, account, 100_000)
		return now + gap + inputBoundMS - 1
	default: // a session gets an earlier first, then a payment within it
		line(now+gap+inputBoundMS, account, 10_000)
		line(now+gap, account, 100_000)
		line(now+gap+inputBoundMS/2, account, 1_000_000)
		return now + gap + inputBoundMS
	}
}

func TestTheInputIsTheOneThatIsMade(t *testing.T) {
	made := makeInput()
	if *update {
		if err := os.WriteFile(inputPath, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(inputPath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, made) {
		t.Error("payments.txt is not what makeInput makes: go test ./examples/languages -run 'Input|Expected' -update")
	}
}
