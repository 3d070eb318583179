package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/localstore"
	"github.com/turgo-stream/turgo/host/letter"
	"github.com/turgo-stream/turgo/host/plan"
)

func newDLQ() *cobra.Command {
	dlq := &cobra.Command{
		Use:   "dlq",
		Short: "See, edit, resubmit and discard a job's dead letters, also while it runs",
		Long: `See, edit, resubmit and discard a job's dead letters: the records and timers
that a step with the failure policy dead_letter could not handle. It works while
the job runs and while it is stopped. What is ordered while it is stopped is
carried out by the next "turgo run".

docs/dead-letters.md tells more.`,
		Args: noCommand,
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	dlq.AddCommand(newDLQList(), newDLQShow(), newDLQEdit(), newDLQResubmit(), newDLQDiscard(), newDLQExport())
	return dlq
}

// letterDesk is a job's letters, open for one command.
type letterDesk struct {
	*letter.Desk
	job   *plan.Job
	store *localstore.Store
}

// openDesk opens the letters of a job. What cannot be read is told on standard
// error; the rest is usable.
func openDesk(command *cobra.Command, jobFile string) (*letterDesk, error) {
	job, err := plan.ReadFile(jobFile)
	if err != nil {
		return nil, err
	}
	store, err := localstore.Beside(job.StoreDirectory(), checkpoint.CommandPrefix)
	if err != nil {
		return nil, badInput(err)
	}
	desk, err := letter.OpenDesk(command.Context(), store)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	for _, damage := range desk.Damaged() {
		fmt.Fprintf(command.ErrOrStderr(), "turgo: cannot be used, the rest can: %v\n", damage)
	}
	return &letterDesk{Desk: desk, job: job, store: store}, nil
}

func (d *letterDesk) close() error { return d.store.Close() }

// letterFilter chooses letters.
type letterFilter struct {
	uids, kinds, statuses []string
	errorText, key        string
	since, until          string
	limit                 int
}

func (f *letterFilter) flags(command *cobra.Command, limit int) {
	flags := command.Flags()
	flags.StringSliceVar(&f.uids, "uid", nil, "only letters of these steps")
	flags.StringSliceVar(&f.kinds, "kind", nil, "only letters of these kinds: record, timer, group, undecodable, refused")
	flags.StringSliceVar(&f.statuses, "status", nil, "only letters of these statuses: waiting, ordered, done, discarded")
	flags.StringVar(&f.errorText, "error", "", "only letters whose error holds this `text`")
	flags.StringVar(&f.key, "key", "", "only letters whose record has this `key`: text, or hex after 0x")
	flags.StringVar(&f.since, "since", "", "only letters that failed last at or after this `time`: 2026-01-31T12:00:00Z, or 2h for two hours ago")
	flags.StringVar(&f.until, "until", "", "only letters that failed last before this `time`")
	flags.IntVar(&f.limit, "limit", limit, "at most `n` letters, the oldest first; 0 = all")
}

// chosen is a letter that a filter chose. Letter is nil where the filter did not
// need to read it.
type chosen struct {
	letter.Item
	letter *letter.Letter
}

// choose lists the letters of a filter. Without statuses in the filter, those of
// usual count; none means all.
func (d *letterDesk) choose(ctx context.Context, f *letterFilter, read bool, usual ...letter.Status) (list []chosen, more int, err error) {
	keep, err := f.keep(usual)
	if err != nil {
		return nil, 0, badInput(err)
	}
	items := d.Items(keep)
	byContent := f.errorText != "" || f.key != ""
	if !byContent && f.limit > 0 && len(items) > f.limit {
		items, more = items[:f.limit], len(items)-f.limit
	}
	if !byContent && !read {
		for _, item := range items {
			list = append(list, chosen{Item: item})
		}
		return list, more, nil
	}
	key, err := bytesOf(f.key)
	if err != nil {
		return nil, 0, badInput(fmt.Errorf("bad --key: %w", err))
	}
	contents := map[string]*letter.Letter{}
	err = d.Visit(ctx, items, func(item letter.Item, l *letter.Letter) error {
		if strings.Contains(l.Error.Reason, f.errorText) && (f.key == "" || hasKey(l, key)) {
			contents[item.ID] = l
		}
		return nil
	})
	for _, item := range items {
		switch l := contents[item.ID]; {
		case l == nil:
		case f.limit > 0 && len(list) == f.limit:
			more++
		default:
			list = append(list, chosen{Item: item, letter: l})
		}
	}
	return list, more, err
}

func hasKey(l *letter.Letter, key []byte) bool {
	for records := l.Record.Records(); records.Next(); {
		if k := records.Record().Key(); k != nil && string(k) == string(key) {
			return true
		}
	}
	return false
}

func (f *letterFilter) keep(usual []letter.Status) (func(*letter.Item) bool, error) {
	now := time.Now()
	since, err := timeOf(f.since, now)
	if err != nil {
		return nil, fmt.Errorf("bad --since: %w", err)
	}
	until, err := timeOf(f.until, now)
	if err != nil {
		return nil, fmt.Errorf("bad --until: %w", err)
	}
	statuses := usual
	for i, s := range f.statuses {
		if i == 0 {
			statuses = nil
		}
		if !slices.Contains([]letter.Status{letter.Waiting, letter.Ordered, letter.Done, letter.Discarded}, letter.Status(s)) {
			return nil, fmt.Errorf("bad --status %q: it must be waiting, ordered, done or discarded", s)
		}
		statuses = append(statuses, letter.Status(s))
	}
	for _, k := range f.kinds {
		if !slices.Contains([]letter.Kind{letter.Record, letter.Timer, letter.Undecodable, letter.Refused}, letter.Kind(k)) {
			return nil, fmt.Errorf("bad --kind %q: it must be record, timer, group, undecodable or refused", k)
		}
	}
	if f.limit < 0 {
		return nil, fmt.Errorf("bad --limit %d: it must be 0 or more", f.limit)
	}
	return func(item *letter.Item) bool {
		return (len(f.uids) == 0 || slices.Contains(f.uids, item.UID)) &&
			(len(f.kinds) == 0 || slices.Contains(f.kinds, string(item.Kind))) &&
			(len(statuses) == 0 || slices.Contains(statuses, item.Status)) &&
			(f.since == "" || item.LastMS >= since) && (f.until == "" || item.LastMS < until)
	}, nil
}

// timeOf reads a time: RFC 3339, or how long ago.
func timeOf(text string, now time.Time) (ms int64, err error) {
	if text == "" {
		return 0, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago).UnixMilli(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, fmt.Errorf("%q is neither a time as in 2026-01-31T12:00:00Z nor a duration as in 2h", text)
	}
	return t.UnixMilli(), nil
}

// bytesOf reads bytes from the command line: hex after 0x, else text.
func bytesOf(text string) ([]byte, error) {
	if digits, isHex := strings.CutPrefix(text, "0x"); isHex {
		b, err := hex.DecodeString(digits)
		if err != nil {
			return nil, fmt.Errorf("%q is not hex: %w", text, err)
		}
		return b, nil
	}
	return []byte(text), nil
}

// userName is who orders something, if the command line does not say.
func userName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	return fmt.Sprint("uid ", os.Getuid())
}
