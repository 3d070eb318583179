package native

import (
	"strings"
	"sync"
	"unicode/utf8"
)

const (
	tailLines     = 12
	tailLineBytes = 512
)

// tail keeps the last lines of a process's output. go-plugin writes it line by
// line, but it takes any pieces.
type tail struct {
	mutex   sync.Mutex
	lines   []string
	partial []byte
	crashed bool // the Go runtime said why; its first lines say more than its last
}

func (t *tail) Write(data []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, c := range data {
		switch {
		case c == '\n':
			t.end()
		case len(t.partial) < tailLineBytes:
			t.partial = append(t.partial, c)
		}
	}
	return len(data), nil
}

func (t *tail) end() {
	line := strings.TrimRight(string(t.partial), " \r\t")
	t.partial = t.partial[:0]
	if line == "" {
		return
	}
	if !utf8.ValidString(line) {
		line = strings.ToValidUTF8(line, "\uFFFD")
	}
	switch {
	case t.crashed && len(t.lines) == tailLines:
		return
	case !t.crashed && (strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")):
		t.crashed = true
		t.lines = t.lines[:0]
	}
	t.lines = append(t.lines, line)
	if len(t.lines) > tailLines {
		t.lines = append(t.lines[:0], t.lines[1:]...)
	}
}

// String gives the last lines.
func (t *tail) String() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	lines := strings.Join(t.lines, "\n")
	if len(t.partial) > 0 {
		lines = strings.TrimPrefix(lines+"\n"+strings.ToValidUTF8(string(t.partial), "\uFFFD"), "\n")
	}
	return lines
}
