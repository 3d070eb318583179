package letter

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/turgo-stream/turgo/abi/record"
)

// Kinds of frames in a segment.
const (
	frameLetter = 1
	frameAnswer = 2
)

// idBytesMax bounds an id: a uid has 64 bytes at most, a number 20 digits.
const idBytesMax = 64 + 3*21

// appendLetter appends the payload of a letter's frame: its fields in a fixed
// order. Integers are varints, strings and bytes have their length before them.
func appendLetter(b []byte, l *Letter) []byte {
	b = append(b, frameLetter)
	b = appendText(b, l.ID)
	b = appendText(b, l.UID)
	b = appendText(b, string(l.Kind))
	b = binary.AppendUvarint(b, uint64(l.Attempts))
	b = binary.AppendUvarint(b, l.Command)
	b = binary.AppendVarint(b, l.FirstMS)
	b = binary.AppendVarint(b, l.LastMS)
	b = appendText(b, l.Error.Kind)
	b = binary.AppendUvarint(b, uint64(l.Error.Code))
	b = appendText(b, clip(l.Error.Reason, ReasonBytesMax))
	b = appendText(b, clip(l.Error.Stack, StackBytesMax))
	b = binary.AppendUvarint(b, uint64(l.Input))
	b = binary.AppendUvarint(b, uint64(l.Timer))
	b = appendBytes(b, l.Record)
	b = appendText(b, l.Place.Source)
	b = appendText(b, l.Place.Split)
	b = appendBytes(b, l.Place.Position)
	b = binary.AppendUvarint(b, uint64(l.Place.Index))
	b = appendText(b, l.Module)
	b = appendText(b, l.Entry)
	b = binary.AppendVarint(b, l.Watermark)
	b = binary.AppendVarint(b, l.ProcessingTimeMS)
	b = binary.AppendUvarint(b, uint64(l.Subtask))
	b = binary.AppendUvarint(b, uint64(l.Parallelism))
	b = appendBytes(b, l.Seed)
	b = appendFlag(b, l.StateIncomplete)
	b = binary.AppendUvarint(b, uint64(len(l.State)))
	for i := range l.State {
		s := &l.State[i]
		b = appendText(b, s.State)
		b = appendText(b, s.Kind)
		b = appendBytes(b, s.Key)
		b = appendBytes(b, s.Value)
		b = binary.AppendUvarint(b, uint64(s.Version))
		b = binary.AppendVarint(b, s.ExpiresMS)
	}
	b = binary.AppendUvarint(b, uint64(len(l.Edits)))
	for i := range l.Edits {
		e := &l.Edits[i]
		b = appendText(b, e.By)
		b = binary.AppendVarint(b, e.AtMS)
		b = binary.AppendUvarint(b, e.Command)
		b = appendBytes(b, e.Original)
	}
	return b
}

// appendAnswer appends the payload of an answer's frame.
func appendAnswer(b []byte, a Answer) []byte {
	b = append(b, frameAnswer)
	b = appendText(b, a.ID)
	return binary.AppendUvarint(b, a.Command)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBytes(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendFlag(b []byte, set bool) []byte {
	if set {
		return append(b, 1)
	}
	return append(b, 0)
}

func clip(s string, max int) string {
	if len(s) > max {
		return s[:max]
	}
	return s
}

// head is what the index needs of a letter's frame; it stands first in it.
type head struct {
	id, uid, kind   string
	attempts        int
	command         uint64
	firstMS, lastMS int64
}

// decoder reads a payload. After the first mistake it gives zero values.
type decoder struct {
	rest []byte
	err  error
}

var errShort = errors.New("it ends too early")

func (d *decoder) uint(max uint64) uint64 {
	value, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.failed(errShort)
		return 0
	}
	d.rest = d.rest[n:]
	if value > max {
		d.failed(fmt.Errorf("%d is more than %d", value, max))
		return 0
	}
	return value
}

func (d *decoder) int() int64 {
	value, n := binary.Varint(d.rest)
	if n <= 0 {
		d.failed(errShort)
		return 0
	}
	d.rest = d.rest[n:]
	return value
}

func (d *decoder) bytes() []byte {
	length := d.uint(uint64(len(d.rest)))
	if d.err == nil && length > uint64(len(d.rest)) {
		d.failed(errShort)
	}
	if d.err != nil || length == 0 {
		return nil
	}
	b := d.rest[:length:length]
	d.rest = d.rest[length:]
	return b
}

func (d *decoder) text() string { return string(d.bytes()) }

func (d *decoder) failed(err error) {
	if d.err == nil {
		d.err = err
	}
	d.rest = nil
}

// batch reads a batch of at least one record; optional allows none at all.
func (d *decoder) batch(optional bool) record.Batch {
	data := d.bytes()
	if d.err != nil || optional && len(data) == 0 {
		return nil
	}
	batch, err := record.Parse(data)
	if err != nil {
		d.failed(err)
		return nil
	}
	if batch.Count() == 0 {
		d.failed(errors.New("it holds no record"))
		return nil
	}
	return batch
}

const (
	countMax  = 1<<31 - 1
	numberMax = 1<<63 - 1
)

func (d *decoder) head() head {
	h := head{id: d.text(), uid: d.text(), kind: d.text()}
	h.attempts, h.command = int(d.uint(countMax)), d.uint(numberMax)
	h.firstMS, h.lastMS = d.int(), d.int()
	if d.err == nil && (h.id == "" || len(h.id) > idBytesMax || h.uid == "" || h.attempts == 0) {
		d.failed(fmt.Errorf("bad id %.100q, uid %.100q or attempts %d", h.id, h.uid, h.attempts))
	}
	return h
}

// decodeLetter reads the payload of a letter's frame. The letter shares its bytes.
func decodeLetter(payload []byte) (*Letter, error) {
	if len(payload) == 0 || payload[0] != frameLetter {
		return nil, errors.New("letter: the frame is not a letter's")
	}
	d := &decoder{rest: payload[1:]}
	h := d.head()
	l := &Letter{ID: h.id, UID: h.uid, Kind: Kind(h.kind), Attempts: h.attempts, Command: h.command, FirstMS: h.firstMS, LastMS: h.lastMS}
	l.Error = Error{Kind: d.text(), Code: uint32(d.uint(1<<32 - 1)), Reason: d.text(), Stack: d.text()}
	l.Input, l.Timer = int(d.uint(countMax)), int(d.uint(countMax))
	l.Record = d.batch(false)
	l.Place = Place{Source: d.text(), Split: d.text(), Position: d.bytes(), Index: int(d.uint(countMax))}
	l.Module, l.Entry = d.text(), d.text()
	l.Watermark, l.ProcessingTimeMS = d.int(), d.int()
	l.Subtask, l.Parallelism = int(d.uint(countMax)), int(d.uint(countMax))
	l.Seed = d.bytes()
	l.StateIncomplete = d.uint(1) == 1
	// Each entry takes six bytes at least: a count cannot make this read allocate.
	for range d.uint(uint64(len(d.rest))) {
		if d.err != nil {
			break
		}
		s := StateEntry{State: d.text(), Kind: d.text(), Key: d.bytes(), Value: d.bytes()}
		s.Version, s.ExpiresMS = uint16(d.uint(1<<16-1)), d.int()
		l.State = append(l.State, s)
	}
	for range d.uint(EditsMax) {
		if d.err != nil {
			break
		}
		l.Edits = append(l.Edits, Edit{By: d.text(), AtMS: d.int(), Command: d.uint(numberMax), Original: d.batch(len(l.Edits) > 0)})
	}
	return l, d.end("letter")
}

func decodeAnswer(payload []byte) (Answer, error) {
	if len(payload) == 0 || payload[0] != frameAnswer {
		return Answer{}, errors.New("letter: the frame is not an answer's")
	}
	d := &decoder{rest: payload[1:]}
	a := Answer{ID: d.text(), Command: d.uint(numberMax)}
	if d.err == nil && (a.ID == "" || len(a.ID) > idBytesMax) {
		d.failed(fmt.Errorf("bad id %.100q", a.ID))
	}
	return a, d.end("answer")
}

// end tells what is wrong with a payload that was read.
func (d *decoder) end(what string) error {
	if d.err == nil && len(d.rest) > 0 {
		d.err = fmt.Errorf("%d bytes too many", len(d.rest))
	}
	if d.err != nil {
		return fmt.Errorf("letter: the %s's frame is malformed: %w", what, d.err)
	}
	return nil
}
