package toolchain

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// MissingError says that a tool is not there, or not as it must be, and how to
// get it.
type MissingError struct {
	Language Language
	Tool     string
	Reason   string // what was found instead; empty = nothing
	Advice   []Advice
}

// Advice is one way to get a tool.
type Advice struct {
	Where string // such as Debian, macOS
	How   string // a command, or a page
}

func (e *MissingError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "toolchain: %s needs %s", e.Language, e.Tool)
	if e.Reason == "" {
		b.WriteString(", which is not on the PATH")
	} else {
		b.WriteString(": " + e.Reason)
	}
	b.WriteString("; get it by one of")
	width := 0
	for _, advice := range e.Advice {
		width = max(width, len(advice.Where))
	}
	for _, advice := range e.Advice {
		fmt.Fprintf(&b, "\n  %-*s  %s", width+1, advice.Where+":", advice.How)
	}
	return b.String()
}

// lookUp finds a program: on the PATH, or in one of the folders.
func lookUp(name string, folders ...string) (path string, found bool) {
	if path, err := exec.LookPath(name); err == nil {
		if absolute, err := filepath.Abs(path); err == nil {
			return absolute, true
		}
	}
	for _, folder := range folders {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, true
		}
	}
	return "", false
}

var versionPattern = regexp.MustCompile(`([0-9]+)\.([0-9]+)`)

// version is the first two numbers of a version.
type version struct{ major, minor int }

// parseVersion finds a version in a tool's answer.
func parseVersion(text string) (v version, found bool) {
	numbers := versionPattern.FindStringSubmatch(text)
	if numbers == nil {
		return v, false
	}
	var err1, err2 error
	v.major, err1 = strconv.Atoi(numbers[1])
	v.minor, err2 = strconv.Atoi(numbers[2])
	return v, err1 == nil && err2 == nil
}

func (v version) before(other version) bool {
	return v.major < other.major || v.major == other.major && v.minor < other.minor
}

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }
