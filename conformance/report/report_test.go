package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/turgo-stream/turgo/conformance/report"
)

var update = flag.Bool("update", false, "write the golden files")

func example() *report.Report {
	return &report.Report{
		Suite: "operator", Subject: "counts.wasm", Seed: 7, Duration: 12340 * time.Millisecond,
		Results: []report.Result{
			{Check: "module", Status: report.Pass, Duration: 20 * time.Millisecond},
			{Group: "count", Check: "hand", Status: report.Fail, Reason: "record 3 of 5 has <key> \"b\",\nthe state of \"a\" was written\x1b[31m", Duration: 1500 * time.Millisecond},
			{Group: "count", Check: "determinism", Status: report.Skip, Reason: "needs hand", Duration: 0},
			{Group: "sum", Check: "hand", Status: report.Pass, Duration: time.Millisecond},
		},
	}
}

func TestGolden(t *testing.T) {
	for name, write := range map[string]func(*report.Report, io.Writer) error{
		"report.txt": (*report.Report).Text, "report.json": (*report.Report).JSON, "report.xml": (*report.Report).JUnit,
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := write(example(), &out); err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile("testdata/"+name, out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile("testdata/" + name)
			if err != nil {
				t.Fatal(err)
			}
			if out.String() != string(want) {
				t.Fatalf("got\n%s\nwant\n%s", out.String(), want)
			}
		})
	}
}

func TestFailed(t *testing.T) {
	r := example()
	failed := r.Failed()
	if len(failed) != 1 || failed[0].Check != "hand" || failed[0].Group != "count" {
		t.Fatalf("%+v", failed)
	}
	if r.Count(report.Pass) != 2 || r.Count(report.Skip) != 1 {
		t.Fatal(r.Summary())
	}
}

// What a subject writes reaches a terminal as text only, and XML stays XML.
func TestReasonsAreUntrusted(t *testing.T) {
	r := &report.Report{Suite: "operator", Subject: "\x1b]0;x\x07.wasm", Results: []report.Result{
		{Group: "\xff", Check: "open", Status: report.Fail, Reason: "\x1b[2J\u202egone\x00\xff]]>"},
	}}
	var text, document, object bytes.Buffer
	if err := r.Text(&text); err != nil || (strings.ContainsAny(text.String(), "\x1b\x07\x00\u202e") || !utf8.ValidString(text.String())) {
		t.Fatalf("%q %v", text.String(), err)
	}
	if err := r.JUnit(&document); err != nil {
		t.Fatal(err)
	}
	var any struct {
		Failures int `xml:"failures,attr"`
	}
	if err := xml.Unmarshal(document.Bytes(), &any); err != nil || any.Failures != 1 {
		t.Fatalf("%v %d\n%s", err, any.Failures, document.String())
	}
	if err := r.JSON(&object); err != nil || !json.Valid(object.Bytes()) {
		t.Fatal(err, object.String())
	}
}

func TestInterrupted(t *testing.T) {
	r := example()
	r.Results, r.Interrupted = r.Results[:1], true
	var text, document, object bytes.Buffer
	if err := r.Text(&text); err != nil || !strings.Contains(text.String(), "interrupted: 1 passed, 0 failed, 0 skipped") {
		t.Fatal(err, text.String())
	}
	if err := r.JUnit(&document); err != nil || !strings.Contains(document.String(), `errors="1"`) {
		t.Fatal(err, document.String())
	}
	if err := r.JSON(&object); err != nil || !strings.Contains(object.String(), `"ok": false`) {
		t.Fatal(err, object.String())
	}
}

// What a subject says may be of any length: the report is not.
func TestReasonsAreBounded(t *testing.T) {
	var r report.Report
	r.Add(report.Result{Check: "a", Status: report.Fail, Reason: strings.Repeat("é", report.ReasonBytesMax)})
	r.Add(report.Result{Check: "b", Status: report.Fail, Reason: "short"})
	if got := r.Results[0].Reason; len(got) > report.ReasonBytesMax+4 || !utf8.ValidString(got) || !strings.HasSuffix(got, "é ...") {
		t.Errorf("%d bytes, the end is %q", len(got), got[len(got)-8:])
	}
	if got := r.Results[1].Reason; got != "short" {
		t.Errorf("%q", got)
	}
}
