package operator

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/wasm"
)

// Sizes of checkSizesMaximal.
const (
	// besideValue is what a batch holds besides the value, of one record with a key of
	// 8 bytes.
	besideValue = record.HeaderLength + record.FixedLength + 8
	largeKey    = 1 << 20
	// largeTimerFuel and, for each byte, largeTimerFuelByte are what the timers of one
	// large record may take: a loop without end is found before its time is over.
	largeTimerFuel     = 200_000_000
	largeTimerFuelByte = 1000
	// sizesDuration is the time limit of these calls.
	sizesDuration = 60 * time.Second
)

// checkSizesMaximal sends the smallest and the largest that there is.
func checkSizesMaximal(o *subject) error {
	return o.each(opening{limits: wasm.Limits{CallDuration: sizesDuration}}, func(i *instance, input int) error {
		empty := o.ordinary(input, 3, "empty")
		empty[0].Key, empty[1].Value = []byte{}, []byte{}
		empty[2].Key, empty[2].Value = []byte{}, []byte{}
		if err := i.accepts(input, empty, false, "records of "+o.input(input)+" with an empty key, an empty value, and both"); err != nil {
			return err
		}
		if err := o.checkLinear(input); err != nil {
			return err
		}
		largest := o.options.BatchBytes - besideValue
		for _, value := range []int{60_000, 1 << 20, 17_000_001, largest} {
			if err := i.sendLarge(input, 8, min(value, largest)); err != nil {
				return err
			}
			if value >= largest {
				break // with what belongs to it, it may be more than a batch holds
			}
			i.clock += 86_400_000
			i.operator.Probe().LimitFuel(largeTimerFuel + int64(value)*largeTimerFuelByte)
			if err := i.fireSpecial([]int64{abi.WatermarkMax}, fmt.Sprintf("after a record with a value of %d bytes", value)); err != nil {
				return err
			}
			i.operator.Probe().LimitFuel(0)
			if err := i.renewState(); err != nil {
				return err
			}
		}
		if err := i.sendLarge(input, min(largeKey, largest), 100); err != nil {
			return err
		}
		return i.sendFull(input)
	})
}

// Bounds of sendFull.
const (
	// fullFuel is what the short records of a full batch may take together.
	fullFuel = 3_000_000_000
	// fullDuration is how long they may take by the speed of a smaller batch: what
	// the host does for a guest, such as reading state, takes no fuel.
	fullDuration = sizesDuration / 3
	// fullListed is how many they are at most where states are lists or maps: each
	// may find more in them.
	fullListed = 4 * limitRecords
	// fullTriesDuration is how long that speed is measured, at least.
	fullTriesDuration = 50 * time.Millisecond
)

// sendFull sends a batch of the largest size, of as many short records as the
// operator may be expected to handle in a few seconds, and longer ones.
func (i *instance) sendFull(input int) error {
	o := i.subject
	short := shortest(o.ordinary(input, manyRecords, "sizes"))
	small := fullBatch(short, limitRecords, 0)
	count, err := i.fullCount(input, small, o.options.BatchBytes/short[0].Length())
	if err != nil {
		return err
	}
	batch := fullBatch(short, count, o.options.BatchBytes)
	err = i.sendUnseen(input, batch)
	if failedRecord(err) || tooMuch(err) {
		return nil
	}
	return o.faultOf(err, false, fmt.Sprintf("a batch of %s of %d bytes, with %d records, after one with %d records", o.input(input), len(batch), batch.Count(), small.Count()))
}

// fullCount is how many short records a full batch may have, by what a smaller one
// takes. It goes by instructions, which are the same on each machine; by the clock
// only where that many would come near the limit of a call.
func (i *instance) fullCount(input int, small record.Batch, most int) (int, error) {
	o := i.subject
	fastest, count := time.Duration(math.MaxInt64), most
	for started := time.Now(); ; { // the machine may be busy: the least of some tries counts
		one, before := time.Now(), i.operator.Usage().Fuel
		if err := i.sendUnseen(input, small); err != nil && !failedRecord(err) {
			return 0, o.faultOf(err, false, fmt.Sprintf("a batch of %s with %d records", o.input(input), small.Count()))
		}
		if fastest == math.MaxInt64 {
			used := max(i.operator.Usage().Fuel-before, 1)
			count = min(most, int(fullFuel/used+1)*small.Count())
			if !o.onlyValues() {
				count = min(count, fullListed)
			}
		}
		fastest = max(min(fastest, time.Since(one)), 1)
		byClock := int(fullDuration/fastest+1) * small.Count()
		if count <= byClock || time.Since(started) > fullTriesDuration {
			return min(count, byClock), nil
		}
	}
}

// onlyValues tells that no state can hold more with each record of a key.
func (o *subject) onlyValues() bool {
	return !slices.ContainsFunc(o.description.States, func(s abi.StateDescription) bool { return s.Kind != "value" })
}

// Bounds of checkLinear.
const (
	linearRecords = 1000
	linearFactor  = 16
	// linearDearer is by how much a record may be dearer in the larger batch, and
	// linearFuel what it may take anyway.
	linearDearer = 4
	linearFuel   = 20_000
)

// checkLinear compares what a record takes in batches of two sizes: where the larger
// one makes each record dearer, the largest one has no end.
func (o *subject) checkLinear(input int) error {
	if !o.onlyValues() {
		return nil // each record of a key may find more in its list or map
	}
	small, err := o.fuelOfRecord(input, linearRecords)
	if err != nil || small == 0 {
		return err
	}
	large, err := o.fuelOfRecord(input, linearRecords*linearFactor)
	if err != nil || large <= linearFuel || large <= small*linearDearer {
		return err
	}
	return fails("in a batch of %d records of %s each takes %d instructions, in one of %d records %d: a batch of 64 MiB would have no end\ngo through the records of a batch once",
		linearRecords, o.input(input), small, linearRecords*linearFactor, large)
}

// fuelOfRecord is what a record takes in a batch of so many, 0 where that was not
// handled. A first batch is not counted: memory may grow.
func (o *subject) fuelOfRecord(input, count int) (fuel int64, err error) {
	batch := fullBatch(shortest(o.ordinary(input, manyRecords, "sizes")), count, 0)
	err = o.opened(opening{limits: wasm.Limits{CallDuration: sizesDuration}}, func(i *instance) error {
		for range 2 {
			before := i.operator.Usage().Fuel
			if err := i.sendUnseen(input, batch); err != nil {
				fuel = 0
				if failedRecord(err) || tooMuch(err) {
					return nil
				}
				return o.faultOf(err, false, fmt.Sprintf("a batch of %s with %d records", o.input(input), count))
			}
			fuel = (i.operator.Usage().Fuel - before) / int64(count)
			if err := i.renewState(); err != nil {
				return err
			}
		}
		return nil
	})
	return fuel, err
}

// shortest are those of the records that are not longer than any other, all of one time.
func shortest(records []record.Record) (list []record.Record) {
	length := math.MaxInt
	for _, r := range records {
		length = min(length, r.Length())
	}
	for _, r := range records {
		if r.Length() == length {
			r.Timestamp = records[len(records)-1].Timestamp
			list = append(list, r)
		}
	}
	return list
}

// sendLarge sends a record with a key and a value of that many bytes.
func (i *instance) sendLarge(input, key, value int) error {
	o := i.subject
	r := o.ordinary(input, 1, "large")[0]
	pattern := r.Value
	if len(pattern) == 0 {
		pattern = []byte("x")
	}
	r.Key, r.Value = bytes.Repeat([]byte("k"), key), bytes.Repeat(pattern, value/len(pattern)+1)[:value]
	r.Extensions = nil
	err := i.sendUnseen(input, batchOf([]record.Record{r}))
	var guest *wasm.GuestError
	if failedRecord(err) || tooMuch(err) {
		return nil
	}
	if value >= o.options.BatchBytes-besideValue && errors.As(err, &guest) && (guest.Kind == wasm.KindMemory || guest.Rule == wasm.RuleSize) {
		return nil // a few copies of it are more than the memory, and with a byte more it fits no batch
	}
	return o.faultOf(err, false, fmt.Sprintf("a record of %s with a key of %d and a value of %d bytes", o.input(input), key, value))
}

// failedRecord tells that the host failed a record by itself.
func failedRecord(err error) bool {
	var guest *wasm.GuestError
	return errors.As(err, &guest) && guest.Kind == wasm.KindFailedRecord
}

// tooMuch tells that a call reached the limit of what it may write or emit, as one
// with so much input may.
func tooMuch(err error) bool {
	var guest *wasm.GuestError
	return errors.As(err, &guest) && (guest.Kind == wasm.KindState || guest.Kind == wasm.KindOutput && guest.Rule == "")
}

// fillerBytes is how long the records are that fill a batch up. A guest whose memory
// holds some copies of the batch bears them, but not one record of such a length.
const fillerBytes = 60_000

// fullBatch repeats records until there are as many as wanted, or as large a batch
// as may be. Longer records fill the batch up to a length.
func fullBatch(records []record.Record, count, length int) record.Batch {
	var b record.Builder
	b.Reset(nil)
	for n := range count {
		r := records[n%len(records)]
		if r.Length() > b.Room() {
			return b.Finish()
		}
		b.Append(r)
	}
	filler := bytes.Repeat([]byte("x"), fillerBytes)
	for rest := length - b.Length(); rest > records[0].Length(); rest = length - b.Length() {
		last := records[0]
		last.Value = slices.Concat(last.Value, filler[:min(rest-last.Length(), fillerBytes)])
		b.Append(last)
	}
	return b.Finish()
}
