// Command whims is a Go guest that lets all that an operator can observe reach
// its output and its state: random numbers, the clock, the order of maps and of
// select, lists, maps, timers.
package main

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

// mended is set by the linker in the build that has no fault any more.
var mended string

type whims struct {
	last    turgo.Value[[]byte]
	history turgo.List[[]byte]
	seen    turgo.Map[string, []byte]
	event   turgo.Timer
	clock   turgo.Timer
	out     turgo.Output
}

func (w *whims) Declare(d *turgo.Declaration) {
	d.Input("in", w.process)
	w.out = d.Output("out")
	w.last = turgo.NewValue(d, "last", turgo.Bytes).Expiring(5000)
	w.history = turgo.NewList(d, "history", turgo.Bytes)
	w.seen = turgo.NewMap(d, "seen", turgo.String, turgo.Bytes)
	w.event = d.EventTimer("event", w.fired)
	w.clock = d.ProcessingTimer("clock", w.fired)
}

func (w *whims) process(in *turgo.Batch) {
	for in.Next() {
		switch value := string(in.Value()); {
		case value == "trap" && mended == "":
			w.last.Put([]byte("never"))
			w.history.Append([]byte("never"))
			w.event.Set(in.Timestamp() + 77)
			w.out.Emit(in.Key(), []byte("never"))
			fmt.Println("about to", "panic")
			panic("as asked")
		case value == "fail":
			w.last.Put([]byte("never"))
			in.Fail(3, "as asked with "+draw())
			continue
		}
		w.whim(in)
		w.event.Set(in.Timestamp() + int64(in.Value()[0])%7)
		w.clock.Set(in.ProcessingTime() + int64(in.Value()[0])%5)
	}
}

// draw is eight random bytes of the host.
func draw() string {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err)
	}
	return fmt.Sprintf("%x", b)
}

// whim lets everything reach the output and the state.
func (w *whims) whim(in *turgo.Batch) {
	order := ""
	for key := range map[string]bool{"a": true, "b": true, "c": true, "d": true, "e": true} {
		order += key
	}
	results := make(chan string, 8)
	for i := range 8 {
		go func() { results <- fmt.Sprint(i) }()
	}
	for range 8 {
		order += <-results
	}
	before := time.Now()
	time.Sleep(time.Duration(in.Len()) * time.Millisecond)
	old, _ := w.last.Get()
	text := fmt.Sprintf("%s %d %x %s %d %v %d %.8s", in.Key(), in.Watermark(), mathrand.Uint64(), draw(), before.UnixNano(), time.Since(before), in.ProcessingTime(), old)
	for element := range w.history.All() {
		text += fmt.Sprintf(" %.2s", element)
	}
	for key := range w.seen.All() {
		text += " " + key
	}
	w.last.Put([]byte(draw()))
	w.history.Append([]byte(order))
	w.seen.Put(order[:2], []byte(text))
	w.out.Emit(in.Key(), []byte(text+" "+order))
}

func (w *whims) fired(timers *turgo.Batch) {
	for timers.Next() {
		if timers.Timestamp()%13 == 12 && mended == "" {
			panic("thirteen")
		}
		w.whim(timers)
	}
}

func init() { turgo.Register("whims", func() turgo.Operator { return new(whims) }) }

func main() {}
