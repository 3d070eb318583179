package plan

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

var (
	integerPattern = regexp.MustCompile(`^[-+]?[0-9]+$`)
	basePattern    = regexp.MustCompile(`^0(x[0-9a-fA-F]+|o[0-7]+)$`)
	floatPattern   = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
)

// writeJSON writes a value as JSON. What stands in quotes is a string; what
// stands without is what YAML 1.2 takes it for.
func writeJSON(b *bytes.Buffer, v *value) error {
	switch v.kind {
	case mapValue:
		b.WriteByte('{')
		for i, f := range v.fields {
			if i > 0 {
				b.WriteByte(',')
			}
			writeString(b, f.name)
			b.WriteByte(':')
			if err := writeJSON(b, f.value); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return nil
	case listValue:
		b.WriteByte('[')
		for i, item := range v.items {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSON(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	}
	return writeScalar(b, v)
}

func writeScalar(b *bytes.Buffer, v *value) error {
	if v.isNull() {
		b.WriteString("null")
		return nil
	}
	if !v.plain {
		writeString(b, v.text)
		return nil
	}
	switch v.text {
	case "true", "True", "TRUE":
		b.WriteString("true")
		return nil
	case "false", "False", "FALSE":
		b.WriteString("false")
		return nil
	case ".inf", "-.inf", "+.inf", ".Inf", "-.Inf", "+.Inf", ".INF", "-.INF", "+.INF", ".nan", ".NaN", ".NAN":
		return failAt(v.at, "%s is no number that JSON has: put it in quotes if it is text", v.text)
	}
	switch {
	case integerPattern.MatchString(v.text):
		writeInteger(b, v.text)
	case basePattern.MatchString(v.text):
		n, err := strconv.ParseUint(v.text, 0, 64)
		if err != nil {
			return failAt(v.at, "number %s is too large", v.text)
		}
		b.WriteString(strconv.FormatUint(n, 10))
	case floatPattern.MatchString(v.text):
		f, err := strconv.ParseFloat(v.text, 64)
		if err != nil {
			return failAt(v.at, "number %s is too large", v.text)
		}
		b.WriteString(strconv.FormatFloat(f, 'g', -1, 64))
	default:
		writeString(b, v.text)
	}
	return nil
}

// writeInteger writes an integer of any length, in JSON's form.
func writeInteger(b *bytes.Buffer, text string) {
	if text[0] == '-' {
		b.WriteByte('-')
	}
	digits := strings.TrimLeft(strings.TrimLeft(text, "+-"), "0")
	if digits == "" {
		digits = "0"
	}
	b.WriteString(digits)
}

func writeString(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string and a buffer: neither fails
	b.Truncate(b.Len() - 1)
}
