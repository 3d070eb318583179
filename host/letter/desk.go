package letter

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// openTriesMax is how often a book is opened anew that changes while it is read.
const openTriesMax = 10

// Desk is a job's letters as another process than the job's sees them: it reads
// the newest checkpoint and the commands, and appends commands.
type Desk struct {
	*Book
	// Manifest is the newest checkpoint; nil = there is none yet.
	Manifest *checkpoint.Manifest
	store    checkpoint.Store
}

// OpenDesk reads a job's letters. A store without a checkpoint has none.
func OpenDesk(ctx context.Context, store checkpoint.Store) (*Desk, error) {
	d := &Desk{Book: NewBook(store), store: store}
	return d, d.Refresh(ctx)
}

// Refresh reads what is new.
func (d *Desk) Refresh(ctx context.Context) error {
	for range openTriesMax {
		m, err := checkpoint.ReadNewest(ctx, d.store)
		if err != nil {
			return err
		}
		d.Manifest = m
		if m == nil {
			return nil
		}
		if err := d.Sync(ctx, m.Letters); err != nil {
			return err
		}
		if len(d.damaged) > 0 {
			// A running job may have deleted a segment that was just replaced.
			newer, err := checkpoint.ReadNewest(ctx, d.store)
			if err != nil {
				return err
			}
			if newer != nil && newer.Epoch != m.Epoch {
				continue
			}
		}
		_, err = d.ReadCommands(ctx)
		return err
	}
	return fmt.Errorf("letter: the checkpoints changed %d times while they were read: try again", openTriesMax)
}

// Append orders something for letters. More letters than one command may name
// take several. The commands are those that were appended, also after an error.
func (d *Desk) Append(ctx context.Context, c Command) ([]*Command, error) {
	if len(c.IDs) == 0 {
		return nil, errors.New("letter: no letter is named")
	}
	var appended []*Command
	for part := range slices.Chunk(c.IDs, CommandIDsMax) {
		one := c
		one.IDs = part
		err := AppendCommand(ctx, d.store, &one, func(ctx context.Context) (uint64, error) {
			m, err := checkpoint.ReadNewest(ctx, d.store)
			if err != nil || m == nil {
				return 0, err
			}
			return m.CommandsDeleted, nil
		})
		if err != nil {
			return appended, err
		}
		appended = append(appended, &one)
	}
	return appended, nil
}
