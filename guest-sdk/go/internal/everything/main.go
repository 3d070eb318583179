// Command everything is an operator that does whatever its records ask for, so
// that tests can compare the SDK under the host with the SDK in its test kit.
package main

import (
	"strconv"
	"strings"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

type everything struct {
	context *turgo.Context
	prefix  string

	out, log   turgo.Output
	value      turgo.Value[string]
	number     turgo.Value[int64]
	list       turgo.List[string]
	entries    turgo.Map[int64, string]
	event      turgo.Timer
	processing turgo.Timer
	sum        turgo.Aggregation[int64]
	handled    turgo.Counter
	last       turgo.Gauge
}

func (e *everything) Declare(d *turgo.Declaration) {
	d.Input("commands", turgo.Each(e.command))
	d.Input("plain", e.plain, turgo.Insert, turgo.Delete)
	e.sum = turgo.NewAggregation(d, "sum", turgo.Int64).Expiring(70)
	e.sum.Input("sums", e.add)
	e.out = d.Output("out")
	e.log = d.Output("log")
	e.value = turgo.NewValue(d, "value", turgo.String).Versioned(3, func(version uint16, data []byte) (string, error) {
		return "migrated from " + strconv.Itoa(int(version)), nil
	}).Expiring(20)
	e.number = turgo.NewValue(d, "number", turgo.Int64)
	e.list = turgo.NewList(d, "list", turgo.String).Expiring(60)
	e.entries = turgo.NewMap(d, "entries", turgo.OrderedInt64, turgo.String).Expiring(45)
	e.event = d.EventTimer("event", e.fired)
	e.processing = d.ProcessingTimer("processing", e.fired)
	e.handled = d.Counter("handled")
	e.last = d.Gauge("last")
}

func (e *everything) Open(c *turgo.Context) error {
	e.context = c
	e.prefix = c.Config.String("prefix", "")
	return c.Config.Err()
}

// command does what the value says: a verb and up to two words.
func (e *everything) command(r *turgo.Batch) error {
	words := append(strings.Split(string(r.Value()), " "), "", "")
	verb, first, second := words[0], words[1], words[2]
	number, _ := strconv.ParseInt(first, 10, 64)
	e.handled.Add(1)
	e.last.Set(number)
	switch verb {
	case "put":
		e.value.Put(first)
	case "get":
		value, found := e.value.Get()
		e.tell(r, value+" "+strconv.FormatBool(found))
	case "add":
		total, _ := e.number.Get()
		e.number.Put(total + number)
		e.tell(r, strconv.FormatInt(total+number, 10))
	case "sum":
		sum, found := e.sum.Get()
		e.tell(r, strconv.FormatInt(sum, 10)+" "+strconv.FormatBool(found))
	case "clear":
		e.value.Clear()
		e.list.Clear()
		e.entries.Clear()
		e.sum.Clear()
	case "append":
		e.list.Append(first)
	case "list":
		for element := range e.list.All() {
			e.tell(r, element)
		}
	case "set":
		e.entries.Put(number, second)
	case "delete":
		e.entries.Delete(number)
	case "entry":
		value, found := e.entries.Get(number)
		e.tell(r, value+" "+strconv.FormatBool(found))
	case "after":
		for key, value := range e.entries.After(number) {
			e.tell(r, strconv.FormatInt(key, 10)+":"+value)
		}
	case "entries":
		for key, value := range e.entries.All() {
			e.tell(r, strconv.FormatInt(key, 10)+":"+value)
		}
	case "event":
		e.event.Set(number)
	case "processing":
		e.processing.Set(number)
	case "forget":
		e.event.Delete(number)
	case "note":
		e.context.Info(first)
	case "panic":
		panic("asked to")
	case "fail":
		e.tell(r, "never seen")
		return &turgo.Failure{Code: 9, Text: "asked to fail"}
	}
	e.forward(r, verb)
	e.walk(r, verb, number)
	e.log.Emit([]byte(verb), []byte(first))
	return nil
}

// forward passes the record on, before and after what is emitted by its parts.
func (e *everything) forward(r *turgo.Batch, verb string) {
	switch verb {
	case "forward":
		e.out.Forward()
	case "twice":
		e.out.Forward()
		e.out.Forward()
		e.log.Forward()
	case "between":
		e.log.Forward()
		e.tell(r, "before")
		e.out.Forward()
		e.tell(r, "after")
	case "late":
		e.out.Forward()
		e.tell(r, "never seen")
		r.Fail(9, "asked to fail")
		e.out.Forward()
		e.tell(r, "never seen")
	}
}

// walk reads and writes what is larger than a page, while it is walked too.
func (e *everything) walk(r *turgo.Batch, verb string, number int64) {
	switch verb {
	case "large":
		text := strings.Repeat("x", int(max(number, 0))*2000)
		e.value.Put(text)
		e.list.Append(text)
		e.entries.Put(number, text)
		value, found := e.value.Get()
		e.tell(r, strconv.Itoa(len(value))+" "+strconv.FormatBool(found))
	case "copy":
		if value, found := e.value.Get(); found {
			e.out.Emit(r.Key(), []byte(value))
		}
	case "pairs":
		for key, value := range e.entries.All() {
			behind, elements := 0, 0
			for range e.entries.After(key) {
				behind++
			}
			for range e.list.All() {
				elements++
			}
			again, _ := e.entries.Get(key)
			e.tell(r, strconv.FormatInt(key, 10)+" "+strconv.Itoa(behind)+" "+strconv.Itoa(elements)+" "+strconv.FormatBool(again == value))
		}
	case "drain":
		for key := range e.entries.All() {
			e.entries.Delete(key)
			e.tell(r, strconv.FormatInt(key, 10))
		}
	case "grow":
		elements := 0
		for element := range e.list.All() {
			if elements++; elements < 5 {
				e.list.Append(element)
			}
		}
		e.tell(r, strconv.Itoa(elements))
	case "emit":
		e.out.Emit(r.Key(), make([]byte, number))
	}
}

func (e *everything) tell(r *turgo.Batch, text string) {
	e.out.Emit(r.Key(), []byte(e.prefix+text))
}

// add sums the numbers of each key. A value may be a verb instead.
func (e *everything) add(groups *turgo.Groups[int64]) {
	for groups.Next() {
		sum, _ := groups.Accumulator()
		removed := false
		for records := groups.Records(); records.Next(); {
			switch value := string(records.Value()); value {
			case "panic":
				panic("asked to")
			case "fail":
				groups.Fail(8, "asked to fail")
			case "remove":
				removed = true
			default:
				number, _ := strconv.ParseInt(value, 10, 64)
				sum += number
			}
		}
		if removed {
			groups.Remove()
		} else {
			groups.Put(sum)
		}
	}
}

func (e *everything) plain(in *turgo.Batch) {
	for in.Next() {
		e.out.Forward()
		e.log.EmitRecord(turgo.Record{Key: in.Value(), Value: in.Key(), Kind: in.Kind(), Timestamp: turgo.NoTimestamp})
	}
}

func (e *everything) fired(timers *turgo.Batch) {
	for timers.Next() {
		total, _ := e.number.Get()
		sum, _ := e.sum.Get()
		e.tell(timers, "fired at "+strconv.FormatInt(timers.Timestamp(), 10)+" with "+strconv.FormatInt(total, 10)+" and "+strconv.FormatInt(sum, 10))
	}
}

func init() {
	turgo.Register("everything", func() turgo.Operator { return new(everything) })
}

func main() {}
