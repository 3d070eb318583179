package operator

import (
	"errors"
	"fmt"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/wasm"
)

// each does something with an open instance for each input that has ordinary records.
func (o *subject) each(how opening, do func(i *instance, input int) error) error {
	c, err := o.ready()
	if err != nil {
		return err
	}
	for _, input := range c.usable(len(o.description.Inputs)) {
		if err := o.opened(how, func(i *instance) error { return do(i, input) }); err != nil {
			return err
		}
	}
	return nil
}

// accepts sends records, and takes it that some are failed, by the guest or by the
// host for their null key. Anything else is a fault.
func (i *instance) accepts(input int, records []record.Record, ordinary bool, doing string) error {
	for {
		err := i.send(input, records)
		var guest *wasm.GuestError
		if !errors.As(err, &guest) || guest.Kind != wasm.KindFailedRecord || guest.RecordIndex < 0 {
			return i.subject.faultOf(err, ordinary, doing)
		}
		if guest.Rule == wasm.RuleStatus {
			return &failure{owner: CheckFailures, reason: fmt.Sprintf("%s: it failed record %d (%s), and returned another status than 0, which fails the call as a whole\nreturn 0 after fail, so that the other records need not be handled again: SPEC.md, section 9",
				doing, guest.RecordIndex, guest.Reason)}
		}
		if len(records) == 1 {
			i.emitted = i.emitted[:0]
			return nil
		}
		rest := append([]record.Record{}, records[:guest.RecordIndex]...)
		records = append(rest, records[guest.RecordIndex+1:]...)
	}
}

func (o *subject) input(input int) string { return "input " + o.description.Inputs[input].Name }

const adviceOfEmpty = "a batch may have no records: ask for their count before the first is touched"

// checkEmptyBatch sends a batch without records, to a fresh instance and to one that
// has had records.
func checkEmptyBatch(o *subject) error {
	c, err := o.calibrate()
	if err != nil {
		return err
	}
	usable := c.usable(len(o.description.Inputs))
	return o.opened(opening{}, func(i *instance) error {
		for input := range o.description.Inputs {
			if err := i.accepts(input, nil, false, "an empty batch of "+o.input(input)); err != nil {
				return advise(err, adviceOfEmpty)
			}
			if len(i.emitted) > 0 {
				return fails("an empty batch of %s made a record (%s)", o.input(input), i.emitted[0].record)
			}
		}
		for _, input := range usable {
			_ = i.send(input, o.ordinary(input, 1, "empty"))
			if err := i.accepts(input, nil, false, "an empty batch of "+o.input(input)+" after one with a record"); err != nil {
				return advise(err, adviceOfEmpty)
			}
		}
		return nil
	})
}

// checkOneRecord tells what became of the samples, each of which was sent alone.
func checkOneRecord(o *subject) error {
	c, err := o.ready()
	if err != nil {
		return err
	}
	if len(c.usable(len(o.description.Inputs))) == 0 {
		return c.bad
	}
	return nil
}

// manyRecords is how many records a batch has.
const manyRecords = 1000

// checkManyRecords sends many records at once, and plays the life that the checks
// below compare with.
func checkManyRecords(o *subject) error {
	err := o.each(opening{}, func(i *instance, input int) error {
		records := o.ordinary(input, manyRecords, "many")
		err := i.accepts(input, records, true, fmt.Sprintf("%d records of %s in one batch", len(records), o.input(input)))
		var f *failure
		if errors.As(err, &f) && f.owner == "" {
			if alone := o.tryAlone(input, records); alone != nil {
				return alone
			}
			if f.trapped {
				return advise(err, "none of these records does so alone: what is kept for a batch must have room for any number of records")
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	plain, err := o.play(o.life(), manner{})
	var f *failure
	if errors.As(err, &f) && f.owner == CheckTimers {
		// Timers have a check of their own, and many records have passed.
		return o.settle(CheckTimers, &failure{reason: f.reason}, 0)
	}
	if err == nil {
		o.plain = plain
	}
	return err
}

// tryAlone looks for a record of a batch that traps alone too: then it is no
// matter of many records.
func (o *subject) tryAlone(input int, records []record.Record) error {
	return o.with(1, func(st *store) error {
		i, err := o.open(st, opening{})
		if err != nil {
			return o.faultOf(err, false, "turgo_open")
		}
		given, _ := o.calibration.givenOf(input)
		for n := range records {
			if err := i.renew(); err != nil {
				return errors.Join(err, i.end())
			}
			err := i.accepts(input, records[n:n+1], true, fmt.Sprintf("the record (%s) of %s, alone", showInput(records[n]), o.input(input)))
			var f *failure
			if errors.As(err, &f) {
				switch {
				case f.owner != "":
				case len(given) > 0:
					f.owner = CheckOneRecord
				default:
					f.owner = CheckFailures
				}
				return errors.Join(f, i.end())
			}
			if err != nil {
				return errors.Join(err, i.end())
			}
		}
		return i.end()
	})
}

// limitRecords is how many records a batch has that must stay within the limits of a call.
const limitRecords = 8192

// checkLimits sends a large batch of ordinary records within the default limits.
func checkLimits(o *subject) error {
	return o.each(opening{limits: wasm.Limits{RecordFuel: o.options.RecordFuel}}, func(i *instance, input int) error {
		records := o.ordinary(input, limitRecords, "limits")
		return i.accepts(input, records, true, fmt.Sprintf("%d records of %s in one batch, with the default limits and %d instructions for each record", len(records), o.input(input), o.options.RecordFuel))
	})
}
