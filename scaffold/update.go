package scaffold

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

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
	if _, err := os.Stat(filepath.Join(copied, sdkMark)); err != nil {
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
