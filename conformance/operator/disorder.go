package operator

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/turgo-stream/turgo/abi/record"
)

// latenessMax is by how much a record of a disordered life is older than in the life.
const latenessMax = 120_000

// disordered makes some records of a life older than those before them, and late.
func disordered(events []event, random *rand.Rand) []event {
	for n := range events {
		records := events[n].records
		for k := range records {
			if t := records[k].Timestamp; random.IntN(4) == 0 && t != record.NoTimestamp && t > latenessMax {
				records[k].Timestamp -= random.Int64N(latenessMax)
			}
		}
	}
	return events
}

// sameDisordered compares two manners to play a life whose records are in no order of
// time: what remembers times in memory shows only there.
func (o *subject) sameDisordered(how manner, what, advice string, compare func(want, got *trace) string) error {
	life := func() []event { return disordered(o.life(), o.random("disorder")) }
	want, err := o.play(life(), manner{})
	var f *failure
	if errors.As(err, &f) {
		return nil // unsorted_times tells it
	}
	if err != nil {
		return err
	}
	got, err := o.play(life(), how)
	if errors.As(err, &f) {
		return &failure{reason: fmt.Sprintf("%s, with times in no order, where all goes well without: %s", what, f.reason)}
	}
	if err != nil {
		return err
	}
	if text := compare(want, got); text != "" {
		return fails("%s, with times in no order: %s\n%s", what, text, advice)
	}
	return nil
}
