package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/job"
)

// plainInterval is the time between two lines where there is no terminal.
const plainInterval = 5 * time.Second

// progress shows what a running job is at: on a terminal as one line that is
// drawn anew, elsewhere as a line now and then. It is also what the log is
// written to, so that log lines and progress do not mix.
type progress struct {
	out   io.Writer
	width func() int // of the terminal; nil where there is none
	now   func() time.Time

	mu struct {
		sync.Mutex
		line  string // on the terminal now
		state job.State
		told  time.Time
	}
}

// show shows one reading.
func (p *progress) show(s job.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.width != nil {
		p.mu.line = clip(statusLine(&s), p.width()-1)
		fmt.Fprintf(p.out, "\r\x1b[2K%s", p.mu.line)
		return
	}
	if now := p.now(); s.State != p.mu.state || now.Sub(p.mu.told) >= plainInterval {
		p.mu.state, p.mu.told = s.State, now
		fmt.Fprintln(p.out, statusLine(&s))
	}
}

// Write puts log lines above the line of progress.
func (p *progress) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.line == "" {
		return p.out.Write(data)
	}
	if _, err := fmt.Fprintf(p.out, "\r\x1b[2K%s%s", data, p.mu.line); err != nil {
		return 0, err
	}
	return len(data), nil
}

// end takes the line of progress away.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.line != "" {
		p.mu.line = ""
		fmt.Fprint(p.out, "\r\x1b[2K")
	}
}

func clip(line string, width int) string {
	if width <= 0 || utf8.RuneCountInString(line) <= width {
		return line
	}
	return string([]rune(line)[:width])
}

// statusLine writes a reading in one line.
func statusLine(s *job.Status) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", s.Job, s.State, (time.Duration(s.UptimeMS) * time.Millisecond).Round(time.Second))
	ended := s.State == job.Finished || s.State == job.Stopped || s.State == job.Failed
	if ended {
		// Rates of the last moment would mislead.
		fmt.Fprintf(&b, " | in %s | out %s", countText(float64(s.RecordsIn)), countText(float64(s.RecordsOut)))
	} else {
		fmt.Fprintf(&b, " | in %s/s (%s)", countText(s.RecordsInPerSecond), countText(float64(s.RecordsIn)))
		fmt.Fprintf(&b, " | out %s/s (%s)", countText(s.RecordsOutPerSecond), countText(float64(s.RecordsOut)))
	}
	if s.LagRecords >= 0 && !ended {
		fmt.Fprintf(&b, " | lag %s", countText(float64(s.LagRecords)))
	}
	if s.WatermarkMS != nil && *s.WatermarkMS != abi.WatermarkMin {
		fmt.Fprintf(&b, " | watermark %s", watermarkText(*s.WatermarkMS))
	}
	if c := s.Checkpoint; c != nil {
		fmt.Fprintf(&b, " | checkpoint %d: %s in %d ms", c.Epoch, sizeText(c.Bytes), c.DurationMS)
	}
	writeFailures(&b, s.Failures, ended)
	if s.DeadLetters > 0 {
		fmt.Fprintf(&b, " | dead letters %s", countText(float64(s.DeadLetters)))
	}
	if s.CheckpointFailure != "" {
		fmt.Fprintf(&b, " | checkpoints fail: %s", s.CheckpointFailure)
	}
	if s.Restarts > 0 {
		fmt.Fprintf(&b, " | restarts %d", s.Restarts)
	}
	return b.String()
}

// writeFailures tells what the steps could not handle.
func writeFailures(b *strings.Builder, failures []job.StepFailures, ended bool) {
	failed, dropped, paused := int64(0), int64(0), ""
	for _, f := range failures {
		failed, dropped = failed+f.Failed, dropped+f.Dropped
		if f.PausedUntilMS > 0 {
			paused = f.UID
		}
	}
	if failed > 0 {
		fmt.Fprintf(b, " | failed %s", countText(float64(failed)))
	}
	if dropped > 0 {
		fmt.Fprintf(b, " | dropped %s", countText(float64(dropped)))
	}
	if paused != "" && !ended {
		fmt.Fprintf(b, " | paused by the breaker of %s", paused)
	}
}

func watermarkText(ms int64) string {
	if ms == abi.WatermarkMax {
		return "end of input"
	}
	return millisText(ms)
}

// jsonLines writes each reading as one line of JSON.
func jsonLines(w io.Writer) func(job.Status) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return func(s job.Status) {
		// A reader that went away must not end the job.
		_ = encoder.Encode(s)
	}
}
