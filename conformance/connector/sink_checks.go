package connector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

func sinkChecks() []check {
	return []check{
		{GroupSink, CheckConfig, []string{Describe}, checkSinkConfig},
		{GroupSink, Open, []string{Describe}, checkSinkOpen},
		{GroupSink, PrepareCommit, []string{Open}, checkPrepareCommit},
		{GroupSink, BackPressure, []string{PrepareCommit}, checkWriterBackPressure},
		{GroupSink, Writers, []string{PrepareCommit}, checkWriters},
		{GroupSink, Records, []string{BackPressure}, checkRecords},
		{GroupSink, Refused, []string{PrepareCommit}, checkRefused},
		{GroupSink, PrepareWithoutCommit, []string{PrepareCommit}, checkPrepareWithoutCommit},
		{GroupSink, CommitAfterCrash, []string{PrepareCommit}, checkCommitAfterCrash},
		{GroupSink, CrashBeforePrepare, []string{BackPressure, CommitAfterCrash, PrepareWithoutCommit}, checkCrashBeforePrepare},
		{GroupSink, Stop, []string{BackPressure, Writers, CrashBeforePrepare}, checkWriterStop},
		{GroupSink, Cancellation, []string{Stop}, checkWriterCancellation},
		{GroupSink, CommitRepeat, []string{CommitAfterCrash}, checkCommitRepeat},
		{GroupSink, Abort, []string{PrepareCommit, PrepareWithoutCommit}, checkAbort},
		{GroupSink, AbortRepeat, []string{Abort}, checkAbortRepeat},
		{GroupSink, Orphans, []string{CommitAfterCrash, PrepareWithoutCommit}, checkOrphans},
		{GroupSink, Close, []string{CommitAfterCrash, Stop}, checkSinkClose},
		{GroupSink, UnknownFields, []string{AbortRepeat, Close}, checkSinkUnknownFields},
		{GroupSink, Kill, []string{CommitRepeat, CrashBeforePrepare, Orphans}, checkSinkKill},
		{GroupSink, Order, []string{AbortRepeat, Writers, Close, Kill}, checkOrder},
		{GroupSink, Host, []string{CommitAfterCrash, Stop, Close, CleanExit, CheckConfig, BackPressure, Cancellation}, checkSinkHost},
	}
}

func checkSinkOpen(ctx context.Context, t *trial) error {
	var first v1.Guarantee
	for process := range 2 {
		s, err := t.attempt(ctx, uint64(process)+1)
		if err != nil {
			return err
		}
		switch s.guarantee {
		case v1.Guarantee_GUARANTEE_EXACTLY_ONCE, v1.Guarantee_GUARANTEE_IDEMPOTENT, v1.Guarantee_GUARANTEE_AT_LEAST_ONCE:
		default:
			return fmt.Errorf("SinkOpen answers the guarantee %v: say what the sink promises", s.guarantee)
		}
		if process == 0 {
			first = s.guarantee
		}
		if s.guarantee != first {
			return fmt.Errorf("SinkOpen answers %v, and %v before, with the same settings", s.guarantee, first)
		}
		s.p.release()
	}
	return nil
}

func checkPrepareCommit(ctx context.Context, t *trial) error {
	s, w, err := t.writerOf(ctx, 1)
	if err != nil {
		return err
	}
	var visible []string
	for epoch, records := range []int{1, 0, 105, 0, 20} {
		ids, list, err := w.epoch(uint64(epoch)+1, records)
		if err != nil {
			return fmt.Errorf("epoch %d of %d records: %w", epoch+1, records, err)
		}
		visible = append(visible, ids...)
		if err := s.commit(ctx, list); err != nil {
			return fmt.Errorf("epoch %d of %d records: %w", epoch+1, records, err)
		}
		if err := s.expect(ctx, fmt.Sprintf("after epoch %d was committed", epoch+1), visible...); err != nil {
			return err
		}
	}
	return s.commitTogether(ctx, w, visible)
}

// commitTogether commits two epochs in one call, and none in another.
func (s *sinkSession) commitTogether(ctx context.Context, w *writer, visible []string) error {
	var together []*v1.Committable
	for epoch := uint64(6); epoch < 8; epoch++ {
		ids, list, err := w.epoch(epoch, 10)
		if err != nil {
			return err
		}
		visible, together = append(visible, ids...), append(together, list...)
	}
	if err := s.commit(ctx, together); err != nil {
		return fmt.Errorf("two epochs in one call: %w", err)
	}
	if err := s.expect(ctx, "after two epochs were committed in one call", visible...); err != nil {
		return err
	}
	_, err := s.commitOnce(ctx, nil)
	return err
}

// oddRecords are those that a sink meets rarely.
func oddRecords() []record.Record {
	large := make([]byte, 256<<10)
	for i := range large {
		large[i] = 'x'
	}
	headers := record.AppendHeader(nil, []byte("name"), []byte("value"))
	headers = record.AppendHeader(headers, []byte(""), nil)
	list := []record.Record{
		{Key: nil, Value: []byte("a null key")},
		{Key: []byte("a null value"), Value: nil},
		{},
		{Key: []byte{}, Value: []byte{}},
		{Key: []byte{0xff, 0, '\n'}, Value: []byte{0xfe, 0, '\n', '\t'}},
		{Key: []byte("large"), Value: large},
		{Key: []byte("headers"), Value: []byte("h"), Extensions: headers},
		{Key: []byte("extension"), Value: []byte("e"), Extensions: record.AppendExtension(nil, 0x7abc, []byte("unknown"))},
	}
	for kind := record.Kind(0); kind < 4; kind++ {
		list = append(list, record.Record{Key: []byte("kind"), Value: []byte("k"), Kind: kind})
	}
	for i, timestamp := range []int64{record.NoTimestamp, 0, -1, recordTime} {
		list[i].Timestamp = timestamp
	}
	return list
}

// checkRecords writes odd records among ordinary ones.
func checkRecords(ctx context.Context, t *trial) error {
	s, w, err := t.writerOf(ctx, 1)
	if err != nil {
		return err
	}
	odd := oddRecords()
	ids := t.ids(len(odd) + 1)
	var b record.Builder
	for i, one := range odd {
		b.Append(recordOf(&t.scenario.Sink.Record, ids[i]))
		b.Append(one)
	}
	b.Append(recordOf(&t.scenario.Sink.Record, ids[len(odd)]))
	keyless := t.keyless()
	for _, one := range keyless {
		b.Append(one.record)
	}
	if err := w.write(b.Finish()); err != nil {
		return err
	}
	many, list, err := w.epoch(1, 3000)
	if err != nil {
		return fmt.Errorf("odd records (null, empty, not UTF-8, large, with headers and unknown extensions, all change kinds): %w; refuse one that the system does not take", err)
	}
	if err := s.commit(ctx, list); err != nil {
		return err
	}
	if refused := len(w.refused); refused > len(odd)+len(keyless) {
		return fmt.Errorf("%d records were refused, and only %d were odd: %s", refused, len(odd)+len(keyless), w.refused[refused-1].text)
	}
	for _, one := range keyless {
		if !w.refusedID(one.id) {
			ids = append(ids, one.id)
		}
	}
	return s.expect(ctx, "after odd records were committed among ordinary ones", append(ids, many...)...)
}

// keylessRecord is a record with a null or empty key, which its value names.
type keylessRecord struct {
	id     string
	record record.Record
}

// keyless are records that have to be written, or refused, where the value of an
// ordinary record names it. (A null value may mean that something is to be removed.)
func (t *trial) keyless() []keylessRecord {
	if !strings.Contains(t.scenario.Sink.Record.value(), "${ID}") {
		return nil
	}
	var list []keylessRecord
	for _, key := range [][]byte{nil, {}} {
		id := t.ids(1)[0]
		one := recordOf(&t.scenario.Sink.Record, id)
		one.Key = key
		list = append(list, keylessRecord{id, one})
	}
	return list
}

// refusedID reports whether the record with that ID was refused.
func (w *writer) refusedID(id string) bool {
	return slices.ContainsFunc(w.refused, func(f frame) bool { return bytes.Contains(f.body, []byte(id)) })
}

func checkRefused(ctx context.Context, t *trial) error {
	template := t.scenario.Sink.Refused
	if template == nil {
		return skipf("FILE names no record that the sink refuses (sink.refused)")
	}
	s, w, err := t.writerOf(ctx, 1)
	if err != nil {
		return err
	}
	ids := t.ids(3)
	bad := recordOf(template, ids[1])
	var b record.Builder
	b.Append(recordOf(&t.scenario.Sink.Record, ids[0]))
	b.Append(bad)
	b.Append(recordOf(&t.scenario.Sink.Record, ids[2]))
	if err := w.write(b.Finish()); err != nil {
		return err
	}
	list, err := w.prepare(1)
	if err != nil {
		return fmt.Errorf("with a record to refuse: %w; refuse it alone, and write the others", err)
	}
	if len(w.refused) != 1 {
		return fmt.Errorf("%d refused came before prepared; sink.refused is one record that has to be refused", len(w.refused))
	}
	if err := checkRefusedFrame(&w.refused[0], bad); err != nil {
		return err
	}
	if err := s.commit(ctx, list); err != nil {
		return err
	}
	return s.expect(ctx, "after a batch with a refused record was committed", ids[0], ids[2])
}

func checkRefusedFrame(f *frame, want record.Record) error {
	batch, err := record.Parse(f.body)
	if err != nil {
		return fmt.Errorf("refused: its batch is not valid: %w", err)
	}
	if batch.Count() != 1 {
		return fmt.Errorf("refused: its batch has %d records; one is due", batch.Count())
	}
	view := batch.At(record.HeaderLength)
	if got, written := keyAndValue(view.Key(), view.Value()), keyAndValue(want.Key, want.Value); got != written {
		return fmt.Errorf("refused: the record has %.200s; what was written has %.200s", got, written)
	}
	if len(f.text) == 0 || len(f.text) > connectors.ReasonBytesMax || !utf8.Valid(f.text) {
		return fmt.Errorf("refused: the reason is %.64q of %d bytes; 1 to %d bytes of UTF-8 are due", f.text, len(f.text), connectors.ReasonBytesMax)
	}
	return nil
}

// keyAndValue tells both in words; null is not empty.
func keyAndValue(key, value []byte) string {
	words := [2]string{"null", "null"}
	for i, data := range [][]byte{key, value} {
		if data != nil {
			words[i] = strconv.Quote(string(data))
		}
	}
	return "key " + words[0] + " and value " + words[1]
}

func checkPrepareWithoutCommit(ctx context.Context, t *trial) error {
	s, w, err := t.writerOf(ctx, 1)
	if err != nil {
		return err
	}
	if err := s.needsExactlyOnce(); err != nil {
		return err
	}
	if _, _, err := w.epoch(1, 25); err != nil {
		return err
	}
	if err := s.expect(ctx, "prepared, and not committed"); err != nil {
		return err
	}
	if _, _, err := w.epoch(2, 5); err != nil {
		return err
	}
	// How it ends is the matter of other checks.
	_ = w.halfClose(drop)
	_ = s.close(ctx)
	t.shutdown(ctx, s.p)
	s.p.ended(shutdownLimit)
	return s.expect(ctx, "prepared, not committed, and the process has ended")
}

func checkWriterStop(ctx context.Context, t *trial) error {
	s, err := t.openSink(ctx, sinkOptions{who: t.identity(0), attempt: 1, parallelism: 4})
	if err != nil {
		return err
	}
	var visible []string
	for subtask, prepared := range []bool{false, false, true} {
		w, err := s.openWriter(ctx, subtask)
		if err != nil {
			return err
		}
		if prepared {
			ids, list, err := w.epoch(1, 10)
			if err != nil {
				return err
			}
			visible = append(visible, ids...)
			if err := s.commit(ctx, list); err != nil {
				return err
			}
		}
		if subtask > 0 {
			if _, err := w.writeIDs(100); err != nil {
				return err
			}
		}
		if err := w.halfClose(drop); err != nil {
			return err
		}
	}
	return s.afterNext(ctx, "writers were closed that had not prepared all", visible)
}

func checkWriterCancellation(ctx context.Context, t *trial) error {
	s, err := t.openSink(ctx, sinkOptions{who: t.identity(0), attempt: 1, parallelism: cancellations + 1})
	if err != nil {
		return err
	}
	for i := range cancellations {
		w, err := s.openWriter(ctx, i)
		if err != nil {
			return fmt.Errorf("after %d writers were cancelled: %w", i, err)
		}
		if i%2 == 0 {
			if _, err := w.writeIDs(1); err != nil {
				return fmt.Errorf("after %d writers were cancelled: %w", i, err)
			}
		}
		w.cancel()
		cancelled, cancel := context.WithTimeout(ctx, time.Millisecond)
		_, _ = s.client.SinkCommit(cancelled, &v1.Committables{})
		cancel()
	}
	w, err := s.openWriter(ctx, cancellations)
	var ids []string
	var list []*v1.Committable
	if err == nil {
		ids, list, err = w.epoch(1, 10)
	}
	if err == nil {
		err = s.commit(ctx, list)
	}
	if err != nil {
		return fmt.Errorf("after %d writers and calls were cancelled: %w", cancellations, err)
	}
	return s.afterNext(ctx, fmt.Sprintf("%d writers were cancelled, and one prepared and committed", cancellations), ids)
}

// afterNext looks at what is visible when the next attempt has cleaned up: there
// are systems whose readers wait for what nobody has ended.
func (s *sinkSession) afterNext(ctx context.Context, when string, visible []string) error {
	if s.exactlyOnce() {
		_ = s.close(ctx) // what it answers is the matter of check close
		s.p.release()
		next, err := s.t.attempt(ctx, 2)
		if err != nil {
			return err
		}
		s = next
	}
	return s.expect(ctx, when, visible...)
}

// checkWriterBackPressure writes small batches for several times the credit,
// and a batch that is larger than all of it.
func checkWriterBackPressure(ctx context.Context, t *trial) error {
	s, w, err := t.writerOf(ctx, 1)
	if err != nil {
		return err
	}
	first := w.opened.number
	if first < costMin {
		return fmt.Errorf("opened gives %d bytes of credit; at least %d are due, or the host can send nothing", first, costMin)
	}
	var ids []string
	size := max(1, int(first/costMin)/64) // records in a batch, so that large windows are filled too
	for w.sent < 3*min(first, 16<<20) {
		part := t.ids(min(size, 200))
		if ids = append(ids, part...); len(ids) > 200_000 {
			break
		}
		if err := w.write(t.batchOf(part)); err != nil {
			return err
		}
		if w.returned > w.sent {
			return fmt.Errorf("%d bytes of credit came back, and what was sent cost only %d: give back what was consumed, no more, or what is on the way is not bounded", w.returned, w.sent)
		}
	}
	if first <= 4<<20 {
		large := t.ids(int(first)/(record.FixedLength+2*len(t.name)) + 1)
		ids = append(ids, large...)
		if err := w.write(t.batchOf(large)); err != nil {
			return err
		}
	}
	more, list, err := w.epoch(1, 500)
	if err != nil {
		return fmt.Errorf("behind a batch larger than all credit: %w", err)
	}
	if w.returned > w.sent {
		return fmt.Errorf("%d bytes of credit came back, and what was sent cost only %d", w.returned, w.sent)
	}
	if err := s.commit(ctx, list); err != nil {
		return err
	}
	return s.expect(ctx, "after all credit was used several times", append(ids, more...)...)
}

// checkSinkUnknownFields does all that a sink does, with unknown fields.
func checkSinkUnknownFields(ctx context.Context, t *trial) error {
	p, err := t.start(ctx)
	if err != nil {
		return err
	}
	if err := t.describeUnknown(ctx, p); err != nil {
		return err
	}
	config, err := t.config(t.scenario.Sink.Settings, t.identity(0), 1)
	if err != nil {
		return &SetupError{err}
	}
	addUnknown(config)
	if err := t.invoke(ctx, p, "SinkCheck with unknown fields", t.sinkSide().check, config); err != nil {
		return err
	}
	p.release()
	err = t.epochsWithUnknown(ctx)
	var setup *SetupError
	if err != nil && !errors.As(err, &setup) {
		return fmt.Errorf("with unknown fields: %w", err)
	}
	return err
}

func (t *trial) epochsWithUnknown(ctx context.Context) error {
	s, err := t.openSink(ctx, sinkOptions{who: t.identity(0), attempt: 1, decorate: addUnknown})
	if err != nil {
		return err
	}
	w, err := s.openWriter(ctx, 0)
	if err != nil {
		return err
	}
	ids, list, err := w.epoch(1, 10)
	if err != nil {
		return err
	}
	_, dropped, err := w.epoch(2, 10)
	if err != nil {
		return err
	}
	if s.exactlyOnce() {
		err = s.abort(ctx, dropped)
	}
	if err == nil {
		err = s.commit(ctx, list)
	}
	if err == nil {
		err = w.halfClose(drop)
	}
	if err == nil {
		err = s.close(ctx)
	}
	if err != nil {
		return err
	}
	s, err = t.openSink(ctx, sinkOptions{who: t.identity(0), attempt: 2, keep: list, decorate: addUnknown})
	if err != nil {
		return err
	}
	return s.expect(ctx, "committed", ids...)
}

// checkWriters has two writers whose output is committed together.
func checkWriters(ctx context.Context, t *trial) error {
	s, err := t.attempt(ctx, 1)
	if err != nil {
		return err
	}
	var writers [subtasks]*writer
	for i := range writers {
		if writers[i], err = s.openWriter(ctx, i); err != nil {
			return fmt.Errorf("writer of subtask %d beside others: %w", i, err)
		}
	}
	var visible []string
	for epoch := range uint64(3) {
		var all []*v1.Committable
		for i, w := range writers {
			ids, list, err := w.epoch(epoch+1, 10+i)
			if err != nil {
				return fmt.Errorf("subtask %d: %w", i, err)
			}
			visible = append(visible, ids...)
			all = append(all, list...)
		}
		seen := map[string]bool{}
		for _, c := range all {
			if seen[c.GetId()] {
				return fmt.Errorf("two writers prepared committables with the ID %.64q; it has to be unique in the job", c.GetId())
			}
			seen[c.GetId()] = true
		}
		if epoch > 0 {
			slices.Reverse(all)
		}
		if err := s.commit(ctx, all); err != nil {
			return err
		}
		if err := s.expect(ctx, fmt.Sprintf("after epoch %d of two writers was committed", epoch+1), visible...); err != nil {
			return err
		}
	}
	return nil
}

func checkSinkClose(ctx context.Context, t *trial) error {
	s, err := t.attempt(ctx, 1)
	if err != nil {
		return err
	}
	if err := s.close(ctx); err != nil {
		return fmt.Errorf("without a writer: %w", err)
	}
	s.p.release()
	s, w, err := t.writerOf(ctx, 2)
	if err != nil {
		return err
	}
	ids, list, err := w.epoch(1, 10)
	if err != nil {
		return err
	}
	if err := w.halfClose(drop); err != nil {
		return err
	}
	start := time.Now()
	if err := s.close(ctx); err != nil {
		return fmt.Errorf("after %v: %w", time.Since(start).Round(time.Millisecond), err)
	}
	s.p.release()
	if s, err = t.openWithoutCleanUp(ctx, 3); err != nil {
		return err
	}
	if err := s.commit(ctx, list); err != nil {
		return fmt.Errorf("prepared before SinkClose, committed by another process: %w", err)
	}
	return s.expect(ctx, "prepared before SinkClose, committed by another process", ids...)
}
