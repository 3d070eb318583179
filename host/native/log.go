package native

import (
	"context"
	"io"
	"log"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// connectorLogger is the name under which go-plugin logs a connector's lines.
const connectorLogger = "connector"

// logger is an hclog.Logger that writes to slog. go-plugin logs its own affairs
// to the logger that it is given, and to named ones: they are debug matters here,
// for the supervisor tells what counts. A connector's lines come through the one
// that is named for them.
type logger struct {
	to    *slog.Logger
	own   bool // go-plugin's own
	name  string
	extra []any
}

func (l *logger) Log(level hclog.Level, message string, args ...any) {
	if l.own {
		level = hclog.Debug
	}
	l.to.Log(context.Background(), slogLevel(level), message, withoutTime(args)...)
}

// withoutTime drops the time that go-plugin adds to a connector's line: slog
// has its own.
func withoutTime(args []any) []any {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == "timestamp" {
			return append(append([]any{}, args[:i]...), args[i+2:]...)
		}
	}
	return args
}

func slogLevel(level hclog.Level) slog.Level {
	switch level {
	case hclog.Error:
		return slog.LevelError
	case hclog.Warn:
		return slog.LevelWarn
	case hclog.Info:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

func (l *logger) Trace(message string, args ...any) { l.Log(hclog.Trace, message, args...) }
func (l *logger) Debug(message string, args ...any) { l.Log(hclog.Debug, message, args...) }
func (l *logger) Info(message string, args ...any)  { l.Log(hclog.Info, message, args...) }
func (l *logger) Warn(message string, args ...any)  { l.Log(hclog.Warn, message, args...) }
func (l *logger) Error(message string, args ...any) { l.Log(hclog.Error, message, args...) }

func (l *logger) enabled(level slog.Level) bool { return l.to.Enabled(context.Background(), level) }

func (l *logger) IsTrace() bool { return l.enabled(slog.LevelDebug) }
func (l *logger) IsDebug() bool { return l.enabled(slog.LevelDebug) }
func (l *logger) IsInfo() bool  { return l.enabled(slog.LevelInfo) }
func (l *logger) IsWarn() bool  { return l.enabled(slog.LevelWarn) }
func (l *logger) IsError() bool { return l.enabled(slog.LevelError) }

func (l *logger) ImpliedArgs() []any { return l.extra }

func (l *logger) With(args ...any) hclog.Logger {
	result := *l
	result.to = l.to.With(args...)
	result.extra = append(append([]any{}, l.extra...), args...)
	return &result
}

func (l *logger) Name() string { return l.name }

func (l *logger) Named(name string) hclog.Logger { return l.ResetNamed(name) }

func (l *logger) ResetNamed(name string) hclog.Logger {
	result := *l
	result.name, result.own = name, name != connectorLogger
	return &result
}

func (l *logger) SetLevel(hclog.Level) {}

func (l *logger) GetLevel() hclog.Level {
	if l.IsDebug() {
		return hclog.Debug
	}
	return hclog.Info
}

func (l *logger) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return slog.NewLogLogger(l.to.Handler(), slog.LevelInfo)
}

func (l *logger) StandardWriter(*hclog.StandardLoggerOptions) io.Writer {
	return l.StandardLogger(nil).Writer()
}
