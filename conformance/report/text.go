package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text writes the report for people: a line for each check, aligned, with the
// reason where there is one, and a summary.
func (r *Report) Text(w io.Writer) error {
	group, check := 0, 0
	for _, result := range r.Results {
		group = max(group, utf8.RuneCountInString(result.Group))
		check = max(check, utf8.RuneCountInString(result.Check))
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s conformance of %s\n\n", r.Suite, printable(r.Subject))
	for _, result := range r.Results {
		line := fmt.Sprintf("%-4s  ", result.Status)
		if group > 0 {
			line += fmt.Sprintf("%-*s  ", group, printable(result.Group))
		}
		line += fmt.Sprintf("%-*s  %7s", check, printable(result.Check), seconds(result.Duration))
		indent := utf8.RuneCountInString(line) + 2
		for i, reason := range strings.Split(result.Reason, "\n") {
			switch {
			case result.Reason == "":
			case i == 0:
				line += "  " + printable(reason)
			default:
				line += "\n" + strings.Repeat(" ", indent) + printable(reason)
			}
		}
		out.WriteString(line + "\n")
	}
	fmt.Fprintf(&out, "\n%s\n", r.Summary())
	_, err := w.Write(out.Bytes())
	return err
}

// printable makes text of a subject, which may be anything, safe for a terminal.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			return '.'
		}
		return c
	}, text)
}
