package connector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

// sinkSession is an open sink in a process.
type sinkSession struct {
	t         *trial
	p         *process
	client    v1.ConnectorClient
	guarantee v1.Guarantee
	decorate  func(proto.Message) // changes each message before it is sent; nil = not
}

// sinkOptions tell who opens a sink.
type sinkOptions struct {
	who         identity
	attempt     uint64
	parallelism int32 // 0 = subtasks
	keep        []*v1.Committable
	decorate    func(proto.Message)
}

// openSink starts a process, opens the sink in it and cleans up, as each attempt
// of a job does.
func (t *trial) openSink(ctx context.Context, o sinkOptions) (*sinkSession, error) {
	p, err := t.start(ctx)
	if err != nil {
		return nil, err
	}
	s := &sinkSession{t: t, p: p, client: v1.NewConnectorClient(p.connection), decorate: o.decorate}
	if err := s.open(ctx, o); err != nil {
		return nil, err
	}
	return s, s.cleanUp(ctx, o.keep)
}

// openWithoutCleanUp opens the sink for a commit only, so that what CleanUp does
// is the matter of the check orphans alone.
func (t *trial) openWithoutCleanUp(ctx context.Context, attempt uint64) (*sinkSession, error) {
	p, err := t.start(ctx)
	if err != nil {
		return nil, err
	}
	s := &sinkSession{t: t, p: p, client: v1.NewConnectorClient(p.connection)}
	return s, s.open(ctx, sinkOptions{who: t.identity(0), attempt: attempt})
}

// attempt opens the sink as the attempt of that number of the check's own job.
func (t *trial) attempt(ctx context.Context, number uint64, keep ...*v1.Committable) (*sinkSession, error) {
	return t.openSink(ctx, sinkOptions{who: t.identity(0), attempt: number, keep: keep})
}

func (s *sinkSession) changed(message proto.Message) {
	if s.decorate != nil {
		s.decorate(message)
	}
}

func (s *sinkSession) open(ctx context.Context, o sinkOptions) error {
	config, err := s.t.config(s.t.scenario.Sink.Settings, o.who, o.attempt)
	if err != nil {
		return &SetupError{err}
	}
	if o.parallelism > 0 {
		config.Parallelism = o.parallelism
	}
	s.changed(config)
	callContext, cancel := s.t.call(ctx)
	defer cancel()
	answer, err := s.client.SinkOpen(callContext, config)
	s.guarantee = answer.GetGuarantee()
	return s.t.answered(callContext, s.p, "SinkOpen", err)
}

// cleanUp sends what is to be kept, a page for each.
func (s *sinkSession) cleanUp(ctx context.Context, keep []*v1.Committable) error {
	callContext, cancel := s.t.call(ctx)
	defer cancel()
	pages, err := s.client.SinkCleanUp(callContext)
	if err == nil {
		for _, part := range append(slices.Collect(slices.Chunk(keep, 1)), nil) {
			page := &v1.Committables{Committables: cloned(part)}
			s.changed(page)
			if pages.Send(page) != nil {
				break // the answer tells why
			}
		}
		_, err = pages.CloseAndRecv()
	}
	return s.t.answered(callContext, s.p, "SinkCleanUp", err)
}

// cloned keeps what is decorated from those who hold it.
func cloned(list []*v1.Committable) []*v1.Committable {
	result := make([]*v1.Committable, len(list))
	for i, c := range list {
		result[i] = proto.Clone(c).(*v1.Committable)
	}
	return result
}

// commitOnce commits and checks the form of the answer.
func (s *sinkSession) commitOnce(ctx context.Context, list []*v1.Committable) ([]*v1.CommitResult, error) {
	callContext, cancel := s.t.call(ctx)
	defer cancel()
	request := &v1.Committables{Committables: cloned(list)}
	s.changed(request)
	answer, err := s.client.SinkCommit(callContext, request)
	if err != nil {
		return nil, s.t.answered(callContext, s.p, "SinkCommit", err)
	}
	if len(answer.GetResults()) != len(list) {
		return nil, fmt.Errorf("SinkCommit gives %d results for %d committables; one for each is due", len(answer.GetResults()), len(list))
	}
	for i, result := range answer.GetResults() {
		if result.GetId() != list[i].GetId() {
			return nil, fmt.Errorf("SinkCommit: result %d is for %.64q, and the committable there is %.64q; they have to be in the same order", i+1, result.GetId(), list[i].GetId())
		}
	}
	return answer.GetResults(), nil
}

// retryPause is the time between two commits where the sink asks for it.
const retryPause = 100 * time.Millisecond

// commit commits until all is committed, within the limit of a call.
func (s *sinkSession) commit(ctx context.Context, list []*v1.Committable) error {
	deadline := time.Now().Add(s.t.options.CallLimit)
	for rest := list; ; {
		results, err := s.commitOnce(ctx, rest)
		if err != nil {
			return err
		}
		var again []*v1.Committable
		var last *v1.CommitResult
		for i, result := range results {
			switch result.GetOutcome() {
			case v1.Outcome_OUTCOME_COMMITTED:
			case v1.Outcome_OUTCOME_RETRY:
				again, last = append(again, rest[i]), result
			default:
				return fmt.Errorf("SinkCommit of %.64q answers %v: %s; OUTCOME_COMMITTED is due", result.GetId(), result.GetOutcome(), result.GetReason())
			}
		}
		if rest = again; len(rest) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("SinkCommit of %.64q still answers OUTCOME_RETRY after %v: %s", last.GetId(), s.t.options.CallLimit, last.GetReason())
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *sinkSession) abort(ctx context.Context, list []*v1.Committable) error {
	callContext, cancel := s.t.call(ctx)
	defer cancel()
	request := &v1.Committables{Committables: cloned(list)}
	s.changed(request)
	_, err := s.client.SinkAbort(callContext, request)
	return s.t.answered(callContext, s.p, "SinkAbort", err)
}

func (s *sinkSession) close(ctx context.Context) error {
	callContext, cancel := s.t.call(ctx)
	defer cancel()
	request := &v1.CloseRequest{}
	s.changed(request)
	_, err := s.client.SinkClose(callContext, request)
	return s.t.answered(callContext, s.p, "SinkClose", err)
}

// exactlyOnce reports whether what is not committed has to be invisible.
func (s *sinkSession) exactlyOnce() bool {
	return s.guarantee == v1.Guarantee_GUARANTEE_EXACTLY_ONCE
}

// needsExactlyOnce skips a check that looks at what is not to be visible.
func (s *sinkSession) needsExactlyOnce() error {
	if s.exactlyOnce() {
		return nil
	}
	name := strings.ToLower(strings.TrimPrefix(s.guarantee.String(), "GUARANTEE_"))
	return skipf("the sink promises %s: its records may be visible before they are committed", name)
}

// writer is the stream of one writer.
type writer struct {
	*stream
	session      *sinkSession
	credit       int64 // that is left
	sent         int64 // cost of what was sent
	returned     int64 // credit that came after opened
	refused      []frame
	refusedBytes int64

	unprepared []string // IDs that the model of check order waits with
}

// openWriter opens the writer of a subtask, which an attempt does once for each.
func (s *sinkSession) openWriter(ctx context.Context, subtask int) (*writer, error) {
	inner, err := openStream(ctx, s.p, "Write", int64(subtask), s.t.options.CallLimit)
	if err != nil {
		return nil, err
	}
	return &writer{stream: inner, session: s, credit: inner.opened.number}, nil
}

// take handles a frame that is no answer to prepare.
func (w *writer) take(f frame) error {
	switch f.kind {
	case frameCredit:
		w.credit += f.number
		w.returned += f.number
	case frameRefused:
		w.refused = append(w.refused, f)
		if w.refusedBytes += f.cost(); w.refusedBytes > heldBytesMax {
			return fmt.Errorf("stream Write: more than %d bytes of refused records", heldBytesMax)
		}
	default:
		return fmt.Errorf("stream Write: %s came where credit, refused or prepared was due", f.name())
	}
	return nil
}

// write sends a batch, when there is credit for it.
func (w *writer) write(batch record.Batch) error {
	for {
		select {
		case r := <-w.come: // what came already
			if err := w.received(r); err != nil {
				return err
			}
			continue
		default:
		}
		if w.credit > 0 {
			break
		}
		f, err := w.next(w.limit)
		if errors.Is(err, errQuiet) {
			return fmt.Errorf("stream Write: writing stands still: no credit came back within %v; %d bytes were given at first and %d since, and what was sent cost %d (a frame costs its length, at least %d); give back the cost of what was consumed",
				w.limit, w.opened.number, w.returned, w.sent, costMin)
		}
		if err := w.received(received{f, err}); err != nil {
			return err
		}
	}
	f := frame{kind: frameWrite, body: batch}
	w.credit -= f.cost()
	w.sent += f.cost()
	return w.send(&f)
}

func (w *writer) received(r received) error {
	if r.err != nil {
		return w.failed("write", r.err)
	}
	return w.take(r.frame)
}

// prepare ends an epoch.
func (w *writer) prepare(epoch uint64) ([]*v1.Committable, error) {
	if err := w.send(&frame{kind: framePrepare, number: int64(epoch)}); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(w.limit); ; {
		f, err := w.next(time.Until(deadline))
		if err != nil {
			return nil, w.failed(fmt.Sprintf("await prepared %d", epoch), err)
		}
		if f.kind != framePrepared {
			if err := w.take(f); err != nil {
				return nil, err
			}
			continue
		}
		if uint64(f.number) != epoch {
			return nil, fmt.Errorf("stream Write: prepared %d came where prepared %d was due", f.number, epoch)
		}
		return committablesOf(f.body)
	}
}

func committablesOf(body []byte) ([]*v1.Committable, error) {
	var list v1.Committables
	if err := proto.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("the body of prepared is no message Committables: %w", err)
	}
	if n := len(list.GetCommittables()); n > connectors.CommittablesMax {
		return nil, fmt.Errorf("prepared names %d committables; at most %d are allowed", n, connectors.CommittablesMax)
	}
	seen := map[string]bool{}
	for _, c := range list.GetCommittables() {
		switch {
		case c.GetId() == "" || len(c.GetId()) > connectors.CommittableIDBytesMax || len(c.GetData()) > connectors.CommittableDataBytesMax:
			return nil, fmt.Errorf("committable %.64q has an ID of %d and data of %d bytes; 1 to %d and at most %d are allowed", c.GetId(), len(c.GetId()), len(c.GetData()), connectors.CommittableIDBytesMax, connectors.CommittableDataBytesMax)
		case seen[c.GetId()]:
			return nil, fmt.Errorf("two committables have the ID %.64q; it has to be unique in the job", c.GetId())
		}
		seen[c.GetId()] = true
	}
	return list.GetCommittables(), nil
}

// ids makes the IDs of that many new records.
func (t *trial) ids(n int) []string {
	list := make([]string, n)
	for i := range list {
		t.lastID++
		list[i] = fmt.Sprintf("%s-%06d", t.name, t.lastID)
	}
	return list
}

// recordOf is a record by the template of FILE.
func recordOf(template *RecordTemplate, id string) record.Record {
	one := record.Record{Timestamp: recordTime}
	if !template.KeyNull {
		one.Key = []byte(strings.ReplaceAll(template.key(), "${ID}", id))
	}
	if !template.ValueNull {
		one.Value = []byte(strings.ReplaceAll(template.value(), "${ID}", id))
	}
	return one
}

// recordTime is the timestamp of what is written, in milliseconds.
const recordTime = 1_700_000_000_000

// batchOf makes a batch of records with these IDs.
func (t *trial) batchOf(ids []string) record.Batch {
	var b record.Builder
	for _, id := range ids {
		b.Append(recordOf(&t.scenario.Sink.Record, id))
	}
	return b.Finish()
}

// writeIDs writes that many records in batches of up to ten, and gives their IDs.
func (w *writer) writeIDs(n int) ([]string, error) {
	ids := w.session.t.ids(n)
	for part := range slices.Chunk(ids, 10) {
		if err := w.write(w.session.t.batchOf(part)); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// writeUntilConsumed writes until credit comes back: then the sink has taken a
// part of it. Of a very large window it fills a part only.
func (w *writer) writeUntilConsumed() error {
	before := w.returned
	for sent := int64(0); w.returned == before && sent < 2*min(w.opened.number, 8<<20); sent += costMin {
		if _, err := w.writeIDs(1); err != nil {
			return err
		}
	}
	return nil
}

// epoch writes that many records and prepares them.
func (w *writer) epoch(number uint64, records int) (ids []string, list []*v1.Committable, err error) {
	if ids, err = w.writeIDs(records); err != nil {
		return nil, nil, err
	}
	list, err = w.prepare(number)
	if err == nil && len(list) == 0 && records > 0 && w.session.exactlyOnce() {
		err = fmt.Errorf("prepared names no committable, though %d records were written in the epoch: nothing tells what to commit", records)
	}
	return ids, list, err
}

// writerOf opens the sink as an attempt, and the writer of subtask 0.
func (t *trial) writerOf(ctx context.Context, attempt uint64, keep ...*v1.Committable) (*sinkSession, *writer, error) {
	s, err := t.attempt(ctx, attempt, keep...)
	if err != nil {
		return nil, nil, err
	}
	w, err := s.openWriter(ctx, 0)
	return s, w, err
}

// prepareFirst opens the sink, writes that many records and prepares them.
func (t *trial) prepareFirst(ctx context.Context, records int) (s *sinkSession, ids []string, list []*v1.Committable, err error) {
	s, w, err := t.writerOf(ctx, 1)
	if err != nil {
		return nil, nil, nil, err
	}
	ids, list, err = w.epoch(1, records)
	return s, ids, list, err
}

// ordinarySink writes, prepares and commits a little.
func (t *trial) ordinarySink(ctx context.Context, p *process) error {
	s := &sinkSession{t: t, p: p, client: v1.NewConnectorClient(p.connection)}
	if err := s.open(ctx, sinkOptions{who: t.identity(0), attempt: 1}); err != nil {
		return err
	}
	if err := s.cleanUp(ctx, nil); err != nil {
		return err
	}
	w, err := s.openWriter(ctx, 0)
	if err != nil {
		return err
	}
	_, list, err := w.epoch(1, 1000)
	if err != nil {
		return err
	}
	if err := s.commit(ctx, list); err != nil {
		return err
	}
	if err := w.halfClose(drop); err != nil {
		return err
	}
	return s.close(ctx)
}

// busySink opens the sink and a writer, and writes.
func (t *trial) busySink(ctx context.Context, p *process) error {
	s := &sinkSession{t: t, p: p, client: v1.NewConnectorClient(p.connection)}
	if err := s.open(ctx, sinkOptions{who: t.identity(0), attempt: 1}); err != nil {
		return err
	}
	w, err := s.openWriter(ctx, 0)
	if err != nil {
		return err
	}
	_, err = w.writeIDs(10)
	return err
}
