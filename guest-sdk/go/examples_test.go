package turgo_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
	"github.com/turgo-stream/turgo/guest-sdk/go/turgotest"
)

// The operators of README.md, and their tests.

type enrich struct {
	rates    turgo.Value[int64]
	payments turgo.Output
}

func (e *enrich) Declare(d *turgo.Declaration) {
	d.Input("rates", turgo.Each(e.rate))
	d.Input("payments", turgo.Each(e.payment))
	e.payments = d.Output("converted")
	e.rates = turgo.NewValue(d, "rate", turgo.Int64).Prefetched()
}

func (e *enrich) rate(r *turgo.Batch) error {
	rate, err := strconv.ParseInt(string(r.Value()), 10, 64)
	if err != nil {
		return &turgo.Failure{Code: 1, Text: "not a rate"}
	}
	e.rates.Put(rate)
	return nil
}

func (e *enrich) payment(r *turgo.Batch) error {
	rate, found := e.rates.Get()
	if !found {
		return &turgo.Failure{Code: 2, Text: "no rate for this currency yet"}
	}
	e.payments.Emit(r.Key(), append(append(r.Value(), '*'), strconv.FormatInt(rate, 10)...))
	return nil
}

func TestEnrich(t *testing.T) {
	turgotest.Run(t, func() turgo.Operator { return new(enrich) }, func(h *turgotest.Harness) {
		h.Send("rates", turgotest.KeyValue("EUR", "117"))
		h.Send("payments", turgotest.KeyValue("EUR", "20"), turgotest.KeyValue("USD", "20"))
		h.Expect("converted", turgotest.KeyValue("EUR", "20*117"))
		if f := h.Failures(); len(f) != 1 || f[0].Code != 2 {
			h.Errorf("failures %v", f)
		}
	})
}

const minuteMS = 60_000

type minutes struct {
	counts turgo.Map[int64, int64] // by the start of the minute
	end    turgo.Timer
	totals turgo.Output
}

func (m *minutes) Declare(d *turgo.Declaration) {
	d.Input("events", m.process)
	m.totals = d.Output("totals")
	m.counts = turgo.NewMap(d, "counts", turgo.OrderedInt64, turgo.Int64)
	m.end = d.EventTimer("end", m.fire)
}

func (m *minutes) process(in *turgo.Batch) {
	for in.Next() {
		start := in.Timestamp() / minuteMS * minuteMS
		count, found := m.counts.Get(start)
		m.counts.Put(start, count+1)
		if !found {
			m.end.Set(start + minuteMS)
		}
	}
}

func (m *minutes) fire(timers *turgo.Batch) {
	for timers.Next() {
		start := timers.Timestamp() - minuteMS
		if count, found := m.counts.Get(start); found {
			m.counts.Delete(start)
			m.totals.Emit(timers.Key(), strconv.AppendInt(nil, count, 10))
		}
	}
}

func TestMinutes(t *testing.T) {
	turgotest.Run(t, func() turgo.Operator { return new(minutes) }, func(h *turgotest.Harness) {
		h.Send("events", turgotest.KeyValue("a", "").At(1000), turgotest.KeyValue("a", "").At(59_999), turgotest.KeyValue("a", "").At(60_000))
		h.AdvanceWatermark(60_000)
		h.Expect("totals", turgotest.KeyValue("a", "2").At(60_000))
		h.End()
		h.Expect("totals", turgotest.KeyValue("a", "1").At(120_000))
	})
}

type largest struct {
	best   turgo.Aggregation[int64]
	end    turgo.Timer
	totals turgo.Output
}

func (l *largest) Declare(d *turgo.Declaration) {
	l.best = turgo.NewAggregation(d, "largest", turgo.Int64)
	l.best.Input("numbers", l.add)
	l.end = d.EventTimer("end", l.fire)
	l.totals = d.Output("largest")
}

func (l *largest) add(groups *turgo.Groups[int64]) {
	for groups.Next() {
		best, found := groups.Accumulator()
		if !found {
			best = math.MinInt64
			l.end.Set(turgo.WatermarkMax)
		}
		for records := groups.Records(); records.Next(); {
			number, err := strconv.ParseInt(string(records.Value()), 10, 64)
			if err != nil {
				groups.Fail(1, "not a number")
				break
			}
			best = max(best, number)
		}
		groups.Put(best)
	}
}

func (l *largest) fire(timers *turgo.Batch) {
	for timers.Next() {
		best, _ := l.best.Get()
		l.totals.Emit(timers.Key(), strconv.AppendInt(nil, best, 10))
	}
}

func TestLargest(t *testing.T) {
	turgotest.Run(t, func() turgo.Operator { return new(largest) }, func(h *turgotest.Harness) {
		h.Send("numbers", turgotest.KeyValue("a", "3"), turgotest.KeyValue("b", "x"), turgotest.KeyValue("a", "7"))
		h.Send("numbers", turgotest.KeyValue("a", "5"))
		h.End()
		h.Expect("largest", turgotest.KeyValue("a", "7").At(turgo.WatermarkMax))
		if f := h.Failures(); len(f) != 1 || string(f[0].Record.Key) != "b" {
			h.Errorf("failures %v", f)
		}
	})
}

type person struct {
	Name  string
	Visit int64
}

type people struct {
	known turgo.Value[person]
	out   turgo.Output
}

// personCodec stores persons as JSON.
type personCodec struct{}

func (personCodec) Append(buffer []byte, p person) []byte {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // a person is text and a number
	}
	return append(buffer, text...)
}

func (personCodec) Decode(data []byte) (p person, err error) { return p, json.Unmarshal(data, &p) }

func (p *people) Declare(d *turgo.Declaration) {
	d.Input("visits", p.process)
	p.out = d.Output("visits")
	// Version 1 held the name alone.
	p.known = turgo.NewValue(d, "person", personCodec{}).Versioned(2, func(version uint16, data []byte) (person, error) {
		if version != 1 {
			return person{}, fmt.Errorf("a person of version %d", version)
		}
		return person{Name: string(data)}, nil
	}).Expiring(30 * 24 * 3600 * 1000)
}

func (p *people) process(in *turgo.Batch) {
	for in.Next() {
		who, found := p.known.Get()
		if !found {
			who.Name = string(in.Value())
		}
		who.Visit++
		p.known.Put(who)
		p.out.Emit(in.Key(), []byte(who.Name+" "+strconv.FormatInt(who.Visit, 10)))
	}
}

type peopleBefore struct{ known turgo.Value[string] }

func (p *peopleBefore) Declare(d *turgo.Declaration) {
	d.Input("visits", p.process)
	p.known = turgo.NewValue(d, "person", turgo.String).Versioned(1, nil)
}

func (p *peopleBefore) process(in *turgo.Batch) {
	for in.Next() {
		p.known.Put(string(in.Value()))
	}
}

func TestPeopleAreUpgraded(t *testing.T) {
	old := turgotest.New(t, func() turgo.Operator { return new(peopleBefore) }, turgotest.Whole, turgotest.Options{})
	old.Send("visits", turgotest.KeyValue("1", "Ada"))
	h := old.Upgraded(func() turgo.Operator { return new(people) })
	h.Send("visits", turgotest.KeyValue("1", "?"), turgotest.KeyValue("2", "Bob"))
	h.Expect("visits", turgotest.KeyValue("1", "Ada 1"), turgotest.KeyValue("2", "Bob 1"))
}

// The code in README.md is this file's, so that it compiles and is tested.
func TestReadmeIsTrue(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("examples_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(readme), "```go\n")[1:]
	if len(blocks) < 5 {
		t.Fatalf("%d blocks of code", len(blocks))
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		for part := range strings.SplitSeq(block, "\n\n") {
			if part = strings.TrimSpace(part); !strings.Contains(string(code), part) {
				t.Errorf("README.md has code that examples_test.go has not:\n%s", part)
			}
		}
	}
}
