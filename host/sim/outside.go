package sim

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
)

// errRetryable is the error of a reader that may be opened again in its place.
var errRetryable = errors.New("sim: the reader broke")

// errInjected is any other failure that the world brings about.
var errInjected = errors.New("sim: injected failure")

// input is what the job reads: fixed by the seed, for ever readable again.
type input struct {
	splits []inputSplit
}

type inputSplit struct {
	id     string
	keys   []string // of the records, in order
	fromMS int64    // when discovery first sees the split
}

// raw is what the sink beside the counter must get: each line once.
func (in *input) raw() map[string]bool {
	raw := map[string]bool{}
	for _, split := range in.splits {
		for i := range split.keys {
			raw[fmt.Sprintf("%s:%d", split.id, i)] = true
		}
	}
	return raw
}

// source reads the world's input for one host.
type source struct{ host *host }

func (s *source) Check(context.Context, connectors.Config) error { return nil }
func (s *source) Open(context.Context, connectors.Config) error  { return nil }
func (s *source) Close() error                                   { return nil }

func (s *source) Discover(context.Context) ([]connectors.Split, bool, error) {
	w := s.host.world
	var splits []connectors.Split
	for _, split := range w.input.splits {
		if split.fromMS <= w.nowMS() {
			splits = append(splits, connectors.Split{ID: split.id})
		}
	}
	return splits, len(splits) == len(w.input.splits), nil
}

func (s *source) OpenReader(context.Context, int) (connectors.Reader, error) {
	return &reader{host: s.host, at: map[string]int{}}, nil
}

func (s *source) CheckpointComplete(_ context.Context, epoch uint64, positions []connectors.Assignment) error {
	for _, p := range positions {
		if len(p.Position) != 0 && len(p.Position) != 8 {
			s.host.world.violated("checkpoint %d gives the position %x for split %s", epoch, p.Position, p.Split.ID)
		}
	}
	return nil
}

// reader reads its splits in turn, a few records at a time.
type reader struct {
	host    *host
	open    []string
	at      map[string]int
	builder record.Builder
}

func (r *reader) Assign(_ context.Context, assignments []connectors.Assignment) error {
	for _, a := range assignments {
		r.open = append(r.open, a.Split.ID)
		if len(a.Position) > 0 {
			r.at[a.Split.ID] = int(binary.LittleEndian.Uint64(a.Position))
		}
	}
	return nil
}

func (r *reader) Next(ctx context.Context) (connectors.Delivery, error) {
	w := r.host.world
	if err := ctx.Err(); err != nil {
		return connectors.Delivery{}, err
	}
	if w.strikes(breakReader) {
		return connectors.Delivery{}, errRetryable
	}
	if len(r.open) == 0 {
		return connectors.Delivery{}, nil
	}
	id := r.open[0]
	split := w.split(id)
	r.builder.Reset(nil)
	for range 1 + w.random.IntN(5) {
		if at := r.at[id]; at < len(split.keys) {
			r.builder.Append(record.Record{Key: []byte(split.keys[at]), Value: fmt.Appendf(nil, "%s:%d", id, at), Timestamp: record.NoTimestamp})
			r.at[id]++
		}
	}
	d := connectors.Delivery{SplitID: id, Batch: r.builder.Finish(), Position: binary.LittleEndian.AppendUint64(nil, uint64(r.at[id]))}
	r.open = r.open[1:]
	if d.End = r.at[id] == len(split.keys); !d.End {
		r.open = append(r.open, id)
	}
	return d, nil
}

func (r *reader) Close() error { return nil }

// ledger is the system behind one sink. What is prepared there is durable, what
// is committed is visible, and it tells the world whatever takes effect.
type ledger struct {
	world     *World
	uid       string
	prepared  map[string]*output
	committed map[string]bool
	visible   map[string]bool
	attempts  map[checkpoint.Epoch]uint64 // whose output of an epoch took effect
}

type output struct {
	attempt uint64
	epoch   checkpoint.Epoch
	lines   []string
}

func newLedger(world *World, uid string) *ledger {
	return &ledger{
		world: world, uid: uid, prepared: map[string]*output{}, committed: map[string]bool{},
		visible: map[string]bool{}, attempts: map[checkpoint.Epoch]uint64{},
	}
}

// commit makes prepared output visible, once.
func (l *ledger) commit(id string) connectors.CommitResult {
	prepared := l.prepared[id]
	switch {
	case l.committed[id]:
		return connectors.CommitResult{ID: id, Outcome: connectors.Committed}
	case prepared == nil:
		return connectors.CommitResult{ID: id, Outcome: connectors.CommitLost, Reason: "nothing is prepared under this id"}
	}
	if !l.world.newestNames(l.uid, id) {
		l.world.violated("sink %s: %s takes effect, but the newest checkpoint does not name it", l.uid, id)
	}
	if attempt, taken := l.attempts[prepared.epoch]; taken && attempt != prepared.attempt {
		l.world.violated("sink %s: epoch %d takes effect from attempt %d and from attempt %d", l.uid, prepared.epoch, attempt, prepared.attempt)
	}
	l.attempts[prepared.epoch] = prepared.attempt
	for _, line := range prepared.lines {
		if l.visible[line] {
			l.world.violated("sink %s: %q is written twice, now by %s", l.uid, line, id)
		}
		l.visible[line] = true
	}
	l.committed[id] = true
	delete(l.prepared, id)
	return connectors.CommitResult{ID: id, Outcome: connectors.Committed}
}

// compare holds the visible output against the expected one.
func (l *ledger) compare(expected map[string]bool) error {
	var missing, surplus []string
	for _, line := range slices.Sorted(maps.Keys(expected)) {
		if !l.visible[line] {
			missing = append(missing, line)
		}
	}
	for _, line := range slices.Sorted(maps.Keys(l.visible)) {
		if !expected[line] {
			surplus = append(surplus, line)
		}
	}
	if len(missing)+len(surplus) == 0 {
		return nil
	}
	return fmt.Errorf("sink %s: %d lines are missing (%s), %d are too many (%s)", l.uid, len(missing), some(missing), len(surplus), some(surplus))
}

func some(lines []string) string {
	const shown = 10
	if len(lines) > shown {
		return strings.Join(lines[:shown], " ") + " ..."
	}
	return strings.Join(lines, " ")
}

// sink is one host's connection to a ledger.
type sink struct {
	host   *host
	ledger *ledger
	config connectors.Config
}

func (s *sink) Check(context.Context, connectors.Config) error { return nil }

func (s *sink) Open(_ context.Context, config connectors.Config) (connectors.Guarantee, error) {
	s.config = config
	return connectors.ExactlyOnce, nil
}

// CleanUp drops what earlier attempts prepared, and nothing of later ones: a
// host that stood still after its claim may call it after another took over.
func (s *sink) CleanUp(_ context.Context, keep []connectors.Committable) error {
	kept := map[string]bool{}
	for _, c := range keep {
		kept[c.ID] = true
	}
	for id, prepared := range s.ledger.prepared {
		if prepared.attempt < s.config.Attempt && !kept[id] {
			delete(s.ledger.prepared, id)
		}
	}
	return nil
}

func (s *sink) OpenWriter(_ context.Context, subtask int) (connectors.Writer, error) {
	return &writer{sink: s, subtask: subtask}, nil
}

func (s *sink) Commit(ctx context.Context, committables []connectors.Committable) ([]connectors.CommitResult, error) {
	w := s.host.world
	if w.strikes(failCommit) {
		return nil, errInjected
	}
	var results []connectors.CommitResult
	for _, c := range committables {
		switch {
		case ctx.Err() != nil:
			return results, ctx.Err()
		case w.strikes(delayCommit):
			results = append(results, connectors.CommitResult{ID: c.ID, Outcome: connectors.CommitRetry})
		case w.strikes(doubtCommit):
			if w.random.IntN(2) == 0 {
				s.ledger.commit(c.ID)
			}
			results = append(results, connectors.CommitResult{ID: c.ID, Outcome: connectors.CommitUnknown, Reason: "the answer was lost"})
		default:
			results = append(results, s.ledger.commit(c.ID))
		}
	}
	if w.strikes(failCommit) {
		return nil, errInjected // after it took effect
	}
	return results, nil
}

func (s *sink) Abort(_ context.Context, committables []connectors.Committable) error {
	for _, c := range committables {
		delete(s.ledger.prepared, c.ID)
	}
	return nil
}

func (s *sink) Close() error { return nil }

// writer collects lines until they are prepared.
type writer struct {
	sink    *sink
	subtask int
	lines   []string
}

func (w *writer) Write(ctx context.Context, batch record.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.sink.host.world.strikes(failWrite) {
		return errInjected
	}
	for cursor := batch.Records(); cursor.Next(); {
		w.lines = append(w.lines, string(cursor.Record().Value()))
	}
	return nil
}

func (w *writer) Prepare(ctx context.Context, epoch uint64) ([]connectors.Committable, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if w.sink.host.world.strikes(failWrite) {
		return nil, errInjected
	}
	if len(w.lines) == 0 {
		return nil, nil
	}
	id := fmt.Sprintf("%s/%d/%d/%d", w.sink.config.UID, w.sink.config.Attempt, w.subtask, epoch)
	w.sink.ledger.prepared[id] = &output{attempt: w.sink.config.Attempt, epoch: checkpoint.Epoch(epoch), lines: w.lines}
	w.lines = nil
	return []connectors.Committable{{ID: id}}, nil
}

func (w *writer) Close() error { return nil }
