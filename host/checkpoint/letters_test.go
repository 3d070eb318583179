package checkpoint

import (
	"slices"
	"testing"
)

func segmentsOf(names ...string) []LetterSegment {
	var segments []LetterSegment
	for _, name := range names {
		segments = append(segments, LetterSegment{Object: name, Letters: 1, Bytes: 10})
	}
	return segments
}

// letterSteps drives letterSegments as the coordinator does.
type letterSteps struct {
	t *testing.T
	l letterSegments
}

func (s *letterSteps) manifest(durable bool, snapshots map[string][]string, want ...string) {
	s.t.Helper()
	tasks := map[TaskID]TaskSnapshot{}
	for vertex, names := range snapshots {
		id := TaskID{Vertex: vertex}
		tasks[id] = TaskSnapshot{Task: id, Letters: segmentsOf(names...)}
	}
	if got := segmentNames(s.l.manifest(tasks)); !slices.Equal(got, want) {
		s.t.Errorf("the manifest names %q, want %q", got, want)
	}
	if durable {
		s.l.durable(tasks)
	}
}

// TestLetterSegmentsOfManifests: a segment is taken once, however long its task
// goes on to list it, also after it was swapped.
func TestLetterSegmentsOfManifests(t *testing.T) {
	s := &letterSteps{t, newLetterSegments(&Manifest{Letters: segmentsOf("old"), CommandsDeleted: 3})}
	s.manifest(false, map[string][]string{"a": {"a1"}}, "old", "a1") // is not durable
	s.manifest(true, map[string][]string{"a": {"a1"}, "b": {"b1"}}, "old", "a1", "b1")
	s.l.swap(LettersSwapped{Removed: []string{"old", "a1"}, Added: segmentsOf("merged"), Commands: []uint64{9, 4}})
	// The tasks have not heard yet that their segments are held.
	s.manifest(false, map[string][]string{"a": {"a1", "a2"}, "b": {"b1"}}, "b1", "merged", "a2")
	s.manifest(true, map[string][]string{"a": {"a1", "a2"}, "b": {"b1"}}, "b1", "merged", "a2")
	s.manifest(true, map[string][]string{"a": {"a2"}, "b": nil}, "b1", "merged", "a2")
	// A swap of what is gone changes nothing.
	s.l.swap(LettersSwapped{Removed: []string{"a1", "b1"}, Added: segmentsOf("late")})
	s.manifest(true, nil, "b1", "merged", "a2")
	// All that a segment holds may be settled.
	s.l.swap(LettersSwapped{Removed: []string{"b1", "merged"}})
	s.manifest(true, nil, "a2")
	if s.l.deleted != 9 {
		t.Errorf("commands are deleted up to %d, want 9", s.l.deleted)
	}
}

// TestSwapDuringAManifest takes effect in the next one.
func TestSwapDuringAManifest(t *testing.T) {
	s := &letterSteps{t, newLetterSegments(&Manifest{Letters: segmentsOf("old")})}
	s.manifest(false, nil, "old")
	s.l.swap(LettersSwapped{Removed: []string{"old"}, Added: segmentsOf("new")})
	s.l.durable(nil)
	s.manifest(true, nil, "new")
}

func TestManifestRefusesOddLetters(t *testing.T) {
	for name, segments := range map[string][]LetterSegment{
		"twice":    segmentsOf("a", "a"),
		"negative": {{Object: "a", Letters: -1}},
		"huge":     {{Object: "a", Bytes: 1 << 60}},
	} {
		if err := (&Manifest{Epoch: 1, Letters: segments}).validate(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	m := Manifest{Epoch: 1, Letters: segmentsOf("a", "b")}
	if letters, bytes := m.LetterTotals(); m.validate() != nil || letters != 2 || bytes != 20 {
		t.Errorf("%d letters, %d bytes: %v", letters, bytes, m.validate())
	}
}
