package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/turgo-stream/turgo/faults/ledger"
)

// outcome is what a run has found.
type outcome struct {
	Seed    uint64 `json:"seed"`
	Kills   int    `json:"kills"`
	Records int    `json:"records"`
	// Problems are what is wrong beside single records.
	Problems []string `json:"problems"`
	// Report is that of the worse of the two readers.
	Report ledger.Report `json:"report"`
	// recoveries are the times from a kill to the first new output, by name.
	recoveries map[string][]time.Duration
	// backs are the times from a kill of the broker until it answers again.
	backs   []time.Duration
	elapsed time.Duration
	checked bool // the readers have compared
}

func (o *outcome) exact() bool { return o.checked && len(o.Problems) == 0 && o.Report.Exact() }

func (o *outcome) problem(err error) { o.Problems = append(o.Problems, err.Error()) }

// merge takes the findings of a reader: the worse of the counts.
func (o *outcome) merge(r *ledger.Report) {
	into := &o.Report
	into.Records = r.Records
	into.Lost, into.Doubled = max(into.Lost, r.Lost), max(into.Doubled, r.Doubled)
	into.OutOfOrder, into.WrongSums = max(into.OutOfOrder, r.OutOfOrder), max(into.WrongSums, r.WrongSums)
	if len(into.Findings) < len(r.Findings) {
		into.Findings = r.Findings
	}
}

// print tells the outcome. The line that counts is the last.
func (o *outcome) print(s *settings) {
	for _, name := range slices.Sorted(maps.Keys(o.recoveries)) {
		figures(s, "chaos_"+name+"_first_output", o.recoveries[name])
	}
	figures(s, "chaos_broker_back", o.backs)
	fmt.Fprintf(s.out, "figure: chaos_records %d records\nfigure: chaos_elapsed %.4g s\n", o.Report.Records, o.elapsed.Seconds())
	for _, problem := range o.Problems {
		fmt.Fprintf(s.out, "problem: %s\n", problem)
	}
	for _, finding := range o.Report.Findings {
		fmt.Fprintf(s.out, "finding: %s\n", finding)
	}
	if o.Report.WrongSums > 0 {
		fmt.Fprintf(s.out, "wrong sums: %d\n", o.Report.WrongSums)
	}
	if s.json {
		// Standard output may be gone; the exit code tells too.
		_ = json.NewEncoder(s.out).Encode(o)
	}
	fmt.Fprintf(s.out, "chaos: kills=%d lost=%d doubled=%d out_of_order=%d\n", o.Kills, o.Report.Lost, o.Report.Doubled, o.Report.OutOfOrder)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// figures tells median and maximum of times.
func figures(s *settings, name string, times []time.Duration) {
	if len(times) == 0 {
		return
	}
	times = slices.Sorted(slices.Values(times))
	fmt.Fprintf(s.out, "figure: %s_p50 %.4g ms\n", name, milliseconds(times[(len(times)-1)/2]))
	fmt.Fprintf(s.out, "figure: %s_max %.4g ms\n", name, milliseconds(times[len(times)-1]))
}
