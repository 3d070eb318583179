package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/faults/poison/records"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/localstore"
	"github.com/turgo-stream/turgo/host/letter"
)

// desk opens the job's letters, as another process than the job's. Before the
// job's first start there is nothing to open.
func (h *harness) desk(ctx context.Context) (*letter.Desk, func() error, error) {
	if _, err := os.Stat(filepath.Join(h.folder, "checkpoints")); errors.Is(err, fs.ErrNotExist) {
		return &letter.Desk{Book: letter.NewBook(nil)}, func() error { return nil }, nil
	}
	store, err := localstore.Beside(filepath.Join(h.folder, "checkpoints"), checkpoint.CommandPrefix)
	if err != nil {
		return nil, nil, fmt.Errorf("poison: %w", err)
	}
	desk, err := letter.OpenDesk(ctx, store)
	if err != nil {
		store.Close()
		return nil, nil, fmt.Errorf("poison: %w", err)
	}
	return desk, store.Close, nil
}

// found is one letter of the job.
type found struct {
	id     string // of the letter
	record int    // id of the payment
	item   letter.Item
	cause  letter.Error
}

// letters reads all letters of one of the statuses.
func (h *harness) letters(ctx context.Context, statuses ...letter.Status) (list []found, err error) {
	desk, done, err := h.desk(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if damaged := desk.Damaged(); len(damaged) > 0 {
		return nil, fmt.Errorf("poison: letters are damaged: %w", damaged[0])
	}
	items := desk.Items(func(i *letter.Item) bool {
		for _, s := range statuses {
			if i.Status == s {
				return true
			}
		}
		return false
	})
	err = desk.Visit(ctx, items, func(item letter.Item, l *letter.Letter) error {
		id, err := paymentOf(l.Record)
		list = append(list, found{id: item.ID, record: id, item: item, cause: l.Error})
		return err
	})
	return list, err
}

// countLetters counts the letters that wait.
func (h *harness) countLetters(ctx context.Context) (int, error) {
	desk, done, err := h.desk(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	return len(desk.Items(func(i *letter.Item) bool { return i.Status == letter.Waiting })), nil
}

// paymentOf is the id in the line of a letter.
func paymentOf(batch record.Batch) (int, error) {
	if batch.Count() != 1 {
		return 0, fmt.Errorf("poison: a letter holds %d records", batch.Count())
	}
	list := batch.Records()
	list.Next()
	line := list.Record().Value()
	const start, end = 22, 31 // as in the guests
	if len(line) < end {
		return 0, fmt.Errorf("poison: a letter holds %q, which is no payment", line)
	}
	return strconv.Atoi(string(line[start:end]))
}

// user is who orders things for letters.
const user = "poison"

// mend edits letters so that they are good payments.
func mend(ctx context.Context, desk *letter.Desk, list []found, payments []records.Record) error {
	for _, f := range list {
		good := payments[f.record]
		good.Kind = records.Good
		_, err := desk.Append(ctx, letter.Command{
			Kind: letter.EditCommand, IDs: []string{f.id}, By: user, Patch: &letter.Patch{SetValue: true, Value: good.Line()},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// resubmit orders that letters be tried again.
func resubmit(ctx context.Context, desk *letter.Desk, list []found) error {
	var ids []string
	for _, f := range list {
		ids = append(ids, f.id)
	}
	_, err := desk.Append(ctx, letter.Command{Kind: letter.ResubmitCommand, IDs: ids, By: user})
	return err
}
