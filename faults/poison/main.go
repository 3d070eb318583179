// Command poison runs a job over records of which a tenth make its operator
// fail, kills the host again and again, and proves that each record took effect
// once: as output or as a dead letter. At the end letters are mended and
// resubmitted, under kills too.
//
//	go run ./faults/poison -records 200000 -kills 30 -seed 1 -guest c
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/turgo-stream/turgo/faults/poison/records"
)

func main() {
	s := settings{out: os.Stdout}
	flag.IntVar(&s.records, "records", 200_000, "records of the input")
	flag.IntVar(&s.kills, "kills", 20, "times that the host is killed")
	flag.Uint64Var(&s.seed, "seed", 1, "seed of the records and of the schedule")
	flag.StringVar((*string)(&s.guest), "guest", string(records.C), "language of the operator: c or go")
	flag.BoolVar(&s.keep, "keep", false, "keep the folder of the run")
	flag.Parse()
	if s.records < 1 || s.kills < 0 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Printf("seed %d: %d records, %d kills, guest in %s; the same seed gives the same records and schedule\n", s.seed, s.records, s.kills, s.guest)
	o, err := run(ctx, s)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("resubmitted: mended=%d failed_again=%d lost=%d doubled=%d\n", o.mended, o.again, o.last.Lost, o.last.Doubled)
	fmt.Println(line(o))
	if !o.exact() {
		os.Exit(1)
	}
}

// line is the last line: the outcome before letters were tried again, unless
// what came after was wrong.
func line(o *outcome) string {
	state := "exact"
	if !o.first.Exact() || !o.last.Exact() || o.first.Lost > 0 || o.last.Lost > 0 {
		state = "wrong"
	}
	return fmt.Sprintf("poison: inputs=%d outputs=%d dead_letters=%d doubled=%d kills=%d state=%s",
		o.first.Inputs, o.first.Outputs, o.first.DeadLetters, o.first.Doubled+o.last.Doubled, o.kills, state)
}
