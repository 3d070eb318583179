package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

const (
	stagingFolder = ".turgo-staging"
	writeBytes    = 256 << 10
)

// writer writes one part per epoch. It makes the file at the epoch's first
// record, so an epoch without records leaves none.
type writer struct {
	sink    *sink
	subtask int
	parts   int // opened so far, for the staged name
	file    *os.File
	size    int64
	buffer  []byte
}

func newWriter(sink *sink, subtask int) *writer {
	return &writer{sink: sink, subtask: subtask, buffer: make([]byte, 0, writeBytes)}
}

// Write appends the batch's records as lines. A null value is an empty line.
func (w *writer) Write(_ context.Context, batch record.Batch) error {
	for records := batch.Records(); records.Next(); {
		view := records.Record()
		if len(w.buffer) >= writeBytes {
			if err := w.flush(); err != nil {
				return err
			}
		}
		if w.sink.settings.WriteKey {
			w.buffer = append(append(w.buffer, view.Key()...), w.sink.settings.KeySeparator...)
		}
		w.buffer = append(append(w.buffer, view.Value()...), '\n')
	}
	return nil
}

// flush hands the buffer to the file.
func (w *writer) flush() error {
	if len(w.buffer) == 0 {
		return nil
	}
	if w.file == nil {
		if err := w.create(); err != nil {
			return err
		}
	}
	n, err := w.file.Write(w.buffer)
	w.size += int64(n)
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	w.buffer = w.buffer[:0]
	return nil
}

// create makes the next staged file. Its name holds the attempt, so no two
// attempts ever write to one file. Another sink's Close may remove an empty
// staging folder in between; then it is made again.
func (w *writer) create() error {
	w.parts++
	name := fmt.Sprintf("%d-%d-%d", w.sink.config.Attempt, w.subtask, w.parts)
	for try := 1; ; try++ {
		if err := os.MkdirAll(w.sink.staging, 0o755); err != nil {
			return fmt.Errorf("file: %w", err)
		}
		file, err := os.OpenFile(filepath.Join(w.sink.staging, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrNotExist) && try < 5 {
			continue
		}
		if err != nil {
			return fmt.Errorf("file: %w", err)
		}
		w.file, w.size = file, 0
		return nil
	}
}

// Prepare makes the epoch's part durable.
func (w *writer) Prepare(_ context.Context, epoch uint64) ([]connectors.Committable, error) {
	if err := w.flush(); err != nil {
		return nil, err
	}
	if w.file == nil {
		return nil, nil
	}
	p := part{Staged: filepath.Base(w.file.Name()), Final: w.finalName(epoch), Size: w.size}
	err := w.file.Sync()
	if closeErr := w.file.Close(); err == nil {
		err = closeErr
	}
	w.file = nil
	if err != nil {
		return nil, fmt.Errorf("file: make %s durable: %w", p.Staged, err)
	}
	if err := w.syncFolders(); err != nil {
		return nil, err
	}
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	return []connectors.Committable{{ID: p.Final, Data: data}}, nil
}

// syncFolders makes the staged name durable, and, for the first part, the
// folders that lead to it.
func (w *writer) syncFolders() error {
	last := w.sink.staging
	if w.parts == 1 {
		last = filepath.Dir(w.sink.target)
	}
	for folder := w.sink.staging; ; folder = filepath.Dir(folder) {
		if err := syncFolder(folder); err != nil {
			return err
		}
		if folder == last {
			return nil
		}
	}
}

// finalName is never used twice: an epoch of a job commits at most once.
func (w *writer) finalName(epoch uint64) string {
	job := strings.ReplaceAll(w.sink.config.JobUUID, "-", "")
	job = escapeName(job[:min(12, len(job))])
	return fmt.Sprintf("part-%s-%s-%08d-%03d%s", job, escapeName(w.sink.config.UID), epoch, w.subtask, w.sink.settings.Suffix)
}

// escapeName makes text usable as a part of a file name, one to one.
func escapeName(text string) string {
	var name strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.' && i > 0:
			name.WriteByte(c)
		default:
			fmt.Fprintf(&name, "%%%02X", c)
		}
	}
	return name.String()
}

// Close removes what no epoch prepared.
func (w *writer) Close() error {
	if w.file == nil {
		return nil
	}
	path := w.file.Name()
	w.file.Close()
	w.file = nil
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("file: %w", err)
	}
	return nil
}
