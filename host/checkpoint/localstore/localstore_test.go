package localstore

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

func openStore(t *testing.T, folder string) *Store {
	t.Helper()
	s, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func read(t *testing.T, s *Store, name string) string {
	t.Helper()
	object, err := s.Open(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	data, err := io.ReadAll(io.NewSectionReader(object, 0, object.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func leftovers(t *testing.T, folder string) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(folder, temporary))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestCreateIsExclusive(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "deep", "store")
	s := openStore(t, folder)
	ctx := context.Background()
	if err := s.Create(ctx, "manifest/1.a", []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(ctx, "manifest/1.a", []byte("second")); !errors.Is(err, checkpoint.ErrExists) {
		t.Errorf("got %v, want ErrExists", err)
	}
	if got := read(t, s, "manifest/1.a"); got != "first" {
		t.Errorf("the object holds %q", got)
	}
	if n := leftovers(t, folder); n != 0 {
		t.Errorf("%d temporary files are left", n)
	}
}

// TestOneOfManyCreates lets several goroutines create one name.
func TestOneOfManyCreates(t *testing.T) {
	s := openStore(t, t.TempDir())
	var group sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 8 {
		group.Go(func() {
			err := s.Create(context.Background(), "manifest/1.a", []byte("x"))
			if err != nil && !errors.Is(err, checkpoint.ErrExists) {
				t.Error(err)
			}
			if err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if won != 1 {
		t.Errorf("%d creations succeeded, want 1", won)
	}
}

func TestUpload(t *testing.T) {
	folder := t.TempDir()
	s := openStore(t, folder)
	ctx := context.Background()
	content := strings.Repeat("table", 100_000)
	upload := func(content string, size int) error {
		return s.Upload(ctx, "tables/1", strings.NewReader(content), int64(size))
	}
	if err := upload(content, len(content)+1); !errors.Is(err, checkpoint.ErrUnchanged) {
		t.Errorf("too short: got %v, want ErrUnchanged", err)
	}
	if err := upload(content, len(content)-1); !errors.Is(err, checkpoint.ErrUnchanged) {
		t.Errorf("too long: got %v, want ErrUnchanged", err)
	}
	for range 2 {
		if err := upload(content, len(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := upload("other", 5); !errors.Is(err, checkpoint.ErrExists) {
		t.Errorf("other content: got %v, want ErrExists", err)
	}
	if got := read(t, s, "tables/1"); got != content {
		t.Errorf("the object has %d bytes, want %d", len(got), len(content))
	}
	if n := leftovers(t, folder); n != 0 {
		t.Errorf("%d temporary files are left", n)
	}
}

func TestListAndDelete(t *testing.T) {
	s := openStore(t, t.TempDir())
	ctx := context.Background()
	for _, name := range []string{"tables/b", "tables/a", "manifest/1.a", "splits/x/y"} {
		if err := s.Create(ctx, name, nil); err != nil {
			t.Fatal(err)
		}
	}
	for prefix, want := range map[string][]string{
		"":         {"manifest/1.a", "splits/x/y", "tables/a", "tables/b"},
		"tables/":  {"tables/a", "tables/b"},
		"tables/b": {"tables/b"},
		"none/":    nil,
	} {
		if got, err := s.List(ctx, prefix); err != nil || !slices.Equal(got, want) {
			t.Errorf("list %q: got %v, %v, want %v", prefix, got, err, want)
		}
	}
	for range 2 {
		if err := s.Delete(ctx, "tables/a"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Open(ctx, "tables/a"); !errors.Is(err, checkpoint.ErrNotExist) {
		t.Errorf("got %v, want ErrNotExist", err)
	}
}

func TestNamesStayInTheFolder(t *testing.T) {
	s := openStore(t, t.TempDir())
	for _, name := range []string{"", ".", "..", "../x", "a/../../x", "/etc/passwd", "lock", "temporary/x", "a//b", "a/"} {
		if err := s.Create(context.Background(), name, nil); err == nil {
			t.Errorf("%q was created", name)
		}
		if _, err := s.Open(context.Background(), name); err == nil {
			t.Errorf("%q was opened", name)
		}
		if err := s.Delete(context.Background(), name); err == nil {
			t.Errorf("%q was deleted", name)
		}
	}
}

// TestFaults lets each step of a creation fail. Before the link nothing exists
// and the error says so; after it the outcome is in doubt.
func TestFaults(t *testing.T) {
	for _, system := range []struct {
		err  error
		want error
	}{{syscall.ENOSPC, checkpoint.ErrFull}, {syscall.EDQUOT, checkpoint.ErrFull}, {syscall.EROFS, checkpoint.ErrReadOnly}, {syscall.EIO, syscall.EIO}} {
		for _, step := range []string{"copy", "sync file", "link", "sync folder"} {
			t.Run(step+" "+system.err.Error(), func(t *testing.T) {
				folder := t.TempDir()
				s := openStore(t, folder)
				if err := s.Create(context.Background(), "tables/before", nil); err != nil {
					t.Fatal(err)
				}
				failStep(s, step, &os.PathError{Op: step, Path: "x", Err: system.err})
				for _, err := range []error{
					s.Create(context.Background(), "tables/created", []byte("data")),
					s.Upload(context.Background(), "tables/uploaded", strings.NewReader("data"), 4),
				} {
					if !errors.Is(err, system.want) {
						t.Errorf("got %v, want %v", err, system.want)
					}
					if unchanged := errors.Is(err, checkpoint.ErrUnchanged); unchanged != (step != "sync folder") {
						t.Errorf("%v: says that nothing changed: %v", err, unchanged)
					}
				}
				s.files = systemFiles()
				names, err := s.List(context.Background(), "")
				if err != nil {
					t.Fatal(err)
				}
				if exists := len(names) == 3; exists != (step == "sync folder") {
					t.Errorf("the store holds %v", names)
				}
				if n := leftovers(t, folder); n != 0 {
					t.Errorf("%d temporary files are left", n)
				}
			})
		}
	}
}

// failStep makes one step fail; a copy fails after it has written something.
func failStep(s *Store, step string, err error) {
	switch step {
	case "copy":
		s.files.copy = func(target *os.File, _ io.Reader) (int64, error) {
			n, _ := target.WriteString("da")
			return int64(n), err
		}
	case "sync file":
		s.files.syncFile = func(*os.File) error { return err }
	case "link":
		s.files.link = func(string, string) error { return err }
	case "sync folder":
		s.files.syncFolder = func(string) error { return err }
	}
}

// TestOpenCleansUp: what a killed process left half-written is gone.
func TestOpenCleansUp(t *testing.T) {
	folder := t.TempDir()
	s := openStore(t, folder)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, temporary, "half"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if n := leftovers(t, folder); n != 0 {
		t.Errorf("%d temporary files are left", n)
	}
}

func TestSecondHostIsTold(t *testing.T) {
	folder := t.TempDir()
	s, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(folder)
	locked := (*LockedError)(nil)
	if !errors.As(err, &locked) {
		t.Fatalf("got %v, want a LockedError", err)
	}
	if locked.Owner.PID != os.Getpid() || time.Since(locked.Owner.Since) > time.Hour || !strings.Contains(err.Error(), folder) {
		t.Errorf("the error does not name the owner and the folder: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openStore(t, folder)
}

func TestViewOnly(t *testing.T) {
	folder := t.TempDir()
	s := openStore(t, folder)
	if err := s.Create(context.Background(), "manifest/1.a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	view, err := View(folder)
	if err != nil {
		t.Fatal(err)
	}
	if got := read(t, view, "manifest/1.a"); got != "x" {
		t.Errorf("read %q", got)
	}
	if err := view.Create(context.Background(), "manifest/2.a", nil); !errors.Is(err, checkpoint.ErrReadOnly) {
		t.Errorf("create: got %v, want ErrReadOnly", err)
	}
	if err := view.Delete(context.Background(), "manifest/1.a"); !errors.Is(err, checkpoint.ErrReadOnly) {
		t.Errorf("delete: got %v, want ErrReadOnly", err)
	}
	if err := view.Close(); err != nil {
		t.Error(err)
	}
	if _, err := View(filepath.Join(folder, "missing")); err == nil {
		t.Error("a folder that does not exist was opened")
	}
	if _, err := os.Stat(filepath.Join(folder, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Error("looking at a store made its folder")
	}
}

// TestBeside creates what it may while another process holds the store, and
// nothing else.
func TestBeside(t *testing.T) {
	folder := t.TempDir()
	host := openStore(t, folder)
	ctx := context.Background()
	if err := host.Create(ctx, "manifest/1.a", []byte("m")); err != nil {
		t.Fatal(err)
	}
	beside, err := Beside(folder, "commands/")
	if err != nil {
		t.Fatal(err)
	}
	if err := beside.Create(ctx, "commands/1", []byte("c")); err != nil {
		t.Fatal(err)
	}
	if got := read(t, host, "commands/1"); got != "c" {
		t.Errorf("the host reads %q", got)
	}
	if err := beside.Create(ctx, "manifest/2.a", []byte("m")); !errors.Is(err, checkpoint.ErrReadOnly) {
		t.Errorf("another name: got %v, want ErrReadOnly", err)
	}
	if err := beside.Delete(ctx, "commands/1"); !errors.Is(err, checkpoint.ErrReadOnly) {
		t.Errorf("delete: got %v, want ErrReadOnly", err)
	}
	// A host that starts takes the temporary file away once.
	link, taken := beside.files.link, false
	beside.files.link = func(from, to string) error {
		if !taken {
			taken = true
			if err := os.Remove(from); err != nil {
				t.Error(err)
			}
		}
		return link(from, to)
	}
	if err := beside.Create(ctx, "commands/2", []byte("c")); err != nil {
		t.Errorf("a temporary file that went away: %v", err)
	}
}
