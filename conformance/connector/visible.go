package connector

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
)

// readBackPause is the time between two looks at what is visible.
const readBackPause = 100 * time.Millisecond

// readBackLineMax bounds a line that is read back.
const readBackLineMax = 16 << 20

// seen counts how often each of the check's IDs is visible.
type seen map[string]int

// expect checks that the records with these IDs, and no others of this check, are
// visible: each once where the sink promises that, else at least once. A system
// may take the limit of a call to show them.
func (s *sinkSession) expect(ctx context.Context, when string, ids ...string) error {
	t := s.t
	if t.scenario.Sink.ReadBack == nil {
		t.unseen = true
		return nil
	}
	deadline := time.Now().Add(t.options.CallLimit)
	for {
		found, err := t.look(ctx)
		if err != nil {
			return err
		}
		missing, err := s.judge(found, ids)
		if err != nil {
			return fmt.Errorf("%s: %w", when, err)
		}
		if missing == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: record %s is not visible, nor after %v; %d of %d are", when, missing, t.options.CallLimit, len(found), len(ids))
		}
		select {
		case <-time.After(readBackPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// judge compares what is visible with what has to be. A missing record may come yet.
func (s *sinkSession) judge(found seen, ids []string) (missing string, err error) {
	wanted := map[string]bool{}
	for _, id := range ids {
		wanted[id] = true
		if found[id] == 0 && missing == "" {
			missing = id
		}
	}
	if !s.exactlyOnce() {
		return missing, nil
	}
	for id, times := range found {
		if !wanted[id] {
			return "", fmt.Errorf("record %s is visible, and must not be: it was never committed, or was dropped", id)
		}
		if times > 1 {
			return "", fmt.Errorf("record %s is visible %d times", id, times)
		}
	}
	return missing, nil
}

// look reads what is visible now.
func (t *trial) look(ctx context.Context) (seen, error) {
	back := t.scenario.Sink.ReadBack
	found := &finder{pattern: regexp.MustCompile(regexp.QuoteMeta(t.name) + `-[0-9]{6}`), seen: seen{}}
	switch {
	case back.Files != "":
		if err := t.lookAtFiles(found, t.placeholders().Replace(back.Files)); err != nil {
			return nil, &SetupError{fmt.Errorf("sink.read_back.files: %w", err)}
		}
	case len(back.Command) > 0:
		output, err := t.output(ctx, back.Command)
		if err == nil {
			err = found.lines(bytes.NewReader(output))
		}
		if err != nil {
			return nil, &SetupError{fmt.Errorf("sink.read_back.command: %w", err)}
		}
	default:
		if err := t.lookThrough(ctx, found, back.Source); err != nil {
			return nil, fmt.Errorf("sink.read_back.source: %w", err)
		}
	}
	return found.seen, nil
}

// finder finds the check's IDs in what is visible.
type finder struct {
	pattern *regexp.Regexp
	seen    seen
}

// text looks at one record. An ID that stands in it twice, in key and value, counts once.
func (f *finder) text(text []byte) {
	var ids []string
	for _, id := range f.pattern.FindAll(text, -1) {
		if !slices.Contains(ids, string(id)) {
			ids = append(ids, string(id))
		}
	}
	for _, id := range ids {
		f.seen[id]++
	}
}

func (f *finder) lines(from interface{ Read([]byte) (int, error) }) error {
	scanner := bufio.NewScanner(from)
	scanner.Buffer(make([]byte, 64<<10), readBackLineMax)
	for scanner.Scan() {
		f.text(scanner.Bytes())
	}
	return scanner.Err()
}

func (t *trial) lookAtFiles(found *finder, pattern string) error {
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(t.scenario.Folder, pattern)
	}
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		err = found.lines(file)
		if err := errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// lookThrough reads with a source, in a process of its own.
func (t *trial) lookThrough(ctx context.Context, found *finder, back *ReadBackSource) error {
	run := t.program
	if back.Connector != "" {
		var err error
		if run, err = builtinProgram(back.Connector); err != nil {
			return err
		}
	}
	p, err := t.startOf(ctx, run)
	if err != nil {
		return err
	}
	defer p.release()
	s := &sourceSession{t: t, p: p, client: v1.NewConnectorClient(p.connection), settings: back.Settings}
	if err := s.open(ctx, t.identity(1), 1); err != nil {
		return err
	}
	splits, _, err := s.discover(ctx)
	if err != nil {
		return err
	}
	r, err := s.openReader(ctx, 0)
	if err != nil {
		return err
	}
	if err := r.credit(windowBytes); err != nil {
		return err
	}
	for _, split := range splits {
		if err := r.assign(&v1.Assignment{Split: split}); err != nil {
			return err
		}
	}
	for open := len(splits); open > 0; {
		d, err := r.nextDelivery()
		if err != nil {
			return r.failed(fmt.Sprintf("await a delivery, with %d splits open (the source has to be bounded)", open), err)
		}
		found.batch(d)
		if d.end {
			open--
		}
		if err := errors.Join(r.credit(d.cost), ctx.Err()); err != nil {
			return err
		}
	}
	return r.halfClose(drop)
}

func (f *finder) batch(d *delivery) {
	if d.batch == nil {
		return
	}
	var text []byte
	for records := d.batch.Records(); records.Next(); {
		view := records.Record()
		text = append(append(append(text[:0], view.Key()...), 0), view.Value()...)
		f.text(text)
	}
}
