package state

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// DamagedTableError tells that a table in the store is not what was written.
// Whoever restores decides whether an older checkpoint may be used.
type DamagedTableError struct {
	Object string
	Reason error
}

func (e *DamagedTableError) Error() string {
	return fmt.Sprintf("state: table %s in the checkpoint store is damaged: %v", e.Object, e.Reason)
}

// Unwrap gives the reason.
func (e *DamagedTableError) Unwrap() error { return e.Reason }

// Fatal tells that a restart from the same checkpoint meets the damage again.
func (e *DamagedTableError) Fatal() bool { return true }

// readFailed explains an error of a read. Pebble knows a damaged table by its
// number only, so that the attached objects are compared with their checksums
// to name it.
func (b *Backend) readFailed(err error) error {
	if pebble.IsCorruptionError(err) {
		for _, object := range b.objects.all() {
			var damaged *DamagedTableError
			if check := object.fetchAll(context.Background()); errors.As(check, &damaged) {
				return &DamagedTableError{object.name, err}
			}
		}
		return fmt.Errorf("state: the local copy in %s is damaged: check its disk, then restart from the last checkpoint: %w", b.config.Dir, err)
	}
	return fmt.Errorf("state: reading: %w", err)
}
