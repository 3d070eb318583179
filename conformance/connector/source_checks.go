package connector

import (
	"context"
	"fmt"
	"unicode/utf8"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/connectors"
)

func sourceChecks() []check {
	return []check{
		{GroupSource, Discovery, []string{Describe}, checkDiscovery},
		{GroupSource, Read, []string{Discovery}, checkRead},
	}
}

func checkDiscovery(ctx context.Context, t *trial) error {
	var first []string
	for process := range 2 {
		s, err := t.openSource(ctx, process > 0)
		if err != nil {
			return err
		}
		for call := range 2 {
			splits, finals, err := s.discover(ctx)
			if err != nil {
				return err
			}
			ids, err := splitIDs(splits)
			if err != nil {
				return err
			}
			if err := t.checkFinal(finals); err != nil {
				return err
			}
			if process == 0 && call == 0 {
				first = ids
			}
			if err := sameSplits(first, ids, t.scenario.Source.Endless); err != nil {
				return fmt.Errorf("call %d in process %d: %w", call+1, process+1, err)
			}
		}
		s.p.release()
	}
	return nil
}

func splitIDs(splits []*v1.Split) ([]string, error) {
	seen := map[string]bool{}
	var ids []string
	for _, split := range splits {
		id := split.GetId()
		switch {
		case id == "" || len(id) > connectors.SplitIDBytesMax || !utf8.ValidString(id):
			return nil, fmt.Errorf("SourceDiscover: a split has the ID %.64q of %d bytes; 1 to %d bytes of UTF-8 are allowed", id, len(id), connectors.SplitIDBytesMax)
		case len(split.GetData()) > connectors.SplitDataBytesMax:
			return nil, fmt.Errorf("SourceDiscover: split %.64q has data of %d bytes; at most %d are allowed", id, len(split.GetData()), connectors.SplitDataBytesMax)
		case seen[id]:
			return nil, fmt.Errorf("SourceDiscover: the ID %.64q comes twice; it has to be unique in the source", id)
		}
		seen[id] = true
		ids = append(ids, id)
	}
	return ids, nil
}

// checkFinal checks that the last page alone says whether the splits are all.
func (t *trial) checkFinal(finals []bool) error {
	if len(finals) == 0 {
		if t.scenario.Source.Endless {
			return nil
		}
		return fmt.Errorf("SourceDiscover ended without a page; send one, though it be empty, with final set, as other splits will not come")
	}
	last := finals[len(finals)-1]
	for i, final := range finals[:len(finals)-1] {
		if final {
			return fmt.Errorf("SourceDiscover: page %d of %d is final; only the last one may be", i+1, len(finals))
		}
	}
	if !last && !t.scenario.Source.Endless {
		return fmt.Errorf("SourceDiscover: the last page is not final: a job over this source would never end; set final, or endless: true in FILE where others may come")
	}
	return nil
}

// sameSplits checks that splits are found again; where others may come, more are allowed.
func sameSplits(first, now []string, more bool) error {
	found := map[string]bool{}
	for _, id := range now {
		found[id] = true
	}
	for _, id := range first {
		if !found[id] {
			return fmt.Errorf("SourceDiscover no longer finds split %.64q; the IDs of splits have to last, also over restarts", id)
		}
	}
	if len(now) != len(first) && !more {
		return fmt.Errorf("SourceDiscover finds %d splits, and found %d before, though it said that these were all", len(now), len(first))
	}
	return nil
}

func checkRead(ctx context.Context, t *trial) error {
	w, err := t.wholeOf(ctx)
	if err != nil {
		return err
	}
	source := t.scenario.Source
	if source.Records != nil && !source.Endless && w.records != *source.Records {
		return fmt.Errorf("%d records were read; FILE says that there are %d", w.records, *source.Records)
	}
	return nil
}
