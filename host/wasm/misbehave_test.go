package wasm

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/abi/record"
)

func openMisbehave(t *testing.T, logger *slog.Logger) *Operator {
	t.Helper()
	engine := newEngine(t, Config{Limits: Limits{MemoryPages: 1024, CallDuration: time.Second, DepthBytes: 16 << 20}})
	module := load(t, engine, "misbehave", buildGo(t, "testdata/misbehave"))
	return open(t, module, OpenConfig{UID: "m", Logger: logger})
}

// do has the guest do one thing and returns what it says.
func do(t *testing.T, operator *Operator, processingTime int64, what ...string) []string {
	t.Helper()
	var got collected
	if err := operator.Process(0, batchOf(what...), 0, processingTime, got.emit); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i] = strings.TrimPrefix(got[i], "0: ")
	}
	return got
}

func TestGoGuestFailsAndGoesOn(t *testing.T) {
	operator := openMisbehave(t, nil)
	for _, test := range []struct {
		what string
		kind Kind
		want string
	}{
		{"panic", KindTrap, "panic: runtime error: index out of range [5] with length 3"},
		{"nil", KindTrap, "panic: runtime error: invalid memory address or nil pointer dereference"},
		{"exit", KindTrap, "the guest exited with the status 4"},
		{"loop", KindTime, "the call took longer than 1s"},
		{"recurse", KindDepth, "calls are nested deeper than 16777216 bytes of frames allow"},
		{"eat", KindMemory, "bytes of memory, the limit is 67108864"},
		{"deadlock", KindTrap, "fatal error: all goroutines are asleep - deadlock!"},
	} {
		t.Run(test.what, func(t *testing.T) {
			err := operator.Process(0, batchOf("fine", test.what, "fine"), 0, 1, func(int, record.Batch) { t.Error("output") })
			guest := wantGuestError(t, err, test.kind, 1, test.want)
			t.Log(guest)
			if calls := do(t, operator, 1, "calls"); calls[0] != "1" {
				t.Errorf("the guest remembers %s calls after a failed one", calls)
			}
		})
	}
	t.Logf("%+v", operator.Usage())
}

func TestGoGuestHasNoOperatingSystem(t *testing.T) {
	operator := openMisbehave(t, nil)
	const now = 1_700_000_000_000
	for what, want := range map[string]string{
		"clock":       "1700000000000 0s",
		"sleep":       "250ms",
		"goroutine":   "from a goroutine",
		"environment": "[] []",
	} {
		if got := do(t, operator, now, what); got[0] != want {
			t.Errorf("%s: got %q, want %q", what, got[0], want)
		}
	}
	if got := do(t, operator, now, "file"); !strings.HasPrefix(got[0], "open /etc/passwd: ") {
		t.Errorf("file: %q", got)
	}
}

func TestRandomIsTheSameForTheSameCall(t *testing.T) {
	first, second := openMisbehave(t, nil), openMisbehave(t, nil)
	a, b := do(t, first, 5, "random", "random"), do(t, second, 5, "random", "random")
	if a[0] != b[0] || a[1] != b[1] || a[0] == a[1] {
		t.Errorf("%q and %q", a, b)
	}
	if c := do(t, openMisbehave(t, nil), 6, "random", "random"); c[0] == a[0] {
		t.Errorf("the same numbers at another time: %q", c)
	}
	if c := do(t, first, 5, "random", "other"); c[0] == a[0] {
		t.Errorf("the same numbers in another batch: %q", c)
	}
}

// Instances that were opened at different times are alike: what the language's
// runtime drew at its start, such as the seeds of maps, is the same.
func TestInstancesAreAlike(t *testing.T) {
	first, second := openMisbehave(t, nil), openMisbehave(t, nil)
	if !bytes.Equal(first.memory.bytes, second.memory.bytes) {
		t.Error("two instances differ before their first call")
	}
	a, b := do(t, first, 5, "order", "pseudorandom", "select"), do(t, second, 5, "order", "pseudorandom", "select")
	if !slices.Equal(a, b) {
		t.Errorf("%q and %q", a, b)
	}
}

// A panic among other records is stopped before it has told its stack, which
// takes long; alone it tells all of it.
func TestAPanicAmongOthersIsBrief(t *testing.T) {
	operator := openMisbehave(t, nil)
	fail := func(what ...string) (*GuestError, int64) {
		t.Helper()
		before := operator.Usage().Fuel
		err := operator.Process(0, batchOf(what...), 0, 1, func(int, record.Batch) { t.Error("output") })
		return wantGuestError(t, err, KindTrap, len(what)-1, "panic: runtime error: index out of range [5] with length 3"), operator.Usage().Fuel - before
	}
	among, briefly := fail("fine", "panic")
	alone, long := fail("panic")
	if strings.Contains(among.Stack, "misbehave).process") || !strings.Contains(alone.Stack, "misbehave).process") {
		t.Errorf("among others it tells %q; alone %q", among.Stack, alone.Stack)
	}
	if briefly*4 > long {
		t.Errorf("%d instructions among others, %d alone", briefly, long)
	}
}

func TestGuestPrintsToTheLog(t *testing.T) {
	var out bytes.Buffer
	operator := openMisbehave(t, slog.New(slog.NewTextHandler(&out, nil)))
	do(t, operator, 1, "print")
	for _, want := range []string{
		`level=INFO msg="to standard output" operator=misbehave uid=m subtask=0`,
		`level=WARN msg="to standard error" operator=misbehave uid=m subtask=0`,
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got %s want %s", out.String(), want)
		}
	}
}

func TestLogIsLimited(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(1000, 0)
	log := newLogger(slog.New(slog.NewTextHandler(&out, nil)), Limits{LogLineBytes: 10, LogLinesPerSecond: 3, LogBytesPerSecond: 100}, func() time.Time { return now })
	for range 10 {
		log.line(1, []byte("abcdefghijklmnop\xff"))
	}
	log.print(0, bytes.Repeat([]byte("x"), 1<<20))
	now = now.Add(time.Second)
	log.line(9, []byte("a\xff"))
	want := strings.Repeat("INFO abcdefghij...\n", 3) + "WARN guest log lines dropped\nERROR a\uFFFD\n"
	var got strings.Builder
	for line := range strings.Lines(out.String()) {
		_, line, _ = strings.Cut(line, "level=")
		level, message, _ := strings.Cut(strings.TrimSpace(line), " msg=")
		message, _, _ = strings.Cut(strings.ReplaceAll(message, `"`, ""), " lines=")
		got.WriteString(level + " " + message + "\n")
	}
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
	if len(log.partial[0]) > 11 {
		t.Errorf("%d bytes of an unfinished line are kept", len(log.partial[0]))
	}
}

func TestLogIsLimitedInBytes(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(1000, 0)
	log := newLogger(slog.New(slog.NewTextHandler(&out, nil)), Limits{LogLineBytes: 1000, LogLinesPerSecond: 100, LogBytesPerSecond: 250}, func() time.Time { return now })
	for range 10 {
		log.line(1, bytes.Repeat([]byte("y"), 100))
	}
	now = now.Add(time.Second)
	log.line(1, bytes.Repeat([]byte("y"), 100))
	if lines := strings.Count(out.String(), "yyy"); strings.Count(out.String(), "level=INFO") != 3 || !strings.Contains(out.String(), "lines=8 lines_per_second=100 bytes_per_second=250") {
		t.Errorf("%d lines: %s", lines, out.String())
	}
}

func TestRecordOfTenMegabytesPassesGo(t *testing.T) {
	operator := openMisbehave(t, nil)
	large := strings.Repeat("0123456789", 1<<20)
	if got := do(t, operator, 1, "a", large, "b"); len(got) != 3 || got[1] != large {
		t.Fatal("the record came back changed")
	}
}

// Modules of one engine do not see each other, and instances of one module are
// independent.
func TestInstancesAreIndependent(t *testing.T) {
	module := load(t, newEngine(t, Config{}), "misbehave", buildGo(t, "testdata/misbehave"))
	a, b := open(t, module, OpenConfig{}), open(t, module, OpenConfig{})
	do(t, a, 1, "x", "y")
	if got := do(t, b, 1, "calls"); got[0] != "1" {
		t.Errorf("the second instance has seen %s calls", got)
	}
	if _, err := module.Open(context.Background(), OpenConfig{Operator: "other"}); err == nil || err.Error() != `wasm: module misbehave has no operator "other": it has ["misbehave"]` {
		t.Error(err)
	}
}
