package task

import (
	"context"
	"fmt"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/exchange"
)

const (
	// splitsOpenMax is how many splits a source asks for at once, and
	// splitsOpenMin at how few it asks again: small files are read within
	// microseconds, so some wait in line.
	splitsOpenMax = 64
	splitsOpenMin = 32
	// reopenMax bounds how often in a row a dead reader is opened again without
	// one delivery in between.
	reopenMax = 3
)

// SourceConfig is the source at the head of a chain.
type SourceConfig struct {
	UID string
	// Open opens the reader of this subtask; it is called again after the reader
	// failed with an error for which Retryable holds.
	Open       func(ctx context.Context) (connectors.Reader, error)
	Retryable  func(error) bool
	Restored   []connectors.Assignment // splits that a checkpoint gave to this subtask
	Discovered bool                    // the checkpoint was taken after the splits were discovered first
	Watermarks Watermarks
	// ObserveOutput says that the first operator behind the source assigns the
	// timestamps, so that watermarks follow its output.
	ObserveOutput bool
}

// source reads splits through a worker and remembers where it stands in each.
type source struct {
	config SourceConfig
	ctx    context.Context
	worker Worker
	now    func() int64

	reader   connectors.Reader
	splits   map[string]*openSplit
	order    []*openSplit
	finished []checkpoint.SplitPosition // not reported by an acknowledged snapshot
	assigned []connectors.Assignment    // not yet handed to the reader
	noMore   bool
	asked    bool
	// discovered says that the splits were discovered: by now, or before the
	// checkpoint that was restored. Snapshots tell it, so that a restart knows the
	// splits that it finds for new ones.
	discovered bool
	reading    bool
	reopens    int
	delivered  *delivery
	emptyAtMS  int64           // processing time since when there is no split in order
	current    *openSplit      // the split whose batch goes through the chain
	place      *exchange.Place // of that batch
	failure    error

	lagRecords int64 // sum over the splits that told their lag
	lagSplits  int   // how many those are
}

type openSplit struct {
	split     connectors.Split
	position  []byte // processed up to here
	read      []byte // delivered up to here
	watermark splitWatermark
	lag       int64 // records still to read; -1 = unknown
}

// delivery is what one read gave; the buffer is this task's.
type delivery struct {
	splitID    string
	buffer     *exchange.Buffer
	position   []byte
	end        bool
	lagRecords int64
	// undecodable is the connector's, as copies.
	undecodable []connectors.Undecodable
}

func newSource(ctx context.Context, config SourceConfig, worker Worker, now func() int64) *source {
	s := &source{ctx: ctx, config: config, worker: worker, now: now, splits: map[string]*openSplit{}, discovered: config.Discovered, emptyAtMS: now()}
	s.assign(config.Restored, false)
	return s
}

// assign adds splits. noMore says that no others will come.
func (s *source) assign(assignments []connectors.Assignment, noMore bool) {
	for _, a := range assignments {
		open := &openSplit{split: a.Split, position: a.Position, read: a.Position, watermark: newSplitWatermark(s.now()), lag: -1}
		s.splits[a.Split.ID] = open
		s.order = append(s.order, open)
	}
	s.assigned = append(s.assigned, assignments...)
	s.noMore = s.noMore || noMore
	s.asked = false
}

// wants is how many more splits the source asks for now; 0 = none.
func (s *source) wants() int {
	if s.noMore || s.asked || len(s.splits) > splitsOpenMin {
		return 0
	}
	s.asked = true
	return splitsOpenMax - len(s.splits)
}

// ended reports whether all input was read.
func (s *source) ended() bool { return s.noMore && len(s.splits) == 0 && s.delivered == nil }

// poll gives the next delivery if there is one, and keeps one read under way.
func (s *source) poll() (*delivery, error) {
	if s.failure != nil {
		return nil, s.failure
	}
	d := s.delivered
	s.delivered = nil
	if !s.reading && (len(s.splits) > 0 || len(s.assigned) > 0) {
		s.reading = true
		s.submitRead()
	}
	return d, nil
}

func (s *source) submitRead() {
	reader, assign := s.reader, s.assigned
	s.assigned = nil
	s.worker.Submit(func() func() {
		opened, d, err := s.read(reader, assign)
		return func() { s.arrived(opened, d, err) }
	})
}

// read runs on the worker.
func (s *source) read(reader connectors.Reader, assign []connectors.Assignment) (connectors.Reader, *delivery, error) {
	if reader == nil {
		var err error
		if reader, err = s.config.Open(s.ctx); err != nil {
			return nil, nil, err
		}
	}
	if len(assign) > 0 {
		if err := reader.Assign(s.ctx, assign); err != nil {
			return reader, nil, err
		}
	}
	got, err := reader.Next(s.ctx)
	if err != nil {
		return reader, nil, err
	}
	d := &delivery{splitID: got.SplitID, end: got.End, lagRecords: got.LagRecords, position: append([]byte(nil), got.Position...)}
	if len(got.Batch) > 0 && got.Batch.Count() > 0 {
		d.buffer = exchange.CopyOf(got.Batch)
	}
	for _, u := range got.Undecodable {
		u.Bytes = append([]byte{}, u.Bytes...)
		d.undecodable = append(d.undecodable, u)
	}
	return reader, d, nil
}

// arrived runs on the task's goroutine.
func (s *source) arrived(reader connectors.Reader, d *delivery, err error) {
	s.reading = false
	s.reader = reader
	if err != nil {
		s.failed(err)
		return
	}
	s.reopens = 0
	if d.splitID == "" {
		return
	}
	open := s.splits[d.splitID]
	if open == nil {
		s.failure = fmt.Errorf("task: source %s: its reader delivered split %q, which it does not hold", s.config.UID, d.splitID)
		return
	}
	if len(d.position) > 0 {
		open.read = d.position
	}
	s.delivered = d
}

// failed opens the reader again, where that can help, at the positions that
// were delivered last: nothing is lost or read twice.
func (s *source) failed(err error) {
	if s.config.Retryable == nil || !s.config.Retryable(err) || s.reopens >= reopenMax {
		s.failure = fmt.Errorf("task: source %s: %w", s.config.UID, err)
		return
	}
	s.reopens++
	if old := s.reader; old != nil {
		s.worker.Submit(func() func() {
			// It is broken already, and what it holds is all that matters.
			_ = old.Close()
			return nil
		})
	}
	s.reader = nil
	s.assigned = s.assigned[:0]
	for _, open := range s.order {
		if s.delivered != nil && s.delivered.end && s.delivered.splitID == open.split.ID {
			continue
		}
		s.assigned = append(s.assigned, connectors.Assignment{Split: open.split, Position: open.read})
	}
}

// processed records that a delivery has gone through the chain.
func (s *source) processed(d *delivery) {
	open := s.splits[d.splitID]
	if len(d.position) > 0 {
		open.position = d.position
	}
	s.noteLag(open, d)
	if !d.end {
		return
	}
	delete(s.splits, d.splitID)
	for i, o := range s.order {
		if o == open {
			s.order = append(s.order[:i], s.order[i+1:]...)
			break
		}
	}
	if len(s.order) == 0 {
		s.emptyAtMS = s.now()
	}
	s.finished = append(s.finished, checkpoint.SplitPosition{ID: d.splitID, Finished: true})
}

// noteLag adds up what is left to read in the splits that told it.
func (s *source) noteLag(open *openSplit, d *delivery) {
	if open.lag >= 0 {
		s.lagRecords -= open.lag
		s.lagSplits--
	}
	open.lag = d.lagRecords
	if d.end {
		open.lag = 0
	}
	if open.lag >= 0 {
		s.lagRecords += open.lag
		s.lagSplits++
	}
}

// lag is the records still to read; -1 = no split told.
func (s *source) lag() int64 {
	if s.lagSplits == 0 {
		return -1
	}
	return s.lagRecords
}

// positions are the splits for a checkpoint: those open, and those finished that
// no acknowledged snapshot names.
func (s *source) positions() []checkpoint.SplitPosition {
	out := append([]checkpoint.SplitPosition(nil), s.finished...)
	for _, open := range s.order {
		out = append(out, checkpoint.SplitPosition{ID: open.split.ID, Data: open.split.Data, Position: open.position})
	}
	return out
}

// acknowledged forgets the finished splits that a snapshot reported.
func (s *source) acknowledged(positions []checkpoint.SplitPosition) {
	reported := 0
	for reported < len(positions) && positions[reported].Finished {
		reported++
	}
	s.finished = append(s.finished[:0], s.finished[reported:]...)
}

// watermark is the smallest over the splits that are not idle; idle reports that
// all are, or that there has been none for as long.
func (s *source) watermark(nowMS int64) (value int64, idle bool) {
	rule := s.config.Watermarks
	if !rule.Enabled {
		return abi.WatermarkMin, false
	}
	if len(s.order) == 0 {
		return abi.WatermarkMin, rule.IdleTimeoutMS > 0 && !s.noMore && nowMS-s.emptyAtMS >= rule.IdleTimeoutMS
	}
	value, idle = abi.WatermarkMax, true
	for _, open := range s.order {
		w := &open.watermark
		if rule.IdleTimeoutMS > 0 && nowMS-w.activeAtMS >= rule.IdleTimeoutMS {
			w.idle = true
		}
		if !w.idle {
			idle = false
			value = min(value, w.value(rule))
		}
	}
	if idle {
		return abi.WatermarkMin, true
	}
	return value, false
}

func (s *source) close() error {
	if s.reader == nil {
		return nil
	}
	return s.reader.Close()
}
