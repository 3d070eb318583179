// Package vectors reads the golden vectors of abi/testdata: annotated bytes
// that every implementation of the layout must reproduce. Tests use it.
package vectors

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Vector is one example. Its text form is a line `vector NAME`, then lines of
// two-digit hex bytes, then what a reader must make of them: `record` or
// `frame` lines where it is valid, an `error` line where it is not. From # to the
// end of a line stands a comment.
type Vector struct {
	Name  string
	Bytes []byte
	// Error is the offset of what is wrong, -1 where the bytes are valid.
	Error int
	// Lines are the record and frame lines, each split at spaces.
	Lines [][]string
}

// Read reads a file of vectors.
func Read(path string) ([]Vector, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all []Vector
	scanner := bufio.NewScanner(file)
	for number := 1; scanner.Scan(); number++ {
		line, _, _ := strings.Cut(scanner.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if fields[0] == "vector" && len(fields) == 2 {
			all = append(all, Vector{Name: fields[1], Error: -1})
			continue
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("vectors: %s:%d: %q stands before the first vector", path, number, line)
		}
		if err := all[len(all)-1].add(fields); err != nil {
			return nil, fmt.Errorf("vectors: %s:%d: %w", path, number, err)
		}
	}
	return all, scanner.Err()
}

func (v *Vector) add(fields []string) (err error) {
	switch fields[0] {
	case "error":
		if len(fields) != 2 {
			return fmt.Errorf("want one offset after error")
		}
		v.Error, err = strconv.Atoi(fields[1])
		return err
	case "record", "frame":
		v.Lines = append(v.Lines, fields)
		return nil
	}
	for _, field := range fields {
		b, err := hex.DecodeString(field)
		if err != nil || len(b) != 1 {
			return fmt.Errorf("%q is not a byte in hex", field)
		}
		v.Bytes = append(v.Bytes, b[0])
	}
	return nil
}

// Text is how a record line shows bytes: null, empty, or hex.
func Text(data []byte) string {
	switch {
	case data == nil:
		return "null"
	case len(data) == 0:
		return "empty"
	}
	return hex.EncodeToString(data)
}
