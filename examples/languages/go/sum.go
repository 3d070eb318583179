package main

import (
	"encoding/binary"
	"errors"
	"strconv"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

// session is a run of payments of an account without a gap. Its first timestamp
// is its key in the map.
type session struct{ last, cents int64 }

const sessionBytes = 16

// sessionCodec writes a session as two integers, little-endian.
type sessionCodec struct{}

func (sessionCodec) Append(buffer []byte, s session) []byte {
	buffer = binary.LittleEndian.AppendUint64(buffer, uint64(s.last))
	return binary.LittleEndian.AppendUint64(buffer, uint64(s.cents))
}

func (sessionCodec) Decode(data []byte) (s session, err error) {
	if len(data) != sessionBytes {
		return s, errors.New("a session does not have 16 bytes")
	}
	return session{int64(binary.LittleEndian.Uint64(data)), int64(binary.LittleEndian.Uint64(data[8:]))}, nil
}

// sum adds up the payments of each session of an account, and tells the sum when
// the watermark says that nothing more can belong to it.
type sum struct {
	sessions turgo.Map[int64, session] // by the first timestamp
	end      turgo.Timer               // of a session: its last timestamp and the gap
	late     turgo.Counter
	sums     turgo.Output
	gap      int64
	text     []byte
}

func (s *sum) Declare(d *turgo.Declaration) {
	d.Input("payments", s.process)
	s.sums = d.Output("sums")
	s.sessions = turgo.NewMap[int64, session](d, "sessions", turgo.OrderedInt64, sessionCodec{})
	s.end = d.EventTimer("session_end", s.fire)
	s.late = d.Counter("late")
	d.ConfigSchema(`{"type":"object","properties":{"gap_ms":{"type":"integer","minimum":1,"default":30000}},"additionalProperties":false}`)
}

func (s *sum) Open(c *turgo.Context) error {
	if s.gap = c.Config.Int64("gap_ms", 30_000); s.gap < 1 {
		return errors.New("config: gap_ms must be 1 or more")
	}
	return c.Config.Err()
}

func (s *sum) process(payments *turgo.Batch) {
	for payments.Next() {
		cents, ok := readCents(payments)
		if !ok {
			continue
		}
		t := payments.Timestamp()
		if t < payments.Watermark() {
			s.late.Add(1)
			continue
		}
		s.add(t, cents)
	}
}

// add adds a payment to the session it belongs to, joins two that it connects, or
// begins one.
func (s *sum) add(t, cents int64) {
	first, joined := t, session{last: t, cents: cents}
	for start, one := range s.sessions.All() {
		if t-one.last >= s.gap || start-t >= s.gap {
			continue
		}
		first, joined.last, joined.cents = min(first, start), max(joined.last, one.last), joined.cents+one.cents
		if first != start || joined.last != one.last {
			s.sessions.Delete(start)
			s.end.Delete(one.last + s.gap)
		}
	}
	s.sessions.Put(first, joined)
	s.end.Set(joined.last + s.gap)
}

func (s *sum) fire(ends *turgo.Batch) {
	for ends.Next() {
		for first, one := range s.sessions.All() {
			if one.last+s.gap != ends.Timestamp() {
				continue
			}
			s.sessions.Delete(first)
			s.text = strconv.AppendInt(s.text[:0], first, 10)
			s.text = strconv.AppendInt(append(s.text, ' '), one.last, 10)
			s.text = strconv.AppendInt(append(s.text, ' '), one.cents, 10)
			s.sums.EmitRecord(turgo.Record{Key: ends.Key(), Value: s.text, Timestamp: one.last})
			break
		}
	}
}
