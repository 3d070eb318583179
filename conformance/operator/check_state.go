package operator

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

// checkStateUse looks at which of the declared states were used. Numbers that are
// not declared, and states of other kinds, end a call wherever they are met.
func checkStateUse(o *subject) error {
	if _, err := o.ready(); err != nil {
		return err
	}
	states := o.description.States[:len(o.description.States)-len(o.description.Aggregations)]
	if len(states) == 0 {
		return skips("the operator declares no state")
	}
	var unused []string
	for n := range states {
		if !o.used.states[n] {
			unused = append(unused, states[n].Name)
		}
	}
	if len(unused) == 0 {
		return nil
	}
	c, err := o.readyAccepted()
	if err != nil {
		return err
	}
	text := fmt.Sprintf("of the declared states, %s was never read nor written", strings.Join(unused, ", "))
	for input := range o.description.Inputs {
		if _, accepted := c.givenOf(input); accepted {
			return fails("%s by the records of the scenario\ndrop the declaration, or give records that use it", text)
		}
	}
	return skips("%s by made-up records: give some that use it in %s", text, ScenarioFile)
}

// processingRounds is how often processing time moves on to the next timer.
const processingRounds = 20

// checkTimers sends records that are late, and fires timers: all at once at the end,
// one by one, and by the clock.
func checkTimers(o *subject) error {
	c, err := o.ready()
	if err != nil {
		return err
	}
	if err := o.sendLate(c); err != nil || len(o.description.Timers) == 0 {
		return err
	}
	if _, err := o.readyAccepted(); err != nil {
		return err
	}
	fired := 0
	for _, slice := range []int{fireSlice, 1} {
		n, err := o.fireAtTheEnd(c, slice)
		if err != nil {
			return err
		}
		fired += n
	}
	n, err := o.fireByTheClock(c)
	if err != nil {
		return err
	}
	if fired+n+o.firedInLife() == 0 {
		return skips("no timer was set by the records that were sent: give some that set one in %s", ScenarioFile)
	}
	return nil
}

func (o *subject) firedInLife() int {
	if o.plain == nil {
		return 0
	}
	return o.plain.fired
}

// sendLate sends records that are older than the watermark.
func (o *subject) sendLate(c *calibration) error {
	for _, input := range c.usable(len(o.description.Inputs)) {
		err := o.opened(opening{}, func(i *instance) error {
			records := o.ordinary(input, 40, "timers")
			for _, r := range records {
				if r.Timestamp != record.NoTimestamp && r.Timestamp < abi.WatermarkMax {
					i.watermark = max(i.watermark, r.Timestamp+1)
				}
			}
			return i.accepts(input, records, false, fmt.Sprintf("%d records of %s that are older than the watermark %d", len(records), o.input(input), i.watermark))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fireAtTheEnd sends records, and then ends the input.
func (o *subject) fireAtTheEnd(c *calibration, slice int) (fired int, err error) {
	err = o.playTimers(c, func(p *player) error {
		p.instance.watermark = abi.WatermarkMax
		err := p.fireAll(slice)
		fired = p.trace.fired
		return err
	})
	return fired, err
}

// fireByTheClock sends records, and then lets the clock run.
func (o *subject) fireByTheClock(c *calibration) (fired int, err error) {
	err = o.playTimers(c, func(p *player) error {
		for range processingRounds {
			next, found, err := p.instance.operator.NextProcessingTimer()
			if err != nil || !found {
				return err
			}
			if err := p.advance(p.instance.watermark, max(next, p.instance.clock)); err != nil {
				return err
			}
		}
		fired = p.trace.fired
		return nil
	})
	return fired, err
}

// playTimers sends ordinary records of all inputs to a new instance.
func (o *subject) playTimers(c *calibration, then func(*player) error) error {
	p := &player{subject: o}
	return o.with(1, func(st *store) error {
		i, err := o.open(st, opening{})
		if err != nil {
			return o.faultOf(err, false, "turgo_open")
		}
		p.store, p.instance = st, i
		for _, input := range c.usable(len(o.description.Inputs)) {
			records := o.ordinary(input, 40, "timers")
			p.records += len(records)
			if err := i.accepts(input, records, true, fmt.Sprintf("%d records of %s", len(records), o.input(input))); err != nil {
				return errors.Join(err, i.end())
			}
		}
		return errors.Join(then(p), i.end())
	})
}

const adviceOfExpired = "an entry may be gone while others of its key are still there: ask whether there is one: SPEC.md, section 7"

// checkTimeToLive sends records, and others when the time of the first entries is over.
func checkTimeToLive(o *subject) error {
	var lives []int64
	for _, s := range o.description.States {
		if s.TimeToLiveMS > 0 {
			lives = append(lives, s.TimeToLiveMS)
		}
	}
	if len(lives) == 0 {
		return skips("no state declares a time to live")
	}
	slices.Sort(lives)
	c, err := o.readyAccepted()
	if err != nil {
		return err
	}
	for _, life := range slices.Compact(lives) {
		err := o.playTimers(c, func(p *player) error {
			i := p.instance
			i.clock += life
			p.store.clock = i.clock
			for _, input := range c.usable(len(o.description.Inputs)) {
				doing := fmt.Sprintf("records of %s, %d ms after the state of their keys was written, which lives as long", o.input(input), life)
				if err := i.accepts(input, o.ordinary(input, 40, "timers"), false, doing); err != nil {
					return adviseTrap(err, adviceOfExpired)
				}
			}
			i.clock += life
			p.store.clock = i.clock
			return i.fireSpecial([]int64{abi.WatermarkMax}, fmt.Sprintf("%d ms after the state of their keys was written", life))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkVersions lets reads tell other schema versions than the declared one.
func checkVersions(o *subject) error {
	versioned := false
	for _, s := range o.description.States {
		versioned = versioned || s.SchemaVersion > 0
	}
	if !versioned {
		return skips("no state declares a schema version")
	}
	c, err := o.readyAccepted()
	if err != nil {
		return err
	}
	for _, shift := range []int{-1, 1} {
		err := o.playTimers(c, func(p *player) error {
			p.instance.state.shift = shift
			for _, input := range c.usable(len(o.description.Inputs)) {
				doing := fmt.Sprintf("records of %s whose state was written under a schema version %s than the declared one", o.input(input), map[int]string{-1: "less by one", 1: "greater by one"}[shift])
				if err := p.instance.accepts(input, o.ordinary(input, 40, "timers"), false, doing); err != nil {
					return adviseTrap(err, "reads tell the version of an entry: read it in its old form, or fail the record: SPEC.md, section 7")
				}
			}
			return p.instance.fireSpecial([]int64{abi.WatermarkMax}, "whose state was written under another schema version than the declared one")
		})
		if err != nil {
			return err
		}
	}
	return nil
}
