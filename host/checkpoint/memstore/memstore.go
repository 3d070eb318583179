// Package memstore keeps a job's objects in memory. Tests and simulation make it
// fail, lose what was not durable, and damage it.
package memstore

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// Kind is a kind of operation.
type Kind string

// The kinds of operations.
const (
	Create Kind = "create"
	Upload Kind = "upload"
	Open   Kind = "open"
	Read   Kind = "read"
	List   Kind = "list"
	Delete Kind = "delete"
)

// Operation is one call, as the hook sees it before it takes place.
type Operation struct {
	Kind Kind
	Name string // of the object, or the prefix that is listed
}

// Fault is what goes wrong with an operation. Without Err nothing does. Applied
// tells that a create, upload or delete takes effect in spite of the error; a
// crash may undo a creation that failed so.
type Fault struct {
	Err     error
	Applied bool
}

// Store is a checkpoint.Store in memory. It is safe for concurrent use.
type Store struct {
	mu      sync.Mutex
	objects map[string]*object
	hook    func(Operation) Fault
}

type object struct {
	data    []byte
	durable bool
}

// New makes an empty store.
func New() *Store { return &Store{objects: map[string]*object{}} }

// SetHook makes every later operation ask hook first. The hook may wait, to
// simulate a slow store. Nil removes it.
func (s *Store) SetHook(hook func(Operation) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

// Full is the fault of a store without space.
func Full() Fault {
	return Fault{Err: fmt.Errorf("memstore: %w: %w", checkpoint.ErrUnchanged, checkpoint.ErrFull)}
}

func (s *Store) ask(ctx context.Context, kind Kind, name string) Fault {
	s.mu.Lock()
	hook := s.hook
	s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return Fault{Err: fmt.Errorf("memstore: %s %s: %w: %w", kind, name, checkpoint.ErrUnchanged, err)}
	}
	if hook == nil {
		return Fault{}
	}
	return hook(Operation{Kind: kind, Name: name})
}

// Create implements checkpoint.Store.
func (s *Store) Create(ctx context.Context, name string, data []byte) error {
	fault := s.ask(ctx, Create, name)
	if fault.Err != nil && !fault.Applied {
		return fault.Err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects[name] != nil {
		return fmt.Errorf("memstore: create %s: %w", name, checkpoint.ErrExists)
	}
	s.add(name, bytes.Clone(data), fault.Err == nil)
	return fault.Err
}

// Upload implements checkpoint.Store.
func (s *Store) Upload(ctx context.Context, name string, content io.Reader, size int64) error {
	fault := s.ask(ctx, Upload, name)
	if fault.Err != nil && !fault.Applied {
		return fault.Err
	}
	data, err := io.ReadAll(io.LimitReader(content, size+1))
	if err != nil {
		return fmt.Errorf("memstore: upload %s: %w: %w", name, checkpoint.ErrUnchanged, err)
	}
	if int64(len(data)) != size {
		return fmt.Errorf("memstore: upload %s: %w: got %d bytes, expected %d", name, checkpoint.ErrUnchanged, len(data), size)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if existing := s.objects[name]; existing != nil {
		if !bytes.Equal(existing.data, data) {
			return fmt.Errorf("memstore: upload %s: %w", name, checkpoint.ErrExists)
		}
		data = existing.data
	}
	s.add(name, data, fault.Err == nil)
	return fault.Err
}

// add makes an object. As in a folder, one that is made durable makes its
// neighbours durable too.
func (s *Store) add(name string, data []byte, durable bool) {
	if existing := s.objects[name]; existing != nil {
		durable = durable || existing.durable
	}
	s.objects[name] = &object{data: data, durable: durable}
	if !durable {
		return
	}
	folder := path.Dir(name)
	for other, o := range s.objects {
		if !o.durable && path.Dir(other) == folder {
			o.durable = true
		}
	}
}

// Open implements checkpoint.Store.
func (s *Store) Open(ctx context.Context, name string) (checkpoint.Object, error) {
	if fault := s.ask(ctx, Open, name); fault.Err != nil {
		return nil, fault.Err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[name]
	if o == nil {
		return nil, fmt.Errorf("memstore: open %s: %w", name, checkpoint.ErrNotExist)
	}
	return &reader{store: s, name: name, data: o.data}, nil
}

// List implements checkpoint.Store.
func (s *Store) List(ctx context.Context, prefix string) ([]string, error) {
	if fault := s.ask(ctx, List, prefix); fault.Err != nil {
		return nil, fault.Err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range s.objects {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Delete implements checkpoint.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	fault := s.ask(ctx, Delete, name)
	if fault.Err == nil || fault.Applied {
		s.mu.Lock()
		delete(s.objects, name)
		s.mu.Unlock()
	}
	return fault.Err
}

// Crash loses the objects whose creation was not durable and for which survives
// is false, in the order of their names.
func (s *Store) Crash(survives func(name string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var doubtful []string
	for name, o := range s.objects {
		if !o.durable {
			doubtful = append(doubtful, name)
		}
	}
	slices.Sort(doubtful)
	for _, name := range doubtful {
		if survives != nil && survives(name) {
			s.objects[name].durable = true
			continue
		}
		delete(s.objects, name)
	}
}

// Damage replaces the bytes of an object by what change makes of a copy of
// them; nil removes it. It reports whether the object exists.
func (s *Store) Damage(name string, change func([]byte) []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[name]
	if o == nil {
		return false
	}
	if data := change(bytes.Clone(o.data)); data != nil {
		s.objects[name] = &object{data: data, durable: true}
	} else {
		delete(s.objects, name)
	}
	return true
}

type reader struct {
	store *Store
	name  string
	data  []byte
}

func (r *reader) ReadAt(p []byte, offset int64) (int, error) {
	if fault := r.store.ask(context.Background(), Read, r.name); fault.Err != nil {
		return 0, fault.Err
	}
	if offset < 0 || offset >= int64(len(r.data)) {
		return 0, io.EOF
	}
	n := copy(p, r.data[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (r *reader) Size() int64  { return int64(len(r.data)) }
func (r *reader) Close() error { return nil }
