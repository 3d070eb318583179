package wasm

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"time"
)

// printedMax bounds what is kept of standard error for the error of a trap.
const printedMax = 8 << 10

// searchedMax bounds how much is searched for the end of a line at once.
const searchedMax = 1 << 20

// logger passes a guest's lines on, cut and limited in number.
type logger struct {
	to          *slog.Logger
	now         func() time.Time
	lineBytes   int
	perSecond   int   // lines
	bytesSecond int   // bytes a second
	second      int64 // the second that count and bytes belong to
	count       int
	bytes       int
	dropped     int
	partial     [2][]byte // unfinished lines of standard output and error
	standardErr []byte    // what this call wrote to standard error
}

func newLogger(to *slog.Logger, limits Limits, now func() time.Time) *logger {
	return &logger{to: to, now: now, lineBytes: limits.LogLineBytes, perSecond: limits.LogLinesPerSecond, bytesSecond: limits.LogBytesPerSecond}
}

// logLevels are slog's levels for those of the ABI.
var logLevels = [...]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}

func (l *logger) line(level uint32, text []byte) {
	slogLevel := logLevels[min(level, uint32(len(logLevels)-1))]
	if !l.to.Enabled(context.Background(), slogLevel) {
		return
	}
	if second := l.now().Unix(); second != l.second {
		if l.dropped > 0 {
			l.to.Warn("guest log lines dropped", "lines", l.dropped, "lines_per_second", l.perSecond, "bytes_per_second", l.bytesSecond)
		}
		l.second, l.count, l.bytes, l.dropped = second, 0, 0, 0
	}
	if taken := min(len(text), l.lineBytes); l.count >= l.perSecond || l.bytes+taken > l.bytesSecond {
		l.dropped++
		return
	}
	l.count++
	l.bytes += min(len(text), l.lineBytes)
	message := strings.ToValidUTF8(string(text[:min(len(text), l.lineBytes)]), "\uFFFD")
	if len(text) > l.lineBytes {
		message += "..."
	}
	l.to.Log(context.Background(), slogLevel, message)
}

// print takes what the guest writes to standard output (0) or error (1).
func (l *logger) print(stream int, data []byte) {
	if stream == 1 {
		room := printedMax - len(l.standardErr)
		l.standardErr = append(l.standardErr, data[:min(room, len(data))]...)
	}
	for len(data) > 0 {
		// In pieces: the garbage collector waits for a search to end.
		piece := data[:min(len(data), searchedMax)]
		line, _, ended := bytes.Cut(piece, []byte{'\n'})
		if room := l.lineBytes + 1 - len(l.partial[stream]); room > 0 {
			l.partial[stream] = append(l.partial[stream], line[:min(room, len(line))]...)
		}
		data = data[len(line):]
		if ended {
			l.end(stream)
			data = data[1:]
		}
	}
}

// end passes on a finished line; standard error counts as a warning.
func (l *logger) end(stream int) {
	l.line(uint32(1+stream), l.partial[stream])
	l.partial[stream] = l.partial[stream][:0]
}

// flush ends what a call left unfinished.
func (l *logger) flush() {
	for stream := range l.partial {
		if len(l.partial[stream]) > 0 {
			l.end(stream)
		}
	}
}

// printed is what the last call wrote to standard error.
func (l *logger) printed() string {
	return strings.ToValidUTF8(strings.TrimSpace(string(l.standardErr)), "\uFFFD")
}

// givesUp tells that Go's runtime has begun to tell the stack of a panic. That takes
// it as long as some thousand records, so a call that is a trial need not wait for
// it: alone, the record that is to blame tells its stack to the end. One that only
// writes such a text does alone what it does.
func (l *logger) givesUp() bool {
	return bytes.HasSuffix(l.standardErr, goroutineMark) && firstPanicLine(string(l.standardErr)) != ""
}

var goroutineMark = []byte("\n\ngoroutine ")

// firstPanicLine finds the line with which a language's runtime says why it
// gave up.
func firstPanicLine(printed string) string {
	for line := range strings.Lines(printed) {
		line = strings.TrimSpace(line)
		for _, start := range []string{"panic: ", "fatal error: ", "runtime: out of memory", "thread '", "abort: "} {
			if strings.HasPrefix(line, start) {
				return line
			}
		}
	}
	return ""
}
