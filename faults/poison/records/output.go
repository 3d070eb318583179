package records

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// Output is one line that the job has made visible.
type Output struct {
	Key string
	// ID is that of the record; Total tells that it is none, but the key's total
	// at the end of the input.
	ID         int
	Total      bool
	Count, Sum uint64
}

// totalHead stands in the place of the id in a total.
const totalHead = "total"

// ReadOutputs reads all files that the job has committed into a folder, in the
// order of their checkpoints; hidden ones are not committed. A folder that is not
// there yet holds none.
func ReadOutputs(folder string) ([]Output, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") {
			names = append(names, entry.Name())
		}
	}
	sort.Strings(names) // part-JOB-UID-EPOCH-SUBTASK
	var list []Output
	for _, name := range names {
		if list, err = readFile(filepath.Join(folder, name), list); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func readFile(path string, list []Output) ([]Output, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		output, err := parseOutput(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("records: %s: %w", path, err)
		}
		list = append(list, output)
	}
	return list, lines.Err()
}

// parseOutput reads "KEY\tID COUNT SUM".
func parseOutput(line string) (o Output, err error) {
	key, rest, found := strings.Cut(line, "\t")
	fields := strings.Split(rest, " ")
	if !found || len(fields) != 3 {
		return o, fmt.Errorf("%.100q is no output", line)
	}
	o.Key, o.Total = key, fields[0] == totalHead
	if !o.Total {
		if o.ID, err = strconv.Atoi(fields[0]); err != nil {
			return o, fmt.Errorf("%.100q: %w", line, err)
		}
	}
	if o.Count, err = strconv.ParseUint(fields[1], 10, 64); err != nil {
		return o, fmt.Errorf("%.100q: %w", line, err)
	}
	if o.Sum, err = strconv.ParseUint(fields[2], 10, 64); err != nil {
		return o, fmt.Errorf("%.100q: %w", line, err)
	}
	return o, nil
}
