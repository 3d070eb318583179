package state

import (
	"context"
	"errors"
	"slices"

	"github.com/turgo-stream/turgo/host/checkpoint"
)

// Frozen is what changed up to one barrier, and what earlier epochs could not
// upload.
type Frozen struct {
	backend *Backend
	parts   []*part
	uids    []string
}

// Freeze ends the epoch at the barrier: the task's whole pause. No transaction
// may be open.
func (b *Backend) Freeze() (*Frozen, error) {
	if b.open > 0 {
		return nil, errors.New("state: freeze within a transaction")
	}
	if b.failed != nil {
		return nil, b.failed
	}
	b.swap()
	if err := b.scanner.close(); err != nil { // it would keep Pebble's old files
		return nil, b.readFailed(err)
	}
	return &Frozen{backend: b, parts: slices.Clone(b.parts), uids: b.operatorsHeld()}, nil
}

// operatorsHeld lists the uids whose state the task's tables may hold.
func (b *Backend) operatorsHeld() []string {
	uids := append(slices.Clone(b.uids), b.restored...)
	slices.Sort(uids)
	return slices.Compact(uids)
}

// Write makes what was frozen durable: it runs on a goroutine of its own, one
// at a time or several. It gives the tables that the epoch adds. After an
// error nothing is lost: the next epoch's Write includes what this one holds.
func (f *Frozen) Write(ctx context.Context) ([]checkpoint.Table, error) {
	ctx, leave, err := f.backend.background.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := f.backend.localize(f.parts); err != nil {
		return nil, err
	}
	var tables []checkpoint.Table
	for _, p := range f.parts {
		if err := p.toStore(ctx, f.backend); err != nil {
			return nil, err
		}
		if !p.empty {
			table := p.table
			table.Operators = f.uids
			tables = append(tables, table)
		}
	}
	return tables, nil
}

// Complete takes over the tables of a Write that ended, well or not. It is
// called in the order of the freezes. Tables is the epoch's list afterwards.
func (b *Backend) Complete(f *Frozen) {
	for _, p := range f.parts {
		if len(b.parts) == 0 || b.parts[0].number > p.number {
			continue // an earlier Complete took it
		}
		if !p.uploaded.Load() {
			break
		}
		if !p.empty {
			table := p.table
			table.Operators = f.uids
			b.tables = append(b.tables, table)
		}
		b.parts = b.parts[1:]
	}
	b.reap()
}

// Tables is the list for the manifest, oldest first.
func (b *Backend) Tables() []checkpoint.Table { return slices.Clone(b.tables) }
