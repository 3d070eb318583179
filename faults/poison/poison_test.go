package main

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/faults/poison/records"
	"github.com/turgo-stream/turgo/host/job"
)

const testLimit = 8 * time.Minute

// TestARunIsExact is the harness itself, short: each guest, kills, letters that
// are mended and tried again.
func TestARunIsExact(t *testing.T) {
	sizes := map[records.Guest][2]int{records.C: {20_000, 5}, records.Go: {8_000, 3}}
	if testing.Short() {
		sizes = map[records.Guest][2]int{records.C: {4_000, 2}}
	}
	for guest, size := range sizes {
		t.Run(string(guest), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), testLimit)
			defer cancel()
			var out bytes.Buffer
			o, err := run(ctx, settings{records: size[0], kills: size[1], seed: 11, guest: guest, out: &out})
			if err != nil {
				t.Fatalf("%v\n%s", err, out.Bytes())
			}
			if !o.exact() || o.kills != size[1] || o.mended == 0 || o.first.DeadLetters < size[0]/20 {
				t.Errorf("%+v\n%s", o, out.Bytes())
			}
			want := fmt.Sprintf("poison: inputs=%d outputs=%d dead_letters=%d doubled=0 kills=%d state=exact", size[0], size[0]-o.first.DeadLetters, o.first.DeadLetters, size[1])
			if got := line(o); got != want {
				t.Errorf("%s; want %s", got, want)
			}
		})
	}
}

// TestTheLineTellsWhatIsWrong is of the last line, by which others judge a run.
func TestTheLineTellsWhatIsWrong(t *testing.T) {
	good := records.Report{Inputs: 10, Outputs: 9, DeadLetters: 1}
	for name, test := range map[string]struct {
		first, last records.Report
		line        string
		exact       bool
	}{
		"right":   {good, good, "poison: inputs=10 outputs=9 dead_letters=1 doubled=0 kills=0 state=exact", true},
		"lost":    {records.Report{Inputs: 10, Outputs: 8, DeadLetters: 1, Lost: 1}, good, "poison: inputs=10 outputs=8 dead_letters=1 doubled=0 kills=0 state=wrong", false},
		"doubled": {good, records.Report{Inputs: 10, Outputs: 10, DeadLetters: 1, Doubled: 1}, "poison: inputs=10 outputs=9 dead_letters=1 doubled=1 kills=0 state=exact", false},
		"wrong":   {good, records.Report{Inputs: 10, Outputs: 9, DeadLetters: 1, Wrong: 1}, "poison: inputs=10 outputs=9 dead_letters=1 doubled=0 kills=0 state=wrong", false},
	} {
		o := &outcome{first: &test.first, last: &test.last}
		if got := line(o); got != test.line || o.exact() != test.exact {
			t.Errorf("%s: %s, exact %v", name, got, o.exact())
		}
	}
}

func TestScheduleFollowsFromTheSeed(t *testing.T) {
	a := schedule(3, 200)
	if !reflect.DeepEqual(a, schedule(3, 200)) || reflect.DeepEqual(a, schedule(4, 200)) || !reflect.DeepEqual(a[:50], schedule(3, 50)) {
		t.Error("the schedule is no function of the seed")
	}
	kinds, parallelisms := map[string]int{}, map[int]int{}
	for i := range a {
		k := &a[i]
		kinds[fmt.Sprint(k.Point, k.Starting)]++
		parallelisms[k.Parallelism]++
		if (k.Point == "") == (k.Count > 0) || k.Point == job.InCommits && k.Parallelism < 2 {
			t.Errorf("%+v", k)
		}
	}
	if len(kinds) != len(job.Points)-1+2 || len(parallelisms) != parallelismMax {
		t.Errorf("kinds %v, parallelisms %v", kinds, parallelisms)
	}
}
