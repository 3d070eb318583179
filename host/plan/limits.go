package plan

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Limits bound what a guest may use. 0 = what the platform gives, see
// docs/job-file.md for its defaults.
type Limits struct {
	Memory               int64 // bytes of linear memory, in whole pages of 64 KiB
	TableElements        int64 // of all tables of an instance
	CallDepth            int64 // bytes of frames of nested calls
	TimePerCall          time.Duration
	FuelPerCall          int64 // instructions
	FuelPerRecord        int64 // instructions
	OutputPerCall        int64 // bytes emitted
	OutputRecordsPerCall int64
	StatePerCall         int64 // bytes of keys and values written
	StateWritesPerCall   int64 // values, elements, entries and timers written
	LogLinesPerSecond    int64
	LogBytesPerSecond    int64
}

// limitField is one limit with its name in a file.
type limitField struct {
	name     string
	size     *int64         // in bytes
	count    *int64         // or a number
	duration *time.Duration // or a time
}

func (l *Limits) fields() []limitField {
	return []limitField{
		{name: "memory", size: &l.Memory},
		{name: "table_elements", count: &l.TableElements},
		{name: "call_depth", size: &l.CallDepth},
		{name: "time_per_call", duration: &l.TimePerCall},
		{name: "fuel_per_call", count: &l.FuelPerCall},
		{name: "fuel_per_record", count: &l.FuelPerRecord},
		{name: "output_per_call", size: &l.OutputPerCall},
		{name: "output_records_per_call", count: &l.OutputRecordsPerCall},
		{name: "state_per_call", size: &l.StatePerCall},
		{name: "state_writes_per_call", count: &l.StateWritesPerCall},
		{name: "log_lines_per_second", count: &l.LogLinesPerSecond},
		{name: "log_bytes_per_second", size: &l.LogBytesPerSecond},
	}
}

// Bounds of what a file may say, whatever a platform allows.
const (
	memoryMin        = 64 << 10
	memoryMax        = 4 << 30
	tableElementsMax = 1 << 30
	logMax           = 1 << 30 // lines, or bytes
)

// ReadCeilings reads a file of limits, which are what a platform allows its
// jobs to ask for. It holds the fields of a step's limits.
func ReadCeilings(path string) (*Limits, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &InvalidError{Problems: []*Problem{{File: path, Message: "cannot read the ceilings: " + reason(err), Cause: err}}}
	}
	content, err := io.ReadAll(io.LimitReader(file, contentBytesMax+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, &InvalidError{Problems: []*Problem{{File: path, Message: "cannot read the ceilings: " + reason(err), Cause: err}}}
	}
	r := &reader{problems: problems{text: newText(path, content)}}
	root, err := parse(content, os.LookupEnv)
	if err != nil {
		r.addPlaced(err)
		return nil, r.err()
	}
	var l Limits
	r.readLimits(&l, "", root)
	l.check(func(field, format string, arguments ...any) { r.add(field, format, arguments...) })
	return &l, r.err()
}

func (r *reader) readLimits(l *Limits, path string, v *value) {
	var setters []setter
	for _, f := range l.fields() {
		switch {
		case f.size != nil:
			setters = append(setters, setter{f.name, r.size(f.size)})
		case f.count != nil:
			setters = append(setters, setter{f.name, r.long(f.count)})
		case f.duration != nil:
			setters = append(setters, setter{f.name, r.positiveDuration(f.duration)})
		}
	}
	r.readFields(path, "limits", v, setters)
}

// check tells which limits no platform can hold.
func (l *Limits) check(add func(field, format string, arguments ...any)) {
	if m := l.Memory; m != 0 && (m < memoryMin || m > memoryMax || m%memoryMin != 0) {
		add("memory", "memory is %s: it must be from %s to %s, in whole pages of %s", FormatSize(m), FormatSize(memoryMin), FormatSize(memoryMax), FormatSize(memoryMin))
	}
	if d := l.TimePerCall; d != 0 && d < time.Millisecond {
		add("time_per_call", "time_per_call is %v: it must be at least %v", d, time.Millisecond)
	}
	for _, f := range l.fields() {
		switch {
		case f.size != nil && *f.size < 0:
			add(f.name, "%s is %d: it must be positive", f.name, *f.size)
		case f.count != nil && *f.count < 0:
			add(f.name, "%s is %d: it must be positive", f.name, *f.count)
		}
	}
	for _, f := range []struct {
		name       string
		value, max int64
	}{{"table_elements", l.TableElements, tableElementsMax}, {"log_lines_per_second", l.LogLinesPerSecond, logMax}, {"log_bytes_per_second", l.LogBytesPerSecond, logMax}} {
		if f.value > f.max {
			add(f.name, "%s is %d: it must be at most %d", f.name, f.value, f.max)
		}
	}
}

// String writes the limits that are set, as in "memory 32MiB, time_per_call 2s".
func (l Limits) String() string {
	var words []string
	for _, f := range l.fields() {
		switch {
		case f.size != nil && *f.size != 0:
			words = append(words, f.name+" "+FormatSize(*f.size))
		case f.count != nil && *f.count != 0:
			words = append(words, fmt.Sprintf("%s %d", f.name, *f.count))
		case f.duration != nil && *f.duration != 0:
			words = append(words, f.name+" "+short(*f.duration))
		}
	}
	return strings.Join(words, ", ")
}
