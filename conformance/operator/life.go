package operator

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/wasm"
)

// event is one thing that happens in a life: a batch of an input, or time that moves on.
type event struct {
	input   int
	records []record.Record
	// first is the number of the first record in the life.
	first int

	advance          bool
	watermark, clock int64
}

// lifeRecords is how many records a life has at least, where they are made up or
// come again.
const lifeRecords = 60

// life is a sequence of batches and times: that of the scenario, or a made-up one.
// It ends as a bounded input does.
func (o *subject) life() []event {
	random := o.random("life")
	steps := o.lifeSteps(random)
	var events []event
	watermark, clock := int64(abi.WatermarkMin), int64(clockStart)
	number := 0
	for len(steps) > 0 {
		if s := steps[0]; s.advance {
			if s.watermark != nil {
				watermark = max(watermark, *s.watermark)
			}
			if s.processingTime != nil {
				clock = max(clock, *s.processingTime)
			}
			events = append(events, event{advance: true, watermark: watermark, clock: clock})
			steps = steps[1:]
			continue
		}
		batch := event{input: steps[0].input, first: number}
		for limit := 1 + random.IntN(8); len(steps) > 0 && len(batch.records) < limit && !steps[0].advance && steps[0].input == batch.input; steps = steps[1:] {
			batch.records = append(batch.records, steps[0].record)
		}
		number += len(batch.records)
		events = append(events, batch)
	}
	return append(events, event{advance: true, watermark: abi.WatermarkMax, clock: clock + 1})
}

// lifeSteps are the life's records in order, and between them how time moves on.
func (o *subject) lifeSteps(random *rand.Rand) []step {
	timed := false
	for _, s := range o.given {
		timed = timed || s.advance
	}
	if timed {
		return o.given
	}
	usable := o.calibration.usable(len(o.description.Inputs))
	var steps []step
	if len(o.given) > 0 && len(usable) > 0 {
		steps = o.repeated()
	} else {
		rows := make([][]record.Record, len(usable))
		for k, input := range usable {
			rows[k] = o.ordinary(input, lifeRecords, fmt.Sprint("life of ", input))
		}
		for n := range lifeRecords {
			for k, input := range usable {
				steps = append(steps, step{input: input, record: rows[k][n]})
			}
		}
	}
	return o.withTime(steps, random)
}

// repeated is the scenario, again and again until it is long enough.
func (o *subject) repeated() (steps []step) {
	var all []record.Record
	for _, s := range o.given {
		all = append(all, s.record)
	}
	length := span(all)
	for round := int64(0); len(steps) < lifeRecords; round++ {
		for _, s := range o.given {
			if s.record.Timestamp != record.NoTimestamp {
				s.record.Timestamp += round * length
			}
			steps = append(steps, s)
		}
	}
	return steps
}

// withTime moves time on between records, so that none comes late.
func (o *subject) withTime(steps []step, random *rand.Rand) (timed []step) {
	least := make([]int64, len(steps)+1)
	least[len(steps)] = abi.WatermarkMax
	for n := len(steps) - 1; n >= 0; n-- {
		least[n] = least[n+1]
		if t := steps[n].record.Timestamp; t != record.NoTimestamp {
			least[n] = min(least[n], t)
		}
	}
	clock := int64(clockStart)
	for n, s := range steps {
		if n > 0 && random.IntN(9) == 0 && least[n] != abi.WatermarkMax {
			watermark := least[n]
			clock += random.Int64N(20_000)
			now := clock
			timed = append(timed, step{advance: true, watermark: &watermark, processingTime: &now})
		}
		timed = append(timed, s)
	}
	return timed
}

// manner is how a life is played.
type manner struct {
	// forget drops the instance's memory before each call.
	forget func() bool
	// restart writes a checkpoint after each event and restores it.
	restart bool
	// garble gives another buffer before each call, filled with garbage, and other
	// origins, which have no meaning.
	garble, origins bool
	// cut cuts the events between two moves of time in another way.
	cut func([]event) []event
}

// traceLine is one record that came out.
type traceLine struct {
	key    string // of the record or timer that it came from
	timers bool   // it came from a timer
	folded bool   // it came from a group of an aggregation
	origin int    // number of that record in the life, or of the timer
	output int
	text   string
}

// trace is what a life gave.
type trace struct {
	lines   []traceLine
	failed  []string // one for each failed record or timer
	dump    map[string][]string
	metrics []int64
	fired   int
	draws   int64
}

// player plays a life.
type player struct {
	subject  *subject
	manner   manner
	store    *store
	instance *instance
	trace    trace
	records  int
}

// play plays a life on a store of its own. An error is a *failure, or the suite's own.
func (o *subject) play(events []event, how manner) (*trace, error) {
	if how.cut != nil {
		events = recut(events, how.cut)
	}
	p := &player{subject: o, manner: how}
	err := o.with(1, func(st *store) error {
		p.store = st
		var err error
		if p.instance, err = o.open(st, opening{}); err != nil {
			return o.faultOf(err, false, "turgo_open")
		}
		defer func() { err = errors.Join(err, p.instance.end()) }()
		for n := range events {
			if o.ctx.Err() != nil {
				return o.ctx.Err()
			}
			if err := p.event(&events[n]); err != nil {
				return err
			}
			if err := p.restart(n, len(events)); err != nil {
				return err
			}
		}
		return p.finish()
	})
	return &p.trace, err
}

// recut cuts what lies between two moves of time in another way.
func recut(events []event, cut func([]event) []event) (list []event) {
	for len(events) > 0 {
		end := 0
		for end < len(events) && !events[end].advance {
			end++
		}
		if end > 0 {
			list = append(list, cut(events[:end])...)
		}
		if end < len(events) {
			list = append(list, events[end])
			end++
		}
		events = events[end:]
	}
	return list
}

func (p *player) event(e *event) error {
	if e.advance {
		return p.advance(e.watermark, e.clock)
	}
	p.records += len(e.records)
	return p.batch(e)
}

// disturb does before a call what the manner says.
func (p *player) disturb() error {
	probe := p.instance.operator.Probe()
	if p.manner.forget != nil && p.manner.forget() {
		if err := probe.Forget(); err != nil {
			return p.subject.faultOf(err, false, "turgo_open, again")
		}
	}
	if p.manner.garble {
		if _, err := probe.Buffer(200_000, 0xa5); err != nil {
			return p.subject.faultOf(err, false, "turgo_buffer of 200000 bytes")
		}
	}
	return nil
}

// batch sends a batch; what the host fails is taken out. A group of an aggregation fails
// with all its records, so what fails would depend on the batch: such a group is given
// again record by record.
func (p *player) batch(e *event) error {
	if err := p.disturb(); err != nil {
		return err
	}
	numbers := make([]int, len(e.records))
	for n := range numbers {
		numbers[n] = e.first + n
	}
	return p.send(e, e.records, numbers, p.subject.description.Inputs[e.input].Aggregation != "")
}

func (p *player) send(e *event, records []record.Record, numbers []int, folded bool) error {
	i := p.instance
	batch := batchOf(records)
	if p.manner.origins {
		for offset := record.HeaderLength; offset < len(batch); offset += batch.At(offset).Length() {
			batch.SetOrigin(offset, 0)
		}
	}
	err := i.sendBatch(e.input, batch)
	var guest *wasm.GuestError
	if errors.As(err, &guest) && guest.Kind == wasm.KindFailedRecord && guest.RecordIndex >= 0 {
		at := guest.RecordIndex
		p.fail(numbers[at], guest.Code, guest.Reason)
		if len(records) == 1 {
			return nil
		}
		return p.send(e, slices.Delete(slices.Clone(records), at, at+1), slices.Delete(slices.Clone(numbers), at, at+1), folded)
	}
	if err != nil {
		return p.blame(e, records, err)
	}
	for _, out := range i.emitted {
		p.trace.lines = append(p.trace.lines, traceLine{key: show(records[out.origin].Key), folded: folded, origin: numbers[out.origin], output: out.output, text: out.record})
	}
	failed := slices.Clone(i.failed)
	for _, f := range failed {
		if folded && len(records) > 1 {
			if err := p.send(e, records[f.Index:f.Index+1], numbers[f.Index:f.Index+1], folded); err != nil {
				return err
			}
			continue
		}
		p.fail(numbers[f.Index], f.Error.Code, f.Error.Reason)
	}
	return nil
}

func (p *player) fail(number int, code uint32, reason string) {
	p.trace.failed = append(p.trace.failed, fmt.Sprintf("record %d failed with code %d: %s", number, code, reason))
}

// blame turns a trap at a batch into a failure: of the record that traps alone too,
// or of the batch.
func (p *player) blame(e *event, records []record.Record, err error) error {
	o := p.subject
	doing := fmt.Sprintf("a batch of %d records of input %s", len(records), o.description.Inputs[e.input].Name)
	if len(records) == 1 {
		doing = fmt.Sprintf("the record (%s) of input %s, after %d others", showInput(records[0]), o.description.Inputs[e.input].Name, e.first)
	}
	return o.faultOf(err, true, doing)
}

// Bounds of the timers that fire while time stands still.
const (
	firedMax      = 20_000
	firingTimeMax = 8 * time.Second
)

// advance moves time on and fires what is due.
func (p *player) advance(watermark, clock int64) error {
	i := p.instance
	i.watermark, i.clock = watermark, clock
	if i.state != nil {
		p.store.clock = clock
	}
	return p.fireAll(fireSlice)
}

func (p *player) fireAll(slice int) error {
	i, o := p.instance, p.subject
	started := time.Now()
	fired := 0
	for more := len(o.description.Timers) > 0; more; {
		if o.ctx.Err() != nil {
			return o.ctx.Err()
		}
		if err := p.disturb(); err != nil {
			return err
		}
		var n int
		var err error
		n, more, err = i.fire(slice)
		if err = p.fired(n, err); err != nil {
			return err
		}
		if fired += n; fired > firedMax+10*p.records || time.Since(started) > firingTimeMax {
			last := i.state.fired[len(i.state.fired)-1]
			return &failure{owner: CheckTimers, reason: fmt.Sprintf("at the watermark %s, after %d records, %d timers fired and others are due still, the last one %s at %d: it has no end\na timer that sets itself again must end at the end of the input: SPEC.md, section 8",
				showTime(i.watermark), p.records, fired, o.description.Timers[last.timer].Name, last.timestamp)}
		}
	}
	return nil
}

// fired takes what a slice of timers gave.
func (p *player) fired(n int, err error) error {
	i, o := p.instance, p.subject
	var guest *wasm.GuestError
	if errors.As(err, &guest) {
		timer := i.state.fired[max(guest.RecordIndex, 0)]
		f, _ := o.faultOf(err, true, fmt.Sprintf("timer %s at %d of key %s, fired with %d others at the watermark %s",
			o.description.Timers[timer.timer].Name, timer.timestamp, show([]byte(timer.key)), len(i.state.fired)-1, showTime(i.watermark))).(*failure)
		if f.owner == "" {
			f.owner = CheckTimers
		}
		return f
	}
	if err != nil {
		return err
	}
	for _, out := range i.emitted {
		p.trace.lines = append(p.trace.lines, traceLine{key: show([]byte(i.state.fired[out.origin].key)), timers: true, origin: p.trace.fired + out.origin, output: out.output, text: out.record})
	}
	for _, f := range i.failed {
		p.trace.failed = append(p.trace.failed, fmt.Sprintf("timer %d failed with code %d: %s", p.trace.fired+f.Index, f.Error.Code, f.Error.Reason))
	}
	p.trace.fired += n
	return nil
}

// restart goes on from a checkpoint in a new instance, where the manner asks for it.
func (p *player) restart(n, events int) error {
	if !p.manner.restart || p.store == nil || n == events-1 {
		return nil
	}
	old := p.instance
	if err := errors.Join(old.end(), p.store.restart(p.subject.ctx)); err != nil {
		return err
	}
	p.store.spaces-- // the same name again
	i, err := p.subject.open(p.store, opening{})
	if err != nil {
		return p.subject.faultOf(err, false, "turgo_open after a restore")
	}
	i.watermark, i.clock = old.watermark, old.clock
	maps.Copy(i.state.keys, old.state.keys)
	p.instance = i
	return nil
}

// finish takes what remains at the end.
func (p *player) finish() error {
	i := p.instance
	p.trace.draws = i.operator.Usage().Draws
	for m := range p.subject.description.Metrics {
		p.trace.metrics = append(p.trace.metrics, i.operator.Metric(m))
	}
	if i.state == nil {
		return nil
	}
	var err error
	p.trace.dump, err = i.state.dump(i.clock)
	return err
}

func showTime(t int64) string {
	switch t {
	case abi.WatermarkMin:
		return "none"
	case abi.WatermarkMax:
		return "of the end of the input"
	}
	return fmt.Sprint(t)
}
