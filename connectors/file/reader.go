package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

const (
	// pollInterval is how long Next waits for growth, in a source that follows.
	pollInterval = 100 * time.Millisecond
	// openFilesMax bounds the files that a following reader keeps open.
	openFilesMax = 64
	// deliveriesPerTurn bounds how long a following reader stays with one file
	// while others may wait.
	deliveriesPerTurn = 16
	readBytes         = 256 << 10
)

// reader reads its files one after the other, with one buffer for all of them;
// where it follows, in turns. The buffer holds bytes of one input at a time,
// from that input's offset on.
type reader struct {
	settings sourceSettings
	baseDir  string

	inputs []*input
	turn   int // index of the current input
	open   []*input

	buffer     []byte
	start, end int    // what is read but not delivered
	holder     *input // whose bytes these are
	atEnd      bool   // the last read met the end of the file
	deliveries int    // in a row from the current input

	builder record.Builder
	batch   []byte // memory for the builder
	json    jsonLine

	undecodable      []connectors.Undecodable // of the delivery
	undecodableBytes int
}

func newReader(settings sourceSettings, baseDir string) *reader {
	return &reader{
		settings: settings, baseDir: baseDir,
		batch: make([]byte, 0, settings.BatchBytes+4096),
		json:  jsonLine{keyField: settings.KeyField, timestampField: settings.TimestampField},
	}
}

// Assign adds files to read.
func (r *reader) Assign(_ context.Context, assignments []connectors.Assignment) error {
	for _, assignment := range assignments {
		in, err := newInput(assignment, r.baseDir)
		if err != nil {
			return err
		}
		r.inputs = append(r.inputs, in)
	}
	return nil
}

// Next gives the next lines of one file.
func (r *reader) Next(ctx context.Context) (connectors.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return connectors.Delivery{}, err
	}
	r.builder.Reset(r.batch)
	r.undecodable, r.undecodableBytes = nil, 0
	for range len(r.inputs) {
		in := r.inputs[r.turn]
		delivery, worked, err := r.read(in)
		if err != nil {
			return connectors.Delivery{}, err
		}
		if delivery.End {
			in.close()
			r.inputs[r.turn] = nil // the memory goes once the turn wraps around
			r.drop(r.turn)
			return delivery, nil
		}
		if worked {
			r.deliveries++
			if r.settings.Follow && (r.atEnd || r.deliveries >= deliveriesPerTurn) {
				r.advance()
			}
			return delivery, nil
		}
		r.advance()
	}
	return connectors.Delivery{}, wait(ctx, pollInterval)
}

func wait(ctx context.Context, duration time.Duration) error {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// drop forgets an input that has ended. Bounded readers end in order, so the
// first is dropped by moving the slice; others close the gap.
func (r *reader) drop(index int) {
	if index == 0 {
		r.inputs = r.inputs[1:]
	} else {
		r.inputs = append(r.inputs[:index], r.inputs[index+1:]...)
	}
	r.deliveries = 0
	if r.turn >= len(r.inputs) {
		r.turn = 0
	}
}

func (r *reader) advance() {
	r.turn++
	r.deliveries = 0
	if r.turn >= len(r.inputs) {
		r.turn = 0
	}
}

// read makes one delivery of an input; worked is false where there is nothing
// to deliver now.
func (r *reader) read(in *input) (delivery connectors.Delivery, worked bool, err error) {
	fresh := r.holder != in
	if fresh {
		r.holder, r.start, r.end, r.atEnd = in, 0, 0, false
	}
	gone := false
	if r.settings.Follow && (r.start == r.end || fresh || r.atEnd) && in.info != nil {
		grown, isGone, err := in.look()
		if err != nil {
			return delivery, false, err
		}
		if !grown && !isGone {
			return delivery, false, nil
		}
		gone = isGone
	}
	if in.file == nil {
		if gone {
			in.warnGone()
			return connectors.Delivery{SplitID: in.id, Position: in.position(), End: true}, true, nil
		}
		if ended, err := r.openInput(in); err != nil || ended {
			return connectors.Delivery{SplitID: in.id, Position: in.position(), End: ended}, ended, err
		}
	}
	r.atEnd = false
	last := !r.settings.Follow || gone
	if err := r.fillBatch(in, last); err != nil {
		return delivery, false, err
	}
	end := last && r.atEnd && r.start == r.end
	if r.builder.Count() == 0 && len(r.undecodable) == 0 && !end {
		return delivery, false, nil
	}
	delivery = connectors.Delivery{SplitID: in.id, Position: in.position(), End: end, LagRecords: in.lagRecords(), Undecodable: r.undecodable}
	if r.builder.Count() > 0 {
		delivery.Batch = r.builder.Finish()
		r.batch = delivery.Batch
	}
	return delivery, true, nil
}

// openInput opens an input, closing the one that was opened first where too
// many are. A followed file that is gone has ended.
func (r *reader) openInput(in *input) (ended bool, err error) {
	if err := in.open(); err != nil {
		if r.settings.Follow && errors.Is(err, fs.ErrNotExist) {
			in.warnGone()
			return true, nil
		}
		return false, err
	}
	if !r.settings.Follow {
		return false, nil
	}
	r.open = append(r.open, in)
	if len(r.open) > openFilesMax {
		r.open[0].close()
		r.open = r.open[1:]
	}
	return false, nil
}

// fillBatch appends lines until the batch is full, or no whole line is left;
// last says that the file will not grow, so that its end ends a line.
func (r *reader) fillBatch(in *input, last bool) error {
	for !r.full() {
		if err := r.appendLines(in); err != nil {
			return err
		}
		if r.full() {
			return nil
		}
		if r.atEnd {
			if last && r.start < r.end {
				return r.appendLine(in, r.buffer[r.start:r.end], r.end-r.start)
			}
			in.readTo = in.offset + int64(r.end-r.start)
			return nil
		}
		if err := r.readMore(in); err != nil {
			return err
		}
	}
	return nil
}

// full reports whether the delivery takes no more lines.
func (r *reader) full() bool {
	return r.builder.Length() >= r.settings.BatchBytes || len(r.undecodable) == connectors.UndecodablesMax ||
		r.undecodableBytes > connectors.UndecodablesBytesMax-connectors.UndecodableBytesMax-connectors.ReasonBytesMax
}

// appendLines appends the whole lines that are in the buffer.
func (r *reader) appendLines(in *input) error {
	for !r.full() {
		length := bytes.IndexByte(r.buffer[r.start:r.end], '\n')
		if length < 0 {
			return nil
		}
		line := r.buffer[r.start : r.start+length]
		if length > 0 && line[length-1] == '\r' {
			line = line[:length-1]
		}
		if err := r.appendLine(in, line, length+1); err != nil {
			return err
		}
	}
	return nil
}

// appendLine appends one line, of which the file holds size bytes.
func (r *reader) appendLine(in *input, line []byte, size int) error {
	if len(line) > r.settings.LineBytesMax {
		return r.tooLong(in)
	}
	rec := record.Record{Value: line, Timestamp: record.NoTimestamp}
	keep := true
	if r.settings.Format == formatJSONLines {
		var err error
		if keep, err = r.json.read(line, &rec, r.settings.Invalid); err != nil {
			r.fail(line, fmt.Sprintf("file: %s: line at byte %d: %v", in.path, in.offset, err))
		}
	}
	if keep {
		r.builder.Append(rec)
	}
	r.start += size
	in.offset += int64(size)
	in.lines++
	return nil
}

// fail hands a line over that is no record.
func (r *reader) fail(line []byte, reason string) {
	u := connectors.Undecodable{
		Bytes: bytes.Clone(line[:min(len(line), connectors.UndecodableBytesMax)]), Reason: connectors.CutReason(reason), Index: r.builder.Count(),
	}
	r.undecodable = append(r.undecodable, u)
	r.undecodableBytes += len(u.Bytes) + len(u.Reason)
}

func (r *reader) tooLong(in *input) error {
	return fmt.Errorf("file: %s: the line at byte %d is longer than line_bytes_max, %d", in.path, in.offset, r.settings.LineBytesMax)
}

// readMore reads on after the bytes in the buffer, growing it for a long line.
func (r *reader) readMore(in *input) error {
	if r.start > 0 {
		copy(r.buffer, r.buffer[r.start:r.end])
		r.start, r.end = 0, r.end-r.start
	}
	if r.end > r.settings.LineBytesMax+1 {
		return r.tooLong(in)
	}
	if r.end == len(r.buffer) {
		grown := make([]byte, max(readBytes, 2*len(r.buffer)))
		copy(grown, r.buffer[:r.end])
		r.buffer = grown
	}
	at := in.offset + int64(r.end)
	n, err := in.file.ReadAt(r.buffer[r.end:], at)
	in.fingerprint.see(at, r.buffer[r.end:r.end+n])
	r.end += n
	in.size = max(in.size, at+int64(n))
	if errors.Is(err, io.EOF) {
		r.atEnd = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("file: %w", err)
	}
	return nil
}

// Close closes what is open.
func (r *reader) Close() error {
	for _, in := range r.inputs {
		in.close()
	}
	r.inputs, r.open = nil, nil
	return nil
}
