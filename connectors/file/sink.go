package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/turgo-stream/turgo/connectors"
)

// sinkSettings is the config of a file sink.
type sinkSettings struct {
	// Path is the folder that the part files appear in.
	Path string `json:"path"`
	// WriteKey writes KeySeparator (default: a tab) after the key, before the value.
	WriteKey     bool   `json:"write_key"`
	KeySeparator string `json:"key_separator"`
	// Suffix ends each file's name, such as .txt.
	Suffix string `json:"suffix"`
}

func readSinkSettings(config connectors.Config) (sinkSettings, error) {
	s := sinkSettings{KeySeparator: "\t"}
	if err := connectors.DecodeSettings(config, &s); err != nil {
		return s, err
	}
	if s.Path == "" {
		return s, configError("path", "name the folder to write to")
	}
	if len(s.KeySeparator) > 16 {
		return s, configError("key_separator", "%d bytes, at most 16", len(s.KeySeparator))
	}
	if len(s.Suffix) > 32 || strings.ContainsAny(s.Suffix, "/\x00") {
		return s, configError("suffix", "%q is longer than 32 bytes or holds a slash", s.Suffix)
	}
	return s, nil
}

// sink writes part files. A part grows in a hidden staging folder below the
// target, is made durable by Prepare, and gets its final name by Commit. So a
// reader of the target folder sees whole, committed files only.
type sink struct {
	settings sinkSettings
	config   connectors.Config
	target   string // folder of the final files
	staging  string // folder of this job's and step's staged files
}

// Check makes sure that the target folder exists, or can be made, and can be
// written to.
func (s *sink) Check(_ context.Context, config connectors.Config) error {
	settings, err := readSinkSettings(config)
	if err != nil {
		return err
	}
	folder := resolve(config.BaseDir, settings.Path)
	for {
		info, err := os.Stat(folder)
		if errors.Is(err, fs.ErrNotExist) && folder != filepath.Dir(folder) {
			folder = filepath.Dir(folder)
			continue
		}
		if err != nil {
			return configError("path", "%v", err)
		}
		if !info.IsDir() {
			return configError("path", "%s is not a folder", folder)
		}
		if err := unix.Access(folder, unix.W_OK|unix.X_OK); err != nil {
			return configError("path", "cannot write to folder %s: %v", folder, err)
		}
		return nil
	}
}

// Open makes the target folder.
func (s *sink) Open(_ context.Context, config connectors.Config) (connectors.Guarantee, error) {
	settings, err := readSinkSettings(config)
	if err != nil {
		return "", err
	}
	if config.JobUUID == "" || config.UID == "" {
		return "", configError("", "a file sink needs the job's UUID and the step's uid")
	}
	s.settings, s.config = settings, config
	s.target = resolve(config.BaseDir, settings.Path)
	s.staging = filepath.Join(s.target, stagingFolder, escapeName(config.JobUUID), escapeName(config.UID))
	if err := os.MkdirAll(s.target, 0o755); err != nil {
		return "", fmt.Errorf("file: %w", err)
	}
	return connectors.ExactlyOnce, nil
}

// CleanUp removes the staged files of earlier attempts, but those in keep. What
// a later attempt staged stays: it may be prepared already, if this host stood
// still between its claim and now.
func (s *sink) CleanUp(_ context.Context, keep []connectors.Committable) error {
	kept := map[string]bool{}
	for _, committable := range keep {
		part, err := s.decode(committable)
		if err != nil {
			return err
		}
		kept[part.Staged] = true
	}
	entries, err := os.ReadDir(s.staging)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("file: %w", err)
	}
	for _, entry := range entries {
		if kept[entry.Name()] || !s.isEarlier(entry.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(s.staging, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("file: remove what a lost attempt left: %w", err)
		}
	}
	return nil
}

// isEarlier reports whether a staged file is of an attempt before this one.
func (s *sink) isEarlier(staged string) bool {
	digits, _, _ := strings.Cut(staged, "-")
	attempt, err := strconv.ParseUint(digits, 10, 64)
	return err != nil || attempt < s.config.Attempt
}

// OpenWriter opens the writer of one subtask.
func (s *sink) OpenWriter(_ context.Context, subtask int) (connectors.Writer, error) {
	return newWriter(s, subtask), nil
}

// part is the committable: two names, without folders, and the size in bytes.
type part struct {
	Staged string `json:"staged"`
	Final  string `json:"final"`
	Size   int64  `json:"size"`
}

// decode reads a committable. Names with a folder in them are refused: they
// would lead out of the target.
func (s *sink) decode(committable connectors.Committable) (part, error) {
	var p part
	if err := json.Unmarshal(committable.Data, &p); err != nil {
		return p, fmt.Errorf("file: committable %q: %w", committable.ID, err)
	}
	for _, name := range []string{p.Staged, p.Final} {
		if name == "" || name != filepath.Base(name) || name[0] == '.' {
			return p, fmt.Errorf("file: committable %q: %q is not a file name", committable.ID, name)
		}
	}
	return p, nil
}

// Commit gives the final names. The files' folder is made durable once for all.
func (s *sink) Commit(ctx context.Context, committables []connectors.Committable) ([]connectors.CommitResult, error) {
	results := make([]connectors.CommitResult, len(committables))
	staged := make([]string, 0, len(committables))
	for i, committable := range committables {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := s.decode(committable)
		if err != nil {
			return nil, err
		}
		results[i] = s.publish(committable.ID, p)
		if results[i].Outcome == connectors.Committed {
			staged = append(staged, filepath.Join(s.staging, p.Staged))
		}
	}
	if err := syncFolder(s.target); err != nil {
		return nil, err
	}
	for _, path := range staged {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("file: %w", err)
		}
	}
	return results, nil
}

// publish links the staged file to its final name. The staged name goes only
// after the link is durable, so that one of the two exists at any time.
func (s *sink) publish(id string, p part) connectors.CommitResult {
	staged, final := filepath.Join(s.staging, p.Staged), filepath.Join(s.target, p.Final)
	result := func(outcome connectors.Outcome, format string, args ...any) connectors.CommitResult {
		return connectors.CommitResult{ID: id, Outcome: outcome, Reason: fmt.Sprintf(format, args...)}
	}
	stagedInfo, err := os.Lstat(staged)
	if errors.Is(err, fs.ErrNotExist) {
		switch _, err := os.Lstat(final); {
		case err == nil:
			return result(connectors.Committed, "")
		case errors.Is(err, fs.ErrNotExist):
			return result(connectors.CommitLost, "neither %s nor %s exists", staged, final)
		default:
			return result(connectors.CommitRetry, "%v", err)
		}
	}
	if err != nil {
		return result(connectors.CommitRetry, "%v", err)
	}
	if stagedInfo.Size() != p.Size {
		return result(connectors.CommitLost, "%s has %d bytes, %d were prepared", staged, stagedInfo.Size(), p.Size)
	}
	err = os.Link(staged, final)
	if errors.Is(err, fs.ErrExist) {
		if finalInfo, err := os.Lstat(final); err == nil && os.SameFile(stagedInfo, finalInfo) {
			return result(connectors.Committed, "")
		}
		return result(connectors.CommitLost, "another file has the name %s; move it away and start the job again", final)
	}
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOTSUP) {
		err = renameNew(staged, final)
	}
	if err != nil {
		return result(connectors.CommitRetry, "%v", err)
	}
	return result(connectors.Committed, "")
}

// renameNew serves file systems without hard links.
func renameNew(staged, final string) error {
	if _, err := os.Lstat(final); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("file: %s exists", final)
	}
	return os.Rename(staged, final)
}

// Abort removes prepared files.
func (s *sink) Abort(_ context.Context, committables []connectors.Committable) error {
	for _, committable := range committables {
		p, err := s.decode(committable)
		if err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(s.staging, p.Staged)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("file: %w", err)
		}
	}
	return nil
}

// Close removes the staging folders where they are empty.
func (s *sink) Close() error {
	if s.staging == "" {
		return nil
	}
	for folder := s.staging; folder != s.target; folder = filepath.Dir(folder) {
		if os.Remove(folder) != nil {
			break
		}
	}
	return nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil {
		return fmt.Errorf("file: make folder %s durable: %w", path, err)
	}
	return nil
}
