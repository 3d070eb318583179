// Package records makes seeded payments of which some are poison, and compares
// what a job made of them with what it should have: each once, as output or as
// dead letter, in order for its key, and running totals exact.
package records

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Kind is what a record does to the operator.
type Kind byte

// The kinds of records: good ones, and those that make the operator trap, run
// into a limit, or give up by itself.
const (
	Good        Kind = 'g'
	Unreachable Kind = 'u'
	OutOfBounds Kind = 'o'
	Divide      Kind = 'd' // by zero
	Failing     Kind = 'f' // the guest calls fail
	Endless     Kind = 'l'
)

// cheap are the kinds of poison that end at once.
var cheap = [...]Kind{Unreachable, OutOfBounds, Divide, Failing}

// Record is one payment. IDs count from 0 in the order of the input.
type Record struct {
	ID     int
	Key    int
	Amount uint64
	Kind   Kind
}

// Bounds of what fits a line.
const (
	CountMax  = 1_000_000_000
	keysMax   = 100_000
	amountMax = 1000
)

// Plan says what records to make.
type Plan struct {
	Seed  uint64
	Count int
	Keys  int
	// Poison is how many of a thousand records are poison, Endless how many of a
	// thousand of those never end.
	Poison, Endless int
	// Traps leaves out the records that the guest fails by itself.
	Traps bool
}

// Make makes the records of a plan: the same for the same plan.
func Make(p Plan) ([]Record, error) {
	if p.Count < 1 || p.Count > CountMax || p.Keys < 1 || p.Keys > keysMax || p.Poison < 0 || p.Poison > 1000 || p.Endless < 0 || p.Endless > 1000 {
		return nil, fmt.Errorf("records: %+v is out of bounds", p)
	}
	random := rand.New(rand.NewPCG(p.Seed, 0x706f_6973_6f6e))
	list := make([]Record, p.Count)
	for i := range list {
		list[i] = Record{ID: i, Key: random.IntN(p.Keys), Amount: random.Uint64N(amountMax), Kind: Good}
		// Each number is drawn for each record, so that the good ones are the same
		// whatever part is poison.
		poison, endless, kind := random.IntN(1000), random.IntN(1000), random.IntN(len(cheap))
		switch {
		case poison >= p.Poison:
		case endless < p.Endless:
			list[i].Kind = Endless
		default:
			if list[i].Kind = cheap[kind]; p.Traps && list[i].Kind == Failing {
				list[i].Kind = Unreachable
			}
		}
	}
	return list, nil
}

// KeyText is the key as the job sees it.
func KeyText(key int) string { return fmt.Sprintf("k%05d", key) }

// Line is a record as JSON of fixed widths, which the guests know.
func (r *Record) Line() []byte {
	return fmt.Appendf(nil, `{"key":"%s","id":"%09d","amount":"%03d","kind":"%c"}`, KeyText(r.Key), r.ID, r.Amount, r.Kind)
}

// Files is the number of files that hold the input. All records of a key are in
// one of them, so that they have an order.
const Files = 4

// Append adds records to the files of the input.
func Append(folder string, list []Record) error {
	var writers [Files]*bufio.Writer
	for i := range writers {
		file, err := os.OpenFile(filepath.Join(folder, fmt.Sprintf("payments-%d.jsonl", i)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return fmt.Errorf("records: %w", err)
		}
		defer file.Close()
		writers[i] = bufio.NewWriterSize(file, 1<<16)
	}
	for i := range list {
		w := writers[list[i].Key%Files]
		if _, err := w.Write(append(list[i].Line(), '\n')); err != nil {
			return fmt.Errorf("records: %w", err)
		}
	}
	for _, w := range writers {
		if err := w.Flush(); err != nil {
			return fmt.Errorf("records: %w", err)
		}
	}
	return nil
}
