package localstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockName is the file whose lock tells other processes of this machine at once
// that the folder is in use. It saves nothing: the claim in the log does.
const lockName = "lock"

// Owner is the process that has a store open.
type Owner struct {
	Host  string    `json:"host"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

// LockedError tells that another process has the store open. Owner is zero where
// that process did not say who it is.
type LockedError struct {
	Folder string
	Owner  Owner
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.Owner.PID != 0 {
		who = fmt.Sprintf("process %d on %s, since %s,", e.Owner.PID, e.Owner.Host, e.Owner.Since.Format(time.RFC3339))
	}
	return fmt.Sprintf("localstore: %s runs the job of checkpoint store %s. Stop it first, or give this job another store", who, e.Folder)
}

// lockFolder takes the lock. It is held until the file is closed or the process ends.
func lockFolder(folder string) (*os.File, error) {
	path := filepath.Join(folder, lockName)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("localstore: open %s: %w", folder, classify(err))
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil:
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil, errors.Join(&LockedError{Folder: folder, Owner: readOwner(file)}, file.Close())
	case errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOTSUP):
		// This file system has no locks; the claim keeps two hosts apart all the same.
		return file, nil
	default:
		return nil, errors.Join(fmt.Errorf("localstore: lock %s: %w", path, err), file.Close())
	}
	if err := writeOwner(file); err != nil {
		return nil, errors.Join(fmt.Errorf("localstore: write %s: %w", path, classify(err)), file.Close())
	}
	return file, nil
}

func writeOwner(file *os.File) error {
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	data, err := json.Marshal(Owner{Host: host, PID: os.Getpid(), Since: time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err = file.WriteAt(append(data, '\n'), 0)
	return err
}

func readOwner(file *os.File) Owner {
	var owner Owner
	data, err := io.ReadAll(io.LimitReader(file, 4096))
	if err != nil || json.Unmarshal(data, &owner) != nil {
		return Owner{}
	}
	return owner
}
