// Package localstore keeps a job's objects as files in a folder. A file appears
// under its name only when it is whole and on disk.
package localstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// temporary is the folder of files that are being written. What is in it when a
// store is opened belongs to nobody.
const temporary = "temporary"

// besideTriesMax is how often an object is created anew whose temporary file went away.
const besideTriesMax = 3

// Store is a checkpoint.Store in a folder. It is safe for concurrent use.
type Store struct {
	folder   string
	readOnly bool
	only     string // prefix of the names that may be created; empty = all
	lock     *os.File
	files    files

	mu      sync.Mutex
	folders map[string]bool // that exist, durably
}

// files are the steps of a durable creation; tests let each of them fail.
type files struct {
	copy       func(target *os.File, content io.Reader) (int64, error)
	syncFile   func(*os.File) error
	link       func(from, to string) error
	syncFolder func(path string) error
}

func systemFiles() files {
	return files{
		copy:       func(target *os.File, content io.Reader) (int64, error) { return io.Copy(target, content) },
		syncFile:   (*os.File).Sync,
		link:       os.Link,
		syncFolder: syncFolder,
	}
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	err = folder.Sync()
	return errors.Join(err, folder.Close())
}

// Open opens the store in a folder for the one host that runs the job, and makes
// the folder where there is none. A *LockedError tells that another process has it.
func Open(folder string) (*Store, error) {
	s := &Store{folder: folder, files: systemFiles(), folders: map[string]bool{}}
	if err := os.MkdirAll(filepath.Join(folder, temporary), 0o755); err != nil {
		return nil, fmt.Errorf("localstore: open %s: %w", folder, classify(err))
	}
	lock, err := lockFolder(folder)
	if err != nil {
		return nil, err
	}
	s.lock = lock
	if err := s.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("localstore: open %s: %w", folder, classify(err)), lock.Close())
	}
	return s, nil
}

// View opens the store in a folder to look at it, beside the host that may be
// running. Creating and deleting fail.
func View(folder string) (*Store, error) {
	info, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("localstore: there is no checkpoint store at %s", folder)
	}
	if err != nil {
		return nil, fmt.Errorf("localstore: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("localstore: %s is not a folder", folder)
	}
	return &Store{folder: folder, readOnly: true, files: systemFiles(), folders: map[string]bool{}}, nil
}

// Beside opens the store in a folder beside the host that may be running, to
// look at it and to create objects whose names begin with prefix. Deleting fails.
func Beside(folder, prefix string) (*Store, error) {
	s, err := View(folder)
	if err != nil {
		return nil, err
	}
	s.readOnly, s.only = false, prefix
	return s, nil
}

// prepare makes the folder durable and drops what earlier processes left half-written.
func (s *Store) prepare() error {
	leftovers, err := os.ReadDir(filepath.Join(s.folder, temporary))
	if err != nil {
		return err
	}
	for _, file := range leftovers {
		if err := os.Remove(filepath.Join(s.folder, temporary, file.Name())); err != nil {
			return err
		}
	}
	absolute, err := filepath.Abs(s.folder)
	if err != nil {
		return err
	}
	return errors.Join(s.files.syncFolder(absolute), s.files.syncFolder(filepath.Dir(absolute)))
}

// Close gives the folder free.
func (s *Store) Close() error {
	if s.lock == nil {
		return nil
	}
	lock := s.lock
	s.lock = nil
	return lock.Close()
}

// classify makes the store's errors of the system's.
func classify(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", checkpoint.ErrFull, err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w", checkpoint.ErrReadOnly, err)
	}
	return err
}

// path is the file of an object.
func (s *Store) path(name string) (string, error) {
	if !fs.ValidPath(name) || name == "." || strings.HasPrefix(name, temporary+"/") || !strings.Contains(name, "/") {
		return "", fmt.Errorf("localstore: %q is not a name of an object: %w", name, checkpoint.ErrUnchanged)
	}
	return filepath.Join(s.folder, filepath.FromSlash(name)), nil
}

// Create implements checkpoint.Store.
func (s *Store) Create(ctx context.Context, name string, data []byte) error {
	temporaryPath, err := s.create(ctx, name, bytes.NewReader(data), int64(len(data)))
	for range besideTriesMax {
		// A host that starts takes away the temporary files that it finds.
		if s.only == "" || !errors.Is(err, fs.ErrNotExist) {
			break
		}
		temporaryPath, err = s.create(ctx, name, bytes.NewReader(data), int64(len(data)))
	}
	if temporaryPath != "" {
		err = errors.Join(err, os.Remove(temporaryPath))
	}
	return err
}

// Upload implements checkpoint.Store.
func (s *Store) Upload(ctx context.Context, name string, content io.Reader, size int64) error {
	temporaryPath, err := s.create(ctx, name, content, size)
	if temporaryPath != "" {
		defer os.Remove(temporaryPath)
	}
	if !errors.Is(err, checkpoint.ErrExists) || temporaryPath == "" {
		return err
	}
	path, pathErr := s.path(name)
	if pathErr != nil {
		return pathErr
	}
	same, compareErr := sameContent(path, temporaryPath)
	if compareErr != nil {
		return fmt.Errorf("localstore: upload %s: %w: %w", name, checkpoint.ErrUnchanged, compareErr)
	}
	if !same {
		return err
	}
	// Whoever made it may not have made it durable yet.
	if err := s.files.syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("localstore: upload %s: %w", name, classify(err))
	}
	return nil
}

// create writes content to a temporary file and links it to its name. Where
// the name is taken, the temporary file stays for the caller to compare and remove.
func (s *Store) create(ctx context.Context, name string, content io.Reader, size int64) (temporaryPath string, err error) {
	unchanged := func(err error) error {
		return fmt.Errorf("localstore: create %s: %w: %w", name, checkpoint.ErrUnchanged, classify(err))
	}
	path, err := s.path(name)
	if err != nil {
		return "", err
	}
	if s.readOnly || !strings.HasPrefix(name, s.only) {
		return "", unchanged(checkpoint.ErrReadOnly)
	}
	if err := ctx.Err(); err != nil {
		return "", unchanged(err)
	}
	if err := s.ensureFolder(filepath.Dir(path)); err != nil {
		return "", unchanged(err)
	}
	temporaryPath, err = s.writeTemporary(content, size)
	if err != nil {
		return "", unchanged(err)
	}
	err = s.files.link(temporaryPath, path)
	if errors.Is(err, fs.ErrExist) {
		return temporaryPath, fmt.Errorf("localstore: create %s: %w", name, checkpoint.ErrExists)
	}
	removeErr := os.Remove(temporaryPath)
	if err != nil {
		return "", unchanged(err)
	}
	// From here on the object may outlive a crash.
	if err := errors.Join(removeErr, s.files.syncFolder(filepath.Dir(path))); err != nil {
		return "", fmt.Errorf("localstore: create %s: %w", name, classify(err))
	}
	return "", nil
}

// writeTemporary writes a file of exactly size bytes, durably.
func (s *Store) writeTemporary(content io.Reader, size int64) (path string, err error) {
	file, err := os.CreateTemp(filepath.Join(s.folder, temporary), "")
	if err != nil {
		return "", err
	}
	defer func() {
		err = errors.Join(err, file.Close())
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	n, err := s.files.copy(file, io.LimitReader(content, size+1))
	if err != nil {
		return "", err
	}
	if n != size {
		return "", fmt.Errorf("the content has not the %d bytes announced", size)
	}
	if err := file.Chmod(0o444); err != nil {
		return "", err
	}
	return file.Name(), s.files.syncFile(file)
}

// ensureFolder makes a folder below the store's durable.
func (s *Store) ensureFolder(path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.folders[path] {
		return nil
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	for parent := filepath.Dir(path); ; parent = filepath.Dir(parent) {
		if err := s.files.syncFolder(parent); err != nil {
			return err
		}
		if len(parent) <= len(s.folder) {
			break
		}
	}
	s.folders[path] = true
	return nil
}

// Open implements checkpoint.Store.
func (s *Store) Open(_ context.Context, name string) (checkpoint.Object, error) {
	path, err := s.path(name)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("localstore: open %s: %w", name, checkpoint.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("localstore: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("localstore: %w", err), file.Close())
	}
	return &object{File: file, size: info.Size()}, nil
}

type object struct {
	*os.File
	size int64
}

func (o *object) Size() int64 { return o.size }

// Near implements checkpoint.NearObject.
func (o *object) Near() bool { return true }

// List implements checkpoint.Store.
func (s *Store) List(ctx context.Context, prefix string) ([]string, error) {
	root := s.folder
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		root = filepath.Join(s.folder, filepath.FromSlash(prefix[:i]))
	}
	var names []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted meanwhile, or never made
		}
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if path == filepath.Join(s.folder, temporary) {
				return fs.SkipDir
			}
			return ctx.Err()
		}
		relative, err := filepath.Rel(s.folder, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(relative)
		if strings.Contains(name, "/") && strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("localstore: list %s: %w", prefix, err)
	}
	slices.Sort(names)
	return names, nil
}

// Delete implements checkpoint.Store.
func (s *Store) Delete(_ context.Context, name string) error {
	path, err := s.path(name)
	if err != nil {
		return err
	}
	if s.readOnly || s.only != "" {
		return fmt.Errorf("localstore: delete %s: %w", name, checkpoint.ErrReadOnly)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("localstore: delete: %w", classify(err))
	}
	return nil
}

// sameContent compares two files.
func sameContent(pathA, pathB string) (bool, error) {
	a, err := os.Open(pathA)
	if err != nil {
		return false, err
	}
	defer a.Close()
	b, err := os.Open(pathB)
	if err != nil {
		return false, err
	}
	defer b.Close()
	bufferA, bufferB := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		nA, errA := io.ReadFull(a, bufferA)
		nB, errB := io.ReadFull(b, bufferB)
		if !bytes.Equal(bufferA[:nA], bufferB[:nB]) {
			return false, nil
		}
		endA := errA == io.EOF || errA == io.ErrUnexpectedEOF
		endB := errB == io.EOF || errB == io.ErrUnexpectedEOF
		switch {
		case endA && endB:
			return true, nil
		case errA != nil && !endA:
			return false, errA
		case errB != nil && !endB:
			return false, errB
		case endA != endB:
			return false, nil
		}
	}
}
