package scaffold

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const nameBytesMax = 40

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9]*([-_][a-z0-9]+)*$`)

// reserved are names that one of the languages, or of their tools, keeps for
// itself: a project has the same name in each language.
var reserved = strings.Fields(`
	abstract alloc as assembly async auto await become bin bool box break build byte case catch cgo char class const continue
	core crate debugger default delete deps do double dyn else enum events examples export extends extern false final finally
	float fn for func function go goto if impl implements import in incremental inline instanceof int interface internal job
	let long loop macro main map match mod module move mut new node_modules null operator override package priv proc_macro
	private protected public pub range ref register release restrict return select self short signed sizeof source static std
	struct super switch target test this throw totals trait true try turgo turgo-sdk type typedef typeof union unsafe unsigned
	unsized use vendor var virtual void volatile where while with yield`)

// NameError says that a name does not serve in each language.
type NameError struct{ Name, Reason string }

func (e *NameError) Error() string {
	return fmt.Sprintf("scaffold: bad name %q: %s", e.Name, e.Reason)
}

// checkName tells whether a name serves as a file, a step, a Go module, a crate
// and a package of npm.
func checkName(name string) error {
	switch {
	case name == "":
		return &NameError{name, "give one, such as visits"}
	case len(name) > nameBytesMax:
		return &NameError{name, fmt.Sprintf("it has %d characters, at most %d are allowed", len(name), nameBytesMax)}
	case !namePattern.MatchString(name):
		return &NameError{name, "it needs lower case letters and digits, in words joined by - or _, and begins with a letter, such as visits or page-visits"}
	case slices.Contains(reserved, name):
		return &NameError{name, "one of the languages, or the project itself, has another use for it; try my-" + name}
	}
	return nil
}
