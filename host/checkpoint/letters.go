package checkpoint

import (
	"fmt"
	"slices"
)

// Prefixes of what dead letters are in.
const (
	// LetterPrefix begins the names of segments of letters.
	LetterPrefix = "letters/"
	// CommandPrefix begins the names of the commands that users give for letters.
	// No manifest names them: any process may add one at any time.
	CommandPrefix = "commands/"
)

// LettersSwapped tells that segments of letters may be replaced by others that
// hold the same letters, but for those that are settled, and that commands may
// be deleted because no letter of theirs is left. What it rests on must be durable.
type LettersSwapped struct {
	Removed []string
	Added   []LetterSegment
	// Commands are the numbers of commands to delete.
	Commands []uint64
	// CommandNames are their objects.
	CommandNames []string
}

func (LettersSwapped) event() {}

// letterSegments knows the segments of letters that the next manifest names. A
// task goes on reporting a segment until it hears of a checkpoint that holds it,
// and stops for good then; in between the segment may have been swapped.
type letterSegments struct {
	live  []LetterSegment
	taken map[TaskID]map[string]bool // by task: what its snapshot in the newest manifest listed
	swaps []LettersSwapped
	// deleted is the highest number of a command that was, or may be, deleted.
	deleted uint64
	// next is what the manifest under way says, swapped how many swaps it includes.
	next    []LetterSegment
	swapped int
}

func newLetterSegments(m *Manifest) letterSegments {
	l := letterSegments{taken: map[TaskID]map[string]bool{}}
	if m != nil {
		l.live, l.deleted = slices.Clone(m.Letters), m.CommandsDeleted
	}
	return l
}

// swap takes a swap for the next manifest.
func (l *letterSegments) swap(e LettersSwapped) {
	l.swaps = append(l.swaps, e)
	for _, number := range e.Commands {
		l.deleted = max(l.deleted, number)
	}
}

// manifest lists the segments for the manifest of these snapshots.
func (l *letterSegments) manifest(snapshots map[TaskID]TaskSnapshot) []LetterSegment {
	l.next = slices.Clone(l.live)
	for _, swap := range l.swaps {
		l.next = applySwap(l.next, swap)
	}
	l.swapped = len(l.swaps)
	tasks := make([]TaskID, 0, len(snapshots))
	for task := range snapshots {
		tasks = append(tasks, task)
	}
	slices.SortFunc(tasks, compareTasks)
	for _, task := range tasks {
		for _, segment := range snapshots[task].Letters {
			if !l.taken[task][segment.Object] {
				l.next = append(l.next, segment)
			}
		}
	}
	return l.next
}

// applySwap replaces segments where all of them are still there.
func applySwap(live []LetterSegment, swap LettersSwapped) []LetterSegment {
	removed := make(map[string]bool, len(swap.Removed))
	for _, name := range swap.Removed {
		removed[name] = true
	}
	kept := make([]LetterSegment, 0, len(live))
	for _, segment := range live {
		if !removed[segment.Object] {
			kept = append(kept, segment)
		}
	}
	if len(live)-len(kept) != len(swap.Removed) {
		return live
	}
	return append(kept, swap.Added...)
}

// durable notes that the manifest of the last call of manifest is durable.
func (l *letterSegments) durable(snapshots map[TaskID]TaskSnapshot) {
	l.live, l.next = l.next, nil
	l.swaps = slices.Delete(l.swaps, 0, l.swapped)
	l.swapped = 0
	for task, snapshot := range snapshots {
		names := make(map[string]bool, len(snapshot.Letters))
		for _, segment := range snapshot.Letters {
			names[segment.Object] = true
		}
		l.taken[task] = names
	}
}

// names lists the objects of some segments.
func segmentNames(segments []LetterSegment) []string {
	names := make([]string, len(segments))
	for i := range segments {
		names[i] = segments[i].Object
	}
	return names
}

// LetterTotals counts the letters in the manifest's segments, settled ones
// included, and their bytes.
func (m *Manifest) LetterTotals() (letters int, bytes int64) {
	for i := range m.Letters {
		letters += m.Letters[i].Letters
		bytes += m.Letters[i].Bytes
	}
	return letters, bytes
}

// validateLetters checks what later code relies on.
func validateLetters(segments []LetterSegment) error {
	const countMax = 1 << 40
	seen := make(map[string]bool, len(segments))
	for i := range segments {
		s := &segments[i]
		if s.Bytes < 0 || s.Bytes > countMax || s.Letters < 0 || s.Letters > countMax || s.Answers < 0 || s.Answers > countMax {
			return fmt.Errorf("segment %q has %d bytes, %d letters, %d answers", s.Object, s.Bytes, s.Letters, s.Answers)
		}
		if seen[s.Object] {
			return fmt.Errorf("segment %q is named twice", s.Object)
		}
		seen[s.Object] = true
	}
	return nil
}
