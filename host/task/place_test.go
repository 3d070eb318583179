package task_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/exchange"
	"github.com/turgo-stream/turgo/host/task"
)

// relay is a task between two edges, of two operators that pass records on,
// some of them twice, and fail at their own letter.
type relay struct {
	*world
	letters *lettersOf
}

func newRelay(t *testing.T, letters [2]byte, hint func(int) int, in *exchange.Channel, out *exchange.Outbox) *relay {
	r := &relay{world: &world{t: t, nowMS: 1}, letters: &lettersOf{}}
	r.task = task.New(task.Config{
		ID: checkpoint.TaskID{Vertex: "relay"}, Parallelism: 1,
		Steps: []task.Step{
			{UID: string(letters[0]), Operator: &fussy{letter: letters[0], hint: hint}, OnFailure: deadLetter, Routes: [][]task.Route{{{Chained: true}}}},
			{UID: string(letters[1]), Operator: &fussy{letter: letters[1], hint: hint}, OnFailure: deadLetter, Routes: [][]task.Route{{{Outbox: out}}}},
		},
		Inbox: exchange.NewInbox([]exchange.Input{{Channel: in}}), Letters: r.letters,
		NowMS:     func() int64 { return r.nowMS },
		NewWorker: func(name string, mailbox *task.Mailbox) task.Worker { return worker{r.world, name, mailbox} },
		Listener:  r, Wake: func() {}, Context: context.Background(),
	})
	return r
}

// TestPlacesAreKnownBehindEdges leads records from a source over two edges, and
// has them fail at each of six operators on the way.
func TestPlacesAreKnownBehindEdges(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 4))
		hint := hintsOf(random)
		nothing := func() {}
		first, second, last := exchange.NewChannel(nothing, nothing), exchange.NewChannel(nothing, nothing), exchange.NewChannel(nothing, nothing)
		outOf := func(c *exchange.Channel) *exchange.Outbox {
			return exchange.NewOutbox(exchange.Key, 8, []*exchange.Channel{c})
		}
		in, want := &batches{}, map[string]string{}
		at := 0
		for range 4 {
			var list []string
			for i := range 1 + random.IntN(30) {
				list = append(list, fmt.Sprintf("%c%d-%d", "ggggxymnpq"[random.IntN(10)], len(in.list), i))
				if random.IntN(3) == 0 {
					list[i] += "twice"
				}
			}
			at += len(list)
			for i, value := range list {
				want[value] = fmt.Sprint("in a ", at, " ", i)
			}
			in.list = append(in.list, batchOf(list...))
		}
		w := newFussyWorld(t, in, deadLetter, hint)
		w.build(deadLetter, w.first)
		source := sourceTask(w, outOf(first))
		relays := []*relay{newRelay(t, [2]byte{'m', 'n'}, hint, first, outOf(second)), newRelay(t, [2]byte{'p', 'q'}, hint, second, outOf(last))}
		end := exchange.NewInbox([]exchange.Input{{Channel: last}})
		for range 2000 {
			source.mustTurn()
			source.nowMS += 10
			for _, r := range relays {
				r.mustTurn()
				r.nowMS += 10
			}
			if e, ok := end.Next(); ok && e.Kind == exchange.Batch {
				checkPlaces(t, seed, e.Buffer, want)
			}
		}
		checkLetters(t, seed, want, w.letters, relays[0].letters, relays[1].letters)
	}
}

// sourceTask is the source with both operators of a world, without its sink.
func sourceTask(w *fussyWorld, out *exchange.Outbox) *world {
	w.in.at, w.in.count = 0, 0
	w.task = task.New(task.Config{
		ID: checkpoint.TaskID{Vertex: "in"}, Parallelism: 1,
		Steps: []task.Step{
			{UID: "in", Routes: [][]task.Route{{{Chained: true}}}},
			{UID: "x", Operator: w.first, OnFailure: deadLetter, Routes: [][]task.Route{{{Chained: true}}}},
			{UID: "y", Operator: w.second, OnFailure: deadLetter, Routes: [][]task.Route{{{Outbox: out}}}},
		},
		Source:  &task.SourceConfig{UID: "in", Open: func(context.Context) (connectors.Reader, error) { return w.in, nil }},
		Letters: w.letters, NowMS: func() int64 { return w.nowMS },
		NewWorker: func(name string, mailbox *task.Mailbox) task.Worker { return worker{w.world, name, mailbox} },
		Listener:  w, Wake: func() {}, Context: context.Background(),
	})
	w.task.Assign(splits("a"), true)
	return w.world
}

func checkPlaces(t *testing.T, seed uint64, buffer *exchange.Buffer, want map[string]string) {
	t.Helper()
	index := 0
	for r := buffer.Batch.Records(); r.Next(); index++ {
		place := exchange.PlaceOf(buffer.Places, index)
		if place == nil {
			t.Fatalf("seed %d: nobody knows where %s came from", seed, r.Record().Value())
		}
		if got := fmt.Sprintf("%s %s %s %d", place.Source, place.Split, place.Position, r.Record().Origin()); got != want[string(r.Record().Value())] {
			t.Fatalf("seed %d: %s came from %s, want %s", seed, r.Record().Value(), got, want[string(r.Record().Value())])
		}
	}
}

// checkLetters wants a letter of each record that begins with an operator's
// letter, as often as the operators before passed it on, with its place.
func checkLetters(t *testing.T, seed uint64, want map[string]string, keepers ...*lettersOf) {
	t.Helper()
	seen := map[string]bool{}
	for _, keeper := range keepers {
		for _, l := range keeper.open {
			r := l.Record.Records()
			r.Next()
			value := string(r.Record().Value())
			seen[value] = true
			got := fmt.Sprintf("%s %s %s %d", l.Place.Source, l.Place.Split, l.Place.Position, l.Place.Index)
			if value[:1] != l.UID || got != want[value] {
				t.Fatalf("seed %d: %s failed at %s, from %q, want %q", seed, value, l.UID, got, want[value])
			}
		}
	}
	for value := range want {
		if poisoned := slices.Contains([]byte("xymnpq"), value[0]); poisoned != seen[value] {
			t.Fatalf("seed %d: %s has a letter: %v, want %v", seed, value, seen[value], poisoned)
		}
	}
}
