package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// findFiles prints the files of the job: those that no name with a leading dot
// hides.
const findFiles = `find . -name '.?*' -prune -o -type f -name '*.go' -print0`

// countWords is the independent count. It looks at each file by itself, as the
// last line of a file may lack its end.
const countWords = findFiles + ` | LC_ALL=C xargs -0 grep -ohaE '[A-Za-z0-9_]+' | LC_ALL=C sort | uniq -c`

func countFiles(root string) (int, error) {
	output, err := shell(root, findFiles)
	return bytes.Count(output, []byte{0}), err
}

func shell(folder, script string) ([]byte, error) {
	command := exec.Command("sh", "-c", script)
	command.Dir = folder
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", script, err)
	}
	return output, nil
}

// countWithTools counts with standard Unix tools. The result stays in the work
// folder.
func countWithTools(p paths) (map[string]int64, error) {
	output, err := shell(p.root, countWords)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(p.work, "expected.txt"), output, 0o644); err != nil {
		return nil, err
	}
	totals := map[string]int64{}
	err = readLines(bytes.NewReader(output), totals, func(line string) (word, count string, ok bool) {
		count, word, ok = strings.Cut(strings.TrimLeft(line, " "), " ")
		return word, count, ok
	})
	return totals, err
}

// readTotals reads all files that the job has committed. Hidden folders hold
// what was not, and do not count.
func readTotals(folder string) (map[string]int64, error) {
	totals := map[string]int64{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != folder && strings.HasPrefix(entry.Name(), ".") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		return readLines(file, totals, func(line string) (word, count string, ok bool) { return strings.Cut(line, " ") })
	})
	return totals, err
}

// readLines adds up counts of words.
func readLines(r io.Reader, totals map[string]int64, split func(string) (word, count string, ok bool)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		word, text, ok := split(lines.Text())
		count, err := strconv.ParseInt(text, 10, 64)
		if !ok || err != nil {
			return fmt.Errorf("%q is no word with a count", lines.Text())
		}
		totals[word] += count
	}
	return lines.Err()
}

// difference tells how two counts differ.
type difference struct {
	words    int64 // that were expected
	lost     int64
	doubled  int64
	examples []string
}

// examplesMax bounds the words that are told.
const examplesMax = 20

// compare looks at each word of both sides.
func compare(want, got map[string]int64) difference {
	var d difference
	words := make([]string, 0, len(want))
	for word := range want {
		words = append(words, word)
	}
	for word := range got {
		if _, found := want[word]; !found {
			words = append(words, word)
		}
	}
	sort.Strings(words)
	for _, word := range words {
		w, g := want[word], got[word]
		d.words += w
		d.lost += max(0, w-g)
		d.doubled += max(0, g-w)
		if w != g && len(d.examples) < examplesMax {
			d.examples = append(d.examples, fmt.Sprintf("%s: %d expected, %d counted", word, w, g))
		}
	}
	return d
}
