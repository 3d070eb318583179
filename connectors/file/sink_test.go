package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

func batchOf(values ...string) record.Batch {
	var builder record.Builder
	for i, value := range values {
		builder.Append(record.Record{Key: []byte{byte('a' + i)}, Value: []byte(value), Timestamp: record.NoTimestamp})
	}
	return builder.Finish()
}

// attempt opens the sink as one attempt of the job does.
func attempt(t *testing.T, folder string, number uint64, keep []connectors.Committable, more fields) (connectors.Sink, connectors.Writer) {
	t.Helper()
	ctx := context.Background()
	f := fields{"path": "out"}
	for name, value := range more {
		f[name] = value
	}
	config := configOf(t, folder, f)
	config.Attempt = number
	sink := Connector().Sink()
	if guarantee, err := sink.Open(ctx, config); err != nil || guarantee != connectors.ExactlyOnce {
		t.Fatal(guarantee, err)
	}
	if err := sink.CleanUp(ctx, keep); err != nil {
		t.Fatal(err)
	}
	writer, err := sink.OpenWriter(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	return sink, writer
}

func prepare(t *testing.T, writer connectors.Writer, epoch uint64, values ...string) []connectors.Committable {
	t.Helper()
	if err := writer.Write(context.Background(), batchOf(values...)); err != nil {
		t.Fatal(err)
	}
	committables, err := writer.Prepare(context.Background(), epoch)
	if err != nil || len(committables) != 1 {
		t.Fatalf("Prepare: %v, %v", committables, err)
	}
	return committables
}

func commit(t *testing.T, sink connectors.Sink, committables []connectors.Committable) []connectors.CommitResult {
	t.Helper()
	results, err := sink.Commit(context.Background(), committables)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func committed(t *testing.T, sink connectors.Sink, committables []connectors.Committable) {
	t.Helper()
	for _, result := range commit(t, sink, committables) {
		if result.Outcome != connectors.Committed {
			t.Errorf("Commit: %+v", result)
		}
	}
}

// visible is what a reader of the target folder sees: names without a dot at
// their beginning, and their lines, in order of the names.
func visible(t *testing.T, folder string) (names []string, text string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(folder, "out"))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(folder, "out", entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, entry.Name())
		text += string(content)
	}
	return names, text
}

// staged lists all files below the staging folder.
func staged(t *testing.T, folder string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(filepath.Join(folder, "out", stagingFolder), func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && !entry.IsDir() {
			names = append(names, entry.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestNothingIsVisibleBeforeCommit(t *testing.T) {
	folder := t.TempDir()
	sink, writer := attempt(t, folder, 1, nil, nil)
	if err := writer.Write(context.Background(), batchOf(strings.Repeat("x", 3*writeBytes))); err != nil {
		t.Fatal(err)
	}
	first := prepare(t, writer, 1, "one")
	second := prepare(t, writer, 2, "two")
	if names, _ := visible(t, folder); len(names) > 0 {
		t.Errorf("visible before the commit: %q", names)
	}
	committed(t, sink, first)
	committed(t, sink, second)
	names, text := visible(t, folder)
	want := []string{"part-0123456789ab-step-00000001-000", "part-0123456789ab-step-00000002-000"}
	if !slices.Equal(names, want) || text != strings.Repeat("x", 3*writeBytes)+"\none\ntwo\n" {
		t.Errorf("%q, %d bytes", names, len(text))
	}
	if err := writer.Close(); err != nil {
		t.Error(err)
	}
	if err := sink.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "out", stagingFolder)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the staging folder is left: %v", err)
	}
}

func TestEmptyEpochMakesNoFile(t *testing.T) {
	folder := t.TempDir()
	_, writer := attempt(t, folder, 1, nil, nil)
	if committables, err := writer.Prepare(context.Background(), 1); err != nil || len(committables) > 0 {
		t.Errorf("%v, %v", committables, err)
	}
	if got := staged(t, folder); len(got) > 0 {
		t.Errorf("staged: %q", got)
	}
}

// The host dies between prepare and commit. The next attempt commits what the
// manifest names and removes the rest.
func TestCrashAfterPrepare(t *testing.T) {
	folder := t.TempDir()
	_, writer := attempt(t, folder, 1, nil, nil)
	named := prepare(t, writer, 1, "named")
	prepare(t, writer, 2, "of an epoch that never was complete")
	if err := writer.Write(context.Background(), batchOf(strings.Repeat("unprepared", writeBytes))); err != nil {
		t.Fatal(err)
	}
	if err := writer.Write(context.Background(), batchOf("more")); err != nil {
		t.Fatal(err)
	}
	if got := staged(t, folder); len(got) != 3 {
		t.Fatalf("staged: %q", got)
	}

	sink, writer := attempt(t, folder, 2, named, nil)
	if got := staged(t, folder); len(got) != 1 {
		t.Errorf("staged after the clean-up: %q", got)
	}
	committed(t, sink, named)
	committed(t, sink, named)
	committed(t, sink, prepare(t, writer, 2, "again"))
	if _, text := visible(t, folder); text != "named\nagain\n" {
		t.Errorf("visible: %q", text)
	}
}

// A crash in the middle of a commit leaves the staged and the final name of one
// file; the next commit finishes it.
func TestCrashWithinCommit(t *testing.T) {
	folder := t.TempDir()
	sink, writer := attempt(t, folder, 1, nil, nil)
	prepared := prepare(t, writer, 1, "once")
	path := filepath.Join(folder, "out", stagingFolder, "01234567-89ab-4def-8123-456789abcdef", "step", staged(t, folder)[0])
	if err := os.Link(path, filepath.Join(folder, "out", prepared[0].ID)); err != nil {
		t.Fatal(err)
	}
	committed(t, sink, prepared)
	committed(t, sink, prepared)
	if names, text := visible(t, folder); len(names) != 1 || text != "once\n" || len(staged(t, folder)) > 0 {
		t.Errorf("%q %q, staged %q", names, text, staged(t, folder))
	}
}

func TestCommitOfLostData(t *testing.T) {
	folder := t.TempDir()
	sink, writer := attempt(t, folder, 1, nil, nil)
	gone := prepare(t, writer, 1, "gone")
	if err := sink.Abort(context.Background(), gone); err != nil {
		t.Fatal(err)
	}
	cut := prepare(t, writer, 2, "cut short")
	path := filepath.Join(folder, "out", stagingFolder, "01234567-89ab-4def-8123-456789abcdef", "step", staged(t, folder)[0])
	if err := os.Truncate(path, 3); err != nil {
		t.Fatal(err)
	}
	taken := prepare(t, writer, 3, "taken")
	write(t, filepath.Join(folder, "out", taken[0].ID), "somebody else's")
	fine := prepare(t, writer, 4, "fine")
	results := commit(t, sink, slices.Concat(gone, cut, taken, fine))
	for i, reason := range []string{"neither", "has 3 bytes, 10 were prepared", "another file has the name"} {
		if results[i].Outcome != connectors.CommitLost || !strings.Contains(results[i].Reason, reason) {
			t.Errorf("%+v, want %q", results[i], reason)
		}
	}
	if results[3].Outcome != connectors.Committed {
		t.Errorf("%+v", results[3])
	}
}

// A committable whose names lead elsewhere touches nothing.
func TestCommittableStaysInside(t *testing.T) {
	sink, _ := attempt(t, t.TempDir(), 1, nil, nil)
	for _, data := range []string{
		`{"staged":"../x","final":"y"}`, `{"staged":"x","final":"../y"}`, `{"staged":"x","final":"/y"}`, `{"staged":"","final":"y"}`,
		`{"staged":"..","final":"y"}`, `{"staged":"x","final":".hidden"}`, `not JSON`,
	} {
		bad := []connectors.Committable{{ID: "bad", Data: []byte(data)}}
		if _, err := sink.Commit(context.Background(), bad); err == nil {
			t.Errorf("%s: committed", data)
		}
		if err := sink.Abort(context.Background(), bad); err == nil {
			t.Errorf("%s: aborted", data)
		}
		if err := sink.CleanUp(context.Background(), bad); err == nil {
			t.Errorf("%s: kept", data)
		}
	}
}

func TestKeysAndSuffix(t *testing.T) {
	folder := t.TempDir()
	sink, writer := attempt(t, folder, 1, nil, fields{"write_key": true, "key_separator": ": ", "suffix": ".txt"})
	committed(t, sink, prepare(t, writer, 1, "one", "", "two words"))
	names, text := visible(t, folder)
	if len(names) != 1 || !strings.HasSuffix(names[0], "-000.txt") || text != "a: one\nb: \nc: two words\n" {
		t.Errorf("%q %q", names, text)
	}
}

// Two steps of a job, and two jobs, share a folder without meeting.
func TestSharedFolder(t *testing.T) {
	folder := t.TempDir()
	sink, writer := attempt(t, folder, 1, nil, nil)
	prepared := prepare(t, writer, 1, "first")
	for _, change := range []func(*connectors.Config){
		func(c *connectors.Config) { c.UID = "other step/../.." },
		func(c *connectors.Config) { c.JobUUID = "fedcba98-0000-4000-8000-000000000000" },
	} {
		config := configOf(t, folder, fields{"path": "out"})
		change(&config)
		other := Connector().Sink()
		if _, err := other.Open(context.Background(), config); err != nil {
			t.Fatal(err)
		}
		if err := other.CleanUp(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		otherWriter, err := other.OpenWriter(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		committed(t, other, prepare(t, otherWriter, 1, "other"))
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
	}
	committed(t, sink, prepared)
	names, _ := visible(t, folder)
	if len(names) != 3 {
		t.Errorf("%q", names)
	}
}

func TestSinkCheck(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "file"), "")
	cases := []struct {
		fields fields
		field  string
	}{
		{fields{}, "path"},
		{fields{"path": "file"}, "path"},
		{fields{"path": "file/below"}, "path"},
		{fields{"path": "out", "suffix": "/x"}, "suffix"},
		{fields{"path": "out", "key_separator": strings.Repeat("x", 17)}, "key_separator"},
		{fields{"path": "out", "pth": "x"}, "pth"},
	}
	for _, c := range cases {
		err := Connector().Sink().Check(context.Background(), configOf(t, folder, c.fields))
		var config *connectors.ConfigError
		if !errors.As(err, &config) || config.Field != c.field {
			t.Errorf("%v: %v, want field %s", c.fields, err, c.field)
		}
	}
	if err := Connector().Sink().Check(context.Background(), configOf(t, folder, fields{"path": "new/folders"})); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "new")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("Check made a folder")
	}
}

// Where the target folder is gone, Prepare fails and names it.
func TestTargetIsGone(t *testing.T) {
	folder := t.TempDir()
	_, writer := attempt(t, folder, 1, nil, nil)
	prepare(t, writer, 1, "fits")
	if err := os.RemoveAll(filepath.Join(folder, "out")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "out"), "a file where the folder was")
	if err := writer.Write(context.Background(), batchOf("lost")); err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Prepare(context.Background(), 2); err == nil || !strings.Contains(err.Error(), filepath.Join(folder, "out")) {
		t.Errorf("Prepare: %v", err)
	}
}
