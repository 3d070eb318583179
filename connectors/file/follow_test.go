package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/connectors"
)

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// collect reads until it has that many lines.
func collect(t *testing.T, reader connectors.Reader, lines int) []string {
	t.Helper()
	var got []string
	for len(got) < lines {
		delivery, err := reader.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if delivery.End {
			t.Fatalf("split %s ended", delivery.SplitID)
		}
		got = append(got, valuesOf(linesOf(delivery.Batch))...)
	}
	return got
}

// nothing makes sure that there is nothing to read now.
func nothing(t *testing.T, reader connectors.Reader) {
	t.Helper()
	if delivery, err := reader.Next(context.Background()); err != nil || delivery.SplitID != "" {
		t.Fatalf("unexpected: %+v, %v", delivery, err)
	}
}

func followed(t *testing.T) (path string, source connectors.Source) {
	folder := t.TempDir()
	return filepath.Join(folder, "in"), openSource(t, configOf(t, folder, fields{"paths": []string{"*"}, "follow": true}))
}

func TestFollowGrowth(t *testing.T) {
	path, source := followed(t)
	appendTo(t, path, "one\ntwo\nthr")
	reader := assign(t, source, only)
	if got := collect(t, reader, 2); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("%q", got)
	}
	nothing(t, reader)
	appendTo(t, path, "ee")
	nothing(t, reader)
	appendTo(t, path, "\r\nfour\n")
	if got := collect(t, reader, 2); !slices.Equal(got, []string{"three", "four"}) {
		t.Errorf("%q", got)
	}
	appendTo(t, path, strings.Repeat("many\n", 50_000))
	if got := collect(t, reader, 50_000); len(got) != 50_000 {
		t.Errorf("%d lines", len(got))
	}
	nothing(t, reader)
}

func TestFollowNewFiles(t *testing.T) {
	path, source := followed(t)
	if splits, final, err := source.Discover(context.Background()); err != nil || final || len(splits) != 0 {
		t.Fatalf("%v, %v, %v", splits, final, err)
	}
	write(t, path, "first\n")
	splits, _, err := source.Discover(context.Background())
	if err != nil || len(splits) != 1 || !splits[0].Eager {
		t.Fatalf("%v, %v", splits, err)
	}
	reader := assign(t, source, connectors.Assignment{Split: splits[0]})
	if got := collect(t, reader, 1); got[0] != "first" {
		t.Errorf("%q", got)
	}
}

// More files than may be open take turns, and none is forgotten.
func TestFollowManyFiles(t *testing.T) {
	path, source := followed(t)
	const files = 3 * openFilesMax
	var assignments []connectors.Assignment
	for i := range files {
		name := fmt.Sprintf("%s-%d", path, i)
		appendTo(t, name, "first\nsec")
		assignments = append(assignments, connectors.Assignment{Split: connectors.Split{ID: filepath.Base(name)}})
	}
	before := openFiles(t)
	reader := assign(t, source, assignments...)
	collect(t, reader, files)
	if now := openFiles(t); now-before > openFilesMax+1 {
		t.Errorf("%d files are open, at most %d may", now-before, openFilesMax)
	}
	for i := range files {
		appendTo(t, fmt.Sprintf("%s-%d", path, i), "ond\n")
	}
	for _, got := range collect(t, reader, files) {
		if got != "second" {
			t.Fatalf("%q", got)
		}
	}
	nothing(t, reader)
}

func TestFollowTruncatedOrReplaced(t *testing.T) {
	for reason, change := range map[string]func(path string) error{
		"was truncated": func(path string) error { return os.Truncate(path, 2) },
		"was replaced": func(path string) error {
			if err := os.WriteFile(path+".new", []byte("something else, and longer\n"), 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		},
	} {
		path, source := followed(t)
		appendTo(t, path, "one\ntwo\n")
		reader := assign(t, source, only)
		collect(t, reader, 2)
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		if _, err := reader.Next(context.Background()); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%v, want %q", err, reason)
		}
	}
}

// A file that is removed ends, and its last line counts without a newline.
func TestFollowRemoved(t *testing.T) {
	path, source := followed(t)
	appendTo(t, path, "one\nla")
	reader := assign(t, source, only)
	collect(t, reader, 1)
	nothing(t, reader)
	appendTo(t, path, "st")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	delivery, err := reader.Next(context.Background())
	if err != nil || !delivery.End {
		t.Fatalf("%+v, %v", delivery, err)
	}
	if got := valuesOf(linesOf(delivery.Batch)); !slices.Equal(got, []string{"last"}) {
		t.Errorf("%q", got)
	}
	reader = assign(t, source, only)
	if delivery, err := reader.Next(context.Background()); err != nil || !delivery.End {
		t.Errorf("a followed file that never was there: %+v, %v", delivery, err)
	}
}

// A busy file does not keep the others from their turn.
func TestFollowIsFair(t *testing.T) {
	path, source := followed(t)
	write(t, path+"-big", strings.Repeat("big\n", 1_000_000))
	write(t, path+"-small", "small\n")
	reader := assign(t, source,
		connectors.Assignment{Split: connectors.Split{ID: "in-big"}},
		connectors.Assignment{Split: connectors.Split{ID: "in-small"}})
	for i := range deliveriesPerTurn + 1 {
		delivery, err := reader.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if delivery.SplitID == "in-small" {
			return
		}
		if i == deliveriesPerTurn {
			t.Error("the small file had no turn")
		}
	}
}

// A position that was reached by reading parts of lines again leads back into
// the same file.
func TestFollowResumes(t *testing.T) {
	path, source := followed(t)
	other := connectors.Assignment{Split: connectors.Split{ID: "in-other"}}
	write(t, path, "")
	write(t, path+"-other", "")
	reader := assign(t, source, only, other)
	for part := range 3 {
		appendTo(t, path, strings.Repeat(string(rune(0x61+part)), 100))
		nothing(t, reader)
	}
	appendTo(t, path, "\nnext\n")
	delivery, err := reader.Next(context.Background())
	if err != nil || delivery.Batch.Count() != 2 {
		t.Fatalf("%+v, %v", delivery, err)
	}
	appendTo(t, path, "after\n")
	from := only
	from.Position = delivery.Position
	if got := collect(t, assign(t, source, from), 1); got[0] != "after" {
		t.Errorf("%q", got)
	}
}
