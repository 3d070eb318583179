package kafka

import (
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors"
)

// repeatInterval is how long a warning that comes again is kept quiet.
const repeatInterval = 10 * time.Second

// clientLog passes on what the client library warns of, each text once in a
// while: a broker that is away makes it say the same many times a second.
type clientLog struct {
	step string
	rare rareLog
}

func newClientLog(config connectors.Config) *clientLog { return &clientLog{step: config.UID} }

// Level implements kgo.Logger.
func (l *clientLog) Level() kgo.LogLevel { return kgo.LogLevelWarn }

// Log implements kgo.Logger.
func (l *clientLog) Log(level kgo.LogLevel, text string, pairs ...any) {
	if level != kgo.LogLevelError && level != kgo.LogLevelWarn {
		return
	}
	l.rare.warn("kafka: client: "+text, append([]any{"step", l.step}, pairs...)...)
}

// rareLog warns of the same text at most once in an interval, and tells how
// often it kept quiet. The zero value is ready, for any goroutine.
type rareLog struct {
	mutex sync.Mutex
	lines map[string]*rareLine
}

type rareLine struct {
	last  time.Time
	quiet int
}

// linesMax bounds the texts that a rareLog remembers. Texts come from the
// program, not from data, so that they are few.
const linesMax = 256

func (l *rareLog) warn(text string, pairs ...any) {
	if quiet, say := l.due(text, time.Now()); say {
		if quiet > 0 {
			pairs = append(pairs, "repeated", quiet)
		}
		slog.Warn(text, pairs...)
	}
}

func (l *rareLog) due(text string, now time.Time) (quiet int, say bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	line := l.lines[text]
	if line == nil {
		if l.lines == nil || len(l.lines) >= linesMax {
			l.lines = map[string]*rareLine{}
		}
		l.lines[text] = &rareLine{last: now}
		return 0, true
	}
	if now.Sub(line.last) < repeatInterval {
		line.quiet++
		return 0, false
	}
	quiet, line.quiet, line.last = line.quiet, 0, now
	return quiet, true
}
