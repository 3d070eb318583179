package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/turgo-stream/turgo/conformance/operator"
)

// conformanceSubjects are the examples whose operators the suite runs over, with the
// scenario where they need one.
var conformanceSubjects = []struct{ example, scenario string }{
	{"keyedcount", "examples/keyedcount/conformance.yaml"},
	{"passthrough", ""},
	{"payments", "examples/payments/conformance.yaml"},
	{"wordcount", ""},
}

// measureConformance tells how long the conformance suite takes for an operator of a
// module in Go, which takes longest: compiling counts for each.
func measureConformance() error {
	longest := 0.0
	for _, subject := range conformanceSubjects {
		data, err := buildGuest(subject.example)
		if err != nil {
			return err
		}
		options := operator.Options{Seed: 1}
		if subject.scenario != "" {
			if options.Scenario, err = operator.ReadScenario(subject.scenario); err != nil {
				return err
			}
		}
		found, err := operator.Run(context.Background(), subject.example, data, options)
		if err != nil {
			return err
		}
		if failed := found.Failed(); len(failed) > 0 {
			return fmt.Errorf("%s: check %s of operator %s fails: %s", subject.example, failed[0].Check, failed[0].Group, failed[0].Reason)
		}
		compiling, seconds := found.Results[0].Duration.Seconds(), map[string]float64{}
		for _, r := range found.Results {
			if r.Group != "" {
				seconds[r.Group] += r.Duration.Seconds()
			}
		}
		for _, name := range slices.Sorted(maps.Keys(seconds)) {
			took := seconds[name] + compiling
			figure("conformance_"+subject.example+"_"+name+"_seconds", took, "s", "")
			longest = max(longest, took)
		}
	}
	figure("conformance_operator_seconds", longest, "s", "<= 60")
	return nil
}
