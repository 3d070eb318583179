package checkpoint

import (
	"context"
	"errors"
	"io"
)

// Store keeps the objects of one job: manifests and tables. Names are slash
// separated. An object never changes once it exists.
type Store interface {
	// Create writes a whole object, durably, and only if no object has this name:
	// otherwise the error is ErrExists and nothing changed.
	Create(ctx context.Context, name string, data []byte) error
	// Upload creates an object from a reader of size bytes, durably. Creating the
	// same name again with the same content succeeds.
	Upload(ctx context.Context, name string, content io.Reader, size int64) error
	// Open opens an object for random reads; ErrNotExist where there is none.
	Open(ctx context.Context, name string) (Object, error)
	// List gives the names that begin with prefix, sorted.
	List(ctx context.Context, prefix string) ([]string, error)
	// Delete removes an object. One that does not exist is no error.
	Delete(ctx context.Context, name string) error
}

// Object is an open object. It may be read from several goroutines.
type Object interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// NearObject is an Object that may tell that reading it costs no more than
// reading a local file does, so that copying what is read gains nothing.
type NearObject interface {
	Object
	Near() bool
}

// Errors of a Store.
var (
	ErrExists   = errors.New("checkpoint: object exists")
	ErrNotExist = errors.New("checkpoint: object does not exist")
	ErrFull     = errors.New("checkpoint: store is full")
	ErrReadOnly = errors.New("checkpoint: store is read-only")
	// ErrUnchanged is wrapped by an error of Create or Upload where it is certain
	// that no object came to be, nor will. Without it, the object may exist.
	ErrUnchanged = errors.New("nothing was written")
)
