package file

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/turgo-stream/turgo/abi/record"
)

const (
	invalidFail = "fail"
	invalidSkip = "skip"
	invalidPass = "pass"

	// jsonDepthMax bounds the nesting of a line.
	jsonDepthMax = 1000
)

// jsonLine takes key and timestamp out of a line. It checks the whole line and
// allocates nothing, except for keys that hold escapes.
type jsonLine struct {
	keyField, timestampField string

	key, timestamp []byte // the raw values that were found
}

// read fills in the record's key and timestamp; keep is false where the line is
// to be skipped.
func (l *jsonLine) read(line []byte, into *record.Record, invalid string) (keep bool, err error) {
	err = l.fill(line, into)
	switch {
	case err == nil || invalid == invalidPass:
		return true, nil
	case invalid == invalidSkip:
		return false, nil
	}
	return false, err
}

func (l *jsonLine) fill(line []byte, into *record.Record) error {
	l.key, l.timestamp = nil, nil
	scan := jsonScan{data: line}
	if err := l.object(&scan); err != nil {
		return err
	}
	key, err := plainValue(l.key)
	if err != nil {
		return fmt.Errorf("field %q: %w", l.keyField, err)
	}
	timestamp, err := timestampValue(l.timestamp)
	if err != nil {
		return fmt.Errorf("field %q: %w", l.timestampField, err)
	}
	into.Key, into.Timestamp = key, timestamp
	return nil
}

// object scans the line, which has to be one object and nothing else. Of equal
// names the last counts.
func (l *jsonLine) object(scan *jsonScan) error {
	scan.space()
	if scan.peek() != '{' {
		return scan.fail("not a JSON object")
	}
	err := scan.members(1, func(name, value []byte) {
		if l.keyField != "" && nameIs(name, l.keyField) {
			l.key = value
		}
		if l.timestampField != "" && nameIs(name, l.timestampField) {
			l.timestamp = value
		}
	})
	if err != nil {
		return err
	}
	scan.space()
	if scan.at < len(scan.data) {
		return scan.fail("more text after the JSON object")
	}
	return nil
}

// nameIs compares a quoted name with a field's.
func nameIs(quoted []byte, field string) bool {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner) == field
	}
	var name string
	return json.Unmarshal(quoted, &name) == nil && name == field
}

// plainValue is a string's content, the text of a number or boolean, or nil for
// null and for a field that is missing.
func plainValue(raw []byte) ([]byte, error) {
	switch {
	case len(raw) == 0 || raw[0] == 'n':
		return nil, nil
	case raw[0] == '{' || raw[0] == '[':
		return nil, errors.New("an object or list cannot be a key")
	case raw[0] != '"':
		return raw, nil
	}
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner, nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, err
	}
	return []byte(text), nil
}

// timestampValue reads milliseconds since the epoch, or RFC 3339 text.
func timestampValue(raw []byte) (int64, error) {
	value, err := plainValue(raw)
	if err != nil || value == nil {
		return record.NoTimestamp, err
	}
	if raw[0] != '"' {
		milliseconds, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil || milliseconds == math.MinInt64 {
			return 0, fmt.Errorf("%.40s is not whole milliseconds since the epoch", value)
		}
		return milliseconds, nil
	}
	moment, err := time.Parse(time.RFC3339Nano, string(value))
	if err != nil {
		return 0, fmt.Errorf("%.40q is neither milliseconds since the epoch nor a time like 2006-01-02T15:04:05Z", value)
	}
	return moment.UnixMilli(), nil
}

// jsonScan walks JSON text and checks it. Strings may hold any bytes but
// control characters.
type jsonScan struct {
	data []byte
	at   int
}

func (s *jsonScan) fail(what string) error {
	return fmt.Errorf("invalid JSON at byte %d of the line: %s", s.at, what)
}

func (s *jsonScan) space() {
	for s.at < len(s.data) && (s.data[s.at] == ' ' || s.data[s.at] == '\t' || s.data[s.at] == '\r' || s.data[s.at] == '\n') {
		s.at++
	}
}

// peek is the next byte, 0 at the end.
func (s *jsonScan) peek() byte {
	if s.at < len(s.data) {
		return s.data[s.at]
	}
	return 0
}

// members walks an object, and gives each member to see where that is not nil.
func (s *jsonScan) members(depth int, see func(name, value []byte)) error {
	return s.list(depth, '}', func() error {
		name, err := s.string()
		if err != nil {
			return err
		}
		s.space()
		if s.peek() != ':' {
			return s.fail("no colon after a name")
		}
		s.at++
		s.space()
		start := s.at
		if err := s.value(depth); err != nil {
			return err
		}
		if see != nil {
			see(name, s.data[start:s.at])
		}
		return nil
	})
}

// list walks what stands between brackets, separated by commas.
func (s *jsonScan) list(depth int, closing byte, element func() error) error {
	if depth > jsonDepthMax {
		return s.fail("nested too deeply")
	}
	s.at++
	s.space()
	if s.peek() == closing {
		s.at++
		return nil
	}
	for {
		s.space()
		if err := element(); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case ',':
			s.at++
		case closing:
			s.at++
			return nil
		default:
			return s.fail("no comma or closing bracket")
		}
	}
}

func (s *jsonScan) value(depth int) error {
	switch c := s.peek(); {
	case c == '{':
		return s.members(depth+1, nil)
	case c == '[':
		return s.list(depth+1, ']', func() error { return s.value(depth + 1) })
	case c == '"':
		_, err := s.string()
		return err
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return s.number()
}

func (s *jsonScan) word(word string) error {
	if !bytes.HasPrefix(s.data[s.at:], []byte(word)) {
		return s.fail("no value")
	}
	s.at += len(word)
	return nil
}

// string walks a string and returns it with its quotes.
func (s *jsonScan) string() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.fail("no string")
	}
	start := s.at
	for s.at++; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == '"':
			s.at++
			return s.data[start:s.at], nil
		case c < ' ':
			return nil, s.fail("control character in a string")
		case c == '\\':
			if err := s.escape(); err != nil {
				return nil, err
			}
		}
	}
	return nil, s.fail("string without end")
}

func (s *jsonScan) escape() error {
	s.at++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return nil
	case 'u':
		for range 4 {
			s.at++
			if c := s.peek() | 0x20; !isDigit(s.peek()) && (c < 'a' || c > 'f') {
				return s.fail("bad \\u escape")
			}
		}
		return nil
	}
	return s.fail("bad escape")
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (s *jsonScan) digits() error {
	if !isDigit(s.peek()) {
		return s.fail("no value")
	}
	for isDigit(s.peek()) {
		s.at++
	}
	return nil
}

func (s *jsonScan) number() error {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if err := s.digits(); err != nil {
		return err
	}
	if s.peek() == '.' {
		s.at++
		if err := s.digits(); err != nil {
			return err
		}
	}
	if s.peek()|0x20 == 'e' {
		s.at++
		if s.peek() == '+' || s.peek() == '-' {
			s.at++
		}
		return s.digits()
	}
	return nil
}
