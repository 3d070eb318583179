package ledger_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/turgo-stream/turgo/faults/ledger"
)

const (
	keys       = 5
	partitions = 3
	records    = 200
)

// exact makes inputs, and the outputs of a job that makes no mistake.
func exact(seed uint64) (inputs []ledger.Input, outputs []ledger.Output) {
	random := rand.New(rand.NewPCG(seed, 1))
	counts, sums := map[string]uint64{}, map[string]int64{}
	var offsets [partitions]int64
	for id := range uint64(records) {
		n := random.IntN(keys)
		key := string(rune('a' + n))
		amount := random.Int64N(2001) - 1000
		counts[key]++
		sums[key] += amount
		inputs = append(inputs, ledger.Input{ID: id, Key: key, Sequence: counts[key], Amount: amount})
		partition := n % partitions
		outputs = append(outputs, ledger.Output{
			Partition: int32(partition), Offset: offsets[partition], Key: key, ID: id, Count: counts[key], Sum: sums[key],
		})
		offsets[partition]++
	}
	return inputs, outputs
}

func check(t interface{ Fatal(...any) }, inputs []ledger.Input, outputs []ledger.Output) *ledger.Report {
	report, err := ledger.Check(inputs, outputs)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestExact(t *testing.T) {
	inputs, outputs := exact(1)
	if r := check(t, inputs, outputs); !r.Exact() || r.Records != records {
		t.Errorf("what is exact was found wrong: %+v", r)
	}
	// Partitions may be read in any order.
	slices.SortStableFunc(outputs, func(a, b ledger.Output) int { return int(a.Partition - b.Partition) })
	if r := check(t, inputs, outputs); !r.Exact() {
		t.Errorf("read by partition: %+v", r)
	}
	if r := check(t, nil, nil); !r.Exact() {
		t.Errorf("nothing at all: %+v", r)
	}
}

// TestEachFaultIsFound makes one mistake at a time, anywhere.
func TestEachFaultIsFound(t *testing.T) {
	faults := map[string]struct {
		make func(outputs []ledger.Output, at int) []ledger.Output
		want func(r *ledger.Report) bool
	}{
		"lost": {
			func(o []ledger.Output, at int) []ledger.Output { return slices.Delete(o, at, at+1) },
			func(r *ledger.Report) bool { return r.Lost == 1 && r.Doubled == 0 && r.OutOfOrder == 0 },
		},
		"doubled": {
			func(o []ledger.Output, at int) []ledger.Output { return append(o, o[at]) },
			func(r *ledger.Report) bool { return r.Lost == 0 && r.Doubled == 1 && r.OutOfOrder == 0 },
		},
		"made up": {
			func(o []ledger.Output, at int) []ledger.Output {
				other := o[at]
				other.ID = 1 << 40
				return append(o, other)
			},
			func(r *ledger.Report) bool { return r.Lost == 0 && r.Doubled == 1 && r.OutOfOrder == 0 },
		},
		"in another partition": {
			func(o []ledger.Output, at int) []ledger.Output {
				o[at].Partition += partitions
				return o
			},
			func(r *ledger.Report) bool { return r.OutOfOrder >= 1 && r.Lost == 0 && r.Doubled == 0 },
		},
		"missed by the state": {
			func(o []ledger.Output, at int) []ledger.Output { return shift(o, at, ^uint64(0)) },
			func(r *ledger.Report) bool { return r.Lost == 1 && r.Doubled == 0 },
		},
		"twice in the state": {
			func(o []ledger.Output, at int) []ledger.Output { return shift(o, at, 1) },
			func(r *ledger.Report) bool { return r.Doubled == 1 && r.Lost == 0 },
		},
		"wrong sum": {
			func(o []ledger.Output, at int) []ledger.Output {
				o[at].Sum++
				return o
			},
			func(r *ledger.Report) bool { return r.WrongSums == 1 && r.Lost == 0 && r.Doubled == 0 },
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				inputs, outputs := exact(rapid.Uint64().Draw(t, "seed"))
				at := rapid.IntRange(0, len(outputs)-1).Draw(t, "at")
				r := check(t, inputs, fault.make(outputs, at))
				if r.Exact() || !fault.want(r) || len(r.Findings) == 0 {
					t.Fatalf("%s at %d: %+v", name, at, r)
				}
			})
		})
	}
}

// shift changes the counts of a key from one of its outputs on.
func shift(o []ledger.Output, at int, by uint64) []ledger.Output {
	for i := at; i < len(o); i++ {
		if o[i].Key == o[at].Key {
			o[i].Count += by
		}
	}
	return o
}

// TestSwap swaps two neighbours of one key, ids and totals with them.
func TestSwap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inputs, outputs := exact(rapid.Uint64().Draw(t, "seed"))
		at := rapid.IntRange(0, len(outputs)/2).Draw(t, "at")
		next := at + 1
		for outputs[next].Key != outputs[at].Key {
			next++
		}
		outputs[at], outputs[next] = outputs[next], outputs[at]
		if r := check(t, inputs, outputs); r.OutOfOrder != 1 || r.Lost != 0 || r.Doubled != 0 {
			t.Fatalf("swapped %d and %d: %+v", at, next, r)
		}
	})
}

// TestBadInputProvesNothing checks that inputs are refused which hold a mistake
// themselves.
func TestBadInputProvesNothing(t *testing.T) {
	inputs, outputs := exact(1)
	if _, err := ledger.Check(append(inputs, inputs[3]), outputs); err == nil {
		t.Error("an id twice")
	}
	if _, err := ledger.Check(slices.Delete(slices.Clone(inputs), 3, 4), outputs); err == nil {
		t.Error("a number left out")
	}
	if r := check(t, inputs, nil); r.Lost != records || len(r.Findings) == 0 || len(r.Findings) > 20 {
		t.Errorf("no output at all: %d lost, %d findings", r.Lost, len(r.Findings))
	}
}
