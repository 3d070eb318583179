package operator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/wasm"
)

// unknownFields are fields of an open request that no guest knows.
var unknownFields = map[string]any{
	"a_field_before": map[string]any{"nested": []any{1, nil, "\" } ] \\", true, -2.5e3}},
	"scope":          "later",
	"zone":           nil,
}

// checkOpen opens the operator as several subtasks.
func checkOpen(o *subject) error {
	return o.with(1, func(st *store) error {
		for _, how := range []opening{
			{subtask: 0, parallelism: 1}, {subtask: 1, parallelism: 2}, {subtask: 127, parallelism: 128},
			{subtask: 0, parallelism: 1, fields: unknownFields},
		} {
			i, err := o.open(st, how)
			if err != nil {
				return o.openFault(err, how)
			}
			if err := i.end(); err != nil {
				return err
			}
		}
		return nil
	})
}

// openFault tells why the operator did not open, and what may be missing.
func (o *subject) openFault(err error, how opening) error {
	config, _ := json.Marshal(o.config)
	doing := fmt.Sprintf("opened as subtask %d of %d with the config %s", how.subtask, how.parallelism, config)
	if how.fields != nil {
		doing += ", in a request with fields that it does not know"
	}
	fault := o.faultOf(err, false, doing)
	var guest *wasm.GuestError
	var f *failure
	if errors.As(err, &guest) && errors.As(fault, &f) && guest.Kind == wasm.KindRefused {
		switch {
		case how.fields != nil:
			f.reason += "\nskip fields of the open request that are not known: a later host may send more: SPEC.md, section 3"
		case how.subtask > 0:
			f.reason += "\nit opened as subtask 0: each subtask has an instance of its own, which must open too: SPEC.md, section 2"
		case !o.configGiven:
			f.reason += fmt.Sprintf("\ngive the config that a job would in %s: `operators: {%s: {config: {...}}}`", ScenarioFile, o.description.Name)
		}
	}
	return fault
}

// checkDescribeStable compares the description of many instances, and within one.
func checkDescribeStable(o *subject) error {
	c, err := o.calibrate()
	if err != nil {
		return err
	}
	first := o.suite.text
	compare := func(i *instance, when string) error {
		text, err := i.operator.Probe().Describe()
		if err != nil {
			return o.describeFault(err, when)
		}
		if !bytes.Equal(text, first) {
			at := 0
			for at < len(text) && at < len(first) && text[at] == first[at] {
				at++
			}
			return fails("%s the description differs at byte %d: %s, and in an instance of its own %s\nturgo_describe must give the same bytes always: SPEC.md, section 3",
				when, at, show(text[max(0, at-10):]), show(first[max(0, at-10):]))
		}
		return nil
	}
	return o.with(1, func(st *store) error {
		for round := range 2 {
			i, err := o.open(st, opening{subtask: round, parallelism: 2})
			if err != nil {
				return o.faultOf(err, false, "turgo_open")
			}
			err = compare(i, "after turgo_open")
			for _, input := range c.usable(len(o.description.Inputs)) {
				if err != nil {
					break
				}
				// What the call gives is for others to judge.
				_ = i.send(input, o.ordinary(input, 1, "describe"))
				err = compare(i, "after a batch")
			}
			if err == nil {
				err = compare(i, "asked again,")
			}
			if err := errors.Join(err, i.end()); err != nil {
				return err
			}
		}
		return nil
	})
}

// describeFault tells that turgo_describe failed in an open instance.
func (o *subject) describeFault(err error, when string) error {
	var guest *wasm.GuestError
	if errors.As(err, &guest) {
		return o.faultOf(err, false, when+" turgo_describe")
	}
	return fails("%s turgo_describe: %v", when, err)
}

// bufferSizes are what is asked for: small ones, and what the host asks for the
// largest batch.
func (o *subject) bufferSizes() []uint32 {
	largest := uint32(o.options.BatchBytes)
	return []uint32{1, record.HeaderLength, 1000, 65536, 65537, min(1<<20, largest), largest, largest + largest/4}
}

// largeBuffers is how often the largest is asked for: more than the memory holds
// together.
const largeBuffers = 8

// checkBuffer asks for buffers, and uses them in more than one way.
func checkBuffer(o *subject) error {
	if err := o.opened(opening{}, o.checkBuffers); err != nil {
		return err
	}
	c, err := o.calibrate()
	if err != nil || c.fault != nil {
		return err // the check to which the fault belongs tells it
	}
	for _, input := range c.usable(len(o.description.Inputs)) {
		if err := o.checkBufferLasts(input); err != nil {
			return err
		}
	}
	return nil
}

func (o *subject) checkBuffers(i *instance) error {
	probe := i.operator.Probe()
	sizes := o.bufferSizes()
	rising := len(sizes)
	for range largeBuffers {
		sizes = append(sizes, 100, sizes[rising-1])
	}
	control, err := probe.Control()
	if err != nil {
		return err
	}
	for n, size := range sizes {
		if o.ctx.Err() != nil {
			return o.ctx.Err()
		}
		address, err := probe.Buffer(size, 0xa5)
		if err != nil {
			doing := fmt.Sprintf("turgo_buffer(%d)", size)
			if n >= rising {
				doing += fmt.Sprintf(", called %d times: a buffer is valid until the next call only, then its memory is free", n+1)
			}
			return o.faultOf(err, false, doing)
		}
		if uint64(address) < uint64(control.Address)+abi.ControlLength && uint64(control.Address) < uint64(address)+uint64(size) {
			return fails("turgo_buffer(%d) gave the bytes %d to %d, and the control block lies in them at %d\nthe buffer must be memory that nothing else uses: SPEC.md, section 3",
				size, address, uint64(address)+uint64(size), control.Address)
		}
	}
	return nil
}

// bufferRounds is how many calls use one buffer.
const bufferRounds = 12

// checkBufferLasts compares calls that each have a new buffer with calls that have
// the same one, and with calls whose buffer was full of other bytes.
func (o *subject) checkBufferLasts(input int) error {
	records := o.ordinary(input, bufferRounds, "buffer")
	ways := []struct {
		what string
		do   func(wasm.Probe, int) error
	}{
		{"with a new buffer for each call", func(p wasm.Probe, _ int) error { _, err := p.Buffer(70_000, 0); return err }},
		{"with one buffer for all calls", func(wasm.Probe, int) error { return nil }},
		{"with buffers that hold other bytes behind the batch, up to their end", func(p wasm.Probe, n int) error {
			_, err := p.Buffer(uint32(1000+n*90_000), 0xa5)
			return err
		}},
	}
	var want []string
	for k, way := range ways {
		got, err := o.playBuffer(input, records, way.do)
		var f *failure
		switch {
		case k == 0 && errors.As(err, &f):
			return nil // no matter of buffers
		case errors.As(err, &f):
			return &failure{reason: fmt.Sprintf("%s, where calls succeed %s: %s", way.what, ways[0].what, f.reason)}
		case err != nil:
			return err
		case k == 0:
			want = got
			continue
		}
		if text := difference(want, got); text != "" {
			return fails("%d calls of input %s give another result %s than %s: %s\na buffer stays valid until the next call of turgo_buffer, and only the batch's bytes in it mean anything: SPEC.md, section 3",
				bufferRounds, o.description.Inputs[input].Name, way.what, ways[0].what, text)
		}
	}
	return nil
}

// playBuffer sends records one by one, and lists what came of it.
func (o *subject) playBuffer(input int, records []record.Record, before func(wasm.Probe, int) error) (lines []string, err error) {
	err = o.opened(opening{}, func(i *instance) error {
		for n := range records {
			if err := before(i.operator.Probe(), n); err != nil {
				return o.faultOf(err, false, "turgo_buffer")
			}
			err := i.send(input, records[n:n+1])
			var guest *wasm.GuestError
			if errors.As(err, &guest) && guest.Kind == wasm.KindFailedRecord {
				lines = append(lines, fmt.Sprintf("call %d: failed with code %d: %s", n, guest.Code, guest.Reason))
				continue
			}
			if err != nil {
				return o.faultOf(err, false, fmt.Sprintf("call %d", n))
			}
			for _, f := range i.failed {
				lines = append(lines, fmt.Sprintf("call %d: failed with code %d: %s", n, f.Error.Code, f.Error.Reason))
			}
			for _, out := range i.emitted {
				lines = append(lines, fmt.Sprintf("call %d: output %d: %s", n, out.output, out.record))
			}
		}
		return i.addDump(&lines)
	})
	return lines, err
}

// addDump adds what the state holds.
func (i *instance) addDump(lines *[]string) error {
	if i.state == nil {
		return nil
	}
	dump, err := i.state.dump(i.clock)
	for _, key := range slices.Sorted(maps.Keys(dump)) {
		for _, line := range dump[key] {
			*lines = append(*lines, fmt.Sprintf("state of key %s: %s", show([]byte(key)), line))
		}
	}
	return err
}

// difference tells the first line in which two lists differ.
func difference(want, got []string) string {
	for n := range max(len(want), len(got)) {
		switch {
		case n >= len(got):
			return fmt.Sprintf("%s is missing", want[n])
		case n >= len(want):
			return fmt.Sprintf("%s is too much", got[n])
		case want[n] != got[n]:
			return fmt.Sprintf("%s, not %s", got[n], want[n])
		}
	}
	return ""
}
