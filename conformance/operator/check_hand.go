package operator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/wasm"
)

// handRecords is how many records stand in a batch whose effects are looked at.
const handRecords = 8

// checkHand compares what records do together in a batch with what each does alone.
// The record in hand decides to whom an effect belongs: where the effects are the
// same but belong to others, it was not right.
func checkHand(o *subject) error {
	c, err := o.ready()
	if err != nil {
		return err
	}
	for _, input := range c.usable(len(o.description.Inputs)) {
		err := o.checkHandSet(input)
		if err == nil {
			err = o.checkHandOfFailures(input)
		}
		if err == nil && c.accepts() {
			err = o.checkHandOfEffects(input)
		}
		if err != nil {
			return err
		}
	}
	if !c.accepts() {
		_, err = o.readyAccepted()
	}
	return err
}

// handStops is at how many places a call is stopped to see what is in hand.
const handStops = 12

// nothing stands for no record in hand.
const nothing = -1

// checkHandSet stops a call at several places, and looks whether a record is in hand
// at any of them.
func (o *subject) checkHandSet(input int) error {
	records := o.ordinary(input, 64, "hand")
	var whole int64
	effects := false
	err := o.opened(opening{}, func(i *instance) error {
		_ = i.send(input, records) // it may make memory larger, which takes fuel
		before := i.operator.Usage().Fuel
		err := i.accepts(input, records, true, fmt.Sprintf("%d records of %s", len(records), o.input(input)))
		whole = i.operator.Usage().Fuel - before
		effects = len(i.emitted) > 0 || i.state != nil && len(i.state.keys) > 0
		return err
	})
	if err != nil || !effects {
		return err
	}
	for stop := int64(1); stop <= handStops; stop++ {
		hand := nothing
		err := o.opened(opening{}, func(i *instance) error {
			_ = i.send(input, records)
			i.operator.Probe().LimitFuel(max(whole*stop/(handStops+1), 1))
			err := i.send(input, records)
			var guest *wasm.GuestError
			switch {
			case !errors.As(err, &guest):
				hand = 0 // it took less this time
			case guest.RecordIndex >= 0:
				hand = guest.RecordIndex
			}
			return nil
		})
		if err != nil {
			return err
		}
		if hand != nothing {
			return nil
		}
	}
	return fails("a batch of %d records of %s was stopped at %d places, and no record was in hand at any of them\nstore the index of each record in the control block before it is touched, so that a record that traps can be found: SPEC.md, section 4",
		len(records), o.input(input), handStops)
}

// checkHandOfFailures puts a record that fails alone among others: it must be the
// one that fails.
func (o *subject) checkHandOfFailures(input int) error {
	good, bad, err := o.goodAndBad(input)
	if err != nil || bad == nil || len(good) < 3 {
		return err
	}
	for _, place := range []int{1, 0, len(good)} {
		records := slices.Insert(slices.Clone(good), place, *bad)
		var failed []int
		err := o.opened(opening{}, func(i *instance) error {
			err := i.send(input, records)
			var guest *wasm.GuestError
			if errors.As(err, &guest) && guest.Kind == wasm.KindFailedRecord {
				failed = []int{guest.RecordIndex}
				return nil
			}
			for _, f := range i.failed {
				failed = append(failed, f.Index)
			}
			return o.faultOf(err, true, fmt.Sprintf("a batch of %s in which record %d (%s) fails", o.input(input), place, showInput(*bad)))
		})
		if err != nil {
			return err
		}
		if !slices.Equal(failed, []int{place}) {
			return fails("of %d records of %s, record %d (%s) fails when it is alone, and no other does; together %s failed\nfail fails the record in hand: store its index in the control block before: SPEC.md, section 4",
				len(records), o.input(input), place, showInput(*bad), recordNumbers(failed))
		}
	}
	return nil
}

func recordNumbers(list []int) string {
	switch len(list) {
	case 0:
		return "none"
	case 1:
		return fmt.Sprintf("record %d", list[0])
	}
	return fmt.Sprintf("records %v", list)
}

// goodAndBad finds records with keys of their own that are accepted alone, and one
// that is failed alone, if there is one.
func (o *subject) goodAndBad(input int) (good []record.Record, bad *record.Record, err error) {
	err = o.with(1, func(st *store) error {
		i, err := o.open(st, opening{})
		if err != nil {
			return o.faultOf(err, false, "turgo_open")
		}
		defer func() { err = errors.Join(err, i.end()) }()
		// A group of an aggregation fails as a whole, so each has a key of its own.
		keys := map[string]bool{}
		for _, r := range o.handCandidates(input) {
			if len(good) >= 4 && bad != nil {
				return nil
			}
			if keys[string(r.Key)] {
				continue
			}
			if err := i.renew(); err != nil {
				return err
			}
			err := i.send(input, []record.Record{r})
			var guest *wasm.GuestError
			switch {
			case errors.As(err, &guest) && guest.Rule == wasm.RuleHand:
				return o.faultOf(err, true, fmt.Sprintf("the record (%s) of %s, alone", showInput(r), o.input(input)))
			case errors.As(err, &guest):
				continue // failures tells it
			case err != nil:
				return err
			case len(i.failed) == 0 && len(good) < 4:
				good, keys[string(r.Key)] = append(good, r), true
			case len(i.failed) == 1 && bad == nil:
				bad, keys[string(r.Key)] = &r, true
			}
		}
		return nil
	})
	return good, bad, err
}

// handCandidates are ordinary records, and then ones that an operator may fail.
func (o *subject) handCandidates(input int) []record.Record {
	given, _ := o.calibration.givenOf(input)
	list := o.ordinary(input, max(24, len(given)), "hand of failures")
	for n := range list {
		if len(given) == 0 {
			list[n].Key = fmt.Appendf(nil, "key-%d", n)
		}
	}
	for _, s := range o.calibration.samples {
		if s.input == input && !s.accepted {
			list = append(list, s.record)
		}
	}
	odd := o.ordinary(input, 256, "odd")
	for n := range odd {
		odd[n].Key, odd[n].Value = fmt.Appendf(nil, "odd-%d", n), append([]byte{byte(n)}, "?!,"...)
	}
	return append(list, odd...)
}

// effects are what records did: by key what is in state, by record what came out.
type effects struct {
	state   map[string]string
	emitted map[int][]string
	timed   map[string]string   // after time has ended
	fired   map[string][]string // what timers emitted, by the key of their origin
}

// checkHandOfEffects compares the effects of records with keys of their own.
func (o *subject) checkHandOfEffects(input int) error {
	records, err := o.distinct(input)
	if err != nil || len(records) < 2 {
		return err
	}
	together, err := o.effectsOf(input, records)
	if err != nil {
		return err
	}
	alone := effects{state: map[string]string{}, emitted: map[int][]string{}, timed: map[string]string{}, fired: map[string][]string{}}
	for n := range records {
		one, err := o.effectsOf(input, records[n:n+1])
		if err != nil {
			return err
		}
		maps.Copy(alone.state, one.state)
		maps.Copy(alone.timed, one.timed)
		maps.Copy(alone.fired, one.fired)
		alone.emitted[n] = one.emitted[0]
	}
	if text := movedOutput(alone.emitted, together.emitted, len(records)); text != "" {
		return fails("%d records of %s with different keys: %s\nthe origin of an emitted record is the index of the record that it came from: SPEC.md, section 6", len(records), o.input(input), text)
	}
	if text := movedFired(alone.fired, together.fired); text != "" {
		return fails("the timers of %d records of %s with different keys: %s\nthe origin of a record that a timer emits is the timer's index in the batch: SPEC.md, section 8", len(records), o.input(input), text)
	}
	for _, pair := range []struct {
		when            string
		alone, together map[string]string
	}{{"", alone.state, together.state}, {"after their timers fired, ", alone.timed, together.timed}} {
		if text := moved(pair.alone, pair.together); text != "" {
			return fails("%d records of %s with different keys: %s%s\nstate belongs to the key of what is in hand: store its index in the control block before its state is used: SPEC.md, section 4", len(records), o.input(input), pair.when, text)
		}
	}
	return nil
}

// distinct are accepted records with different keys and, where there are such, different values.
func (o *subject) distinct(input int) (list []record.Record, err error) {
	given, _ := o.calibration.givenOf(input)
	keys, values := map[string]bool{}, map[string]bool{}
	candidates := o.ordinary(input, max(len(given), 200), "distinct")
	for _, fresh := range []bool{true, false} {
		for n, r := range candidates {
			if len(given) == 0 {
				r.Key = fmt.Appendf(nil, "key-%d", n)
			}
			if len(list) < handRecords && r.Key != nil && !keys[string(r.Key)] && (!fresh || !values[string(r.Value)]) && o.acceptedAlone(input, r) {
				keys[string(r.Key)], values[string(r.Value)] = true, true
				list = append(list, r)
			}
		}
	}
	return list, nil
}

// acceptedAlone tells of a record of the scenario whether it is known to be
// accepted. Made-up ones are of shapes that are.
func (o *subject) acceptedAlone(input int, r record.Record) bool {
	for _, s := range o.calibration.samples {
		if s.input == input && s.shape == nil && slices.Equal(s.record.Key, r.Key) && slices.Equal(s.record.Value, r.Value) && s.record.Kind == r.Kind {
			return s.accepted
		}
	}
	return true
}

func (o *subject) effectsOf(input int, records []record.Record) (effects, error) {
	e := effects{emitted: map[int][]string{}}
	err := o.opened(opening{}, func(i *instance) error {
		if err := i.accepts(input, records, true, fmt.Sprintf("a batch of %d records of %s with different keys", len(records), o.input(input))); err != nil {
			return err
		}
		for _, out := range i.emitted {
			e.emitted[out.origin] = append(e.emitted[out.origin], fmt.Sprintf("output %d: %s", out.output, out.record))
		}
		var err error
		if e.state, err = i.stateByKey(); err != nil || len(o.description.Timers) == 0 {
			return err
		}
		if e.fired, err = i.fireByKey(); err != nil {
			return err
		}
		e.timed, err = i.stateByKey()
		return err
	})
	return e, err
}

func (i *instance) stateByKey() (map[string]string, error) {
	if i.state == nil {
		return nil, nil
	}
	dump, err := i.state.dump(i.clock)
	texts := map[string]string{}
	for key, lines := range dump {
		texts[key] = strings.Join(lines, "; ")
	}
	return texts, err
}

// moved tells how effects stand under other keys than those of the records that
// made them. Effects that are merely others are no matter of the hand.
func moved(alone, together map[string]string) string {
	lacking, other := "", ""
	for _, key := range slices.Sorted(maps.Keys(alone)) {
		if lacking == "" && lacksEntry(alone[key], together[key]) {
			lacking = key
		}
	}
	for _, key := range slices.Sorted(maps.Keys(together)) {
		if together[key] != alone[key] && other == "" {
			other = key
		}
	}
	if other == "" {
		return ""
	}
	text := fmt.Sprintf("the state of key %s is (%s), and where its record is alone (%s)", show([]byte(other)), together[other], alone[other])
	if lacking != "" {
		got := "has nothing"
		if together[lacking] != "" {
			got = "is only (" + together[lacking] + ")"
		}
		return text + fmt.Sprintf("; that of key %s %s, and alone (%s)", show([]byte(lacking)), got, alone[lacking])
	}
	if slices.Equal(slices.Sorted(maps.Values(alone)), slices.Sorted(maps.Values(together))) {
		return text + ": it is that of another"
	}
	return ""
}

// movedOutput tells how records came out with origins of others.
func movedOutput(alone, together map[int][]string, count int) string {
	var all, got []string
	for n := range count {
		all, got = append(all, alone[n]...), append(got, together[n]...)
	}
	if !slices.Equal(sorted(all), sorted(got)) {
		return ""
	}
	for n := range count {
		for _, line := range together[n] {
			if slices.Contains(alone[n], line) {
				continue
			}
			for m := range count {
				if slices.Contains(alone[m], line) {
					return fmt.Sprintf("what record %d makes came out with the origin %d: %s", m, n, line)
				}
			}
		}
	}
	return ""
}

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}
