package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/turgo-stream/turgo/connectors"
)

// input is one assigned file.
type input struct {
	id   string
	path string
	// resume is the position to start from, nil for the file's start.
	resume *position

	file        *os.File
	info        os.FileInfo // of the file as it was opened first
	fingerprint fingerprint
	offset      int64 // of the next line
	size        int64 // when last looked at
	readTo      int64 // where the last attempt to read a line ended, without finding its end
	lines       int64 // delivered since it was opened, for the estimate of the lag
	linesFrom   int64 // offset where counting began
}

func newInput(assignment connectors.Assignment, baseDir string) (*input, error) {
	in := &input{id: assignment.Split.ID, path: resolve(baseDir, assignment.Split.ID)}
	if assignment.Position != nil {
		resume, err := decodePosition(assignment.Position)
		if err != nil {
			return nil, fmt.Errorf("file: %s: %w", in.path, err)
		}
		in.resume, in.offset, in.linesFrom = &resume, resume.offset, resume.offset
	}
	return in, nil
}

// open opens the file, again or for the first time, and makes sure that it is
// the one that was read before.
func (in *input) open() error {
	file, info, err := openRegular(in.path)
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	if err := in.verify(file, info); err != nil {
		file.Close()
		return err
	}
	in.file, in.info, in.size = file, info, info.Size()
	return nil
}

func (in *input) verify(file *os.File, info os.FileInfo) error {
	if in.info != nil && !os.SameFile(in.info, info) {
		return in.replaced()
	}
	if info.Size() < in.offset {
		return in.truncated(info.Size())
	}
	if in.resume == nil {
		return nil
	}
	n, err := file.ReadAt(in.fingerprint.bytes[:min(fingerprintBytes, in.offset)], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("file: %w", err)
	}
	in.fingerprint.length = n
	if in.fingerprint.checksum(in.offset) != in.resume.checksum {
		return in.replaced()
	}
	in.resume = nil
	return nil
}

func (in *input) replaced() error {
	return fmt.Errorf("file: %s was replaced: another file has its name since %d bytes of it were read; put the old one back, or write new data under a new name", in.path, in.offset)
}

func (in *input) truncated(size int64) error {
	return fmt.Errorf("file: %s was truncated: it has %d bytes, and %d were read before; files must only grow", in.path, size, in.offset)
}

func (in *input) close() {
	if in.file != nil {
		in.file.Close()
		in.file = nil
	}
}

// look tells whether a followed file has grown since, or is gone.
func (in *input) look() (grown, gone bool, err error) {
	info, err := os.Stat(in.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, true, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("file: %w", err)
	}
	if in.info != nil && !os.SameFile(in.info, info) {
		return false, false, in.replaced()
	}
	if info.Size() < in.offset {
		return false, false, in.truncated(info.Size())
	}
	in.size = info.Size()
	return in.size > max(in.offset, in.readTo), false, nil
}

// warnGone says that a followed file vanished while it was not open, so that
// its last bytes may have been missed.
func (in *input) warnGone() {
	slog.Warn("file: a followed file was removed; what it gained last was not read", "file", in.path, "offset", in.offset)
}

func (in *input) position() []byte {
	return position{offset: in.offset, checksum: in.fingerprint.checksum(in.offset)}.encode()
}

// lagRecords estimates what is left from the length of the lines so far.
func (in *input) lagRecords() int64 {
	rest := in.size - in.offset
	if rest <= 0 {
		return 0
	}
	if in.lines == 0 {
		return -1
	}
	return max(1, rest*in.lines/max(1, in.offset-in.linesFrom))
}
