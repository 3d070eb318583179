package connector

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/native"
)

// launcher is turgo's own, set up as a user would install the connector. The
// caller closes it.
func (t *trial) launcher() (l *native.Launcher, name string, err error) {
	name = t.manifestName()
	l = &native.Launcher{Logger: slog.New(slog.DiscardHandler), StartTimeout: t.startLimit, RestartsMax: -1}
	if t.options.Builtin != "" {
		if l.Output, err = os.OpenFile(t.hostOutput(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
			return nil, "", &SetupError{err}
		}
		context.AfterFunc(t.ended, func() { l.Output.Close() })
		// The launcher starts this very program; the factories only tell the sides.
		l.Builtins = []connectors.Connector{{
			Name: name, Source: func() connectors.Source { return nil }, Sink: func() connectors.Sink { return nil },
		}}
		return l, name, nil
	}
	sum, err := native.Checksum(t.program.path)
	if err != nil {
		return nil, "", &SetupError{err}
	}
	manifest, err := json.Marshal(native.Manifest{
		Name: name, Version: "1", Executable: t.program.path, Arguments: t.program.arguments, SHA256: sum,
		Environment: t.scenario.Environment, Source: t.scenario.Source != nil, Sink: t.scenario.Sink != nil,
	})
	if err != nil {
		return nil, "", &SetupError{err}
	}
	l.Folder = filepath.Join(t.scratch, ".turgo-connectors")
	folder := filepath.Join(l.Folder, name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, "", &SetupError{err}
	}
	if err := os.WriteFile(filepath.Join(folder, native.ManifestName), manifest, 0o600); err != nil {
		return nil, "", &SetupError{err}
	}
	return l, name, nil
}

// hostConfig is the config as the host's client takes it.
func (t *trial) hostConfig(settings map[string]any) (connectors.Config, error) {
	c, err := t.config(settings, t.identity(0), 1)
	if err != nil {
		return connectors.Config{}, &SetupError{err}
	}
	return connectors.Config{
		Job: c.GetJob(), JobUUID: c.GetJobUuid(), UID: c.GetUid(), Attempt: c.GetAttempt(),
		Parallelism: int(c.GetParallelism()), BaseDir: c.GetBaseDir(), Settings: c.GetSettings(),
	}, nil
}

func checkSourceHost(ctx context.Context, t *trial) error {
	w, err := t.wholeOf(ctx)
	if err != nil {
		return err
	}
	l, name, err := t.launcher()
	if err != nil {
		return err
	}
	defer l.Close()
	source, err := l.Source(ctx, name, native.PlacementProcess)
	if err != nil {
		return err
	}
	config, err := t.hostConfig(t.scenario.Source.Settings)
	if err != nil {
		return err
	}
	if err := source.Check(ctx, config); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	if err := source.Open(ctx, config); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	splits, _, err := source.Discover(ctx)
	if err != nil {
		return fmt.Errorf("discover: %w", err)
	}
	if err := t.readByHost(ctx, source, splits, w); err != nil {
		return err
	}
	return source.Close()
}

// readByHost reads with a reader of the host's client.
func (t *trial) readByHost(ctx context.Context, source connectors.Source, splits []connectors.Split, w *wholeReading) error {
	reader, err := source.OpenReader(ctx, 0)
	if err != nil {
		return fmt.Errorf("open a reader: %w", err)
	}
	c := t.newCursors(w)
	var assignments []connectors.Assignment
	for _, split := range splits {
		if c.byID[split.ID] != nil {
			assignments = append(assignments, connectors.Assignment{Split: split})
		}
	}
	if err := reader.Assign(ctx, assignments); err != nil {
		return fmt.Errorf("assign: %w", err)
	}
	for len(c.open()) > 0 {
		next, err := reader.Next(ctx)
		if err != nil {
			return fmt.Errorf("next: %w", err)
		}
		if next.SplitID == "" {
			continue
		}
		d := &delivery{split: next.SplitID, position: next.Position, batch: next.Batch, end: next.End}
		for _, u := range next.Undecodable {
			d.undecodable = append(d.undecodable, frame{body: u.Bytes, number: int64(u.Index)})
		}
		if err := c.take(d); err != nil {
			return err
		}
	}
	if err := reader.Close(); err != nil {
		return fmt.Errorf("close the reader: %w", err)
	}
	return c.compare()
}
