package turgo

import (
	"strconv"

	"github.com/turgo-stream/turgo/guest-sdk/go/internal/hostcall"
)

// describe is the module's description as JSON.
func describe(host hostcall.Host, operators []registration) []byte {
	b := append([]byte{}, `{"abi":"`+moduleName+`","sdk":"turgo-go","language":"go",`...)
	list, aggregates := []byte(`"operators":[`), false
	for n, r := range operators {
		if n > 0 {
			list = append(list, ',')
		}
		d := &newInstance(host, r.create).declaration
		list = describeOperator(list, r.name, d)
		aggregates = aggregates || len(d.aggregations) > 0
	}
	if aggregates {
		b = append(b, `"requires":["aggregate"],`...)
	}
	return append(append(b, list...), "]}"...)
}

func describeOperator(b []byte, name string, d *Declaration) []byte {
	b = append(b, `{"name":`...)
	b = appendString(b, name)
	b = append(b, `,"inputs":[`...)
	for n := range d.inputs {
		b = open(b, n, d.inputs[n].name)
		for k, kind := range d.inputs[n].changes {
			b = append(b, [2]string{`,"changes":["`, `","`}[min(k, 1)]...)
			b = append(b, kindNames[kind&3]...)
			if k == len(d.inputs[n].changes)-1 {
				b = append(b, `"]`...)
			}
		}
		if a := d.inputs[n].aggregation; a != "" {
			b = appendString(append(b, `,"aggregation":`...), a)
		}
		b = append(b, '}')
	}
	b = append(b, `],"outputs":[`...)
	for n, o := range d.outputs {
		b = append(open(b, n, o.name), '}')
	}
	b = append(b, ']')
	b = describeStates(b, d.states)
	for n, a := range d.aggregations {
		if n == 0 {
			b = append(b, `,"aggregations":[`...)
		}
		b = describeLife(open(b, n, a.declared().name), &a.declared().state)
		b = closeIn(b, n, len(d.aggregations))
	}
	for n, t := range d.timers {
		b = openIn(b, n, "timers", t.name, "domain", t.domain)
		b = closeIn(b, n, len(d.timers))
	}
	for n, m := range d.metrics {
		b = openIn(b, n, "metrics", m.name, "kind", m.kind)
		b = closeIn(b, n, len(d.metrics))
	}
	if d.assignsTimestamps {
		b = append(b, `,"assigns_timestamps":true`...)
	}
	if d.configSchema != "" {
		b = append(b, `,"config_schema":`...)
		b = append(b, d.configSchema...)
	}
	return append(b, '}')
}

var kindNames = [4]string{"insert", "update_before", "update_after", "delete"}

func describeStates(b []byte, states []*state) []byte {
	for n, s := range states {
		b = describeLife(openIn(b, n, "states", s.name, "kind", s.kind), s)
		if s.prefetch {
			b = append(b, `,"prefetch":true`...)
		}
		b = closeIn(b, n, len(states))
	}
	return b
}

func describeLife(b []byte, s *state) []byte {
	if s.timeToLive != 0 {
		b = append(b, `,"time_to_live_ms":`...)
		b = strconv.AppendInt(b, s.timeToLive, 10)
	}
	if s.schemaVersion != 0 {
		b = append(b, `,"schema_version":`...)
		b = strconv.AppendInt(b, int64(s.schemaVersion), 10)
	}
	return b
}

// open begins the nth object of a list.
func open(b []byte, n int, name string) []byte {
	if n > 0 {
		b = append(b, ',')
	}
	return appendString(append(b, `{"name":`...), name)
}

// openIn begins the nth object of a list that is left out where it is empty.
func openIn(b []byte, n int, list, name, field, value string) []byte {
	if n == 0 {
		b = append(append(append(b, `,"`...), list...), `":[`...)
	}
	b = open(b, n, name)
	b = append(append(append(b, `,"`...), field...), `":`...)
	return appendString(b, value)
}

func closeIn(b []byte, n, count int) []byte {
	b = append(b, '}')
	if n == count-1 {
		b = append(b, ']')
	}
	return b
}

// appendString appends text as a JSON string.
func appendString(b []byte, text string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
