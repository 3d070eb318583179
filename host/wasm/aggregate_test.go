package wasm

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
)

// keyed makes a batch of keys and values, two for each record.
func keyed(pairs ...string) record.Batch {
	var b record.Builder
	for i := 0; i < len(pairs); i += 2 {
		b.Append(record.Record{Key: []byte(pairs[i]), Value: []byte(pairs[i+1]), Timestamp: int64(i), Origin: 9})
	}
	return b.Finish()
}

// totals is what the guest aggregates emits: for each group its total, or -1,
// the index of its first record, and its greatest timestamp.
type totals []string

func (l *totals) emit(output int, batch record.Batch) {
	for records := batch.Records(); records.Next(); {
		v, total := records.Record(), int64(-1)
		if v.Value() != nil {
			total = int64(binary.LittleEndian.Uint64(v.Value()))
		}
		*l = append(*l, fmt.Sprintf("%d: %d from %d at %d", output, total, v.Origin(), v.Timestamp()))
	}
}

func openAggregates(t testing.TB, state State) *Operator {
	return open(t, load(t, newEngine(t, Config{}), "aggregates", assemble(t, "aggregates")), OpenConfig{State: state})
}

func wantTotals(t *testing.T, operator *Operator, batch record.Batch, want ...string) {
	t.Helper()
	var got totals
	if err := operator.Process(0, batch, abi.WatermarkMin, 1, got.emit); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, totals(want)) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnAggregationGetsGroupsWithTheirAccumulators(t *testing.T) {
	state := newMemoryState()
	operator := openAggregates(t, state)
	wantTotals(t, operator, keyed("a", "1", "b", "2", "a", "3", "", "4"), "0: 2 from 0 at 4", "0: 1 from 1 at 2", "0: 1 from 3 at 6")
	if want := []string{"[0] a", "[0] b", "[0] "}; !slices.Equal(state.prefetched, want) {
		t.Errorf("prefetched %q, want %q: each key once", state.prefetched, want)
	}
	wantTotals(t, operator, keyed("b", "1", "c", "1"), "0: 2 from 0 at 0", "0: 1 from 1 at 2")
	wantTotals(t, operator, keyed("a", "-"), "0: -1 from 0 at 0")
	wantTotals(t, operator, keyed("a", "1", "", "1"), "0: 1 from 0 at 0", "0: 2 from 1 at 2")
	wantTotals(t, operator, keyed())
}

func TestAGroupIsTheUnitOfFailure(t *testing.T) {
	operator := openAggregates(t, newMemoryState())
	wantTotals(t, operator, keyed("a", "1", "b", "?", "c", "1", "b", "2"), "0: 1 from 0 at 0", "0: 1 from 2 at 4")
	var failed []int
	for _, f := range operator.Failures() {
		if f.Error.Reason != "not to my taste" || f.Error.Code != 7 {
			t.Errorf("%+v", f)
		}
		failed = append(failed, f.Index)
	}
	if !slices.Equal(failed, []int{1, 3}) {
		t.Errorf("failed the records %v, want 1 and 3, which are the group", failed)
	}
	wantTotals(t, operator, keyed("b", "1"), "0: 1 from 0 at 0") // nothing of it was stored

	err := operator.Process(0, keyed("a", "1", "b", "1", "b", "!"), 0, 1, func(int, record.Batch) { t.Error("output") })
	wantGuestError(t, err, KindTrap, 1, "")
	wantTotals(t, operator, keyed("a", "1"), "0: 2 from 0 at 0")

	var b record.Builder
	b.Append(record.Record{Key: []byte("a")})
	b.Append(record.Record{Value: []byte("no key")})
	wantGuestError(t, operator.Process(0, b.Finish(), 0, 1, func(int, record.Batch) {}), KindFailedRecord, 1, "null key")
}

// However records are cut into batches, the totals are those of a plain count.
func TestAggregationEqualsTheModel(t *testing.T) {
	operator := openAggregates(t, newMemoryState())
	random := rand.New(rand.NewPCG(3, 1))
	model := map[string]int64{}
	for range 200 {
		var pairs []string
		last := map[string]int64{}
		for range random.IntN(300) {
			key := fmt.Sprint(random.IntN(1 + random.IntN(500)))
			pairs = append(pairs, key, "v")
			model[key]++
			last[key] = model[key]
		}
		keys := map[int]string{}
		for i := 0; i < len(pairs); i += 2 {
			keys[i/2] = pairs[i]
		}
		seen := 0
		err := operator.Process(0, keyed(pairs...), 0, 1, func(_ int, batch record.Batch) {
			for records := batch.Records(); records.Next(); seen++ {
				v := records.Record()
				if got, key := int64(binary.LittleEndian.Uint64(v.Value())), keys[int(v.Origin())]; got != last[key] {
					t.Errorf("key %s: %d, want %d", key, got, last[key])
				}
			}
		})
		if err != nil || seen != len(last) {
			t.Fatalf("%d groups, want %d: %v", seen, len(last), err)
		}
	}
}

func TestDescriptionsOfAggregationsAreChecked(t *testing.T) {
	operator := func(change func(*abi.Description)) error {
		d := abi.Description{ABI: abi.ModuleName, Requires: []string{abi.FeatureAggregate}, Operators: []abi.OperatorDescription{{
			Name: "o", Inputs: []abi.InputDescription{{Name: "in", Aggregation: "total"}},
			Aggregations: []abi.AggregationDescription{{Name: "total"}},
		}}}
		change(&d)
		return checkDescription(&d)
	}
	if err := operator(func(*abi.Description) {}); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(*abi.Description){
		"requires nothing": func(d *abi.Description) { d.Requires = nil },
		"undeclared":       func(d *abi.Description) { d.Operators[0].Inputs[0].Aggregation = "other" },
		"the name of a state": func(d *abi.Description) {
			d.Operators[0].States = []abi.StateDescription{{Name: "total", Kind: "value"}}
		},
		"a negative time": func(d *abi.Description) { d.Operators[0].Aggregations[0].TimeToLiveMS = -1 },
	} {
		if err := operator(change); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

func BenchmarkAggregate(b *testing.B) {
	for _, keys := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(keys, " keys"), func(b *testing.B) {
			operator := openAggregates(b, newMemoryState())
			operator.state = silent{State: operator.state}
			var builder record.Builder
			for i := range benchRecords {
				builder.Append(record.Record{Key: fmt.Appendf(nil, "key-%04d", i%keys), Value: make([]byte, 64), Timestamp: 1})
			}
			batch := builder.Finish()
			b.ReportAllocs()
			for b.Loop() {
				if err := operator.Process(0, batch, 0, 1, func(int, record.Batch) {}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchRecords, "ns/record")
		})
	}
}

// silent is a State whose values are not kept.
type silent struct{ State }

func (silent) Begin(int64)                                {}
func (silent) Commit() error                              { return nil }
func (silent) SetKey([]byte) error                        { return nil }
func (silent) ValueGet(int) ([]byte, uint16, bool, error) { return nil, 0, false, nil }
func (silent) ValuePut(int, []byte) error                 { return nil }
