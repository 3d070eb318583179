package scaffold

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/turgo-stream/turgo/toolchain"
)

// NoCopyError says that a folder holds no copy of the SDK that could be replaced.
type NoCopyError struct{ Folder string }

func (e *NoCopyError) Error() string {
	return fmt.Sprintf("scaffold: %s holds no copy of the SDK (no file %s): only projects that turgo new made have one",
		e.Folder, filepath.Join(sdkFolder, sdkMark))
}

// UpdateSDK replaces a project's copy of the SDK by this version's.
func UpdateSDK(ctx context.Context, folder string) error {
	copied := filepath.Join(folder, sdkFolder)
	// A link leads to what may be another's: it is no copy of this project.
	if info, err := os.Lstat(copied); err != nil || !info.IsDir() {
		return &NoCopyError{folder}
	}
	if _, err := os.Lstat(filepath.Join(copied, sdkMark)); err != nil {
		return &NoCopyError{folder}
	}
	k := connectorKind
	if !toolchain.IsConnector(folder) {
		language, err := toolchain.Detect(folder)
		if err != nil {
			return err
		}
		found := false
		if k, found = operatorKinds[language]; !found {
			return &toolchain.UnknownLanguageError{Name: string(language), Known: Languages()}
		}
	}
	files, err := k.sdk.files()
	if err != nil {
		return err
	}
	if k == connectorKind {
		if err := addGoSums(folder); err != nil {
			return err
		}
	}
	// The old copy keeps its place until the new one is whole.
	fresh, old := filepath.Join(folder, ".turgo-sdk-new"), filepath.Join(folder, ".turgo-sdk-old")
	for _, path := range []string{fresh, old} {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("scaffold: %w", err)
		}
	}
	if err := writeFolder(ctx, fresh, files); err != nil {
		return err
	}
	if err := os.Rename(copied, old); err != nil {
		return fmt.Errorf("scaffold: %w", err)
	}
	if err := os.Rename(fresh, copied); err != nil {
		return fmt.Errorf("scaffold: the copy of before is in %s: %w", old, err)
	}
	if err := os.RemoveAll(old); err != nil {
		return fmt.Errorf("scaffold: %w", err)
	}
	return nil
}

// addGoSums adds the checksums of modules that this version of the SDK needs to
// those that the project has.
func addGoSums(folder string) error {
	path := filepath.Join(folder, "go.sum")
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("scaffold: %w", err)
	}
	sums, err := goSums("")
	if err != nil {
		return err
	}
	lines := slices.Collect(strings.Lines(string(text)))
	for line := range strings.Lines(string(sums["go.sum"])) {
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return replaceFile(path, []byte(strings.Join(lines, "")))
}

// replaceFile gives a file other content, whole or not at all. Where a link stands
// there, what it leads to stays as it is.
func replaceFile(path string, content []byte) error {
	scratch, err := os.MkdirTemp(filepath.Dir(path), ".turgo-new-")
	if err != nil {
		return fmt.Errorf("scaffold: %w", err)
	}
	defer os.RemoveAll(scratch)
	written := filepath.Join(scratch, filepath.Base(path))
	if err := os.WriteFile(written, content, 0o644); err != nil {
		return fmt.Errorf("scaffold: %w", err)
	}
	if err := os.Rename(written, path); err != nil {
		return fmt.Errorf("scaffold: %w", err)
	}
	return nil
}
