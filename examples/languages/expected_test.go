package languages

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// outputs are the sorted lines of what a job gives, by the files of expected/.
type outputs map[string][]string

const (
	expectedCentsMin = 100
	expectedGapMS    = 30_000
	expectedMinuteMS = 60_000
)

type paid struct{ time, cents int64 }

var (
	lineTime    = regexp.MustCompile(`^[0-9]{1,15}$`)
	lineCents   = regexp.MustCompile(`^-?[0-9]{1,15}$`)
	lineAccount = func(text string) bool { return len(text) >= 1 && len(text) <= 64 }
)

// readExpected reads a line by the words of README.md, with nothing of an
// operator. It tells what is wrong with one that is no payment.
func readExpected(line string) (account string, p paid, wrong string) {
	fields := strings.SplitN(line, ",", 4)
	switch n := len(fields); {
	case !lineTime.MatchString(fields[0]):
		return "", p, "time"
	case n < 2 || !lineAccount(fields[1]):
		return "", p, "account"
	case n < 3 || !lineCents.MatchString(fields[2]):
		return "", p, "cents"
	case n < 4:
		return "", p, "note"
	}
	p.time, _ = strconv.ParseInt(fields[0], 10, 64)
	p.cents, _ = strconv.ParseInt(fields[2], 10, 64)
	return fields[1], p, ""
}

// expect works out what the job must give, from all payments at once: a plain
// program that knows nothing of batches, watermarks and timers.
func expect(input string) outputs {
	accounts := map[string][]paid{}
	var letters []string
	for line := range strings.Lines(input) {
		line = strings.TrimSuffix(line, "\n")
		account, p, wrong := readExpected(line)
		if wrong != "" {
			letters = append(letters, "not a payment: "+wrong+"\t"+line)
		} else if p.cents >= expectedCentsMin {
			accounts[account] = append(accounts[account], p)
		}
	}
	o := outputs{"letters": letters}
	for account, payments := range accounts {
		slices.SortFunc(payments, func(a, b paid) int { return int(a.time - b.time) })
		minutes := map[int64]int{}
		for _, p := range payments {
			minutes[p.time/expectedMinuteMS*expectedMinuteMS]++
		}
		for start, n := range minutes {
			o["counts"] = append(o["counts"], fmt.Sprintf("%s\t%d %d", account, start, n))
		}
		o["sums"] = append(o["sums"], expectSessions(account, payments)...)
	}
	return o.sorted()
}

// expectSessions cuts an account's payments, which are in order of time, at gaps.
func expectSessions(account string, payments []paid) (lines []string) {
	first, sum := payments[0].time, int64(0)
	for i, p := range payments {
		sum += p.cents
		next := int64(math.MaxInt64)
		if i+1 < len(payments) {
			next = payments[i+1].time
		}
		if next-p.time >= expectedGapMS {
			lines = append(lines, fmt.Sprintf("%s\t%d %d %d", account, first, p.time, sum))
			first, sum = next, 0
		}
	}
	return lines
}

func (o outputs) sorted() outputs {
	for _, lines := range o {
		slices.Sort(lines)
	}
	return o
}

func readExpectedFiles(t testing.TB) outputs {
	t.Helper()
	o := outputs{}
	for _, name := range []string{"counts", "sums", "letters"} {
		data, err := os.ReadFile(filepath.Join("expected", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			o[name] = append(o[name], strings.TrimSuffix(line, "\n"))
		}
	}
	return o
}

// compare tells the first lines that differ.
func compare(t testing.TB, what string, got, want outputs) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if slices.Equal(got[name], want[name]) {
			continue
		}
		t.Errorf("%s: %s: %d lines, want %d", what, name, len(got[name]), len(want[name]))
		for i := range max(len(got[name]), len(want[name])) {
			line := func(lines []string) string {
				if i < len(lines) {
					return lines[i]
				}
				return "(no more)"
			}
			if g, w := line(got[name]), line(want[name]); g != w {
				t.Errorf("%s: %s: line %d is %q, want %q", what, name, i+1, g, w)
				break
			}
		}
	}
}

// The expected output comes from no part of Turgo.
func TestExpectedOutput(t *testing.T) {
	input, err := os.ReadFile(inputPath)
	if err != nil {
		t.Fatal(err)
	}
	want := expect(string(input))
	if *update {
		for name, lines := range want {
			if err := os.WriteFile(filepath.Join("expected", name+".txt"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	compare(t, "expected/", readExpectedFiles(t), want)
	for name, most := range map[string]int{"counts": 500, "sums": 200, "letters": 40} {
		if len(want[name]) < most {
			t.Errorf("%d lines of %s show little", len(want[name]), name)
		}
	}
	reasons := map[string]bool{}
	for _, letter := range want["letters"] {
		reason, _, _ := strings.Cut(letter, "\t")
		reasons[reason] = true
	}
	if len(reasons) != 4 {
		t.Errorf("the input's wrong lines are wrong in %d ways, want all 4", len(reasons))
	}
}

// Nothing in the input is late, at the latest time that the job's bound allows.
func TestNothingOfTheInputIsLate(t *testing.T) {
	input, err := os.ReadFile(inputPath)
	if err != nil {
		t.Fatal(err)
	}
	latest, atTheBound := int64(0), 0
	for line := range strings.Lines(string(input)) {
		_, p, wrong := readExpected(strings.TrimSuffix(line, "\n"))
		if wrong != "" {
			continue
		}
		if latest = max(latest, p.time); p.time < latest-inputBoundMS {
			t.Errorf("%s comes %d ms behind the latest, more than %d", line, latest-p.time, inputBoundMS)
		}
		if p.time == latest-inputBoundMS {
			atTheBound++
		}
	}
	if atTheBound == 0 {
		t.Error("no payment is as late as it may be")
	}
}
