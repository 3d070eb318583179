package main

import (
	"strings"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/job"
)

func reading() job.Status {
	watermark := int64(1700000000123)
	return job.Status{
		Job: "words", State: job.Running, Restarts: 2, UptimeMS: 61_499, RecordsIn: 12_345_678, RecordsInPerSecond: 1_210_000,
		RecordsOut: 999, RecordsOutPerSecond: 0.4, LagRecords: 34_567, WatermarkMS: &watermark,
		Checkpoint: &job.CheckpointStatus{Epoch: 12, Bytes: 3 << 20, DurationMS: 45},
	}
}

func TestStatusLine(t *testing.T) {
	s := reading()
	want := "words running 1m1s | in 1.21M/s (12.3M) | out 0/s (999) | lag 34.6k | watermark 2023-11-14T22:13:20.123Z | checkpoint 12: 3 MiB in 45 ms | restarts 2"
	if got := statusLine(&s); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	s.State, s.DeadLetters = job.Stopped, 3
	s.Failures = []job.StepFailures{{UID: "a", Failed: 4, DeadLettered: 4}, {UID: "b", Failed: 1000, Dropped: 1000, PausedUntilMS: 1}}
	want = "words stopped 1m1s | in 12.3M | out 999 | watermark 2023-11-14T22:13:20.123Z | checkpoint 12: 3 MiB in 45 ms | failed 1004 | dropped 1000 | dead letters 3 | restarts 2"
	if got := statusLine(&s); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	s = job.Status{Job: "words", State: job.Running, LagRecords: -1, Failures: s.Failures}
	want = "words running 0s | in 0/s (0) | out 0/s (0) | failed 1004 | dropped 1000 | paused by the breaker of b"
	if got := statusLine(&s); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	end := int64(abi.WatermarkMax)
	s = job.Status{Job: "words", State: job.Starting, LagRecords: -1, WatermarkMS: &end, CheckpointFailure: "store is full"}
	want = "words starting 0s | in 0/s (0) | out 0/s (0) | watermark end of input | checkpoints fail: store is full"
	if got := statusLine(&s); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestProgressOnATerminalKeepsTheLogAboveItsLine(t *testing.T) {
	var out strings.Builder
	p := &progress{out: &out, width: func() int { return 21 }, now: time.Now}
	if _, err := p.Write([]byte("before\n")); err != nil {
		t.Fatal(err)
	}
	p.show(reading())
	if _, err := p.Write([]byte("during\n")); err != nil {
		t.Fatal(err)
	}
	p.end()
	p.end()
	line := "words running 1m1s |"
	want := "before\n\r\x1b[2K" + line + "\r\x1b[2Kduring\n" + line + "\r\x1b[2K"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
}

func TestProgressWithoutATerminalTellsNowAndThen(t *testing.T) {
	var out strings.Builder
	now := time.Unix(0, 0)
	p := &progress{out: &out, now: func() time.Time { return now }}
	tell := func(state job.State, after time.Duration, lines int) {
		t.Helper()
		now = now.Add(after)
		p.show(job.Status{Job: "words", State: state})
		if got := strings.Count(out.String(), "\n"); got != lines {
			t.Errorf("%d lines after %s; want %d", got, state, lines)
		}
	}
	tell(job.Starting, 0, 1)
	tell(job.Running, time.Second, 2)
	tell(job.Running, time.Second, 2)
	tell(job.Running, plainInterval, 3)
	tell(job.Failed, time.Second, 4)
}

func TestTextsForPeople(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 999: "999", 9_994: "9994", 10_000: "10k", 123_456: "123k", 1_000_000: "1M", 2.5e9: "2.5G"} {
		if got := countText(n); got != want {
			t.Errorf("countText(%v) = %s; want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1 << 20: "1 MiB", 3 << 29: "1.5 GiB", 5 << 50: "5.12e+03 TiB"} {
		if got := sizeText(n); got != want {
			t.Errorf("sizeText(%d) = %s; want %s", n, got, want)
		}
	}
}
