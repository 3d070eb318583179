package connector

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

// endlessRecords is how many records are read of a source that never ends,
// unless FILE says.
const endlessRecords = 1000

// sourceSession is an open source in a process.
type sourceSession struct {
	t        *trial
	p        *process
	client   v1.ConnectorClient
	settings map[string]any
	restored bool
	decorate func(proto.Message) // changes each message before it is sent; nil = not
}

// decorated gives a message as it is to be sent.
func decorated[M proto.Message](s *sourceSession, message M) M {
	if s.decorate != nil {
		s.decorate(message)
	}
	return message
}

// sourceIn is the source of FILE in a process, not opened yet.
func (t *trial) sourceIn(p *process) *sourceSession {
	return &sourceSession{t: t, p: p, client: v1.NewConnectorClient(p.connection), settings: t.scenario.Source.Settings}
}

// openSource starts a process and opens the source in it.
func (t *trial) openSource(ctx context.Context, restored bool) (*sourceSession, error) {
	p, err := t.start(ctx)
	if err != nil {
		return nil, err
	}
	s := t.sourceIn(p)
	s.restored = restored
	return s, s.open(ctx, t.identity(0), 1)
}

func (s *sourceSession) open(ctx context.Context, who identity, attempt uint64) error {
	config, err := s.t.config(s.settings, who, attempt)
	if err != nil {
		return &SetupError{err}
	}
	config.Restored = s.restored
	callContext, cancel := s.t.call(ctx)
	defer cancel()
	_, err = s.client.SourceOpen(callContext, decorated(s, config))
	return s.t.answered(callContext, s.p, "SourceOpen", err)
}

const (
	// pagesMax and splitsBytesMax bound one discovery.
	pagesMax       = 1 << 16
	splitsBytesMax = 256 << 20
	// heldBytesMax bounds the frames that wait for another one.
	heldBytesMax = 128 << 20
	// deliveriesMax bounds the deliveries of one reading.
	deliveriesMax = 1 << 20
)

// discover lists the splits as they came, with the pages' word on whether they
// are all.
func (s *sourceSession) discover(ctx context.Context) (splits []*v1.Split, finals []bool, err error) {
	callContext, cancel := s.t.call(ctx)
	defer cancel()
	bytes := 0
	pages, err := s.client.SourceDiscover(callContext, decorated(s, &v1.DiscoverRequest{}))
	for err == nil {
		var page *v1.SplitsPage
		if page, err = pages.Recv(); err != nil {
			break
		}
		splits, bytes = append(splits, page.GetSplits()...), bytes+proto.Size(page)
		if finals = append(finals, page.GetFinal()); len(splits) > connectors.SplitsMax || len(finals) > pagesMax || bytes > splitsBytesMax {
			return nil, nil, fmt.Errorf("SourceDiscover: more than %d splits, %d pages or %d bytes", connectors.SplitsMax, pagesMax, splitsBytesMax)
		}
	}
	if errors.Is(err, io.EOF) {
		return splits, finals, nil
	}
	return nil, nil, s.t.answered(callContext, s.p, "SourceDiscover", err)
}

func (s *sourceSession) close(ctx context.Context) error {
	callContext, cancel := s.t.call(ctx)
	defer cancel()
	_, err := s.client.SourceClose(callContext, decorated(s, &v1.CloseRequest{}))
	return s.t.answered(callContext, s.p, "SourceClose", err)
}

// reader is the stream of one reader.
type reader struct {
	*stream
	session  *sourceSession
	sequence int64
	early    []frame // what came while an answer was awaited
	pending  []frame // undecodables of the next delivery
	held     int64   // cost of what waits in both
}

func (s *sourceSession) openReader(ctx context.Context, subtask int) (*reader, error) {
	inner, err := openStream(ctx, s.p, "Read", int64(subtask), s.t.options.CallLimit)
	if err != nil {
		return nil, err
	}
	return &reader{stream: inner, session: s}, nil
}

func (r *reader) credit(bytes int64) error { return r.send(&frame{kind: frameCredit, number: bytes}) }

// assign hands splits to the reader and waits until it has taken them.
func (r *reader) assign(assignments ...*v1.Assignment) error {
	list := &v1.Assignments{}
	for _, a := range assignments {
		own := proto.Clone(a).(*v1.Assignment)
		own.GetSplit().Eager = false // the host keeps that to itself
		list.Assignments = append(list.Assignments, own)
	}
	body, err := proto.Marshal(decorated(r.session, list))
	if err != nil {
		return err
	}
	r.sequence++
	if err := r.send(&frame{kind: frameAssign, number: r.sequence, body: body}); err != nil {
		return err
	}
	for {
		f, err := r.next(r.limit)
		if err != nil {
			return r.failed("await assigned", err)
		}
		if f.kind != frameAssigned {
			r.early = append(r.early, f)
			if err := r.hold(&f); err != nil {
				return err
			}
			continue
		}
		if f.number != r.sequence {
			return fmt.Errorf("stream Read: assigned %d came where assigned %d was due", f.number, r.sequence)
		}
		return nil
	}
}

// hold counts a frame that waits for another one.
func (r *reader) hold(f *frame) error {
	if r.held += f.cost(); r.held > heldBytesMax {
		return fmt.Errorf("stream Read: more than %d bytes came, and what was due did not", heldBytesMax)
	}
	return nil
}

// delivery is one delivery as it came.
type delivery struct {
	split       string
	position    []byte
	batch       record.Batch // nil where it is not valid, or there is none
	invalid     error        // what is wrong with the batch
	end         bool
	lag         int64
	cost        int64 // of its frames
	last        int64 // of its own frame
	undecodable []frame
}

// nextDelivery waits for the next delivery. It is errQuiet where none comes, and
// io.EOF at the end of the stream.
func (r *reader) nextDelivery() (*delivery, error) { return r.deliveryWithin(r.limit) }

func (r *reader) deliveryWithin(limit time.Duration) (*delivery, error) {
	for {
		var f frame
		if len(r.early) > 0 {
			f, r.early = r.early[0], r.early[1:]
		} else {
			var err error
			if f, err = r.next(limit); err != nil {
				return nil, err
			}
		}
		switch f.kind {
		case frameUndecodable:
			r.pending = append(r.pending, f)
			if err := r.hold(&f); err != nil {
				return nil, err
			}
		case frameDelivery:
			return r.deliver(f), nil
		default:
			return nil, fmt.Errorf("stream Read: %s came where a delivery was due", f.name())
		}
	}
}

func (r *reader) deliver(f frame) *delivery {
	d := &delivery{split: string(f.text), position: f.position, end: f.flags&flagEnd != 0, lag: f.number, last: f.cost(), cost: f.cost(), undecodable: r.pending}
	for i := range r.pending {
		d.cost += r.pending[i].cost()
	}
	r.pending, r.held = nil, 0
	if len(f.body) > 0 {
		d.batch, d.invalid = record.Parse(f.body)
	}
	return d
}

// piece is what one delivery held: where it ended, and what it held, in order.
type piece struct {
	position []byte
	items    []uint64 // hashes of records and of undecodables
	end      bool
}

// itemsOf are the records of a delivery with the undecodables in their places.
func itemsOf(d *delivery) []uint64 {
	records := hashes(d.batch)
	if len(d.undecodable) == 0 {
		return records
	}
	items, at := make([]uint64, 0, len(records)+len(d.undecodable)), 0
	for i := range d.undecodable {
		f := &d.undecodable[i]
		for at < len(records) && int64(at) < f.number {
			items = append(items, records[at])
			at++
		}
		items = append(items, maphash.Bytes(hashSeed, f.body))
	}
	return append(items, records[at:]...)
}

// hashSeed is the same for all readings of this process.
var hashSeed = maphash.MakeSeed()

// hashes tells records apart. Origins are the matter of operators.
func hashes(batch record.Batch) []uint64 {
	if batch == nil {
		return nil
	}
	list := make([]uint64, 0, batch.Count())
	for records := batch.Records(); records.Next(); {
		view := records.Record()
		var h maphash.Hash
		h.SetSeed(hashSeed)
		for _, part := range [][]byte{view.Key(), view.Value(), view.Extensions()} {
			if part == nil {
				h.WriteByte(0)
				continue
			}
			h.WriteByte(1)
			maphash.WriteComparable(&h, len(part))
			h.Write(part)
		}
		maphash.WriteComparable(&h, view.Timestamp())
		h.WriteByte(byte(view.Kind()))
		list = append(list, h.Sum64())
	}
	return list
}

// wholeReading is what a source holds, as a reader that is not disturbed sees it.
type wholeReading struct {
	splits  []*v1.Split
	pieces  map[string][]piece
	flat    map[string][]uint64 // the items of all pieces of a split, once they were asked for
	records int
	bad     []string // what is wrong with undecodable frames
	seen    int      // undecodable frames
}

// wanted is how many records of an endless source are read; -1 = to the end.
func (t *trial) wanted() int {
	source := t.scenario.Source
	switch {
	case !source.Endless:
		return -1
	case source.Records != nil:
		return *source.Records
	}
	return endlessRecords
}

// wholeOf gives what the source holds; it is read once for all checks.
func (t *trial) wholeOf(ctx context.Context) (*wholeReading, error) {
	if t.whole != nil {
		return t.whole, nil
	}
	s, err := t.openSource(ctx, false)
	if err != nil {
		return nil, err
	}
	defer s.p.release()
	splits, _, err := s.discover(ctx)
	if err != nil {
		return nil, err
	}
	r, err := s.openReader(ctx, 0)
	if err != nil {
		return nil, err
	}
	w := &wholeReading{splits: splits, pieces: map[string][]piece{}}
	if err := w.read(ctx, r, t.wanted()); err != nil {
		return nil, err
	}
	if t.wanted() < 0 {
		if d, err := r.deliveryWithin(quiet); err == nil {
			return nil, fmt.Errorf("a delivery of split %.64q came behind the end of all splits", d.split)
		} else if !errors.Is(err, errQuiet) {
			return nil, r.failed("wait for other splits behind the end of all; the host closes the stream", err)
		}
	}
	t.whole = w
	return w, nil
}

// read reads all splits, or so many records.
func (w *wholeReading) read(ctx context.Context, r *reader, wanted int) error {
	open := map[string]bool{}
	var assignments []*v1.Assignment
	for _, split := range w.splits {
		open[split.GetId()] = true
		assignments = append(assignments, &v1.Assignment{Split: split})
	}
	if err := r.credit(windowBytes); err != nil {
		return err
	}
	if len(assignments) > 0 {
		if err := r.assign(assignments...); err != nil {
			return err
		}
	}
	for deliveries := 0; len(open) > 0 && (wanted < 0 || w.records < wanted); {
		d, err := r.nextDelivery()
		if err != nil {
			return r.failed(fmt.Sprintf("await a delivery, after %d records with %d splits open", w.records, len(open)), err)
		}
		if err := w.take(d, open); err != nil {
			return err
		}
		if deliveries++; w.records > recordsMax || deliveries > deliveriesMax {
			return fmt.Errorf("more than %d records, or %d deliveries: give a smaller input, or endless: true", recordsMax, deliveriesMax)
		}
		if err := r.credit(d.cost); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("reading was not done within %v, after %d records: give a smaller input", checkLimit, w.records)
		}
	}
	return nil
}

// take checks a delivery and keeps what it says.
func (w *wholeReading) take(d *delivery, open map[string]bool) error {
	at := fmt.Sprintf("delivery %d of split %.64q", len(w.pieces[d.split])+1, d.split)
	switch {
	case !utf8.ValidString(d.split):
		return fmt.Errorf("a delivery names the split %.64q, which is not UTF-8", d.split)
	case !open[d.split]:
		return fmt.Errorf("%s: the split is not assigned, or has ended before", at)
	case d.invalid != nil:
		return fmt.Errorf("%s: the batch is not valid: %w", at, d.invalid)
	case len(d.position) > connectors.PositionBytesMax:
		return fmt.Errorf("%s: a position of %d bytes; at most %d are allowed", at, len(d.position), connectors.PositionBytesMax)
	case len(d.position) == 0:
		return fmt.Errorf("%s has no position: give the position behind its batch", at)
	case d.lag < -1:
		return fmt.Errorf("%s: a lag of %d records; -1 is unknown, others are counts", at, d.lag)
	}
	w.undecodable(at, d)
	w.pieces[d.split] = append(w.pieces[d.split], piece{position: append([]byte{}, d.position...), items: itemsOf(d), end: d.end})
	if d.batch != nil {
		w.records += d.batch.Count()
	}
	if d.end {
		delete(open, d.split)
	}
	return nil
}

// undecodable looks at what belongs to a delivery.
func (w *wholeReading) undecodable(at string, d *delivery) {
	records, bytes, last := 0, 0, int64(0)
	if d.batch != nil {
		records = d.batch.Count()
	}
	w.seen += len(d.undecodable)
	for i := range d.undecodable {
		f := &d.undecodable[i]
		bytes += len(f.body) + len(f.text)
		switch {
		case len(f.body) > connectors.UndecodableBytesMax || len(f.text) > connectors.ReasonBytesMax:
			w.bad = append(w.bad, fmt.Sprintf("%s: undecodable %d has %d bytes and a reason of %d; cut them at %d and %d", at, i+1, len(f.body), len(f.text), connectors.UndecodableBytesMax, connectors.ReasonBytesMax))
		case len(f.text) == 0 || !utf8.Valid(f.text):
			w.bad = append(w.bad, fmt.Sprintf("%s: undecodable %d has the reason %.64q; say in UTF-8 why it is no record", at, i+1, f.text))
		case f.number < last || f.number > int64(records):
			w.bad = append(w.bad, fmt.Sprintf("%s: undecodable %d stands at %d; it is the number of records before it, %d to %d here", at, i+1, f.number, last, records))
		}
		last = max(last, f.number)
	}
	if len(d.undecodable) > connectors.UndecodablesMax || bytes > connectors.UndecodablesBytesMax {
		w.bad = append(w.bad, fmt.Sprintf("%s: %d undecodables of %d bytes; at most %d of %d bytes may belong to one delivery", at, len(d.undecodable), bytes, connectors.UndecodablesMax, connectors.UndecodablesBytesMax))
	}
}

// ordinarySource reads the beginning of the source.
func (t *trial) ordinarySource(ctx context.Context, p *process) error {
	s := t.sourceIn(p)
	if err := s.open(ctx, t.identity(0), 1); err != nil {
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
	wanted := t.wanted()
	if wanted < 0 {
		wanted = endlessRecords
	}
	w := &wholeReading{splits: splits, pieces: map[string][]piece{}}
	if err := w.read(ctx, r, wanted); err != nil {
		return err
	}
	if err := r.halfClose(drop); err != nil {
		return err
	}
	return s.close(ctx)
}
