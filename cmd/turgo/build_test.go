package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/host/native"
)

// A manifest takes the place of what stands there, and is written through no link.
func TestManifestIsWrittenThroughNoLink(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	outside, manifest := filepath.Join(folder, "outside"), filepath.Join(folder, "tally", native.ManifestName)
	err := errors.Join(os.WriteFile(outside, []byte("mine"), 0o600), os.Mkdir(filepath.Dir(manifest), 0o700),
		os.Symlink(outside, manifest), os.Symlink(outside, manifest+".new"))
	if err != nil {
		t.Fatal(err)
	}
	if err := replaceManifest(manifest, &native.Manifest{Name: "tally"}); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(outside); err != nil || string(text) != "mine" {
		t.Errorf("behind the link stands %q, %v", text, err)
	}
	if text, err := os.ReadFile(manifest); err != nil || !strings.Contains(string(text), "tally") {
		t.Errorf("the manifest is %q, %v", text, err)
	}
}
