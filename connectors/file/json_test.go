package file

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

func readJSON(t *testing.T, text string, more fields) ([]line, error) {
	t.Helper()
	folder := t.TempDir()
	write(t, filepath.Join(folder, "in"), text)
	f := fields{"paths": []string{"in"}, "format": "json_lines", "key_field": "user", "timestamp_field": "at"}
	for name, value := range more {
		f[name] = value
	}
	lines, _, err := readToEnd(assign(t, openSource(t, configOf(t, folder, f)), only))
	return lines, err
}

func TestJSONLines(t *testing.T) {
	none := int64(record.NoTimestamp)
	cases := []struct {
		text string
		want line
	}{
		{`{"user":"ann","at":1700000000123}`, line{"ann", "", 1700000000123}},
		{` { "at" : -5 , "x":{"user":"no"}, "user" : "b" } `, line{"b", "", -5}},
		{`{"user":7.5,"at":"2026-01-02T03:04:05.678Z"}`, line{"7.5", "", 1767323045678}},
		{`{"user":true,"at":"2026-01-02T03:04:05+01:00"}`, line{"true", "", 1767319445000}},
		{`{"user":"q\"\u00e9\\","at":null}`, line{"q\"é\\", "", none}},
		{`{"us\u0065r":"escaped name"}`, line{"escaped name", "", none}},
		{`{"user":"first","user":"last"}`, line{"last", "", none}},
		{`{}`, line{"", "", none}},
		{`{"user":null}`, line{"", "", none}},
		{`{"deep":[[[{"a":[1,2.5e-3,-0,"\n"]}]]],"user":"d"}`, line{"d", "", none}},
	}
	for _, c := range cases {
		got, err := readJSON(t, c.text+"\n", nil)
		c.want.value = c.text
		if err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %+v, %v", c.text, got, err)
		}
	}
}

func TestInvalidJSONLines(t *testing.T) {
	bad := []string{
		``, `null`, `[1]`, `"x"`, `{`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1}x`, `{"a":01}`, `{"a":1.}`, `{"a":+1}`, `{"a":tru}`,
		`{"a":"x}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, "{\"a\":\"\t\"}", `{a:1}`, `{"a":1 "b":2}`, `{"user":{}}`, `{"user":[1]}`,
		`{"at":1.5}`, `{"at":"yesterday"}`, `{"at":true}`, `{"at":-9223372036854775808}`, `{"a":` + strings.Repeat("[", 100_000),
	}
	for _, text := range bad {
		checkUndecodable(t, text)
		skipped, err := readJSON(t, "{}\n"+text+"\n{}\n", fields{"invalid": "skip"})
		if err != nil || len(skipped) != 2 {
			t.Errorf("%.60s: skip gives %d lines, %v", text, len(skipped), err)
		}
		passed, err := readJSON(t, "{}\n"+text+"\n{}\n", fields{"invalid": "pass"})
		if err != nil || len(passed) != 3 || passed[1] != (line{"", text, record.NoTimestamp}) {
			t.Errorf("%.60s: pass gives %d lines, %v", text, len(passed), err)
		}
	}
}

// checkUndecodable wants a line to be handed over as it is, between two records.
func checkUndecodable(t *testing.T, text string) {
	t.Helper()
	folder := t.TempDir()
	write(t, filepath.Join(folder, "in"), "{}\n"+text+"\n{}\n")
	f := fields{"paths": []string{"in"}, "format": "json_lines", "key_field": "user", "timestamp_field": "at"}
	d, err := assign(t, openSource(t, configOf(t, folder, f)), only).Next(context.Background())
	if err != nil || d.Batch.Count() != 2 || len(d.Undecodable) != 1 {
		t.Errorf("%.60s: %d records, %d undecodable, %v", text, d.Batch.Count(), len(d.Undecodable), err)
		return
	}
	u := d.Undecodable[0]
	if cut := text[:min(len(text), connectors.UndecodableBytesMax)]; string(u.Bytes) != cut || u.Index != 1 || !strings.Contains(u.Reason, "line at byte 3: ") {
		t.Errorf("%.60s: %.60s before record %d: %s", text, u.Bytes, u.Index, u.Reason)
	}
}

// Lines that are no records are handed over in portions that the host takes.
func TestUndecodableLinesComeInPortions(t *testing.T) {
	folder := t.TempDir()
	short, long := strings.Repeat("no\n", 3000), strings.Repeat(strings.Repeat("x", 100_000)+"\n", 40)
	write(t, filepath.Join(folder, "in"), short+long)
	reader := assign(t, openSource(t, configOf(t, folder, fields{"paths": []string{"in"}, "format": "json_lines"})), only)
	lines := 0
	for end := false; !end; {
		d, err := reader.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, u := range d.Undecodable {
			size += len(u.Bytes) + len(u.Reason)
		}
		if len(d.Undecodable) > connectors.UndecodablesMax || size > connectors.UndecodablesBytesMax {
			t.Fatalf("%d lines of %d bytes at once", len(d.Undecodable), size)
		}
		lines += len(d.Undecodable)
		end = d.End
	}
	if lines != 3040 {
		t.Errorf("%d lines, want 3040", lines)
	}
}

// A file of nothing but lines to skip ends all the same.
func TestSkipAll(t *testing.T) {
	lines, err := readJSON(t, strings.Repeat("no\n", 100_000), fields{"invalid": "skip"})
	if err != nil || len(lines) != 0 {
		t.Errorf("%d lines, %v", len(lines), err)
	}
}

// FuzzJSONLine compares with the standard library: what it takes for an object
// is one here too, with the same key.
func FuzzJSONLine(f *testing.F) {
	for _, seed := range []string{`{"user":"x","at":1}`, `{"a":[1,{"b":null}],"user":"\u00e9"}`, `{"user":1e9}`, `{`, `[]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		scan := jsonLine{keyField: "user"}
		var rec record.Record
		err := scan.fill(text, &rec)
		var object map[string]any
		standardError := json.Unmarshal(text, &object)
		if standardError == nil && object == nil {
			return // null is no object
		}
		if !utf8.Valid(text) || strings.Contains(string(text), "user") && standardError == nil {
			compareKey(t, text, rec, err, object)
			return
		}
		if (err == nil) != (standardError == nil) {
			t.Errorf("%q: %v, the standard library: %v", text, err, standardError)
		}
	})
}

func compareKey(t *testing.T, text []byte, rec record.Record, err error, object map[string]any) {
	user, isText := object["user"].(string)
	if !isText || err != nil || !utf8.Valid(text) {
		return
	}
	if !slices.Equal(rec.Key, []byte(user)) {
		t.Errorf("%q: key %q, want %q", text, rec.Key, user)
	}
}
