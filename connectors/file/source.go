package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/sys/unix"

	"github.com/turgo-stream/turgo/connectors"
)

// sourceSettings is the config of a file source.
type sourceSettings struct {
	// Paths are files or patterns; ** matches any number of folders.
	Paths []string `json:"paths"`
	// Format is lines (default) or json_lines.
	Format string `json:"format"`
	// Follow reads on as files grow and new ones appear; the source never ends.
	Follow bool `json:"follow"`
	// KeyField and TimestampField name top-level fields of a JSON line.
	KeyField       string `json:"key_field"`
	TimestampField string `json:"timestamp_field"`
	// Invalid says what happens with a line that is no JSON object: fail
	// (default), so that the step's failure policy has it, skip, or pass it on
	// without key and timestamp.
	Invalid      string `json:"invalid"`
	LineBytesMax int    `json:"line_bytes_max"`
	BatchBytes   int    `json:"batch_bytes"`
}

func readSourceSettings(config connectors.Config) (sourceSettings, error) {
	s := sourceSettings{Format: formatLines, Invalid: invalidFail, LineBytesMax: lineBytesDefault, BatchBytes: batchBytesDefault}
	if err := connectors.DecodeSettings(config, &s); err != nil {
		return s, err
	}
	if len(s.Paths) == 0 {
		return s, configError("paths", "name at least one file or pattern")
	}
	for i, path := range s.Paths {
		if path == "" || !doublestar.ValidatePattern(path) {
			return s, configError(fmt.Sprintf("paths.%d", i), "%q is no valid pattern", path)
		}
	}
	if s.Format != formatLines && s.Format != formatJSONLines {
		return s, configError("format", "%q is neither lines nor json_lines", s.Format)
	}
	if s.Format == formatLines && s.KeyField != "" {
		return s, configError("key_field", "needs format: json_lines")
	}
	if s.Format == formatLines && s.TimestampField != "" {
		return s, configError("timestamp_field", "needs format: json_lines")
	}
	if s.Invalid != invalidFail && s.Invalid != invalidSkip && s.Invalid != invalidPass {
		return s, configError("invalid", "%q is none of fail, skip, pass", s.Invalid)
	}
	if s.LineBytesMax < 1 || s.LineBytesMax > lineBytesMax {
		return s, configError("line_bytes_max", "%d is not in 1..%d", s.LineBytesMax, lineBytesMax)
	}
	if s.BatchBytes < batchBytesMin || s.BatchBytes > batchBytesMax {
		return s, configError("batch_bytes", "%d is not in %d..%d", s.BatchBytes, batchBytesMin, batchBytesMax)
	}
	return s, nil
}

// source finds files. Each is one split, whose ID is the path as the pattern
// names it: relative to the job's folder where the pattern is.
type source struct {
	settings sourceSettings
	baseDir  string
}

// Check lists the files and opens each once, for reading.
func (s *source) Check(ctx context.Context, config connectors.Config) error {
	settings, err := readSourceSettings(config)
	if err != nil {
		return err
	}
	splits, err := listFiles(ctx, settings, config.BaseDir)
	if err != nil {
		return err
	}
	for _, split := range splits {
		if err := ctx.Err(); err != nil {
			return err
		}
		file, _, err := openRegular(resolve(config.BaseDir, split.ID))
		if err != nil {
			return configError("paths", "%v", err)
		}
		file.Close()
	}
	return nil
}

// Open reads the config.
func (s *source) Open(_ context.Context, config connectors.Config) error {
	settings, err := readSourceSettings(config)
	s.settings, s.baseDir = settings, config.BaseDir
	return err
}

// Discover lists the files that exist now, sorted.
func (s *source) Discover(ctx context.Context) ([]connectors.Split, bool, error) {
	splits, err := listFiles(ctx, s.settings, s.baseDir)
	for i := range splits {
		splits[i].Eager = s.settings.Follow // it never ends: none may wait for its turn
	}
	return splits, !s.settings.Follow, err
}

// OpenReader opens the reader of one subtask.
func (s *source) OpenReader(context.Context, int) (connectors.Reader, error) {
	return newReader(s.settings, s.baseDir), nil
}

// CheckpointComplete has nothing to release: files keep what was read.
func (s *source) CheckpointComplete(context.Context, uint64, []connectors.Assignment) error {
	return nil
}

// Close has nothing to release.
func (s *source) Close() error { return nil }

func resolve(baseDir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(baseDir, path)
}

// listFiles expands all patterns. Where the source is bounded, a pattern
// without any file is an error; a source that follows waits for files.
func listFiles(ctx context.Context, settings sourceSettings, baseDir string) ([]connectors.Split, error) {
	var names []string
	for i, pattern := range settings.Paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		field := fmt.Sprintf("paths.%d", i)
		found, err := expand(pattern, baseDir)
		if err != nil {
			return nil, configError(field, "%s: %v", pattern, err)
		}
		if len(found) == 0 && !settings.Follow {
			return nil, configError(field, "%s: %s", pattern, whyNone(pattern, baseDir))
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > connectors.SplitsMax {
		return nil, configError("paths", "%d files, at most %d can be read", len(names), connectors.SplitsMax)
	}
	splits := make([]connectors.Split, len(names))
	for i, name := range names {
		if !utf8.ValidString(name) {
			return nil, configError("paths", "the name of file %q is not valid UTF-8: rename it", name)
		}
		splits[i].ID = name
	}
	return splits, nil
}

// expand gives the files that a pattern matches, named as the pattern does.
// Wildcards do not match names that begin with a dot.
func expand(pattern, baseDir string) ([]string, error) {
	pattern = filepath.ToSlash(filepath.Clean(pattern))
	folder, rest := doublestar.SplitPattern(pattern)
	root := resolve(baseDir, folder)
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	found, err := doublestar.Glob(os.DirFS(root), rest, doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors(), doublestar.WithNoHidden())
	if err != nil {
		return nil, err
	}
	for i, name := range found {
		found[i] = filepath.Join(folder, name)
	}
	return found, nil
}

func whyNone(pattern, baseDir string) string {
	info, err := os.Stat(resolve(baseDir, pattern))
	switch {
	case err == nil && info.IsDir():
		return "is a folder; add /** to read the files below it"
	case err == nil:
		return "is not a regular file"
	case errors.Is(err, fs.ErrNotExist):
		return "no such file"
	}
	return err.Error()
}

// openRegular opens a regular file. It does not block where it meets a pipe
// without a writer, which it refuses as it does all that has no offsets.
func openRegular(path string) (*os.File, os.FileInfo, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}
