package plan

import (
	"fmt"
	"sort"
	"strings"
)

// Problem is one thing that is wrong with a job.
type Problem struct {
	// Path names the field: "flow[2].input", or "" for the job as a whole.
	Path string
	// Message says what is wrong, with the values, and what to do.
	Message string
	// File, Line and Column tell the place, counted from 1, where the job was
	// read from a file.
	File   string
	Line   int
	Column int
	// Excerpt is that line with a caret below, or "".
	Excerpt string
	// Cause is the error behind it, or nil.
	Cause error
}

// Error tells the place and what is wrong, in one line.
func (p *Problem) Error() string {
	switch {
	case p.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	case p.File != "":
		return p.File + ": " + p.Message
	case p.Path != "":
		return p.Path + ": " + p.Message
	}
	return p.Message
}

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// InvalidError says all that is wrong with a job. It is the user's fault.
type InvalidError struct {
	Problems []*Problem // at least one, in the order of the file
}

// Error lists all problems, each with its excerpt.
func (e *InvalidError) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.Error())
		if p.Excerpt != "" {
			b.WriteByte('\n')
			b.WriteString(p.Excerpt)
		}
	}
	return b.String()
}

// Unwrap gives all problems.
func (e *InvalidError) Unwrap() []error {
	errs := make([]error, len(e.Problems))
	for i, p := range e.Problems {
		errs[i] = p
	}
	return errs
}

// problemsMax bounds how many problems are told at once.
const problemsMax = 50

// problems collects what is wrong.
type problems struct {
	text *text // may be nil
	list []*Problem
}

func (ps *problems) add(path, format string, arguments ...any) {
	ps.addCause(path, nil, format, arguments...)
}

func (ps *problems) addCause(path string, cause error, format string, arguments ...any) {
	if len(ps.list) >= problemsMax {
		return
	}
	p := &Problem{Path: path, Message: fmt.Sprintf(format, arguments...), Cause: cause}
	ps.text.locate(p)
	ps.list = append(ps.list, p)
}

// err gives all problems as one error, or nil where there are none.
func (ps *problems) err() error {
	if len(ps.list) == 0 {
		return nil
	}
	sort.SliceStable(ps.list, func(i, j int) bool {
		a, b := ps.list[i], ps.list[j]
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Column < b.Column
	})
	return &InvalidError{Problems: ps.list}
}
