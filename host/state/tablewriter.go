package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// hashedFile is a local file that sums what is written to it.
type hashedFile struct {
	file  vfs.File
	hash  hash.Hash
	bytes int64
	err   error
}

func (f *hashedFile) Write(p []byte) error {
	f.hash.Write(p)
	f.bytes += int64(len(p))
	_, f.err = f.file.Write(p)
	return f.err
}

func (f *hashedFile) Finish() error { return f.file.Close() }

func (f *hashedFile) Abort() { f.err = errors.Join(f.err, f.file.Close()) }

// tableWriter writes one sorted table to a local file.
type tableWriter struct {
	fs     vfs.FS
	path   string
	file   *hashedFile
	writer *sstable.Writer
	table  checkpoint.Table
	left   lifetimes
}

// newTableWriter begins a table. now is the processing time.
func newTableWriter(fs vfs.FS, path string, options sstable.WriterOptions, now int64) (*tableWriter, error) {
	file, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("state: making table %s: %w", path, err)
	}
	w := &tableWriter{fs: fs, path: path, file: &hashedFile{file: file, hash: sha256.New()}, left: lifetimes{now: now}}
	w.writer = sstable.NewWriter(w.file, options)
	return w, nil
}

// add appends an entry, or a tombstone. Keys rise.
func (w *tableWriter) add(key, value []byte, tombstone bool) error {
	group := groupOf(key)
	if w.table.Entries == 0 {
		w.table.First = group
	}
	w.table.Last = group
	w.table.Entries++
	w.left.add(len(key)+len(value), expiryOf(value), tombstone)
	if tombstone {
		return w.writer.Delete(key)
	}
	return w.writer.Set(key, value)
}

// finish closes the table. One without entries is removed; ok is false then.
func (w *tableWriter) finish() (table checkpoint.Table, ok bool, err error) {
	if err := w.writer.Close(); err != nil {
		return checkpoint.Table{}, false, errors.Join(fmt.Errorf("state: writing table %s: %w", w.path, err), w.fs.Remove(w.path))
	}
	if w.table.Entries == 0 {
		return checkpoint.Table{}, false, w.fs.Remove(w.path)
	}
	w.table.Bytes = w.file.bytes
	w.table.HalfDead = w.left.halfDead()
	w.table.Checksum = hex.EncodeToString(w.file.hash.Sum(nil))
	return w.table, true, nil
}

// abandon removes an unfinished table, after err.
func (w *tableWriter) abandon(err error) error {
	// Closing reports the error that made the writer fail, or one of its own that
	// matters no more.
	return errors.Join(fmt.Errorf("state: writing table %s: %w", w.path, err), ignored(w.writer.Close()), w.fs.Remove(w.path))
}

// ignored drops an error that tells nothing new.
func ignored(error) error { return nil }

// upload copies a local file to the store under its table's name.
func (b *Backend) upload(ctx context.Context, path string, table checkpoint.Table) error {
	file, err := b.fs.Open(path)
	if err != nil {
		return fmt.Errorf("state: uploading table %s: %w", table.Object, err)
	}
	err = b.config.Store.Upload(ctx, table.Object, io.NewSectionReader(file, 0, table.Bytes), table.Bytes)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("state: uploading table %s: %w", table.Object, err)
	}
	return nil
}

// objectName never repeats: the prefix names the attempt and task, the
// checksum the content.
func (b *Backend) objectName(checksum string) string {
	return fmt.Sprintf("%s/%06d-%.16s.sst", b.config.ObjectPrefix, b.nextObject.Add(1), checksum)
}
