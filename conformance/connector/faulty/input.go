package faulty

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/turgo-stream/turgo/abi/record"
)

// settings are those of the source and of the sink.
type settings struct {
	Folder       string `json:"folder"`
	BatchRecords int    `json:"batch_records"`
}

func (c *connector) parseSettings(text []byte) (settings, error) {
	parsed := settings{BatchRecords: 7}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return parsed, c.configError("", "the settings are no mapping: %v", err)
	}
	for name, value := range fields {
		var into any
		switch name {
		case "folder":
			into = &parsed.Folder
		case "batch_records":
			into = &parsed.BatchRecords
		default:
			if c.has("takes_unknown_settings") {
				continue
			}
			return parsed, c.configError(name, "unknown field")
		}
		if err := json.Unmarshal(value, into); err != nil {
			return parsed, c.configError(name, "%v", err)
		}
	}
	if info, err := os.Stat(parsed.Folder); err != nil || !info.IsDir() {
		return parsed, c.configError("folder", "%q is no folder", parsed.Folder)
	}
	if parsed.BatchRecords < 1 || parsed.BatchRecords > 1000 {
		return parsed, c.configError("batch_records", "%d is not in 1..1000", parsed.BatchRecords)
	}
	return parsed, nil
}

// files lists the input: each is a split.
func (s settings) files() ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(s.Folder, "*.json"))
	for i, path := range paths {
		paths[i] = filepath.Base(path)
	}
	return paths, err
}

func (s settings) lockPath() string { return filepath.Join(s.Folder, "lock") }

// line is one record of a file.
type line struct {
	Key        []byte      `json:"key"` // null is null
	Value      []byte      `json:"value"`
	Timestamp  *int64      `json:"timestamp"`
	Kind       record.Kind `json:"kind"`
	Extensions []byte      `json:"extensions"`
}

// portion is the next records of a file.
type portion struct {
	lines       []line
	undecodable []undecodable
	end         int64 // offset behind it
	last        bool  // nothing follows
}

type undecodable struct {
	text  []byte
	index int
}

// readPortion reads lines from an offset.
func (s settings) readPortion(name string, from int64) (portion, error) {
	text, err := os.ReadFile(filepath.Join(s.Folder, filepath.Base(name)))
	if err != nil {
		return portion{}, fmt.Errorf("faulty: %w", err)
	}
	if from < 0 || from > int64(len(text)) {
		return portion{}, fmt.Errorf("faulty: position %d is outside of %s", from, name)
	}
	p, rest := portion{end: from}, text[from:]
	for len(rest) > 0 && len(p.lines)+len(p.undecodable) < s.BatchRecords {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			return p, fmt.Errorf("faulty: %s: %w", name, io.ErrUnexpectedEOF)
		}
		var one line
		if err := json.Unmarshal(rest[:end], &one); err == nil {
			p.lines = append(p.lines, one)
		} else {
			p.undecodable = append(p.undecodable, undecodable{bytes.TrimSuffix(rest[:end], []byte{'\n'}), len(p.lines)})
		}
		p.end += int64(end)
		rest = rest[end:]
	}
	p.last = len(rest) == 0
	return p, nil
}

// batch makes a batch of lines, nil of none.
func batch(lines []line) record.Batch {
	if len(lines) == 0 {
		return nil
	}
	var builder record.Builder
	for _, one := range lines {
		r := record.Record{Key: one.Key, Value: one.Value, Kind: one.Kind, Timestamp: record.NoTimestamp, Extensions: one.Extensions}
		if one.Timestamp != nil {
			r.Timestamp = *one.Timestamp
		}
		builder.Append(r)
	}
	return builder.Finish()
}

// lineOf is the line that keeps a record.
func lineOf(view record.View) line {
	one := line{Key: view.Key(), Value: view.Value(), Kind: view.Kind(), Extensions: view.Extensions()}
	if timestamp := view.Timestamp(); timestamp != record.NoTimestamp {
		one.Timestamp = &timestamp
	}
	return one
}

func parsePosition(text []byte) (int64, error) {
	offset, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("faulty: position %q: %w", text, err)
	}
	return offset, nil
}
