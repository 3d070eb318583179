package plan

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a job file. Aliases count with all that they stand for, so that a
// small file cannot become a large one.
const (
	contentBytesMax = 1 << 20
	tokensMax       = 40_000
	valuesMax       = 10_000
	depthMax        = 64
)

// value is one value of a job file, with aliases expanded and variables
// substituted.
type value struct {
	at     position
	kind   valueKind
	text   string // of a scalar
	plain  bool   // the scalar stands without quotes, so it may be a number
	fields []field
	items  []*value
}

type field struct {
	name  string
	at    position
	value *value
}

type valueKind int

const (
	scalarValue valueKind = iota
	mapValue
	listValue
)

func (k valueKind) String() string {
	return [...]string{"a single value", "a map", "a list"}[k]
}

// placedError is an error with its place in the file.
type placedError struct {
	at      position
	message string
}

func (e *placedError) Error() string { return e.message }

func failAt(at position, format string, arguments ...any) error {
	return &placedError{at, fmt.Sprintf(format, arguments...)}
}

// parse reads the one document of a file as values.
func parse(content []byte, lookup func(string) (string, bool)) (root *value, err error) {
	if len(content) > contentBytesMax {
		return nil, failAt(position{}, "the file has %d bytes: at most %d are allowed", len(content), contentBytesMax)
	}
	file, err := parseFile(string(content))
	if err != nil {
		return nil, err
	}
	var body ast.Node
	for _, document := range file.Docs {
		if document.Body == nil {
			continue
		}
		if body != nil {
			return nil, failAt(placeOf(document.Body), "the file has more than one document: put each job into a file of its own")
		}
		body = document.Body
	}
	if body == nil {
		return nil, failAt(position{1, 1}, "the file is empty: begin with \"name: NAME\"")
	}
	e := expander{lookup: lookup, anchors: map[string]ast.Node{}, open: map[string]bool{}}
	return e.expand(body, 0)
}

// parseFile parses after a look at the tokens: the parser is recursive, and
// quadratic in the entries of a list, so what nests too deep or is too long must
// not reach it. A panic in it is an error of the file.
func parseFile(content string) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = failAt(position{}, "the file cannot be parsed as YAML: %v", r)
		}
	}()
	tokens := lexer.Tokenize(content)
	if len(tokens) > tokensMax {
		return nil, failAt(tokenPlace(tokens[tokensMax]), "the file is too large: at most %d words and signs are allowed", tokensMax)
	}
	if err := checkDepth(tokens); err != nil {
		return nil, err
	}
	file, err = parser.Parse(tokens, 0)
	if err == nil {
		return file, nil
	}
	var placed interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if !errors.As(err, &placed) {
		return nil, failAt(position{}, "%v", err)
	}
	message := placed.GetMessage()
	if t := placed.GetToken(); t != nil && strings.HasSuffix(strings.TrimSpace(before(t)), "$") {
		message += ": within braces or brackets a ${VARIABLE} must stand in quotes"
	}
	return nil, failAt(tokenPlace(placed.GetToken()), "%s", message)
}

// before is the text of the tokens just before one.
func before(t *token.Token) string {
	var s string
	for i := 0; t.Prev != nil && i < 3; i++ {
		t = t.Prev
		s = t.Value + s
		if strings.HasSuffix(t.Value, "$") {
			return t.Value
		}
	}
	return s
}

// checkDepth bounds how deep the parser can recurse: by open brackets, and by
// entries, keys, anchors and tags that follow each other in one line. Nesting by
// indentation costs a column for each level, so the file's size bounds it.
func checkDepth(tokens token.Tokens) error {
	brackets, line, inLine := 0, 0, 0
	for _, t := range tokens {
		if t.Position != nil && t.Position.Line != line {
			line, inLine = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType, token.MappingValueType:
			if brackets == 0 {
				inLine++
			}
		}
		if brackets > depthMax || inLine > depthMax {
			return failAt(tokenPlace(t), "nested too deep: at most %d levels are allowed", depthMax)
		}
	}
	return nil
}

func placeOf(n ast.Node) position {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		n = m.Values[0].Key
	} else if m, ok := n.(*ast.MappingValueNode); ok {
		n = m.Key
	}
	return tokenPlace(n.GetToken())
}

func tokenPlace(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{}
	}
	return position{t.Position.Line, t.Position.Column}
}

// expander turns nodes into values.
type expander struct {
	lookup  func(string) (string, bool)
	anchors map[string]ast.Node
	open    map[string]bool // anchors that are being expanded
	alias   position        // of the outermost alias that is being expanded
	values  int
	bytes   int
}

// place is where the user finds the reason: at the outermost alias, if any.
func (e *expander) place(at position) position {
	if e.alias != (position{}) {
		return e.alias
	}
	return at
}

func (e *expander) expand(n ast.Node, depth int) (*value, error) {
	at := placeOf(n)
	if e.values++; e.values > valuesMax {
		return nil, failAt(e.place(at), "more than %d values once aliases are expanded: this job is too large", valuesMax)
	}
	if depth > depthMax {
		return nil, failAt(at, "nested too deep: at most %d levels are allowed", depthMax)
	}
	switch n := n.(type) {
	case *ast.AnchorNode:
		name := n.Name.GetToken().Value
		e.anchors[name] = n.Value
		if n.Value == nil {
			return nil, failAt(at, "anchor &%s has no value", name)
		}
		e.open[name] = true
		defer delete(e.open, name)
		return e.expand(n.Value, depth+1)
	case *ast.AliasNode:
		return e.expandAlias(n, depth)
	case *ast.MappingNode:
		return e.expandMap(at, n.Values, depth)
	case *ast.MappingValueNode:
		return e.expandMap(at, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		return e.expandList(at, n, depth)
	case *ast.TagNode:
		return nil, failAt(at, "tag %s: tags are not supported", n.Start.Value)
	}
	return e.expandScalar(at, n)
}

func (e *expander) expandAlias(n *ast.AliasNode, depth int) (*value, error) {
	at, name := placeOf(n), n.Value.GetToken().Value
	target, found := e.anchors[name]
	switch {
	case !found:
		return nil, failAt(at, "alias *%s: no anchor &%s stands before it", name, name)
	case e.open[name]:
		return nil, failAt(at, "alias *%s stands within its own anchor &%s", name, name)
	}
	e.open[name] = true
	defer delete(e.open, name)
	if e.alias == (position{}) {
		e.alias = at
		defer func() { e.alias = position{} }()
	}
	return e.expand(target, depth+1)
}

func (e *expander) expandMap(at position, values []*ast.MappingValueNode, depth int) (*value, error) {
	v := &value{at: at, kind: mapValue}
	if len(values) > 0 {
		v.at = placeOf(values[0].Key)
	}
	var merged []field
	for _, entry := range values {
		child, err := e.expand(entry.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if entry.Key.IsMergeKey() {
			fields, err := mergeFields(child, placeOf(entry.Key))
			if err != nil {
				return nil, err
			}
			merged = append(merged, fields...)
			continue
		}
		name, err := keyText(entry.Key)
		if err != nil {
			return nil, err
		}
		if v.find(name) != nil {
			return nil, failAt(placeOf(entry.Key), "field %q is given twice", name)
		}
		v.fields = append(v.fields, field{name, placeOf(entry.Key), child})
	}
	for _, f := range merged {
		if v.find(f.name) == nil {
			v.fields = append(v.fields, f)
		}
	}
	if len(v.fields) > valuesMax {
		return nil, failAt(at, "more than %d fields", valuesMax)
	}
	return v, nil
}

// mergeFields are the fields that a merge key (<<) brings in.
func mergeFields(v *value, at position) ([]field, error) {
	switch v.kind {
	case mapValue:
		return v.fields, nil
	case listValue:
		var fields []field
		for _, item := range v.items {
			if item.kind != mapValue {
				return nil, failAt(at, "a merge key (<<) takes a map or a list of maps")
			}
			fields = append(fields, item.fields...)
		}
		return fields, nil
	}
	return nil, failAt(at, "a merge key (<<) takes a map or a list of maps")
}

func keyText(key ast.MapKeyNode) (string, error) {
	switch key.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return key.GetToken().Value, nil
	}
	return "", failAt(placeOf(key), "a key must be a plain word")
}

func (e *expander) expandList(at position, n *ast.SequenceNode, depth int) (*value, error) {
	v := &value{at: at, kind: listValue}
	for _, item := range n.Values {
		child, err := e.expand(item, depth+1)
		if err != nil {
			return nil, err
		}
		v.items = append(v.items, child)
	}
	return v, nil
}

func (e *expander) expandScalar(at position, n ast.Node) (*value, error) {
	v := &value{at: at}
	var raw string
	switch n := n.(type) {
	case *ast.LiteralNode:
		raw = n.Value.Value
	case *ast.StringNode:
		raw = n.Value
		v.plain = n.Token.Type != token.SingleQuoteType && n.Token.Type != token.DoubleQuoteType
	case *ast.NullNode:
		v.plain = true
		if t := n.Token.Value; t == "null" || t == "Null" || t == "NULL" || t == "~" {
			raw = t
		}
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		raw, v.plain = strings.TrimSpace(n.GetToken().Value), true
	default:
		return nil, failAt(at, "%s is not supported here", n.Type().YAMLName())
	}
	text, err := substitute(raw, e.lookup)
	if err != nil {
		return nil, failAt(at, "%v", err)
	}
	if e.bytes += len(text); e.bytes > contentBytesMax {
		return nil, failAt(e.place(at), "more than %d bytes once aliases and variables are expanded", contentBytesMax)
	}
	v.text = text
	return v, nil
}

// find gives the value of a field, or nil.
func (v *value) find(name string) *value {
	for i := range v.fields {
		if v.fields[i].name == name {
			return v.fields[i].value
		}
	}
	return nil
}

// isNull tells whether nothing is given.
func (v *value) isNull() bool {
	if v.kind != scalarValue || !v.plain {
		return false
	}
	switch v.text {
	case "", "~", "null", "Null", "NULL":
		return true
	}
	return false
}
