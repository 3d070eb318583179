package operator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// same plays the life in another manner, and compares what it gave with what it
// gave undisturbed.
func (o *subject) same(how manner, what, advice string, metrics bool) error {
	got, err := o.play(o.life(), how)
	var f *failure
	if errors.As(err, &f) {
		return &failure{reason: fmt.Sprintf("%s, where all goes well without: %s", what, f.reason)}
	}
	if err != nil {
		return err
	}
	if text := o.compare(o.plain, got, metrics); text != "" {
		return fails("%s: %s\n%s", what, text, advice)
	}
	return nil
}

// readyToCompare is ready for the checks that compare lives.
func (o *subject) readyToCompare() error {
	if _, err := o.readyAccepted(); err != nil {
		return err
	}
	if o.plain == nil {
		return skips("needs %s", CheckManyRecords)
	}
	return nil
}

// compare tells the first difference between two lives with the same calls.
func (o *subject) compare(want, got *trace, metrics bool) string {
	if text := difference(o.lineTexts(want), o.lineTexts(got)); text != "" {
		return text
	}
	if text := difference(want.failed, got.failed); text != "" {
		return text
	}
	if text := differentDump(want.dump, got.dump); text != "" {
		return text
	}
	if metrics && !slices.Equal(want.metrics, got.metrics) {
		for n, m := range o.description.Metrics {
			if want.metrics[n] != got.metrics[n] {
				return fmt.Sprintf("metric %s is %d, not %d", m.Name, got.metrics[n], want.metrics[n])
			}
		}
	}
	return ""
}

func (o *subject) lineTexts(t *trace) []string {
	list := make([]string, len(t.lines))
	for n, l := range t.lines {
		from := "record"
		if l.timers {
			from = "timer"
		}
		list[n] = fmt.Sprintf("from %s %d to output %s: %s", from, l.origin, o.description.Outputs[l.output].Name, l.text)
	}
	return list
}

func differentDump(want, got map[string][]string) string {
	keys := maps.Clone(want)
	if keys == nil {
		keys = map[string][]string{}
	}
	maps.Copy(keys, got)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if text := difference(want[key], got[key]); text != "" {
			return fmt.Sprintf("in the state of key %s at the end: %s", show([]byte(key)), text)
		}
	}
	return ""
}

// checkDeterminism plays the life again, and with what means nothing changed.
func checkDeterminism(o *subject) error {
	if err := o.readyToCompare(); err != nil {
		return err
	}
	const advice = "a call on a fresh instance must give the same bytes for the same input, state and times: SPEC.md, section 11"
	if err := o.same(manner{}, "the same batches sent again to a fresh instance", advice, true); err != nil {
		return err
	}
	// Random numbers follow from the bytes of the batch, origins included.
	how := manner{garble: true, origins: o.plain.draws == 0}
	return o.same(how, "the same batches sent again, with other bytes behind them in the buffer and other origins, which have no meaning", advice, true)
}

// checkMemoryForgotten drops the instance's memory between calls.
func checkMemoryForgotten(o *subject) error {
	if err := o.readyToCompare(); err != nil {
		return err
	}
	const advice = "what must last between calls is state: after any call the host may drop the instance's memory: SPEC.md, section 2"
	always := manner{forget: func() bool { return true }}
	if err := o.same(always, "the instance's memory was dropped between all calls", advice, true); err != nil {
		return err
	}
	random := o.random("forget")
	sometimes := manner{forget: func() bool { return random.IntN(3) == 0 }}
	if err := o.same(sometimes, "the instance's memory was dropped between some calls", advice, true); err != nil {
		return err
	}
	return o.sameDisordered(always, "the instance's memory was dropped between all calls", advice,
		func(want, got *trace) string { return o.compare(want, got, true) })
}

// checkRestore restores a checkpoint after every batch.
func checkRestore(o *subject) error {
	if !o.description.Keyed() {
		return skips("the operator keeps no state")
	}
	if err := o.readyToCompare(); err != nil {
		return err
	}
	return o.same(manner{restart: true}, "a checkpoint was written and restored after every batch",
		"keep nothing between calls but state, and let no cursor of list_read reach it or the output: SPEC.md, sections 2 and 11", false)
}

// divisions are ways to cut records into batches.
func (o *subject) divisions() []manner {
	random := o.random("division")
	return []manner{
		{cut: func(events []event) []event { return cutEvents(events, func(int) int { return 1 }) }},
		{cut: func(events []event) []event { return cutEvents(events, func(rest int) int { return rest }) }},
		{cut: func(events []event) []event { return cutEvents(events, func(int) int { return 1 + random.IntN(5) }) }},
	}
}

// cutEvents joins what lies between two moves of time, as far as it is of one
// input, and cuts it anew.
func cutEvents(events []event, length func(rest int) int) (list []event) {
	for len(events) > 0 {
		joined := event{input: events[0].input, first: events[0].first}
		for len(events) > 0 && events[0].input == joined.input {
			joined.records = append(joined.records, events[0].records...)
			events = events[1:]
		}
		for rest := joined.records; len(rest) > 0; {
			n := min(length(len(rest)), len(rest))
			list = append(list, event{input: joined.input, first: joined.first, records: rest[:n]})
			joined.first += n
			rest = rest[n:]
		}
	}
	return list
}

// checkDivision cuts the life's records into other batches. Compared is what came
// of each key, in its order.
func checkDivision(o *subject) error {
	if err := o.readyToCompare(); err != nil {
		return err
	}
	if o.plain.draws > 0 {
		return skips("the operator draws random numbers, which follow from the batch")
	}
	const advice = "no result may depend on how records are divided into batches: SPEC.md, section 11"
	names := []string{"in batches of one record each", "in batches as large as they can be", "cut into batches at random"}
	for n, how := range o.divisions() {
		got, err := o.play(o.life(), how)
		var f *failure
		if errors.As(err, &f) {
			return &failure{reason: fmt.Sprintf("the same records %s: %s", names[n], f.reason)}
		}
		if err != nil {
			return err
		}
		if text := o.compareDivided(o.plain, got); text != "" {
			return fails("the same records %s give another result: %s\n%s", names[n], text, advice)
		}
	}
	return o.sameDisordered(o.divisions()[0], "the same records "+names[0], advice, o.compareDivided)
}

// compareDivided compares what came of each key to each output, in its order. What
// a call of an aggregation emits belongs to the call, and so does the order among
// keys and outputs.
func (o *subject) compareDivided(want, got *trace) string {
	wanted, given := o.streams(want), o.streams(got)
	names := maps.Clone(wanted)
	maps.Copy(names, given)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if text := difference(wanted[name], given[name]); text != "" {
			return name + ": " + text
		}
	}
	if text := difference(sorted(want.failed), sorted(got.failed)); text != "" {
		return text
	}
	return differentDump(want.dump, got.dump)
}

// streams are the records that came out, by key and output.
func (o *subject) streams(t *trace) map[string][]string {
	lines := map[string][]string{}
	for _, l := range t.lines {
		if !l.folded {
			name := o.description.Outputs[l.output].Name
			stream := fmt.Sprintf("of key %s to output %s", l.key, name)
			lines[stream] = append(lines[stream], "("+l.text+")")
		}
	}
	return lines
}
