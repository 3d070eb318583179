package plan

import (
	"fmt"
	"regexp"
	"strings"
)

var variablePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// substitute replaces ${NAME} by the variable's value, ${NAME:-default} by the
// default where the variable is not set or empty, and $$ by $. Any other $
// stands for itself.
func substitute(s string, lookup func(string) (string, bool)) (string, error) {
	if !strings.Contains(s, "$") {
		return s, nil
	}
	var out strings.Builder
	for {
		i := strings.IndexByte(s, '$')
		if i < 0 || i+1 == len(s) {
			out.WriteString(s)
			return out.String(), nil
		}
		out.WriteString(s[:i])
		switch s[i+1] {
		case '$':
			out.WriteByte('$')
			s = s[i+2:]
		case '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return "", fmt.Errorf("%q has no closing brace: write ${NAME}, or $${ for the text itself", s[i:])
			}
			value, err := variable(s[i+2:i+end], lookup)
			if err != nil {
				return "", err
			}
			out.WriteString(value)
			s = s[i+end+1:]
		default:
			out.WriteByte('$')
			s = s[i+1:]
		}
		if out.Len() > contentBytesMax {
			return "", fmt.Errorf("more than %d bytes after substitution", contentBytesMax)
		}
	}
}

func variable(expression string, lookup func(string) (string, bool)) (string, error) {
	name, fallback, hasFallback := strings.Cut(expression, ":-")
	if !variablePattern.MatchString(name) {
		return "", fmt.Errorf("bad variable ${%s}: write ${NAME} or ${NAME:-default}, or $${ for the text itself", expression)
	}
	value, found := lookup(name)
	switch {
	case found && (value != "" || !hasFallback):
		return value, nil
	case hasFallback:
		return fallback, nil
	}
	return "", fmt.Errorf("environment variable %s is not set: set it, or give a default as in ${%s:-default}", name, name)
}
