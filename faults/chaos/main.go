// Command chaos proves exactly once with a real broker: it runs a job from Kafka
// through an operator with state to Kafka, and kills the host, its connector
// processes and the broker with SIGKILL, at named points and at random times.
// Between two kills new output must appear. At the end two independent
// read_committed readers check each record, its order and the running totals.
//
//	go run ./faults/chaos -kills 20 -seed 1
//	go run ./faults/chaos -kills 20 -seed 1 -schedule   tells what it would do
//
// It exits with 1 where anything is wrong. The last line is
// `chaos: kills=N lost=N doubled=N out_of_order=N`.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/turgo-stream/turgo/connectors"
)

const (
	exitWrong       = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// settings are what the flags say.
type settings struct {
	kills         int
	seed          uint64
	rate          int
	progressLimit time.Duration
	json          bool
	turgo         string
	keep          bool
	guarantee     string
	out           io.Writer
}

func main() {
	s := settings{out: os.Stdout}
	var planOnly bool
	flag.IntVar(&s.kills, "kills", 20, "how often something is killed")
	flag.Uint64Var(&s.seed, "seed", 1, "decides what is killed and when")
	flag.IntVar(&s.rate, "rate", 500, "records a second")
	flag.DurationVar(&s.progressLimit, "progress-limit", time.Minute, "how long after a kill new output may take")
	flag.BoolVar(&s.json, "json", false, "tell each kill, and the outcome, as a line of JSON")
	flag.StringVar(&s.turgo, "turgo", "", "`path` of the program to test; default: build it")
	flag.BoolVar(&s.keep, "keep", false, "keep the working folder even if all is well")
	flag.StringVar(&s.guarantee, "guarantee", string(connectors.ExactlyOnce), "of the sink: at_least_once shows what the check finds then")
	flag.BoolVar(&planOnly, "schedule", false, "print the schedule, and do nothing")
	flag.Parse()
	if s.kills < 1 || s.rate < 1 || s.progressLimit <= 0 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "chaos: kills, rate and progress-limit must be positive, and there are no arguments")
		os.Exit(exitUsage)
	}
	if planOnly {
		printSchedule(&s)
		return
	}
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer release()
	// A second interruption ends the run at once.
	context.AfterFunc(ctx, release)
	outcome, err := run(ctx, &s)
	outcome.print(&s)
	switch {
	case err != nil && !errors.Is(err, errInterrupted):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitWrong)
	case !outcome.exact():
		os.Exit(exitWrong)
	case err != nil:
		os.Exit(exitInterrupted)
	}
}

func printSchedule(s *settings) {
	encoder := json.NewEncoder(s.out)
	for i, k := range schedule(s.seed, s.kills) {
		if s.json {
			// Standard output may be gone; nothing is lost then.
			_ = encoder.Encode(k)
			continue
		}
		fmt.Fprintf(s.out, "%3d %s\n", i+1, &k)
	}
}
