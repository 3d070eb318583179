package replay

import (
	"context"
	"log/slog"
)

// Line is one line that the guest logged or printed.
type Line struct {
	Level string `json:"level"`
	Text  string `json:"text"`
}

// lines collects what a guest says.
type lines struct{ list []Line }

func (l *lines) logger() *slog.Logger { return slog.New(l) }

// Enabled implements slog.Handler.
func (l *lines) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.list = append(l.list, Line{Level: r.Level.String(), Text: r.Message})
	return nil
}

// WithAttrs implements slog.Handler: who says it is known.
func (l *lines) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements slog.Handler.
func (l *lines) WithGroup(string) slog.Handler { return l }
