package operator

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/wasm"
)

// checkNullKeyValue sends nulls, alone and among other records.
func checkNullKeyValue(o *subject) error {
	return o.each(opening{}, func(i *instance, input int) error {
		base := o.ordinary(input, 6, "null")
		mixed := slices.Clone(base)
		mixed[1].Key, mixed[2].Value = nil, nil
		mixed[4].Key, mixed[4].Value = nil, nil
		for _, r := range []record.Record{mixed[1], mixed[2], mixed[4]} {
			if err := i.accepts(input, []record.Record{r}, false, fmt.Sprintf("the record (%s) of %s", showInput(r), o.input(input))); err != nil {
				return err
			}
		}
		return i.accepts(input, mixed, false, fmt.Sprintf("a batch of %s in which records 1, 2 and 4 have null keys or values", o.input(input)))
	})
}

// specialTimes are times at the ends of their range and out of order.
var specialTimes = []int64{
	math.MaxInt64, timeStart, timeStart - 1, record.NoTimestamp, math.MinInt64 + 1, -1, 0, 1, timeStart + 86_400_000,
	math.MaxInt64 - 1, record.NoTimestamp, -timeStart, timeStart, math.MinInt64 + 2,
}

const adviceOfTimes = "times may have any value and order, and the smallest number stands for none: SPEC.md, section 6"

// checkUnsortedTimes sends records whose times are in no order, and lets time end.
func checkUnsortedTimes(o *subject) error {
	return o.each(opening{}, func(i *instance, input int) error {
		records := o.ordinary(input, len(specialTimes), "times")
		for n := range records {
			records[n].Timestamp = specialTimes[n]
			doing := fmt.Sprintf("the record (%s) of %s", showInput(records[n]), o.input(input))
			if err := i.accepts(input, records[n:n+1], false, doing); err != nil {
				return adviseTrap(err, adviceOfTimes)
			}
		}
		if err := i.accepts(input, records, false, fmt.Sprintf("a batch of %s whose records have the times %v", o.input(input), specialTimes)); err != nil {
			return adviseTrap(err, adviceOfTimes)
		}
		return i.fireSpecial([]int64{0, timeStart + 86_400_000, abi.WatermarkMax}, "after records at the ends of time")
	})
}

// fireSpecial moves the watermark on, and fires what is due, though not for ever.
func (i *instance) fireSpecial(watermarks []int64, when string) error {
	if len(i.subject.description.Timers) == 0 {
		return nil
	}
	started := time.Now()
	for _, watermark := range watermarks {
		i.watermark = watermark
		fired := 0
		for more := true; more && fired < firedMax && time.Since(started) < firingTimeMax; {
			var n int
			var err error
			if n, more, err = i.fire(fireSlice); err != nil {
				return i.subject.faultOf(err, false, fmt.Sprintf("timers fired %s, at the watermark %s", when, showTime(watermark)))
			}
			fired += n
		}
	}
	return nil
}

// checkChangeKinds sends each change kind that an input declares.
func checkChangeKinds(o *subject) error {
	some := false
	for input := range o.description.Inputs {
		some = some || len(kindsOf(&o.description.Inputs[input])) > 1
	}
	if !some {
		return skips("no input declares more than one change kind")
	}
	return o.each(opening{}, func(i *instance, input int) error {
		kinds := kindsOf(&o.description.Inputs[input])
		records := o.ordinary(input, 3*len(kinds), "kinds")
		for n := range records {
			records[n].Kind = kinds[n%len(kinds)]
			doing := fmt.Sprintf("the record (%s) of %s, which declares %q", showInput(records[n]), o.input(input), o.description.Inputs[input].Changes)
			if err := i.accepts(input, records[n:n+1], false, doing); err != nil {
				return err
			}
		}
		return i.accepts(input, records, false, fmt.Sprintf("a batch of %s with the kinds %q", o.input(input), o.description.Inputs[input].Changes))
	})
}

// Bounds of the fuzzing.
const (
	fuzzRounds   = 60
	fuzzRecords  = 25
	fuzzDuration = 6 * time.Second
)

// checkFailures sends random bytes, and records that are almost like good ones.
func checkFailures(o *subject) error {
	if c, err := o.ready(); err != nil {
		return err
	} else if c.bad != nil {
		return c.bad
	}
	return o.each(opening{}, func(i *instance, input int) error {
		random := o.random("fuzz")
		started := time.Now()
		for round := 0; round < fuzzRounds && time.Since(started) < fuzzDuration; round++ {
			if o.ctx.Err() != nil {
				return o.ctx.Err()
			}
			records := o.fuzzed(input, round, random)
			err := i.accepts(input, records, false, fmt.Sprintf("a batch of %s of %d records with random bytes", o.input(input), len(records)))
			var f *failure
			if errors.As(err, &f) {
				return o.fuzzFault(input, records, f)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// fuzzFault finds the record of a batch that traps alone.
func (o *subject) fuzzFault(input int, records []record.Record, f *failure) error {
	found := error(f)
	err := o.with(1, func(st *store) error {
		i, err := o.open(st, opening{})
		if err != nil {
			return err
		}
		for _, r := range records {
			if err := i.renew(); err != nil {
				return errors.Join(err, i.end())
			}
			err := i.accepts(input, []record.Record{r}, false, fmt.Sprintf("the record (%s) of %s, alone", showInput(r), o.input(input)))
			if err != nil {
				found = err
				break
			}
		}
		return i.end()
	})
	if err != nil {
		return err
	}
	return found
}

// oddTexts are values at the edges of what texts and numbers are.
var oddTexts = []string{
	"", "-", "+", ".", "0x", "1e999", "-0", "NaN", "9223372036854775808", "-9223372036854775809", "99999999999999999999999999", "1,,", ",", ",,,", "\x00", "\xff\xfe",
	"{", "}", "[", "{\"", "{\"a\":", "[[[[[[[[[[[[[[[[", "{\"a\":{\"a\":{\"a\":", "\"\\u12\"", "\"\\ud800\"", "nul", "true false", "\u202e", "é", "e\u0301", "\xed\xa0\x80", " \t\n", "a\x00b",
	strings.Repeat("9", 400), strings.Repeat("(", 5000), strings.Repeat("[", 5000), strings.Repeat(",", 3000),
}

// fuzzed makes records with odd keys and values.
func (o *subject) fuzzed(input, round int, random *rand.Rand) []record.Record {
	records := o.ordinary(input, fuzzRecords, fmt.Sprint("fuzz ", round))
	for n := range records {
		r := &records[n]
		way, serial := n%4, round*(fuzzRecords/4)+n/4
		switch way {
		case 0:
			r.Value = mutated(r.Value, random)
		case 1:
			// Each first byte comes, whatever the seed.
			r.Value = append([]byte{byte(serial)}, randomBytes(random, random.IntN(80))...)
		case 2:
			r.Value = []byte(oddTexts[serial%len(oddTexts)])
		default:
			r.Value = randomBytes(random, random.IntN(300))
		}
		if random.IntN(3) == 0 {
			r.Key = randomBytes(random, random.IntN(100))
		}
	}
	return records
}

func randomBytes(random *rand.Rand, length int) []byte {
	data := make([]byte, length)
	for k := range data {
		data[k] = byte(random.Uint32())
	}
	return data
}

// mutated changes a few bytes of a good value.
func mutated(value []byte, random *rand.Rand) []byte {
	data := bytes.Clone(value)
	if data == nil {
		data = []byte{}
	}
	for range 1 + random.IntN(3) {
		at := random.IntN(len(data) + 1)
		switch random.IntN(5) {
		case 0:
			data = data[:at]
		case 1:
			data = slices.Insert(data, at, byte(random.Uint32()))
		case 2:
			data = slices.Insert(data, at, data...)
			data = data[:min(len(data), 1<<16)]
		case 3:
			text := oddTexts[random.IntN(len(oddTexts))]
			data = slices.Insert(data, at, []byte(text)...)
		default:
			if at < len(data) {
				data[at] ^= 1 << random.IntN(8)
			}
		}
	}
	return data
}

// unknownType is the type of an extension that nobody knows and may skip.
const unknownType = 0x7abc

// checkUnknownExtension sends the same records in a longer form.
func checkUnknownExtension(o *subject) error {
	if err := o.readyToCompare(); err != nil {
		return err
	}
	for _, input := range o.calibration.usable(len(o.description.Inputs)) {
		records := o.ordinary(input, 16, "extension")
		plain, err := o.playForm(input, records, 28)
		if err != nil {
			return err
		}
		extended := slices.Clone(records)
		for n := range extended {
			extended[n].Extensions = record.AppendExtension(slices.Clone(records[n].Extensions), unknownType, fmt.Appendf(nil, "extension %d", n))
		}
		for _, form := range []struct {
			what    string
			records []record.Record
			fixed   int
		}{{"a fixed part of 36 bytes", records, 36}, {"extensions of an unknown type", extended, 28}, {"both a fixed part of 45 bytes and extensions of an unknown type", extended, 45}} {
			got, err := o.playForm(input, form.records, form.fixed)
			if err != nil {
				return prefixed(err, "where records have "+form.what+", and without it succeeds: ")
			}
			if text := difference(plain.lines, got.lines); text != "" && o.plain.draws == 0 {
				return fails("where the records of %s have %s, the result differs: %s\nread the length of the fixed part from the header, the end of a record from its length, and skip what you do not know: SPEC.md, section 6",
					o.input(input), form.what, text)
			}
			if &form.records[0] == &extended[0] && plain.copies {
				if lost := got.lost(); lost != "" {
					return fails("it copies the records of %s, but %s\nan operator that copies a record copies its extensions: SPEC.md, section 6", o.input(input), lost)
				}
			}
		}
	}
	return nil
}

func prefixed(err error, prefix string) error {
	var f *failure
	if !errors.As(err, &f) {
		return err
	}
	return &failure{owner: f.owner, reason: prefix + f.reason}
}

// formTrace is what a batch gave, without the extensions of what came out.
type formTrace struct {
	lines []string
	// copies tells that all that came out were copies of what came in.
	copies bool
	sent   []record.Record
	out    []copied
}

type copied struct {
	origin     int
	extensions []byte
}

func (t *formTrace) lost() string {
	for _, c := range t.out {
		if want := t.sent[c.origin].Extensions; !bytes.Equal(c.extensions, want) {
			return fmt.Sprintf("the copy of record %d has the extensions %s, not %s", c.origin, show(c.extensions), show(want))
		}
	}
	return ""
}

// copiesMin is how many copies tell that an operator copies, and does not make
// records that happen to be the same.
const copiesMin = 3

// playForm sends a batch whose records have a fixed part of that length.
func (o *subject) playForm(input int, records []record.Record, fixed int) (*formTrace, error) {
	t := &formTrace{sent: records}
	err := o.opened(opening{}, func(i *instance) error {
		batch, err := record.Parse(longForm(batchOf(records), fixed))
		if err != nil {
			return err
		}
		err = i.sendBatch(input, batch)
		var guest *wasm.GuestError
		if errors.As(err, &guest) && guest.Kind == wasm.KindFailedRecord {
			t.lines = append(t.lines, fmt.Sprintf("record %d failed: %s", guest.RecordIndex, guest.Reason))
			return nil
		}
		if err != nil {
			return o.faultOf(err, false, fmt.Sprintf("a batch of %d records of %s", len(records), o.input(input)))
		}
		for _, f := range i.failed {
			t.lines = append(t.lines, fmt.Sprintf("record %d failed with code %d: %s", f.Index, f.Error.Code, f.Error.Reason))
		}
		t.copies = len(i.emitted) >= copiesMin
		for _, out := range i.emitted {
			r := record.Record{Key: out.view.Key(), Value: out.view.Value(), Timestamp: out.view.Timestamp(), Kind: out.view.Kind()}
			from := records[out.origin]
			from.Extensions, from.Origin = nil, 0
			t.copies = t.copies && showInput(r) == showInput(from)
			t.out = append(t.out, copied{out.origin, bytes.Clone(out.view.Extensions())})
			t.lines = append(t.lines, fmt.Sprintf("output %d, from record %d: %s", out.output, out.origin, showInput(r)))
		}
		return i.addDump(&t.lines)
	})
	return t, err
}

// longForm writes a batch with a longer fixed part, whose end nobody knows.
func longForm(batch record.Batch, fixed int) []byte {
	out := slices.Clone(batch[:record.HeaderLength])
	binary.LittleEndian.PutUint16(out[6:], uint16(fixed))
	for offset := record.HeaderLength; offset < len(batch); {
		view := batch.At(offset)
		data := batch[offset : offset+view.Length()]
		start := len(out)
		out = append(out, data[:record.FixedLength]...)
		for n := record.FixedLength; n < fixed; n++ {
			out = append(out, byte(0xc0+n))
		}
		out = append(out, data[record.FixedLength:]...)
		binary.LittleEndian.PutUint32(out[start:], uint32(len(out)-start))
		offset += view.Length()
	}
	binary.LittleEndian.PutUint32(out[12:], uint32(len(out)))
	return out
}
