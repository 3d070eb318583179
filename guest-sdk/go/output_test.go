//go:build !wasm

package turgo

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/guest-sdk/go/internal/hostcall"
)

// mixer forwards some records to each output, some twice, and emits others by
// their parts, in stretches that are long or short.
type mixer struct {
	outputs [2]Output
	random  *rand.Rand
	want    [2][]string
	first   []byte // the value of the first record, and what it was
	was     string
	spoiled bool
}

func (m *mixer) Declare(d *Declaration) {
	d.Input("in", m.process)
	m.outputs = [2]Output{d.Output("left"), d.Output("right")}
}

func (m *mixer) process(in *Batch) {
	var stretch, kind [2]int
	for in.Next() {
		if m.first == nil {
			m.first, m.was = in.Value(), string(in.Value())
		}
		for i, o := range m.outputs {
			if stretch[i]--; stretch[i] < 0 {
				stretch[i], kind[i] = m.random.IntN(5), m.random.IntN(8)
				if m.random.IntN(2) == 0 {
					stretch[i] = m.random.IntN(150)
				}
			}
			times := [...]int{0, 2, 1, 1, 1, 1, 1, 1}[kind[i]]
			for range times {
				m.want[i] = append(m.want[i], fmt.Sprintf("%d %s %s", in.instance.control.hand, in.Key(), in.Value()))
				switch kind[i] {
				case 2:
					o.Emit(in.Key(), in.Value())
				case 3:
					o.EmitRecord(Record{Key: in.Key(), Value: in.Value(), Timestamp: in.Timestamp()})
				default:
					o.Forward()
				}
			}
		}
		m.spoiled = m.spoiled || string(m.first) != m.was
	}
}

// recordLines keeps what is emitted, record by record.
type recordLines struct {
	hostcall.Calls
	lines   [2][]string
	batches int
	wrong   error
}

func (e *recordLines) Emit(output uint32, data []byte) {
	batch, err := record.Parse(bytes.Clone(data))
	if err != nil {
		e.wrong = err
		return
	}
	e.batches++
	for c := batch.Records(); c.Next(); {
		v := c.Record()
		e.lines[output] = append(e.lines[output], fmt.Sprintf("%d %s %s", v.Origin(), v.Key(), v.Value()))
	}
}

// Whatever an operator forwards and emits, records come out whole and in its
// order, and none is changed for who reads on.
func TestForwardedRecordsKeepTheirOrder(t *testing.T) {
	batches := 0
	for seed := range uint64(100) {
		host, m := &recordLines{}, &mixer{random: rand.New(rand.NewPCG(seed, 1))}
		i := newInstance(hostcall.Host{Calls: host}, func() Operator { return m })
		for range 2 { // the second call begins with nothing of the first
			m.first, m.want, host.lines = nil, [2][]string{}, [2][]string{}
			var builder record.Builder
			for n := range 800 {
				key := fmt.Appendf(nil, "key-%d", n)
				builder.Append(record.Record{Key: key, Value: bytes.Repeat(key, 1+m.random.IntN(9)), Timestamp: int64(n), Origin: 7})
			}
			batch := builder.Finish()
			copy(i.lend(len(batch)), batch)
			if status := i.process(0, i.argument.bytes[:len(batch)]); status != 0 || host.wrong != nil || m.spoiled {
				t.Fatalf("seed %d: status %d, emitted %v, an earlier record has changed: %v", seed, status, host.wrong, m.spoiled)
			}
			for o := range m.want {
				if fmt.Sprint(host.lines[o]) != fmt.Sprint(m.want[o]) {
					t.Fatalf("seed %d, output %d: %d records came, want %d, or others", seed, o, len(host.lines[o]), len(m.want[o]))
				}
			}
		}
		batches += host.batches
	}
	if batches < 500 { // 400 without runs that are emitted where they lie
		t.Errorf("%d batches in all: no run was emitted where it lies", batches)
	}
}
