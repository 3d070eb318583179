package native

import (
	"bytes"
	"context"
	"io"
	"log/slog"
)

// lineLog logs what a connector prints, line by line.
type lineLog struct {
	log   *slog.Logger
	level slog.Level
	also  io.Writer // may be nil
	rest  []byte
}

// lineBytesMax bounds a line; a longer one is logged in pieces.
const lineBytesMax = 16 << 10

func (l *lineLog) Write(data []byte) (int, error) {
	if l.also != nil {
		l.also.Write(data)
	}
	l.rest = append(l.rest, data...)
	for {
		end := bytes.IndexByte(l.rest, '\n')
		if end < 0 && len(l.rest) < lineBytesMax {
			return len(data), nil
		}
		next := end + 1
		if end < 0 {
			end, next = lineBytesMax, lineBytesMax
		}
		l.log.Log(context.Background(), l.level, string(bytes.TrimRight(l.rest[:end], "\r")))
		l.rest = append(l.rest[:0], l.rest[next:]...)
	}
}
