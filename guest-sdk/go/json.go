package turgo

import (
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// errJSON is returned for what is not the JSON that was asked for.
var errJSON = errors.New("turgo: not the JSON that was expected")

const jsonDepthMax = 64

// jsonReader reads JSON without reflection: encoding/json makes a module of
// 2 MB one of 3.3.
type jsonReader struct {
	data []byte
	at   int
}

func (p *jsonReader) space() {
	for p.at < len(p.data) && (p.data[p.at] == ' ' || p.data[p.at] == '\n' || p.data[p.at] == '\t' || p.data[p.at] == '\r') {
		p.at++
	}
}

// take skips space and one byte, if that is next.
func (p *jsonReader) take(c byte) bool {
	p.space()
	if p.at < len(p.data) && p.data[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *jsonReader) end() error {
	if p.space(); p.at != len(p.data) {
		return errJSON
	}
	return nil
}

// object calls field for each field of an object.
func (p *jsonReader) object(field func(name string, value []byte)) error {
	return p.list('{', '}', func() error {
		p.space()
		start := p.at
		if err := p.skipString(); err != nil {
			return err
		}
		name, err := readString(p.data[start:p.at])
		if err != nil || !p.take(':') {
			return errJSON
		}
		value, err := p.value(0)
		if err == nil {
			field(name, value)
		}
		return err
	})
}

// array calls element for each element of an array.
func (p *jsonReader) array(element func(value []byte) error) error {
	return p.list('[', ']', func() error {
		value, err := p.value(0)
		if err != nil {
			return err
		}
		return element(value)
	})
}

// list reads elements between brackets, with commas.
func (p *jsonReader) list(open, close byte, element func() error) error {
	if !p.take(open) {
		return errJSON
	}
	if p.take(close) {
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if p.take(close) {
			return nil
		}
		if !p.take(',') {
			return errJSON
		}
	}
}

// value skips one value and returns its bytes.
func (p *jsonReader) value(depth int) ([]byte, error) {
	p.space()
	start := p.at
	err := p.skip(depth)
	return p.data[start:p.at], err
}

func (p *jsonReader) skip(depth int) error {
	if p.at == len(p.data) || depth == jsonDepthMax {
		return errJSON
	}
	switch p.data[p.at] {
	case '"':
		return p.skipString()
	case '{':
		return p.list('{', '}', func() error {
			p.space()
			if err := p.skipString(); err != nil || !p.take(':') {
				return errJSON
			}
			_, err := p.value(depth + 1)
			return err
		})
	case '[':
		return p.list('[', ']', func() error {
			_, err := p.value(depth + 1)
			return err
		})
	}
	return p.skipWord()
}

// skipWord skips true, false, null or a number.
func (p *jsonReader) skipWord() error {
	start := p.at
	for p.at < len(p.data) && inJSONWord(p.data[p.at]) {
		p.at++
	}
	word := string(p.data[start:p.at])
	switch word {
	case "true", "false", "null":
		return nil
	case "":
		return errJSON
	}
	if c := word[0]; c != '-' && (c < '0' || c > '9') {
		return errJSON
	}
	return nil
}

func inJSONWord(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'E'
}

func (p *jsonReader) skipString() error {
	if p.at == len(p.data) || p.data[p.at] != '"' {
		return errJSON
	}
	for p.at++; p.at < len(p.data); p.at++ {
		switch p.data[p.at] {
		case '"':
			p.at++
			return nil
		case '\\':
			p.at++
		}
	}
	p.at = len(p.data)
	return errJSON
}

// readString decodes a whole JSON string.
func readString(data []byte) (string, error) {
	if len(data) < 2 || data[0] != '"' || data[len(data)-1] != '"' {
		return "", errJSON
	}
	data = data[1 : len(data)-1]
	text := make([]byte, 0, len(data))
	for i := 0; i < len(data); i++ {
		if data[i] == '"' {
			return "", errJSON
		}
		if data[i] != '\\' {
			text = append(text, data[i])
			continue
		}
		if i++; i == len(data) {
			return "", errJSON
		}
		switch c := data[i]; c {
		case '"', '\\', '/':
			text = append(text, c)
		case 'b', 'f', 'n', 'r', 't':
			text = append(text, map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}[c])
		case 'u':
			r, length := readEscape(data[i-1:])
			if length == 0 {
				return "", errJSON
			}
			text = utf8.AppendRune(text, r)
			i += length - 2
		default:
			return "", errJSON
		}
	}
	return string(text), nil
}

// readEscape reads a \u escape, or two that are one character; length 0 = none.
func readEscape(data []byte) (r rune, length int) {
	r, ok := readHex(data)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) && len(data) >= 12 {
		if low, ok := readHex(data[6:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
	}
	return r, 6
}

func readHex(data []byte) (rune, bool) {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(data[2:6]), 16, 16)
	return rune(n), err == nil
}
