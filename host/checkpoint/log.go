package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Prefixes of object names. Every object of a job begins with one of them.
const (
	manifestPrefix = "manifest/"
	// TablePrefix begins the names of tables. Names hold the attempt that wrote
	// them, so that no two attempts ever write the same object.
	TablePrefix = "tables/"
)

// ErrLostLeadership tells that another coordinator appended to the log: it leads
// the job now, and this one must stop.
var ErrLostLeadership = errors.New("checkpoint: another host has taken over the job")

// DamagedError names objects whose bytes are not what was written, or that are
// missing.
type DamagedError struct {
	Names  []string
	Reason string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("checkpoint: %s: damaged: %s", strings.Join(e.Names, " and "), e.Reason)
}

// Entry is one entry of the log: either a claim or a checkpoint.
type Entry struct {
	Claim      *Claim
	Checkpoint *Manifest
	// Attachments of a checkpoint are made durable before it. They are not read back.
	Attachments []Attachment
}

// EntryInfo tells about one entry of the log. Claim and Checkpoint are both nil
// where Damaged or Stray is set.
type EntryInfo struct {
	Entry
	Number  uint64
	Bytes   int64 // of one copy
	Copies  int   // that are in order: 0, 1 or 2
	Damaged *DamagedError
	// Stray marks what a host wrote that had lost the job long before, at a number
	// that was free again. The log goes on from another entry: this one never counted.
	Stray bool

	checksum string
}

// entryNames are the names of the two copies of an entry.
func entryNames(number uint64) (a, b string) {
	name := fmt.Sprintf("%s%010d", manifestPrefix, number)
	return name + ".a", name + ".b"
}

// entryNumber reads the number in a copy's name.
func entryNumber(name string) (number uint64, ok bool) {
	digits, ok := strings.CutPrefix(name, manifestPrefix)
	if !ok || len(digits) < 12 {
		return 0, false
	}
	digits, copyName := digits[:len(digits)-2], digits[len(digits)-2:]
	number, err := strconv.ParseUint(digits, 10, 63)
	return number, err == nil && number > 0 && (copyName == ".a" || copyName == ".b")
}

// Log is the sequence of claims and checkpoints of a job in a store. Entries are
// numbered without gaps; only the oldest ones are ever deleted. A Log belongs to
// one goroutine.
type Log struct {
	store    Store
	next     uint64
	previous string // checksum of the last entry; empty = unknown
	entries  []EntryInfo
	objects  []string
}

// OpenLog reads the log in a store. Damaged entries are no error here: Decide
// says what follows from them.
func OpenLog(ctx context.Context, store Store) (*Log, error) {
	names, err := store.List(ctx, manifestPrefix)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: list the log: %w", err)
	}
	var numbers []uint64
	for _, name := range names {
		if number, ok := entryNumber(name); ok {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	l := &Log{store: store, next: 1}
	for i, number := range slices.Compact(numbers) {
		if i > 0 && number > l.next {
			l.entries = append(l.entries, missingEntries(l.next, number-1))
		}
		info, err := l.read(ctx, number)
		if err != nil {
			return nil, err
		}
		l.entries = append(l.entries, info)
		l.next = number + 1
		l.previous = info.checksum
	}
	markStrays(l.entries)
	for _, prefix := range []string{TablePrefix, splitsPrefix, LetterPrefix} {
		objects, err := store.List(ctx, prefix)
		if err != nil {
			return nil, fmt.Errorf("checkpoint: list %s: %w", prefix, err)
		}
		l.objects = append(l.objects, objects...)
	}
	return l, nil
}

// ReadNewest reads the newest checkpoint that can be read, and no more of the log
// than that takes. Nil is a log without a checkpoint.
func ReadNewest(ctx context.Context, store Store) (*Manifest, error) {
	names, err := store.List(ctx, manifestPrefix)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: list the log: %w", err)
	}
	l := &Log{store: store}
	var damaged error
	var last uint64
	for _, name := range slices.Backward(names) {
		number, ok := entryNumber(name)
		if !ok || number == last {
			continue
		}
		last = number
		info, err := l.read(ctx, number)
		switch {
		case err != nil:
			return nil, err
		case info.Checkpoint != nil:
			return info.Checkpoint, nil
		case info.Damaged != nil && damaged == nil:
			damaged = info.Damaged
		}
	}
	return nil, damaged
}

// markStrays follows the log back from its newest entry: each one holds the
// checksum of the one before.
func markStrays(entries []EntryInfo) {
	for i := len(entries) - 1; i > 0; i-- {
		previous := entries[i].previous()
		if previous == "" || entries[i-1].checksum == "" || previous == entries[i-1].checksum {
			continue
		}
		for j := range entries[:i] {
			entries[j].Entry, entries[j].Damaged, entries[j].Stray = Entry{}, nil, true
		}
		return
	}
}

// missingEntries stands for entries that are gone though older ones are there.
func missingEntries(first, last uint64) EntryInfo {
	a, b := entryNames(first)
	damaged := &DamagedError{Names: []string{a, b}, Reason: "missing"}
	if last > first {
		damaged.Reason = fmt.Sprintf("missing, and so are all entries up to %d", last)
	}
	return EntryInfo{Number: first, Damaged: damaged}
}

// Entries lists the entries that there were when the log was opened, oldest first.
func (l *Log) Entries() []EntryInfo { return slices.Clone(l.entries) }

// Read reads one entry.
func (l *Log) Read(ctx context.Context, number uint64) (Entry, error) {
	info, err := l.read(ctx, number)
	if err != nil {
		return Entry{}, err
	}
	if info.Damaged != nil {
		return Entry{}, info.Damaged
	}
	return info.Entry, nil
}

// read reads both copies of an entry. Damage is told in the result; an error is
// one of the store.
func (l *Log) read(ctx context.Context, number uint64) (EntryInfo, error) {
	info := EntryInfo{Number: number}
	nameA, nameB := entryNames(number)
	var reasons []string
	var good []byte
	var otherFormat error
	for _, name := range []string{nameA, nameB} {
		data, err := readObject(ctx, l.store, name, entryMaxBytes)
		var damaged *DamagedError
		switch {
		case errors.Is(err, ErrNotExist):
			reasons = append(reasons, "missing")
			continue
		case errors.As(err, &damaged):
			reasons = append(reasons, damaged.Reason)
			continue
		case err != nil:
			return info, err
		}
		entry, err := decodeEntry(data)
		if format := (*FormatError)(nil); errors.As(err, &format) {
			otherFormat = fmt.Errorf("%s: %w", name, err)
		}
		if err == nil && entry.number() != number {
			err = fmt.Errorf("it says that its number is %d", entry.number())
		}
		if err != nil {
			reasons = append(reasons, err.Error())
			continue
		}
		if good != nil && !bytes.Equal(good, data) {
			reasons = append(reasons, "the two copies are in order, but differ")
			good = nil
			break
		}
		good = data
		info.Entry, info.Bytes, info.checksum = entry, int64(len(data)), checksumOf(data)
		info.Copies++
	}
	if good == nil && otherFormat != nil {
		return info, otherFormat
	}
	if good == nil {
		info.Entry, info.Copies, info.checksum = Entry{}, 0, ""
		info.Damaged = &DamagedError{Names: []string{nameA, nameB}, Reason: strings.Join(slices.Compact(reasons), "; ")}
	}
	return info, nil
}

func (e *Entry) previous() string {
	switch {
	case e.Claim != nil:
		return e.Claim.Previous
	case e.Checkpoint != nil:
		return e.Checkpoint.Previous
	}
	return ""
}

func (e *Entry) number() uint64 {
	if e.Claim != nil {
		return e.Claim.Number
	}
	return e.Checkpoint.Number
}

// Append adds an entry, durably, at the next number, which it returns.
// ErrLostLeadership tells that another host has taken that number. An error that
// is ErrUnchanged leaves the log as it was; after any other error the entry may
// exist, and the log must be opened anew.
func (l *Log) Append(ctx context.Context, entry Entry) (uint64, error) {
	number := l.next
	switch {
	case entry.Claim != nil:
		claim := *entry.Claim
		claim.Number, claim.Previous = number, l.previous
		entry.Claim = &claim
	case entry.Checkpoint != nil:
		m := *entry.Checkpoint
		m.Number, m.Previous = number, l.previous
		entry.Checkpoint = &m
	}
	data, err := encodeEntry(entry)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnchanged, err)
	}
	for _, attachment := range entry.Attachments {
		err := l.store.Upload(ctx, attachment.Name, bytes.NewReader(attachment.Data), int64(len(attachment.Data)))
		if err != nil {
			// The entry itself was not begun.
			return 0, fmt.Errorf("checkpoint: write %s: %w: %w", attachment.Name, ErrUnchanged, err)
		}
	}
	nameA, nameB := entryNames(number)
	if err := l.store.Create(ctx, nameA, data); err != nil {
		if errors.Is(err, ErrExists) {
			return 0, fmt.Errorf("%w: %s exists", ErrLostLeadership, nameA)
		}
		return 0, fmt.Errorf("checkpoint: write %s: %w", nameA, err)
	}
	l.next++
	l.previous = checksumOf(data)
	if err := l.checkNewest(ctx, number); err != nil {
		return 0, err
	}
	if entry.Claim != nil {
		l.repair(ctx)
	}
	// The entry is durable now. Where its second copy fails, the next claim makes it.
	if err := l.store.Create(ctx, nameB, data); errors.Is(err, ErrExists) {
		return 0, fmt.Errorf("%w: %s exists", ErrLostLeadership, nameB)
	}
	return number, nil
}

// checkNewest makes sure that an entry that was just created is the newest one.
// A host that stood still for long may find its number free, because the log went
// on and its old entries were deleted. The newest is never deleted, so it shows.
func (l *Log) checkNewest(ctx context.Context, number uint64) error {
	names, err := l.store.List(ctx, manifestPrefix)
	if err != nil {
		return fmt.Errorf("checkpoint: list the log: %w", err)
	}
	for _, name := range names {
		if other, ok := entryNumber(name); ok && other > number {
			// The entry stays: whoever leads now may have read it.
			return fmt.Errorf("%w: %s exists", ErrLostLeadership, name)
		}
	}
	return nil
}

// repair makes second copies where there was only one when the log was opened.
// Only the leader may. A failure leaves the copy that there is.
func (l *Log) repair(ctx context.Context) {
	for i := range l.entries {
		if l.entries[i].Copies == 1 {
			l.repairEntry(ctx, l.entries[i].Number)
		}
	}
}

func (l *Log) repairEntry(ctx context.Context, number uint64) {
	nameA, nameB := entryNames(number)
	var good []byte
	var bad string
	for _, name := range []string{nameA, nameB} {
		data, err := readObject(ctx, l.store, name, entryMaxBytes)
		if err == nil {
			if _, err := decodeEntry(data); err == nil {
				good = data
				continue
			}
		} else if damaged := (*DamagedError)(nil); !errors.Is(err, ErrNotExist) && !errors.As(err, &damaged) {
			return // the store fails, which says nothing about the copy
		}
		bad = name
	}
	if good == nil || bad == "" {
		return
	}
	if l.store.Delete(ctx, bad) == nil {
		// Where this fails too, the good copy is still there.
		_ = l.store.Create(ctx, bad, good)
	}
}
