package state

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/cockroachdb/pebble/v2/objstorage/remote"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// objectCache gives Pebble the store's objects to read, and keeps each page
// that was read in a local file: a store that answers slowly is asked once for
// a page. What is near is read where it is until a copy of it is local anyway.
// An object that is kept whole is needed in the store no more.
type objectCache struct {
	store checkpoint.Store
	fs    vfs.FS
	dir   string

	mu      sync.Mutex
	objects map[string]*cachedObject
	pages   counter
	writing sync.Mutex // one large write at a time leaves the task its processor
}

const (
	pageBytes = 32 << 10 // little more than one block: a fast store is not read in vain
	// fetchBytes is what one read of the store asks for at most.
	fetchBytes = 4 << 20
)

func newObjectCache(store checkpoint.Store, fs vfs.FS, dir string) *objectCache {
	return &objectCache{store: store, fs: fs, dir: dir, objects: map[string]*cachedObject{}}
}

// cachedObject is one object and the pages of it that are local.
type cachedObject struct {
	cache    *objectCache
	name     string
	size     int64
	checksum string
	remote   checkpoint.Object
	near     bool

	mu      sync.Mutex
	changed sync.Cond
	file    vfs.File
	pages   []pageState
	missing int
}

type pageState uint8

const (
	pageMissing pageState = iota
	pageFetching
	pageLocal
)

// attach opens an object whose size is known. It may be attached twice.
func (c *objectCache) attach(ctx context.Context, table checkpoint.Table) (*cachedObject, error) {
	c.mu.Lock()
	known := c.objects[table.Object]
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	object, err := c.store.Open(ctx, table.Object)
	if err != nil {
		return nil, fmt.Errorf("state: opening table %s: %w", table.Object, err)
	}
	if object.Size() != table.Bytes {
		return nil, errors.Join(&DamagedTableError{table.Object, fmt.Errorf("it has %d bytes, the manifest says %d", object.Size(), table.Bytes)}, object.Close())
	}
	count := int((table.Bytes + pageBytes - 1) / pageBytes)
	o := &cachedObject{cache: c, name: table.Object, size: table.Bytes, checksum: table.Checksum, remote: object, pages: make([]pageState, count), missing: count}
	o.changed.L = &o.mu
	if near, ok := object.(checkpoint.NearObject); ok {
		o.near = near.Near()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.objects[table.Object]; known != nil {
		return known, object.Close()
	}
	o.file, err = c.fs.Create(fmt.Sprintf("%s/%06d", c.dir, len(c.objects)), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("state: making the local copy of table %s: %w", table.Object, err), object.Close())
	}
	c.objects[table.Object] = o
	return o, nil
}

func (c *objectCache) get(name string) *cachedObject {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.objects[name]
}

func (c *objectCache) all() []*cachedObject {
	c.mu.Lock()
	defer c.mu.Unlock()
	objects := make([]*cachedObject, 0, len(c.objects))
	for _, o := range c.objects {
		objects = append(objects, o)
	}
	return objects
}

func (c *objectCache) close() (err error) {
	for _, o := range c.all() {
		err = errors.Join(err, o.file.Close(), o.remote.Close())
	}
	return err
}

// ReadAt reads len(p) bytes at an offset, for the task that waits for them.
func (o *cachedObject) ReadAt(ctx context.Context, p []byte, offset int64) error {
	if !o.near || o.local(offset, len(p)) {
		return o.readLocal(ctx, p, offset)
	}
	if offset < 0 || offset+int64(len(p)) > o.size {
		return o.beyond(len(p), offset)
	}
	return o.readRemote(p, offset)
}

// readRemote asks the store. Some readers tell the end together with the last
// bytes.
func (o *cachedObject) readRemote(p []byte, offset int64) error {
	n, err := o.remote.ReadAt(p, offset)
	if err != nil && (n < len(p) || !errors.Is(err, io.EOF)) {
		return fmt.Errorf("state: reading table %s: %w", o.name, err)
	}
	return nil
}

func (o *cachedObject) beyond(bytes int, offset int64) error {
	return fmt.Errorf("state: reading table %s: %d bytes at %d are beyond its %d", o.name, bytes, offset, o.size)
}

// local tells whether a range within the object is local.
func (o *cachedObject) local(offset int64, bytes int) bool {
	if offset < 0 || bytes == 0 || offset+int64(bytes) > o.size {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.missing == 0 {
		return true
	}
	for page := offset / pageBytes; page <= (offset+int64(bytes)-1)/pageBytes; page++ {
		if o.pages[page] != pageLocal {
			return false
		}
	}
	return true
}

// readLocal makes what is read local first.
func (o *cachedObject) readLocal(ctx context.Context, p []byte, offset int64) error {
	if offset < 0 || offset+int64(len(p)) > o.size {
		return o.beyond(len(p), offset)
	}
	if len(p) == 0 {
		return nil
	}
	first, last := int(offset/pageBytes), int((offset+int64(len(p))-1)/pageBytes)
	if err := o.need(ctx, first, last); err != nil {
		return err
	}
	if _, err := o.file.ReadAt(p, offset); err != nil {
		return fmt.Errorf("state: reading the local copy of table %s: %w", o.name, err)
	}
	return nil
}

// need returns once all pages first to last are local.
func (o *cachedObject) need(ctx context.Context, first, last int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for page := first; page <= last; {
		switch o.pages[page] {
		case pageLocal:
			page++
		case pageFetching:
			o.changed.Wait()
		case pageMissing:
			end := page
			for end <= last && o.pages[end] == pageMissing && (end-page) < fetchBytes/pageBytes {
				o.pages[end] = pageFetching
				end++
			}
			if err := o.fetch(page, end); err != nil {
				return err
			}
			page = end
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// Buffers of one page, and of the most that one read asks for.
var (
	pageBuffers  = sync.Pool{New: func() any { return newBuffer(pageBytes) }}
	fetchBuffers = sync.Pool{New: func() any { return newBuffer(fetchBytes) }}
)

func newBuffer(size int) *[]byte {
	buffer := make([]byte, size)
	return &buffer
}

// fetch reads pages start to end, which are marked as being fetched. It is
// called with the lock and gives it up while it reads.
func (o *cachedObject) fetch(start, end int) error {
	o.mu.Unlock()
	offset := int64(start) * pageBytes
	buffers := &fetchBuffers
	if end-start == 1 {
		buffers = &pageBuffers
	}
	pooled := buffers.Get().(*[]byte)
	defer buffers.Put(pooled)
	buffer := (*pooled)[:min(int64(end)*pageBytes, o.size)-offset]
	err := o.readRemote(buffer, offset)
	if err == nil {
		err = o.writeLocal(buffer, offset)
	}
	o.mu.Lock()
	state := pageLocal
	if err != nil {
		state = pageMissing
	} else {
		o.missing -= end - start
		o.cache.pages.add(int64(end - start))
	}
	for page := start; page < end; page++ {
		o.pages[page] = state
	}
	o.changed.Broadcast()
	return err
}

func (o *cachedObject) writeLocal(p []byte, offset int64) error {
	if len(p) > pageBytes {
		o.cache.writing.Lock()
		defer o.cache.writing.Unlock()
	}
	if _, err := o.file.WriteAt(p, offset); err != nil {
		return fmt.Errorf("state: writing the local copy of table %s: %w", o.name, err)
	}
	return nil
}

// fetchAll makes the object local as a whole and compares its checksum.
func (o *cachedObject) fetchAll(ctx context.Context) error {
	hash := sha256.New()
	pooled := fetchBuffers.Get().(*[]byte)
	defer fetchBuffers.Put(pooled)
	buffer := *pooled
	for offset := int64(0); offset < o.size; offset += int64(len(buffer)) {
		piece := buffer[:min(int64(len(buffer)), o.size-offset)]
		if err := o.readLocal(ctx, piece, offset); err != nil {
			return err
		}
		hash.Write(piece)
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); sum != o.checksum {
		return &DamagedTableError{o.name, fmt.Errorf("its checksum is %s, the manifest says %s", sum, o.checksum)}
	}
	return nil
}

// Close does nothing: an object stays open until the Backend is closed.
func (o *cachedObject) Close() error { return nil }

// CreateStorage makes the cache the remote storage of Pebble.
func (c *objectCache) CreateStorage(remote.Locator) (remote.Storage, error) { return c, nil }

// Close does nothing: the Backend closes the cache.
func (c *objectCache) Close() error { return nil }

// ReadObject gives an attached object to Pebble.
func (c *objectCache) ReadObject(_ context.Context, name string) (remote.ObjectReader, int64, error) {
	if o := c.get(name); o != nil {
		return o, o.size, nil
	}
	return nil, 0, fmt.Errorf("state: table %s is not attached: %w", name, checkpoint.ErrNotExist)
}

// errReadOnly answers the calls by which Pebble would change the store.
var errReadOnly = errors.New("state: tables in the store are only read here")

// CreateObject refuses: Pebble never writes to the store.
func (c *objectCache) CreateObject(string) (io.WriteCloser, error) { return nil, errReadOnly }

// List refuses: Pebble only reads what was attached.
func (c *objectCache) List(string, string) ([]string, error) { return nil, errReadOnly }

// Delete refuses: only the coordinator deletes.
func (c *objectCache) Delete(string) error { return errReadOnly }

// Size is the size of an attached object.
func (c *objectCache) Size(name string) (int64, error) {
	if o := c.get(name); o != nil {
		return o.size, nil
	}
	return 0, fmt.Errorf("state: table %s is not attached: %w", name, checkpoint.ErrNotExist)
}

// IsNotExistError recognises the error of an object that does not exist.
func (c *objectCache) IsNotExistError(err error) bool { return errors.Is(err, checkpoint.ErrNotExist) }
