package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string       `xml:"classname,attr"`
	Name    string       `xml:"name,attr"`
	Time    string       `xml:"time,attr"`
	Failure *junitReason `xml:"failure"`
	Skipped *junitReason `xml:"skipped"`
	Error   *junitReason `xml:"error"`
}

type junitReason struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit writes the report as JUnit XML, as continuous integration reads it: a
// test suite for each group, a test case for each check.
func (r *Report) JUnit(w io.Writer) error {
	out := junitSuites{Name: r.Suite + " conformance of " + valid(r.Subject), Time: junitTime(r.Duration)}
	places := map[string]int{}
	spent := map[string]time.Duration{}
	for _, result := range r.Results {
		place, found := places[result.Group]
		if !found {
			place = len(out.Suites)
			places[result.Group] = place
			name := valid(result.Group)
			if name == "" {
				name = r.Suite
			}
			out.Suites = append(out.Suites, junitSuite{Name: name, Properties: []junitProperty{{"seed", fmt.Sprint(r.Seed)}}})
		}
		suite := &out.Suites[place]
		suite.add(r.Suite, result)
		spent[result.Group] += result.Duration
		suite.Time = junitTime(spent[result.Group])
	}
	if r.Interrupted {
		suite := junitSuite{Name: "run", Tests: 1, Errors: 1, Time: junitTime(0)}
		suite.Cases = []junitCase{{Class: r.Suite, Name: "complete", Time: junitTime(0), Error: &junitReason{Message: "interrupted: the checks that follow did not run"}}}
		out.Suites = append(out.Suites, suite)
	}
	for i := range out.Suites {
		s := &out.Suites[i]
		out.Tests, out.Failures, out.Errors, out.Skipped = out.Tests+s.Tests, out.Failures+s.Failures, out.Errors+s.Errors, out.Skipped+s.Skipped
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(suite string, result Result) {
	class := suite
	if result.Group != "" {
		class += "." + valid(result.Group)
	}
	c := junitCase{Class: class, Name: valid(result.Check), Time: junitTime(result.Duration)}
	first, _, _ := strings.Cut(result.Reason, "\n")
	s.Tests++
	switch result.Status {
	case Fail:
		s.Failures++
		c.Failure = &junitReason{Message: valid(first), Type: valid(result.Check), Text: valid(result.Reason)}
	case Skip:
		s.Skipped++
		c.Skipped = &junitReason{Message: valid(first)}
	}
	s.Cases = append(s.Cases, c)
}

func junitTime(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// valid replaces what XML cannot hold: control characters and broken UTF-8.
func valid(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' && c != '\t' || c == 0xfffe || c == 0xffff {
			return '\ufffd'
		}
		return c
	}, strings.ToValidUTF8(text, "\ufffd"))
}
