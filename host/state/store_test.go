package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/checkpoint"
)

// memoryStore is a checkpoint store in memory that can be full, damaged and slow.
type memoryStore struct {
	mu      sync.Mutex
	objects map[string][]byte
	full    bool
	delay   time.Duration // of each read
	broken  bool          // reads fail
	near    bool          // reads are as fast as a local disk's
}

var errBroken = errors.New("the store does not answer")

func newMemoryStore() *memoryStore { return &memoryStore{objects: map[string][]byte{}} }

func (s *memoryStore) Create(_ context.Context, name string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full {
		return checkpoint.ErrFull
	}
	if _, exists := s.objects[name]; exists {
		return checkpoint.ErrExists
	}
	s.objects[name] = bytes.Clone(data)
	return nil
}

func (s *memoryStore) Upload(ctx context.Context, name string, content io.Reader, size int64) error {
	data, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	if int64(len(data)) != size {
		return fmt.Errorf("upload of %d bytes, announced as %d", len(data), size)
	}
	return s.Create(ctx, name, data)
}

func (s *memoryStore) Open(_ context.Context, name string) (checkpoint.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, exists := s.objects[name]
	if !exists {
		return nil, checkpoint.ErrNotExist
	}
	return &memoryObject{bytes.NewReader(data), s, s.near}, nil
}

func (s *memoryStore) List(_ context.Context, prefix string) (names []string, _ error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.objects {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (s *memoryStore) Delete(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, name)
	return nil
}

type memoryObject struct {
	*bytes.Reader
	store *memoryStore
	near  bool
}

func (o *memoryObject) Near() bool { return o.near }

func (o *memoryObject) ReadAt(p []byte, offset int64) (int, error) {
	o.store.mu.Lock()
	delay, broken := o.store.delay, o.store.broken
	o.store.mu.Unlock()
	if broken {
		return 0, errBroken
	}
	time.Sleep(delay) // the store's own latency, not a wait for something
	return o.Reader.ReadAt(p, offset)
}

func (o *memoryObject) Close() error { return nil }

// The declarations that tests use.
const (
	stateCount = iota
	stateLease // with a time-to-live
	stateEvents
	stateSession // list with a time-to-live
	stateItems
	stateRecent // map with a time-to-live
)

var testStates = []abi.StateDescription{
	{Name: "count", Kind: kindValue},
	{Name: "lease", Kind: kindValue, TimeToLiveMS: 50, SchemaVersion: 3},
	{Name: "events", Kind: kindList, SchemaVersion: 2},
	{Name: "session", Kind: kindList, TimeToLiveMS: 30},
	{Name: "items", Kind: kindMap},
	{Name: "recent", Kind: kindMap, TimeToLiveMS: 40},
}

var testTimers = []abi.TimerDescription{{Name: "close", Domain: "event"}, {Name: "retry", Domain: "processing"}}

// world is what backends of one test share.
type world struct {
	store *memoryStore
	now   int64
	opens int
}

func newWorld() *world { return &world{store: newMemoryStore(), now: 1000} }

func (w *world) config(first, last, maxParallelism int) Config {
	w.opens++
	return Config{
		FS: vfs.NewCrashableMem(), Dir: "task", First: first, Last: last, MaxParallelism: maxParallelism,
		Attempt: uint64(w.opens), Store: w.store, ObjectPrefix: fmt.Sprintf("tables/%d", w.opens),
		Clock: func() int64 { return w.now },
	}
}

func open(t testing.TB, config Config) (*Backend, *Keyed) {
	t.Helper()
	b, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	k, err := b.Operator("counter", testStates, testTimers)
	if err != nil {
		t.Fatal(err)
	}
	return b, k
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func checkpointNow(t testing.TB, b *Backend) []checkpoint.Table {
	t.Helper()
	f, err := b.Freeze()
	must(t, err)
	_, err = f.Write(context.Background())
	must(t, err)
	b.Complete(f)
	return b.Tables()
}

func now(k *Keyed) int64 { return k.backend.config.Clock() }
