package checkpoint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Limits of the lists of finished splits.
const (
	// finishedInline is how many ids a manifest holds itself; more go into an object.
	finishedInline = 512
	// finishedFanIn is how many lists of about one size are merged into one.
	finishedFanIn = 8
	// splitListMaxBytes bounds one list that is read back.
	splitListMaxBytes = 1 << 30
)

// splitsPrefix begins the names of lists of finished splits.
const splitsPrefix = "splits/"

// finishedSplits remembers the splits that were read to their end. What a
// manifest has to write of them follows what finished since the one before.
type finishedSplits struct {
	attempt uint64
	sources map[string]*finishedSource
	order   []string // of sources, sorted
	sealed  int      // lists made by this attempt, for their names
}

type finishedSource struct {
	known map[string]bool
	tail  []string // not in an object yet
	lists []finishedList
	// fresh are splits that finished since the last durable manifest; recording
	// are those of them that the manifest under way includes.
	fresh     []SplitPosition
	recording int
}

// finishedList is a list in an object. Its ids are kept until it is merged; data
// is what is to be written, nil once durable.
type finishedList struct {
	SplitList
	ids  []string
	data []byte
}

func newFinishedSplits(attempt uint64) finishedSplits {
	return finishedSplits{attempt: attempt, sources: map[string]*finishedSource{}}
}

func (f *finishedSplits) source(uid string) *finishedSource {
	s := f.sources[uid]
	if s == nil {
		s = &finishedSource{known: map[string]bool{}}
		f.sources[uid] = s
		f.order = append(f.order, uid)
		slices.Sort(f.order)
	}
	return s
}

// recover takes over what the log holds. all has every finished id by source,
// in the order of the source's lists and then its tail.
func (f *finishedSplits) recover(sources []SourceSnapshot, all map[string][]string) {
	for i := range sources {
		s := f.source(sources[i].UID)
		ids := all[sources[i].UID]
		for _, id := range ids {
			s.known[id] = true
		}
		for _, list := range sources[i].FinishedObjects {
			count := min(list.Count, len(ids))
			s.lists = append(s.lists, finishedList{SplitList: list, ids: ids[:count:count]})
			ids = ids[count:]
		}
		s.tail = slices.Clone(ids)
	}
}

// finish notes the splits that a snapshot reports as read to their end.
func (f *finishedSplits) finish(splits map[string][]SplitPosition) {
	for uid, positions := range splits {
		s := f.source(uid)
		for _, position := range positions {
			if position.Finished && !s.known[position.ID] {
				s.known[position.ID] = true
				s.tail = append(s.tail, position.ID)
				s.fresh = append(s.fresh, position)
			}
		}
	}
}

// snapshot is what a manifest says about the sources, with the objects to write first.
func (f *finishedSplits) snapshot(epoch Epoch) (sources []SourceSnapshot, attachments []Attachment) {
	for _, uid := range f.order {
		s := f.sources[uid]
		if len(s.tail) >= finishedInline {
			s.lists = append(s.lists, f.seal(epoch, s.tail))
			s.tail = nil
			f.merge(epoch, s)
		}
		snapshot := SourceSnapshot{UID: uid, FinishedCount: len(s.known), Finished: slices.Clone(s.tail)}
		for i := range s.lists {
			list := &s.lists[i]
			snapshot.FinishedObjects = append(snapshot.FinishedObjects, list.SplitList)
			if list.data != nil {
				attachments = append(attachments, Attachment{Name: list.Object, Data: list.data})
			}
		}
		s.recording = len(s.fresh)
		sources = append(sources, snapshot)
	}
	return sources, attachments
}

// merge joins the newest lists while there are finishedFanIn of about one size,
// so that each id is written a logarithmic number of times.
func (f *finishedSplits) merge(epoch Epoch, s *finishedSource) {
	for len(s.lists) >= finishedFanIn {
		group := s.lists[len(s.lists)-finishedFanIn:]
		if group[0].Count > finishedFanIn*group[finishedFanIn-1].Count/2 {
			return
		}
		var ids []string
		for i := range group {
			ids = append(ids, group[i].ids...)
		}
		s.lists = append(s.lists[:len(s.lists)-finishedFanIn], f.seal(epoch, ids))
	}
}

func (f *finishedSplits) seal(epoch Epoch, ids []string) finishedList {
	data, err := json.Marshal(ids)
	if err != nil {
		panic("checkpoint: strings have no JSON: " + err.Error())
	}
	sum := sha256.Sum256(data)
	f.sealed++
	return finishedList{
		SplitList: SplitList{
			Object: fmt.Sprintf("%s%010d-%010d-%d", splitsPrefix, f.attempt, epoch, f.sealed),
			Count:  len(ids), Bytes: int64(len(data)), Checksum: hex.EncodeToString(sum[:]),
		},
		ids: ids, data: data,
	}
}

// durable notes that the manifest of the last snapshot is durable.
func (f *finishedSplits) durable() {
	for _, s := range f.sources {
		for i := range s.lists {
			s.lists[i].data = nil
		}
		s.fresh = slices.Delete(s.fresh, 0, s.recording)
		s.recording = 0
	}
}

// positions are the positions that the manifest makes durable: those of splits
// in work and of splits that finished since the manifest before.
func (f *finishedSplits) positions(m *Manifest) map[string][]SplitPosition {
	positions := map[string][]SplitPosition{}
	for i := range m.Tasks {
		for uid, splits := range m.Tasks[i].Splits {
			positions[uid] = append(positions[uid], splits...)
		}
	}
	for uid, s := range f.sources {
		positions[uid] = append(positions[uid], s.fresh[:s.recording]...)
	}
	return positions
}

// unfinishedSplits drops the splits that were read to their end. A source that
// has no others stays, as one whose splits were discovered.
func unfinishedSplits(splits map[string][]SplitPosition) map[string][]SplitPosition {
	if splits == nil {
		return nil
	}
	rest := make(map[string][]SplitPosition, len(splits))
	for uid, positions := range splits {
		rest[uid] = nil
		for _, position := range positions {
			if !position.Finished {
				rest[uid] = append(rest[uid], position)
			}
		}
	}
	return rest
}

// readFinished reads all ids of a source, lists first, then the manifest's own.
func readFinished(ctx context.Context, store Store, source *SourceSnapshot) ([]string, error) {
	var all []string
	for _, list := range source.FinishedObjects {
		ids, err := readSplitList(ctx, store, list)
		if err != nil {
			return nil, err
		}
		all = append(all, ids...)
	}
	return append(all, source.Finished...), nil
}

func readSplitList(ctx context.Context, store Store, list SplitList) ([]string, error) {
	data, err := readObject(ctx, store, list.Object, splitListMaxBytes)
	if errors.Is(err, ErrNotExist) {
		return nil, &DamagedError{Names: []string{list.Object}, Reason: "missing"}
	}
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	if hex.EncodeToString(sum[:]) != list.Checksum {
		return nil, &DamagedError{Names: []string{list.Object}, Reason: "checksum differs from the manifest's"}
	}
	var ids []string
	if err := json.Unmarshal(data, &ids); err != nil {
		return nil, &DamagedError{Names: []string{list.Object}, Reason: err.Error()}
	}
	if len(ids) != list.Count {
		return nil, &DamagedError{Names: []string{list.Object}, Reason: fmt.Sprintf("holds %d ids, the manifest says %d", len(ids), list.Count)}
	}
	return ids, nil
}

// readObject reads a whole object of at most limit bytes.
func readObject(ctx context.Context, store Store, name string, limit int64) ([]byte, error) {
	object, err := store.Open(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: open %s: %w", name, err)
	}
	defer object.Close()
	if object.Size() > limit {
		return nil, &DamagedError{Names: []string{name}, Reason: fmt.Sprintf("has %d bytes, at most %d are possible", object.Size(), limit)}
	}
	data := make([]byte, object.Size())
	if n, err := object.ReadAt(data, 0); err != nil && !(err == io.EOF && n == len(data)) {
		return nil, fmt.Errorf("checkpoint: read %s: %w", name, err)
	}
	return data, nil
}
