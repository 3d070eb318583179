// Command bench measures the figures that Turgo promises. Each is printed as
// one line, `figure: NAME VALUE UNIT goal <= X`, and ratios come from one run:
// machines are noisy, so compare lines of the same run only.
//
//	go run ./bench             all groups
//	go run ./bench wire kafka  these groups; kafka is all that begin with it
//
//	go run ./bench -write docs/languages.md languages   the table of languages, too
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

// group is a set of figures that are measured together.
type group struct {
	name    string
	what    string
	measure func() error
}

// answers tells whether a name is the group's, or the beginning of it.
func (g group) answers(name string) bool {
	return g.name == name || strings.HasPrefix(g.name, name+"-")
}

var groups = []group{
	{"wire", "a batch's way from a connector's process into the host", measureWire},
	{"boundary", "records through a guest, by key to their subtask, and with hot state", measureBoundary},
	{"checkpoint", "a task's pause and what it writes, by keys held", measureCheckpoint},
	{"fuel", "what limits cost a guest in C, Rust and Go, against the same without", measureFuel},
	{"languages", "the same operators in each language: module, compile time, time and fuel of a record", measureLanguages},
	{"isolation", "an operator and the garbage collector beside faulty guests", measureIsolation},
	{"reset", "what a trap costs, by guests in C, Rust and Go", measureReset},
	{"poison", "a job of whose records some trap and become dead letters, against the clean run, in C and Go", measurePoison},
	{"recovery", "from a restart to the first output, by keys held", measureRecovery},
	{"wordcount", "word count end to end, against a plain Go program", measureWordCount},
	{"conformance", "the conformance suite over the operators of the examples", measureConformance},
	{"kafka-pass", "pass-through from Kafka to Kafka, exactly once, against a plain loop", withKafka((*kafkaBench).measurePassThrough)},
	{"kafka-million", "a million records through dedup and keyed count, from Kafka to Kafka", withKafka((*kafkaBench).measureMillion)},
	{"kafka-latency", "from the making of a record until it is seen behind a job", withKafka((*kafkaBench).measureLatency)},
}

func main() {
	serveIfAsked()
	if plan := os.Getenv(plainKafkaFlag); plan != "" {
		if err := runPlainKafka(plan); err != nil {
			fmt.Fprintf(os.Stderr, "bench: plain loop: %v\n", err)
			os.Exit(1)
		}
		return
	}
	failed := false
	flag.Parse()
	wanted := flag.Args()
	for _, name := range wanted {
		if !slices.ContainsFunc(groups, func(g group) bool { return g.answers(name) }) {
			fmt.Fprintf(os.Stderr, "bench: no group %q; there are:\n", name)
			for _, g := range groups {
				fmt.Fprintf(os.Stderr, "  %-12s %s\n", g.name, g.what)
			}
			os.Exit(2)
		}
	}
	for _, g := range groups {
		if len(wanted) > 0 && !slices.ContainsFunc(wanted, g.answers) {
			continue
		}
		fmt.Printf("# %s: %s\n", g.name, g.what)
		if err := g.measure(); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", g.name, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

// figure prints one figure. The goal is like "<= 120"; empty where there is none.
func figure(name string, value float64, unit, goal string) {
	line := fmt.Sprintf("figure: %s %.4g %s", name, value, unit)
	if goal != "" {
		line += " goal " + goal
	}
	fmt.Println(line)
}

// median of an odd or even number of values.
func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
