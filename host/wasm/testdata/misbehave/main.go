// Command misbehave is a Go guest that does what the value of each record says:
// what operators do by mistake, and what they ask of an operating system.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strconv"
	"time"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

type misbehave struct {
	out   turgo.Output
	calls int
	kept  [][]byte
}

func (m *misbehave) Declare(d *turgo.Declaration) {
	d.Input("in", m.process)
	m.out = d.Output("out")
}

func (m *misbehave) process(in *turgo.Batch) {
	for in.Next() {
		m.calls++
		m.out.Emit(in.Key(), []byte(m.do(string(in.Value()), in)))
	}
}

var numbers = []int{1, 2, 3}

// mended is set by the linker in a build that has learned to behave.
var mended string

func (m *misbehave) do(what string, in *turgo.Batch) string {
	if mended != "" {
		return what
	}
	switch what {
	case "panic":
		return strconv.Itoa(numbers[len(what)])
	case "nil":
		var none *misbehave
		return strconv.Itoa(none.calls)
	case "exit":
		os.Exit(4)
	case "loop":
		for {
			m.calls++
		}
	case "recurse":
		return strconv.Itoa(m.recurse(1))
	case "eat":
		for {
			m.kept = append(m.kept, make([]byte, 1<<20))
			m.kept[len(m.kept)-1][0] = 1
		}
	case "fail":
		in.Fail(9, "not to my taste")
	case "deadlock":
		<-make(chan int)
	case "print":
		fmt.Println("to standard output")
		fmt.Fprint(os.Stderr, "to standard ", "error")
	case "clock":
		start := time.Now()
		for range 1_000_000 {
			m.calls++
		}
		return fmt.Sprint(start.UnixMilli(), " ", time.Since(start))
	case "sleep":
		start := time.Now()
		time.Sleep(250 * time.Millisecond)
		return fmt.Sprint(time.Since(start))
	case "goroutine":
		answers := make(chan string)
		go func() { answers <- "from a goroutine" }()
		return <-answers
	case "random":
		var b [8]byte
		if _, err := rand.Read(b[:]); err != nil {
			return err.Error()
		}
		return hex.EncodeToString(b[:])
	case "pseudorandom":
		return strconv.FormatUint(mathrand.Uint64(), 16)
	case "order":
		return order()
	case "select":
		return choices()
	case "file":
		_, err := os.ReadFile("/etc/passwd")
		return fmt.Sprint(err)
	case "environment":
		return fmt.Sprint(os.Args, os.Environ())
	case "calls":
		return strconv.Itoa(m.calls)
	}
	return what
}

// order is that in which a map gives its keys.
func order() string {
	keys := map[int]bool{}
	for i := range 100 {
		keys[i] = true
	}
	var text []byte
	for key := range keys {
		text = strconv.AppendInt(append(text, ' '), int64(key), 10)
	}
	return string(text)
}

// choices are those that select makes between what is ready.
func choices() string {
	even, odd := make(chan string, 64), make(chan string, 64)
	for range 64 {
		even <- "0"
		odd <- "1"
	}
	text := ""
	for range 64 {
		select {
		case choice := <-even:
			text += choice
		case choice := <-odd:
			text += choice
		}
	}
	return text
}

func (m *misbehave) recurse(n int) int { return n + m.recurse(n+1) + m.calls }

func init() {
	turgo.Register("misbehave", func() turgo.Operator { return new(misbehave) })
}

func main() {}
