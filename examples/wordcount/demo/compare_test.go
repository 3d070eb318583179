package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestCompareFindsWhatWasLostAndDoubled(t *testing.T) {
	want := map[string]int64{"a": 3, "b": 1, "c": 5}
	got := map[string]int64{"a": 3, "b": 2, "d": 4}
	d := compare(want, got)
	expected := difference{words: 9, lost: 5, doubled: 5, examples: []string{
		"b: 1 expected, 2 counted", "c: 5 expected, 0 counted", "d: 0 expected, 4 counted",
	}}
	if !reflect.DeepEqual(d, expected) {
		t.Errorf("got %+v; want %+v", d, expected)
	}
}

func TestReadTotalsAddsUpCommittedFilesOnly(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "part-1"), "a 1\nb 2\n")
	write(t, filepath.Join(folder, "part-2"), "a 10\n")
	write(t, filepath.Join(folder, ".staging", "part-3"), "a 100\n")
	got, err := readTotals(folder)
	if want := map[string]int64{"a": 11, "b": 2}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	write(t, filepath.Join(folder, "part-4"), "a x\n")
	if _, err := readTotals(folder); err == nil || !strings.Contains(err.Error(), `"a x" is no word with a count`) {
		t.Errorf("error is %v", err)
	}
}

// TestToolsCountEachFileByItself counts words at the end of files that lack
// their last line's end, in files with odd bytes and names, and not in hidden ones.
func TestToolsCountEachFileByItself(t *testing.T) {
	root, work := t.TempDir(), t.TempDir()
	write(t, filepath.Join(root, "one.go"), "alpha beta")
	write(t, filepath.Join(root, "sub folder", "two's.go"), "gamma\x00alpha\xff_x9\r\n\n")
	write(t, filepath.Join(root, ".hidden", "three.go"), "alpha")
	write(t, filepath.Join(root, "four.txt"), "alpha")
	files, err := countFiles(root)
	if err != nil || files != 2 {
		t.Fatalf("%d files, %v", files, err)
	}
	got, err := countWithTools(paths{root: root, work: work})
	if want := map[string]int64{"alpha": 2, "beta": 1, "gamma": 1, "_x9": 1}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
