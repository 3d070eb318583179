package state

import "github.com/cockroachdb/pebble/v2/vfs"

// unsyncedFS leaves out every fsync. Nothing local is read after a restart, so
// none is needed; the store makes durable what must last.
type unsyncedFS struct{ vfs.FS }

type unsyncedFile struct{ vfs.File }

func withoutSync(fs vfs.FS) vfs.FS { return unsyncedFS{fs} }

func (unsyncedFile) Sync() error                { return nil }
func (unsyncedFile) SyncData() error            { return nil }
func (unsyncedFile) SyncTo(int64) (bool, error) { return false, nil }

func unsynced(file vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return unsyncedFile{file}, nil
}

func (f unsyncedFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return unsynced(f.FS.Create(name, category))
}

func (f unsyncedFS) Open(name string, options ...vfs.OpenOption) (vfs.File, error) {
	return unsynced(f.FS.Open(name, options...))
}

func (f unsyncedFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, options ...vfs.OpenOption) (vfs.File, error) {
	return unsynced(f.FS.OpenReadWrite(name, category, options...))
}

func (f unsyncedFS) OpenDir(name string) (vfs.File, error) { return unsynced(f.FS.OpenDir(name)) }

func (f unsyncedFS) ReuseForWrite(oldName, newName string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return unsynced(f.FS.ReuseForWrite(oldName, newName, category))
}

// Unwrap gives the file system below.
func (f unsyncedFS) Unwrap() vfs.FS { return f.FS }
