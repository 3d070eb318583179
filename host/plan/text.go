package plan

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// position is a place in a file, counted from 1.
type position struct {
	line   int
	column int
}

// text is the file that a job was read from: its lines, and the place of each
// field by its path.
type text struct {
	file   string
	lines  []string
	places map[string]position
}

func newText(file string, content []byte) *text {
	return &text{file: file, lines: strings.Split(string(content), "\n"), places: map[string]position{}}
}

// locate gives a problem its place: that of its path, or of the nearest field
// around it that stands in the file.
func (t *text) locate(p *Problem) {
	if t == nil {
		return
	}
	p.File = t.file
	for path := p.Path; ; path = parentPath(path) {
		if place, found := t.places[path]; found {
			t.locateAt(p, place)
			return
		}
		if path == "" {
			return
		}
	}
}

func (t *text) locateAt(p *Problem, place position) {
	p.File, p.Line, p.Column = t.file, place.line, place.column
	p.Excerpt = t.excerpt(place)
}

// parentPath cuts the last element of a path: "flow[2].input" to "flow[2]" to
// "flow" to "".
func parentPath(path string) string {
	i := strings.LastIndexAny(path, ".[")
	if i < 0 {
		return ""
	}
	return path[:i]
}

// secretText finds what follows the name of a secret field on its line.
var secretText = regexp.MustCompile(`(?i)(?:\b|_)(?:` + strings.Join(secretNames, "|") + `)["']?\s*:\s*("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,}\]]+)`)

// maskSecrets puts as many stars in the place of secrets, so that columns stay.
func maskSecrets(line string) string {
	var masked strings.Builder
	rest := 0
	for _, found := range secretText.FindAllStringSubmatchIndex(line, -1) {
		masked.WriteString(line[rest:found[2]])
		masked.WriteString(strings.Repeat("*", utf8.RuneCountInString(line[found[2]:found[3]])))
		rest = found[3]
	}
	masked.WriteString(line[rest:])
	return masked.String()
}

// excerptWidth bounds the characters of a line that an excerpt shows.
const excerptWidth = 100

// excerpt shows a line with a caret below the column.
func (t *text) excerpt(place position) string {
	if place.line < 1 || place.line > len(t.lines) {
		return ""
	}
	line := []rune(maskSecrets(strings.ToValidUTF8(strings.TrimRight(t.lines[place.line-1], "\r"), string(utf8.RuneError))))
	caret := min(max(place.column-1, 0), len(line))
	if caret > excerptWidth/2 && len(line) > excerptWidth {
		cut := min(caret-excerptWidth/2, len(line)-excerptWidth)
		line, caret = line[cut:], caret-cut
	}
	if len(line) > excerptWidth {
		line = line[:excerptWidth]
	}
	for i, r := range line {
		if r == '\t' || r < ' ' {
			line[i] = ' '
		}
	}
	return strings.TrimRight("    "+string(line), " ") + "\n    " + strings.Repeat(" ", caret) + "^"
}
