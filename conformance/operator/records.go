package operator

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/wasm"
)

// shape is a kind of values that is made up where a scenario gives no records.
type shape struct {
	name string
	make func(*rand.Rand) []byte
}

var shapes = []shape{
	{"text", func(r *rand.Rand) []byte {
		words := make([]string, 1+r.IntN(6))
		for i := range words {
			words[i] = vocabulary[r.IntN(len(vocabulary))]
		}
		return []byte(strings.Join(words, " "))
	}},
	{"a number", func(r *rand.Rand) []byte { return fmt.Appendf(nil, "%d", r.IntN(2000)-1000) }},
	{"JSON", func(r *rand.Rand) []byte {
		return fmt.Appendf(nil, `{"id":%d,"name":%q,"amount":%d.25}`, r.IntN(1000), vocabulary[r.IntN(len(vocabulary))], r.IntN(1000))
	}},
	{"8 bytes", func(r *rand.Rand) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(r.IntN(100_000))) }},
	{"random bytes", func(r *rand.Rand) []byte {
		data := make([]byte, 1+r.IntN(40))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		return data
	}},
}

var vocabulary = strings.Fields("stream river lake brook spring delta source mouth bank ferry bridge weir sluice wheel turbine flow ebb flood drop wave foam mist rain dew ice")

// random gives a source of random numbers that follows from the seed.
func (o *subject) random(purpose string) *rand.Rand {
	h := uint64(14695981039346656037)
	for _, c := range []byte(o.description.Name + "\x00" + purpose) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return rand.New(rand.NewPCG(o.options.Seed, h))
}

// sample is one record, and how the operator took it alone.
type sample struct {
	input  int
	record record.Record
	shape  *shape // nil: given by the scenario
	// accepted tells that it was neither failed nor to blame.
	accepted bool
	reason   string // why not
}

// calibration is what the operator takes: each sample was sent alone to a fresh
// instance with empty state.
type calibration struct {
	samples []sample
	// fault is what stood in the way of all: the failure of a check.
	fault error
	// bad is the first trap of a made-up record that is not like the others.
	bad error
}

// samplesOfShape is how many records of each shape are tried, and samplesMax how
// many of a scenario.
const (
	samplesOfShape = 4
	samplesMax     = 200
)

// calibrate finds out once what the operator takes.
func (o *subject) calibrate() (*calibration, error) {
	if o.calibration != nil {
		return o.calibration, nil
	}
	c := &calibration{}
	err := o.with(1, func(st *store) error {
		i, err := o.open(st, opening{limits: wasm.Limits{RecordFuel: o.options.RecordFuel}})
		if err != nil {
			return o.faultOf(err, false, "turgo_open")
		}
		return errors.Join(o.tryAll(st, i, c), i.end())
	})
	var fault *failure
	if errors.As(err, &fault) {
		c.fault, err = fault, nil
	}
	if err == nil {
		o.calibration = c
	}
	return c, err
}

func (o *subject) tryAll(st *store, i *instance, c *calibration) error {
	first := make([]error, len(o.description.Inputs))
	for _, s := range o.candidates() {
		if o.ctx.Err() != nil {
			return o.ctx.Err()
		}
		if err := i.renew(); err != nil {
			return err
		}
		err := i.send(s.input, []record.Record{s.record})
		var guest *wasm.GuestError
		switch {
		case err == nil:
			s.accepted = len(i.failed) == 0
			if !s.accepted {
				s.reason = i.failed[0].Error.Reason
			}
		case errors.As(err, &guest) && guest.Kind == wasm.KindFailedRecord:
			s.reason = guest.Reason
		case errors.As(err, &guest):
			fault := o.faultOf(err, true, "the record ("+showInput(s.record)+") of input "+o.description.Inputs[s.input].Name+", alone").(*failure)
			if fault.owner != "" || s.shape == nil {
				return fault
			}
			if first[s.input] == nil {
				first[s.input] = fault
			}
			continue
		default:
			return err
		}
		c.samples = append(c.samples, s)
	}
	for input, fault := range first {
		if !slices.ContainsFunc(c.samples, func(s sample) bool { return s.input == input }) {
			return fault
		}
		if c.bad == nil {
			c.bad = fault
		}
	}
	return nil
}

// renew makes the instance as if it were new, with empty state.
func (i *instance) renew() error {
	if err := i.renewState(); err != nil {
		return err
	}
	return i.operator.Probe().Forget()
}

// renewState gives the instance empty state, at the beginning of time.
func (i *instance) renewState() error {
	i.watermark, i.clock = abi.WatermarkMin, clockStart
	if i.state == nil {
		return nil
	}
	i.store.spaces++
	keyed, err := i.store.keyed(fmt.Sprint("space-", i.store.spaces), i.subject.description)
	if err != nil {
		return err
	}
	i.state.State = keyed
	clear(i.state.keys)
	clear(i.state.touched)
	return nil
}

// candidates are the records to try: those of the scenario, and for inputs without
// any made-up ones.
func (o *subject) candidates() (list []sample) {
	given := make([]int, len(o.description.Inputs))
	for _, s := range o.given {
		if !s.advance && given[s.input] < samplesMax {
			given[s.input]++
			list = append(list, sample{input: s.input, record: s.record})
		}
	}
	random := o.random("samples")
	for input := range o.description.Inputs {
		if given[input] > 0 {
			continue
		}
		for k := range shapes {
			for range samplesOfShape {
				list = append(list, sample{input: input, shape: &shapes[k], record: o.makeUp(input, &shapes[k], random, 0)})
			}
		}
	}
	return list
}

// timeStart is the time of the first made-up record.
const timeStart = 1_600_000_000_000

// makeUp makes a record up. The number-th one is later than those before.
func (o *subject) makeUp(input int, s *shape, random *rand.Rand, number int) record.Record {
	return record.Record{
		Key: fmt.Appendf(nil, "key-%d", random.IntN(8)), Value: s.make(random), Kind: kindsOf(&o.description.Inputs[input])[0],
		Timestamp: timeStart + int64(number)*700 + random.Int64N(700),
	}
}

// plain tells of each input which shapes ordinary made-up records have: those that
// the operator accepts, and of these the first that say something.
func (c *calibration) shapesOf(input int) (list []*shape, accepted bool) {
	for _, wanted := range []bool{true, false} {
		for k := range shapes {
			s := &shapes[k]
			tried, taken := 0, 0
			for i := range c.samples {
				if c.samples[i].input == input && c.samples[i].shape == s {
					tried++
					if c.samples[i].accepted {
						taken++
					}
				}
			}
			// A shape of which a record trapped is not ordinary.
			if tried == samplesOfShape && (taken == tried) == wanted {
				if readable := k < 3; !readable && len(list) > 0 {
					continue
				}
				list = append(list, s)
			}
		}
		if len(list) > 0 {
			return list, wanted
		}
	}
	return nil, false
}

// givenOf lists the scenario's records of an input that the operator did not trap at.
func (c *calibration) givenOf(input int) (list []record.Record, accepted bool) {
	for i := range c.samples {
		if s := &c.samples[i]; s.input == input && s.shape == nil {
			list = append(list, s.record)
			accepted = accepted || s.accepted
		}
	}
	return list, accepted
}

// usable lists the inputs for which there are ordinary records.
func (c *calibration) usable(inputs int) (list []int) {
	for input := range inputs {
		given, _ := c.givenOf(input)
		made, _ := c.shapesOf(input)
		if len(given)+len(made) > 0 {
			list = append(list, input)
		}
	}
	return list
}

// accepts tells whether ordinary records of any input are accepted.
func (c *calibration) accepts() bool {
	for i := range c.samples {
		if c.samples[i].accepted {
			return true
		}
	}
	return false
}

// ordinary gives records that the operator is known not to trap at when they are
// alone, in the order of their times. Those of a scenario come again, later by its
// whole length, where it has too few.
func (o *subject) ordinary(input, count int, purpose string) []record.Record {
	list := make([]record.Record, 0, count)
	if given, _ := o.calibration.givenOf(input); len(given) > 0 {
		length := span(given)
		for round := int64(0); len(list) < count; round++ {
			for _, r := range given {
				if r.Timestamp != record.NoTimestamp {
					r.Timestamp += round * length
				}
				if len(list) < count {
					list = append(list, r)
				}
			}
		}
		return list
	}
	random := o.random(purpose)
	made, _ := o.calibration.shapesOf(input)
	for n := range count {
		list = append(list, o.makeUp(input, made[random.IntN(len(made))], random, n))
	}
	return list
}

// span is how long the times of records reach, at least a millisecond.
func span(records []record.Record) int64 {
	first, last := int64(0), int64(0)
	found := false
	for _, r := range records {
		switch t := r.Timestamp; {
		case t == record.NoTimestamp || t > 1<<60 || t < -1<<60:
		case !found:
			first, last, found = t, t, true
		default:
			first, last = min(first, t), max(last, t)
		}
	}
	return last - first + 1
}

// ready gives the calibration to a check that needs ordinary records.
func (o *subject) ready() (*calibration, error) {
	c, err := o.calibrate()
	if err == nil {
		err = c.fault
	}
	return c, err
}

// readyAccepted is ready for a check that tells nothing where the operator accepts
// no record.
func (o *subject) readyAccepted() (*calibration, error) {
	c, err := o.ready()
	if err != nil || c.accepts() {
		return c, err
	}
	return nil, skips("the operator accepts none of the %d records that were tried (%s): give some that it does in %s", len(c.samples), c.samples[0].reason, ScenarioFile)
}
