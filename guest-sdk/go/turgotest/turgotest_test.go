package turgotest_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
	"github.com/turgo-stream/turgo/guest-sdk/go/turgotest"
)

// operator is made of functions, so that each test can have its own.
type operator struct {
	declare func(d *turgo.Declaration)
	open    func(c *turgo.Context) error
}

func (o *operator) Declare(d *turgo.Declaration) { o.declare(d) }

func (o *operator) Open(c *turgo.Context) error {
	if o.open == nil {
		return c.Config.Err()
	}
	return o.open(c)
}

func declaring(declare func(d *turgo.Declaration)) func() turgo.Operator {
	return func() turgo.Operator { return &operator{declare: declare} }
}

var kv = turgotest.KeyValue

// history keeps the values of each key in a list and tells them all each time.
func history(d *turgo.Declaration) {
	out := d.Output("out")
	values := turgo.NewList(d, "values", turgo.String)
	d.Input("in", func(in *turgo.Batch) {
		for in.Next() {
			if string(in.Value()) == "clear" {
				values.Clear()
				continue
			}
			values.Append(string(in.Value()))
			var all []string
			for v := range values.All() {
				all = append(all, v)
			}
			out.Emit(in.Key(), []byte(strings.Join(all, ",")))
		}
	})
}

func TestAListKeepsTheOrderOfItsAppends(t *testing.T) {
	turgotest.Run(t, declaring(history), func(h *turgotest.Harness) {
		h.Send("in", kv("a", "1"), kv("b", "2"), kv("a", "3"), kv("a", "clear"), kv("a", "4"))
		h.Expect("out", kv("a", "1"), kv("b", "2"), kv("a", "1,3"), kv("a", "4"))
	})
}

func TestAListLongerThanAPageIsReadWhole(t *testing.T) {
	turgotest.Run(t, declaring(history), func(h *turgotest.Harness) {
		var want []string
		for i := range 80 {
			value := strings.Repeat(fmt.Sprint(i%10), i*37%9000)
			want = append(want, value)
			h.Send("in", kv("a", value))
		}
		got := h.Output("out")
		if last := string(got[len(got)-1].Value); last != strings.Join(want, ",") {
			t.Errorf("list of %d bytes, want %d", len(last), len(strings.Join(want, ",")))
		}
	})
}

// inventory keeps a map of numbers for each key.
func inventory(d *turgo.Declaration) {
	out := d.Output("out")
	counts := turgo.NewMap(d, "counts", turgo.OrderedInt64, turgo.Bytes)
	d.Input("in", func(in *turgo.Batch) {
		for in.Next() {
			var number int64
			var text string
			fmt.Sscan(string(in.Value()), &number, &text)
			switch text {
			case "delete":
				counts.Delete(number)
			case "get":
				value, found := counts.Get(number)
				out.Emit(in.Key(), fmt.Appendf(nil, "%s %v", value, found))
			case "after", "all":
				walk := counts.All()
				if text == "after" {
					walk = counts.After(number)
				}
				var all []string
				for k, v := range walk {
					if all = append(all, fmt.Sprintf("%d:%d", k, len(v))); len(all) == 3 {
						break
					}
				}
				out.Emit(in.Key(), []byte(strings.Join(all, " ")))
			default:
				counts.Put(number, []byte(text))
			}
		}
	})
}

func TestAMapIsWalkedInTheOrderOfItsKeys(t *testing.T) {
	turgotest.Run(t, declaring(inventory), func(h *turgotest.Harness) {
		h.Send("in", kv("k", "7 seven"), kv("k", "-3 "+strings.Repeat("m", 5000)), kv("k", "0 zero"), kv("other", "1 one"), kv("k", "9 nine"))
		h.Send("in", kv("k", "0 all"), kv("k", "-3 after"), kv("k", "9 delete"), kv("k", "0 after"), kv("k", "9 get"), kv("k", "7 get"))
		h.Expect("out", kv("k", "-3:5000 0:4 7:5"), kv("k", "0:4 7:5 9:4"), kv("k", "7:5"), kv("k", " false"), kv("k", "seven true"))
	})
}

// Values that were written under schema version 0 as text are read by a
// program whose values are numbers of version 2.
func TestAnOlderSchemaVersionIsMigratedWhenRead(t *testing.T) {
	current := uint16(0)
	create := declaring(func(d *turgo.Declaration) {
		out := d.Output("out")
		if current == 0 {
			value := turgo.NewValue(d, "value", turgo.String)
			d.Input("in", turgo.Each(func(in *turgo.Batch) error { value.Put(string(in.Value())); return nil }))
			return
		}
		value := turgo.NewValue(d, "value", turgo.Uint64).Versioned(2, func(version uint16, data []byte) (uint64, error) {
			if version != 0 {
				return 0, fmt.Errorf("no migration from %d", version)
			}
			return uint64(len(data)), nil
		})
		d.Input("in", turgo.Each(func(in *turgo.Batch) error {
			n, found := value.Get()
			value.Put(n + 100)
			out.Emit(in.Key(), fmt.Appendf(nil, "%d %v", n, found))
			return nil
		}))
	})
	h := turgotest.New(t, create, turgotest.Restored, turgotest.Options{})
	h.Send("in", kv("a", strings.Repeat("x", 90)), kv("b", "four"))
	current = 2
	h = h.Upgraded(create)
	h.Send("in", kv("a", ""), kv("b", ""), kv("a", ""), kv("c", ""))
	h.Expect("out", kv("a", "90 true"), kv("b", "4 true"), kv("a", "190 true"), kv("c", "0 false"))
}

func timers(d *turgo.Declaration) {
	out := d.Output("out")
	emit := func(fired *turgo.Batch) {
		for fired.Next() {
			out.Emit(fired.Key(), fmt.Appendf(nil, "w%d p%d", fired.Watermark(), fired.ProcessingTime()))
		}
	}
	event := d.EventTimer("event", emit)
	processing := d.ProcessingTimer("processing", emit)
	d.Input("in", func(in *turgo.Batch) {
		for in.Next() {
			switch string(in.Value()) {
			case "delete":
				event.Delete(in.Timestamp())
			case "processing":
				processing.Set(in.Timestamp())
			default:
				event.Set(in.Timestamp())
			}
		}
	})
}

func TestTimersFireOnceInTheOrderOfTime(t *testing.T) {
	options := turgotest.Options{ProcessingTime: 1000}
	turgotest.RunWith(t, options, declaring(timers), func(h *turgotest.Harness) {
		h.Send("in", kv("b", "").At(20), kv("a", "").At(30), kv("c", "").At(10), kv("c", "").At(10),
			kv("d", "").At(25), kv("d", "delete").At(25), kv("p", "processing").At(2000))
		h.AdvanceWatermark(9)
		h.Expect("out")
		h.AdvanceWatermark(25)
		h.Expect("out", kv("c", "w25 p1000").At(10), kv("b", "w25 p1000").At(20))
		h.AdvanceProcessingTime(2001)
		h.Expect("out", kv("p", "w25 p2001").At(2000))
		h.End()
		h.Expect("out", kv("a", fmt.Sprintf("w%d p2001", int64(turgo.WatermarkMax))).At(30))
	})
}

func TestAFailedRecordLeavesNoTrace(t *testing.T) {
	create := declaring(func(d *turgo.Declaration) {
		out := d.Output("out")
		seen := turgo.NewValue(d, "seen", turgo.Int64)
		failed := d.Counter("failed")
		last := d.Gauge("last")
		d.Input("in", turgo.Each(func(in *turgo.Batch) error {
			n, _ := seen.Get()
			seen.Put(n + 1)
			out.Emit(in.Key(), fmt.Append(nil, n+1))
			failed.Add(1)
			last.Set(n)
			switch string(in.Value()) {
			case "code":
				return &turgo.Failure{Code: 7, Text: "not this one"}
			case "plain":
				return errors.New("nor this one")
			case "panic":
				panic("oh no")
			}
			return nil
		}))
	})
	turgotest.Run(t, create, func(h *turgotest.Harness) {
		h.Send("in", kv("a", ""), kv("a", "code"), kv("a", "plain"), kv("a", "panic"), kv("a", ""))
		h.Expect("out", kv("a", "1"), kv("a", "2"))
		want := []string{`"a"="code" 7 not this one false`, `"a"="plain" 0 nor this one false`, `"a"="panic" 0 oh no true`}
		var got []string
		for _, f := range h.Failures() {
			got = append(got, fmt.Sprint(f.Record, " ", f.Code, " ", f.Text, " ", f.Panic))
		}
		if !slices.Equal(got, want) {
			t.Errorf("failures %q, want %q", got, want)
		}
		if n := h.Metric("failed"); n != 2 {
			t.Errorf("counter is %d, want 2", n)
		}
		if n := h.Metric("last"); n != 1 {
			t.Errorf("gauge is %d, want 1", n)
		}
	})
}

func TestAnEntryExpires(t *testing.T) {
	create := declaring(func(d *turgo.Declaration) {
		out := d.Output("out")
		value := turgo.NewValue(d, "value", turgo.String).Expiring(100)
		d.Input("in", func(in *turgo.Batch) {
			for in.Next() {
				was, _ := value.Get()
				value.Put(string(in.Value()))
				out.Emit(in.Key(), []byte(was))
			}
		})
	})
	turgotest.Run(t, create, func(h *turgotest.Harness) {
		h.Send("in", kv("a", "first"))
		h.AdvanceProcessingTime(99)
		h.Send("in", kv("a", "second"))
		h.AdvanceProcessingTime(199)
		h.Send("in", kv("a", "third"))
		h.Expect("out", kv("a", ""), kv("a", "first"), kv("a", ""))
	})
}

func TestSeveralInputsAndOutputs(t *testing.T) {
	create := declaring(func(d *turgo.Declaration) {
		left, right := d.Output("left"), d.Output("right")
		d.Input("one", func(in *turgo.Batch) {
			for in.Next() {
				left.Forward()
				right.EmitRecord(turgo.Record{Key: in.Value(), Value: in.Key(), Kind: turgo.Delete, Timestamp: 3})
			}
		})
		d.Input("two", func(in *turgo.Batch) {
			for in.Next() {
				right.Forward()
			}
		}, turgo.Insert, turgo.Delete)
	})
	turgotest.Run(t, create, func(h *turgotest.Harness) {
		h.Send("one", kv("a", "x"))
		h.Send("two", kv("b", "y").As(turgo.Delete))
		h.Expect("left", kv("a", "x"))
		h.Expect("right", kv("x", "a").At(3).As(turgo.Delete), kv("b", "y").As(turgo.Delete))
		if changes := h.Description().Inputs[1].Changes; !slices.Equal(changes, []string{"insert", "delete"}) {
			t.Errorf("changes of input two: %q", changes)
		}
	})
}

// A batch that is larger than an output's buffer goes out in several.
func TestLargeOutputIsComplete(t *testing.T) {
	create := declaring(func(d *turgo.Declaration) {
		out := d.Output("out")
		d.Input("in", func(in *turgo.Batch) {
			for in.Next() {
				for size := range 3000 {
					out.Emit(in.Key(), bytes.Repeat([]byte{'x'}, size))
				}
				out.Emit(in.Key(), bytes.Repeat([]byte{'y'}, 9<<20))
			}
		})
	})
	h := turgotest.New(t, create, turgotest.Whole, turgotest.Options{})
	h.Send("in", kv("k", ""), kv("k", ""))
	got := h.Output("out")
	if len(got) != 2*3001 {
		t.Fatalf("%d records, want %d", len(got), 2*3001)
	}
	for i, r := range got {
		if want := i % 3001; want < 3000 && len(r.Value) != want || want == 3000 && len(r.Value) != 9<<20 {
			t.Fatalf("record %d has %d bytes", i, len(r.Value))
		}
	}
}

func TestEveryLengthOfKeyIsCopiedExactly(t *testing.T) {
	create := declaring(func(d *turgo.Declaration) {
		out := d.Output("out")
		d.Input("in", func(in *turgo.Batch) {
			for in.Next() {
				out.Emit(in.Key(), []byte{})
				out.Emit(bytes.Clone(in.Key()), in.Value())
				out.Emit(in.Value(), nil)
				out.Emit(nil, in.Key())
			}
		})
	})
	h := turgotest.New(t, create, turgotest.Whole, turgotest.Options{})
	var want []turgotest.Record
	for n := range 40 {
		text := "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"[:n]
		h.Send("in", kv(text, "-"+text))
		want = append(want, kv(text, ""), kv(text, "-"+text))
		want = append(want, turgotest.Record{Key: []byte("-" + text), Timestamp: turgo.NoTimestamp}, turgotest.Value(text))
	}
	h.Expect("out", want...)
}
