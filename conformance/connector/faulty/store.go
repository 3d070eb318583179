package faulty

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
)

// store is the sink's output: a file for each committable, in one of three
// places. Its name tells who made it: JOB~STEP~ATTEMPT~SUBTASK~NUMBER.
//
//	open/NAME       what was written since the last prepare
//	staged/NAME     what was prepared
//	NAME.json       what was committed
type store struct {
	*connector
	folder string
	mine   string // JOB~STEP~
	number uint64 // of this attempt
	files  atomic.Int64
	start  int64 // time of the start, which makes names unique

	mutex  sync.Mutex
	memory map[string][]byte // staged, for the fault that keeps it there
}

func (c *connector) openStore(output settings, config *v1.Config) (*store, error) {
	s := &store{
		connector: c, folder: output.Folder, number: config.GetAttempt(), memory: map[string][]byte{}, start: time.Now().UnixNano(),
		mine: fmt.Sprintf("%x~%x~", config.GetJobUuid(), config.GetUid()),
	}
	for _, folder := range []string{s.open(""), s.staged("")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	if exists(output.lockPath()) && c.has("trips_over_idle_writers") {
		return nil, errors.New("faulty: somebody writes already")
	}
	left, err := os.ReadDir(s.open(""))
	if err != nil {
		return nil, err
	}
	for _, entry := range left {
		if c.has("commits_leftovers") {
			if err := os.Rename(s.open(entry.Name()), s.visible(entry.Name())); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

func (s *store) open(name string) string    { return filepath.Join(s.folder, "open", name) }
func (s *store) staged(name string) string  { return filepath.Join(s.folder, "staged", name) }
func (s *store) visible(name string) string { return filepath.Join(s.folder, name+".json") }

// newName is a name that no other file ever has, for the count-th epoch of a writer.
func (s *store) newName(subtask, count int64) string {
	number := s.files.Add(1)
	if s.has("names_collide") {
		subtask, number = 0, count
	}
	return fmt.Sprintf("%s%d~%d~%x~%d", s.mine, s.number, subtask, s.start, number)
}

// attemptOf is the attempt that made a file, and whether it is of this job and step.
func (s *store) attemptOf(name string) (attempt uint64, mine bool) {
	rest, mine := strings.CutPrefix(name, s.mine)
	if !mine && !s.has("clean_up_drops_those_of_others") {
		return 0, false
	}
	if !mine {
		rest = strings.SplitN(name, "~", 3)[2]
	}
	digits, _, _ := strings.Cut(rest, "~")
	attempt, err := strconv.ParseUint(digits, 10, 64)
	return attempt, err == nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// valid keeps a foreign name from leading out of the folder.
func valid(name string) bool { return name != "" && name == filepath.Base(name) && name[0] != '.' }

// commit makes a staged file visible, in one step.
func (s *store) commit(name string) (v1.Outcome, error) {
	if !valid(name) {
		return v1.Outcome_OUTCOME_LOST, nil
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.has("keeps_prepared_in_memory") && s.memory[name] != nil {
		data := s.memory[name]
		delete(s.memory, name)
		return v1.Outcome_OUTCOME_COMMITTED, os.WriteFile(s.visible(name), data, 0o600)
	}
	if exists(s.visible(name)) {
		return s.commitAgain(name)
	}
	if s.has("commits_nothing") {
		return v1.Outcome_OUTCOME_COMMITTED, nil
	}
	err := os.Rename(s.staged(name), s.visible(name))
	if errors.Is(err, fs.ErrNotExist) {
		return v1.Outcome_OUTCOME_LOST, nil
	}
	return v1.Outcome_OUTCOME_COMMITTED, err
}

// commitAgain answers for what is visible already.
func (s *store) commitAgain(name string) (v1.Outcome, error) {
	switch {
	case s.has("commits_again"):
		data, err := os.ReadFile(s.visible(name))
		if err != nil {
			return v1.Outcome_OUTCOME_UNKNOWN, err
		}
		return v1.Outcome_OUTCOME_COMMITTED, os.WriteFile(s.visible(s.newName(0, 0)), data, 0o600)
	case s.has("second_commit_is_lost"):
		return v1.Outcome_OUTCOME_LOST, nil
	}
	return v1.Outcome_OUTCOME_COMMITTED, nil
}

// anyVisible reports whether one of the committables was committed.
func (s *store) anyVisible(committables *v1.Committables) bool {
	return slices.ContainsFunc(committables.GetCommittables(), func(committable *v1.Committable) bool {
		return valid(committable.GetId()) && exists(s.visible(committable.GetId()))
	})
}

// abort drops a staged file.
func (s *store) abort(name string) error {
	if !valid(name) || s.has("abort_does_nothing") {
		return nil
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.memory, name)
	if s.has("abort_drops_what_is_committed") {
		os.Remove(s.visible(name))
	}
	err := os.Remove(s.staged(name))
	if errors.Is(err, fs.ErrNotExist) && !s.has("second_abort_fails") {
		return nil
	}
	return err
}

// cleanUp drops what earlier attempts left, but what is to be kept.
func (s *store) cleanUp(keep map[string]bool) error {
	switch {
	case s.has("clean_up_does_nothing"):
		return nil
	case s.has("clean_up_keeps_one") && len(keep) > 1:
		first := slices.Min(slices.Collect(maps.Keys(keep)))
		keep = map[string]bool{first: true}
	}
	return s.dropStaged(func(name string) bool {
		attempt, mine := s.attemptOf(name)
		earlier := attempt < s.number || s.has("clean_up_drops_later_ones")
		return mine && earlier && (!keep[name] || s.has("clean_up_drops_what_to_keep"))
	})
}

// dropStaged removes files that were not committed.
func (s *store) dropStaged(drop func(name string) bool) error {
	for _, folder := range []string{s.open(""), s.staged("")} {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if !drop(entry.Name()) {
				continue
			}
			if err := os.Remove(filepath.Join(folder, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// epoch is an open file: what one writer got since its last prepare.
type epoch struct {
	name   string
	file   *os.File
	buffer *bufio.Writer
}

func (s *store) begin(subtask, count int64) (*epoch, error) {
	name := s.newName(subtask, count)
	file, err := os.Create(s.open(name))
	if err != nil {
		return nil, err
	}
	return &epoch{name: name, file: file, buffer: bufio.NewWriter(file)}, nil
}

func (e *epoch) append(one line) error { return json.NewEncoder(e.buffer).Encode(one) }

// stage makes an open file durable.
func (s *store) stage(e *epoch) error {
	if err := errors.Join(e.buffer.Flush(), e.file.Close()); err != nil {
		return err
	}
	switch {
	case s.has("keeps_prepared_in_memory"):
		data, err := os.ReadFile(s.open(e.name))
		s.mutex.Lock()
		s.memory[e.name] = data
		s.mutex.Unlock()
		return errors.Join(err, os.Remove(s.open(e.name)))
	case s.has("commits_at_prepare"):
		return os.Rename(s.open(e.name), s.visible(e.name))
	}
	return os.Rename(s.open(e.name), s.staged(e.name))
}

// idle leaves a mark while a writer has got nothing, for the fault that trips over it.
func (s *store) idle() error {
	if !s.has("trips_over_idle_writers") {
		return nil
	}
	return os.WriteFile(settings{Folder: s.folder}.lockPath(), nil, 0o600)
}

// used takes the mark away.
func (s *store) used() error {
	if err := os.Remove(settings{Folder: s.folder}.lockPath()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// drop removes an open file.
func (s *store) drop(e *epoch) error {
	return errors.Join(e.file.Close(), os.Remove(s.open(e.name)))
}
