package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type fields map[string]any

func configOf(t testing.TB, folder string, f fields) connectors.Config {
	t.Helper()
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return connectors.Config{Job: "job", JobUUID: "01234567-89ab-4def-8123-456789abcdef", UID: "step", Attempt: 1, Parallelism: 1, BaseDir: folder, Settings: text}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func openSource(t testing.TB, config connectors.Config) connectors.Source {
	t.Helper()
	source := Connector().Source()
	if err := source.Open(context.Background(), config); err != nil {
		t.Fatal(err)
	}
	return source
}

func assign(t testing.TB, source connectors.Source, assignments ...connectors.Assignment) connectors.Reader {
	t.Helper()
	reader, err := source.OpenReader(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close() })
	if err := reader.Assign(context.Background(), assignments); err != nil {
		t.Fatal(err)
	}
	return reader
}

// line is a record as the tests compare it.
type line struct {
	key, value string
	timestamp  int64
}

func linesOf(batch record.Batch) []line {
	var result []line
	if batch == nil {
		return nil
	}
	for records := batch.Records(); records.Next(); {
		view := records.Record()
		result = append(result, line{string(view.Key()), string(view.Value()), view.Timestamp()})
	}
	return result
}

// readToEnd reads one file; it gives its lines and the position of each delivery.
func readToEnd(reader connectors.Reader) (lines []line, positions []string, err error) {
	for {
		delivery, err := reader.Next(context.Background())
		if err != nil {
			return lines, positions, err
		}
		lines = append(lines, linesOf(delivery.Batch)...)
		positions = append(positions, string(delivery.Position))
		if delivery.End {
			return lines, positions, nil
		}
	}
}

func valuesOf(lines []line) []string {
	var result []string
	for _, l := range lines {
		result = append(result, l.value)
	}
	return result
}

var only = connectors.Assignment{Split: connectors.Split{ID: "in"}}

func TestLines(t *testing.T) {
	long := strings.Repeat("0123456789", 1_000_000)
	cases := []struct {
		name, text string
		want       []string
	}{
		{"empty file", "", nil},
		{"one line", "a\n", []string{"a"}},
		{"no newline at the end", "a\nb", []string{"a", "b"}},
		{"empty lines", "\n\na\n\n", []string{"", "", "a", ""}},
		{"only a newline", "\n", []string{""}},
		{"carriage returns", "a\r\nb\r\n\r\nc\r", []string{"a", "b", "", "c\r"}},
		{"carriage return within", "a\rb\n", []string{"a\rb"}},
		{"NUL bytes", "\x00a\x00\n\x00", []string{"\x00a\x00", "\x00"}},
		{"invalid UTF-8", "\xff\xfe\n\xc3\x28\n", []string{"\xff\xfe", "\xc3\x28"}},
		{"byte order mark stays", "\ufeffa\n", []string{"\ufeffa"}},
		{"line of 10 MB", "short\n" + long + "\nshort\n", []string{"short", long, "short"}},
		{"line of 10 MB at the end", long, []string{long}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			write(t, filepath.Join(folder, "in"), c.text)
			reader := assign(t, openSource(t, configOf(t, folder, fields{"paths": []string{"in"}})), only)
			lines, _, err := readToEnd(reader)
			if err != nil {
				t.Fatal(err)
			}
			if got := valuesOf(lines); !slices.Equal(got, c.want) {
				t.Errorf("%d lines, want %d; first %.80q", len(got), len(c.want), got)
			}
			for _, l := range lines {
				if l.timestamp != record.NoTimestamp || l.key != "" {
					t.Fatalf("record %+v has a key or timestamp", l)
				}
			}
		})
	}
}

// Each position continues with the very next line, whatever the batch size.
func TestResumeAtEachPosition(t *testing.T) {
	folder := t.TempDir()
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "line %d %s\r\n", i, strings.Repeat("x", i%97))
	}
	text.WriteString("the last has no newline")
	write(t, filepath.Join(folder, "in"), text.String())
	source := openSource(t, configOf(t, folder, fields{"paths": []string{"in"}, "batch_bytes": 4096}))
	all, positions, err := readToEnd(assign(t, source, only))
	if err != nil || len(all) != 3001 || len(positions) < 20 {
		t.Fatalf("%d lines, %d positions, %v", len(all), len(positions), err)
	}
	for _, position := range positions {
		from := only
		from.Position = []byte(position)
		rest, _, err := readToEnd(assign(t, source, from))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(rest, all[len(all)-len(rest):]) || len(rest) == len(all) {
			t.Fatalf("position %s: %d lines follow", position, len(rest))
		}
	}
}

func TestLineTooLong(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "in"), "fine\n"+strings.Repeat("x", 1001)+"\n")
	for _, limit := range []int{1000, 1001} {
		reader := assign(t, openSource(t, configOf(t, folder, fields{"paths": []string{"in"}, "line_bytes_max": limit})), only)
		_, _, err := readToEnd(reader)
		if limit == 1001 && err != nil {
			t.Errorf("a line at the limit: %v", err)
		}
		if limit == 1000 && (err == nil || !strings.Contains(err.Error(), "in: the line at byte 5 is longer than line_bytes_max, 1000")) {
			t.Errorf("a line above the limit: %v", err)
		}
	}
	write(t, filepath.Join(folder, "in"), strings.Repeat("x", 3<<20))
	reader := assign(t, openSource(t, configOf(t, folder, fields{"paths": []string{"in"}, "line_bytes_max": 1 << 20})), only)
	if _, _, err := readToEnd(reader); err == nil {
		t.Error("an endless line is accepted")
	}
}

func TestPatterns(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "with [brackets]*")
	for _, name := range []string{"a.log", "b.log", "sub/c.log", "sub/deep/d.log", "e.txt", ".hidden.log", "sub/.turgo-staging/x.log"} {
		write(t, filepath.Join(folder, name), name+"\n")
	}
	write(t, filepath.Join(folder, "../sibling.log"), "sibling\n")
	cases := []struct {
		paths []string
		want  []string
	}{
		{[]string{"*.log"}, []string{"a.log", "b.log"}},
		{[]string{"**/*.log"}, []string{"a.log", "b.log", "sub/c.log", "sub/deep/d.log"}},
		{[]string{"sub/**"}, []string{"sub/c.log", "sub/deep/d.log"}},
		{[]string{"b.log", "a.log", "*.log"}, []string{"a.log", "b.log"}},
		{[]string{"{a,e}.*"}, []string{"a.log", "e.txt"}},
		{[]string{"../sibling.log"}, []string{"../sibling.log"}},
		{[]string{"./sub/../e.txt"}, []string{"e.txt"}},
	}
	for _, c := range cases {
		splits, final, err := openSource(t, configOf(t, folder, fields{"paths": c.paths})).Discover(context.Background())
		var got []string
		for _, split := range splits {
			got = append(got, split.ID)
		}
		if err != nil || !final || !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, %v, want %q", c.paths, got, err, c.want)
		}
	}
}

func TestSourceCheck(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "in"), "x\n")
	cases := []struct {
		fields fields
		field  string
		reason string
	}{
		{fields{}, "paths", "at least one"},
		{fields{"paths": []string{"in"}, "colour": "red"}, "colour", "unknown field"},
		{fields{"paths": "in"}, "paths", "string where a list"},
		{fields{"paths": []string{"missing"}}, "paths.0", "no such file"},
		{fields{"paths": []string{"in", "no/*.such"}}, "paths.1", "no such file"},
		{fields{"paths": []string{"."}}, "paths.0", "is a folder"},
		{fields{"paths": []string{"[a"}}, "paths.0", "no valid pattern"},
		{fields{"paths": []string{"in"}, "format": "csv"}, "format", "csv"},
		{fields{"paths": []string{"in"}, "key_field": "k"}, "key_field", "json_lines"},
		{fields{"paths": []string{"in"}, "line_bytes_max": -1}, "line_bytes_max", "not in"},
		{fields{"paths": []string{"in"}, "batch_bytes": 1}, "batch_bytes", "not in"},
		{fields{"paths": []string{"in"}, "invalid": "ignore"}, "invalid", "ignore"},
	}
	for _, c := range cases {
		err := Connector().Source().Check(context.Background(), configOf(t, folder, c.fields))
		var config *connectors.ConfigError
		if !errors.As(err, &config) || config.Field != c.field || !strings.Contains(config.Reason, c.reason) {
			t.Errorf("%v: %v, want field %s with %q", c.fields, err, c.field, c.reason)
		}
	}
	if err := Connector().Source().Check(context.Background(), configOf(t, folder, fields{"paths": []string{"in"}})); err != nil {
		t.Error(err)
	}
}

// A file that cannot be read, whoever tries: a link to nowhere, and a pipe.
func TestUnreadable(t *testing.T) {
	folder := t.TempDir()
	if err := os.Symlink("nowhere", filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	err := Connector().Source().Check(context.Background(), configOf(t, folder, fields{"paths": []string{"link"}}))
	if err == nil {
		t.Error("a link to nowhere passes the check")
	}
	if err := unix.Mkfifo(filepath.Join(folder, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = Connector().Source().Check(context.Background(), configOf(t, folder, fields{"paths": []string{"pipe"}}))
	if err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a pipe: %v", err)
	}
	write(t, filepath.Join(folder, "in"), "x\n")
	source := openSource(t, configOf(t, folder, fields{"paths": []string{"in"}}))
	reader := assign(t, source, only)
	if err := os.Remove(filepath.Join(folder, "in")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readToEnd(reader); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a file that is gone: %v", err)
	}
}

func TestChangedFile(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "in")
	write(t, path, strings.Repeat("the old content\n", 1000))
	source := openSource(t, configOf(t, folder, fields{"paths": []string{"in"}, "batch_bytes": 2048}))
	delivery, err := assign(t, source, only).Next(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	from := only
	from.Position = delivery.Position
	cases := []struct{ text, reason string }{
		{"short\n", "was truncated"},
		{strings.Repeat("the new content\n", 1000), "was replaced"},
	}
	for _, c := range cases {
		write(t, path, c.text)
		if _, _, err := readToEnd(assign(t, source, from)); err == nil || !strings.Contains(err.Error(), c.reason) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, want %q", err, c.reason)
		}
	}
	write(t, path, strings.Repeat("the old content\n", 2000))
	if _, _, err := readToEnd(assign(t, source, from)); err != nil {
		t.Errorf("a file that grew: %v", err)
	}
}

func TestBadPosition(t *testing.T) {
	source := openSource(t, configOf(t, t.TempDir(), fields{"paths": []string{"in"}}))
	for _, position := range []string{"", "12", "-1 00000000", "x 00000000", "12 zz", "12 123456789"} {
		reader, err := source.OpenReader(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := reader.Assign(context.Background(), []connectors.Assignment{{Split: only.Split, Position: []byte(position)}}); err == nil {
			t.Errorf("position %q accepted", position)
		}
	}
}

// Many files are not open at once, and each ends.
func TestManyFiles(t *testing.T) {
	folder := t.TempDir()
	const files = 3000
	for i := range files {
		write(t, filepath.Join(folder, fmt.Sprintf("%04d", i)), fmt.Sprintf("%d\n", i))
	}
	source := openSource(t, configOf(t, folder, fields{"paths": []string{"*"}}))
	splits, _, err := source.Discover(context.Background())
	if err != nil || len(splits) != files {
		t.Fatalf("%d splits, %v", len(splits), err)
	}
	var all []connectors.Assignment
	for _, split := range splits {
		all = append(all, connectors.Assignment{Split: split})
	}
	reader := assign(t, source, all...)
	before := openFiles(t)
	for i := range files {
		delivery, err := reader.Next(context.Background())
		if err != nil || !delivery.End || delivery.SplitID != splits[i].ID {
			t.Fatalf("file %d: %+v, %v", i, delivery, err)
		}
		if got := linesOf(delivery.Batch); len(got) != 1 || got[0].value != fmt.Sprint(i) {
			t.Fatalf("file %d: %v", i, got)
		}
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d files open, %d before", after, before)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
