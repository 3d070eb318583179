package letter

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/memstore"
)

func oneRecord(key, value string) record.Batch {
	var b record.Builder
	b.Append(record.Record{Key: []byte(key), Value: []byte(value), Timestamp: 5})
	return b.Finish()
}

func fullLetter() *Letter {
	return &Letter{
		ID: "u-1-2-3", UID: "u", Kind: Timer, Input: 1, Timer: 2, Record: oneRecord("k", "v"),
		Place:  Place{Source: "in", Split: "s", Position: []byte{1, 2}, Index: 7},
		Module: "digest", Entry: "e", Error: Error{Kind: "trap", Code: 9, Reason: "why", Stack: "where"},
		Attempts: 3, FirstMS: 10, LastMS: 20, Watermark: -5, ProcessingTimeMS: 30, Subtask: 1, Parallelism: 2, Seed: []byte{7, 8},
		State:           []StateEntry{{State: "s", Kind: "map", Key: []byte("a"), Value: []byte("b"), Version: 4, ExpiresMS: 99}},
		StateIncomplete: true, Command: 12,
		Edits: []Edit{{By: "ann", AtMS: 15, Command: 11, Original: oneRecord("k", "old")}, {By: "bob", AtMS: 16, Command: 12}},
	}
}

func TestLetterRoundTrip(t *testing.T) {
	want := fullLetter()
	got, err := decodeLetter(appendLetter(nil, want))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if string(firstValue(got.Original())) != "old" {
		t.Errorf("the original holds %q", firstValue(got.Original()))
	}
}

// TestFullLetterIsFull keeps the round trip honest: a field that is new must be
// set there, and so be encoded.
func TestFullLetterIsFull(t *testing.T) {
	l := fullLetter()
	for _, v := range []any{*l, l.Place, l.Error, l.State[0], l.Edits[0]} {
		value := reflect.ValueOf(v)
		for i := range value.NumField() {
			if value.Field(i).IsZero() {
				t.Errorf("%s.%s is not set", value.Type(), value.Type().Field(i).Name)
			}
		}
	}
}

func firstValue(batch record.Batch) []byte {
	records := batch.Records()
	records.Next()
	return records.Record().Value()
}

// TestLettersAreClipped keeps what a guest says within bounds.
func TestLettersAreClipped(t *testing.T) {
	l := fullLetter()
	l.Error.Reason, l.Error.Stack = strings.Repeat("r", 2*ReasonBytesMax), strings.Repeat("s", 2*StackBytesMax)
	got, err := decodeLetter(appendLetter(nil, l))
	if err != nil || len(got.Error.Reason) != ReasonBytesMax || len(got.Error.Stack) != StackBytesMax {
		t.Errorf("reason %d, stack %d bytes: %v", len(got.Error.Reason), len(got.Error.Stack), err)
	}
}

// write freezes what add added, and settles the write.
func write(t *testing.T, k *Keeper, epoch checkpoint.Epoch, add func()) []checkpoint.LetterSegment {
	t.Helper()
	add()
	if work := k.Freeze(epoch); work != nil {
		if err := work(context.Background()); err != nil {
			t.Fatal(err)
		}
		k.Settle(nil)
	}
	return k.Segments(epoch)
}

func newKeeper(store checkpoint.Store, name string) *Keeper {
	return NewKeeper(KeeperConfig{Store: store, Prefix: checkpoint.LetterPrefix + name + "-", Attempt: 1})
}

func add(t *testing.T, k *Keeper, l *Letter) string {
	t.Helper()
	if err := k.Add(l); err != nil {
		t.Fatal(err)
	}
	return l.ID
}

func simple(key string) *Letter {
	return &Letter{UID: "u", Kind: Record, Record: oneRecord(key, "v-"+key), FirstMS: 1, LastMS: 1}
}

func TestKeeperHandsOnWhatNoCheckpointHolds(t *testing.T) {
	store := memstore.New()
	k := newKeeper(store, "t")
	first := write(t, k, 1, func() { add(t, k, simple("a")) })
	if len(first) != 1 || first[0].Letters != 1 {
		t.Fatalf("first snapshot: %+v", first)
	}
	// Epoch 1 is aborted: the next snapshot lists its segment again.
	if got := write(t, k, 2, func() {}); !reflect.DeepEqual(got, first) {
		t.Errorf("after an aborted epoch: %+v", got)
	}
	// What was written ahead of the next barrier is not of this epoch.
	add(t, k, simple("b"))
	k.seal()
	ahead := k.write(0)
	if err := ahead(context.Background()); err != nil {
		t.Fatal(err)
	}
	k.Settle(nil)
	if got := k.Segments(2); !reflect.DeepEqual(got, first) {
		t.Errorf("written ahead: %+v", got)
	}
	k.Complete(2)
	third := write(t, k, 3, func() { add(t, k, simple("c")) })
	if len(third) != 2 || third[0].Object == first[0].Object {
		t.Errorf("third snapshot: %+v", third)
	}
	k.Complete(2) // says nothing about epoch 3
	if got := k.Segments(4); !reflect.DeepEqual(got, third) {
		t.Errorf("an old completion took segments away: %+v", got)
	}
	k.Complete(4)
	if got := k.Segments(5); len(got) != 0 {
		t.Errorf("after all is complete: %+v", got)
	}
}

func TestKeeperKeepsWhatWasNotWritten(t *testing.T) {
	store := memstore.New()
	k := newKeeper(store, "t")
	store.SetHook(func(memstore.Operation) memstore.Fault { return memstore.Full() })
	id := add(t, k, simple("a"))
	work := k.Freeze(1)
	err := work(context.Background())
	if !errors.Is(err, checkpoint.ErrFull) {
		t.Fatal(err)
	}
	k.Settle(err)
	if got := k.Segments(1); len(got) != 0 {
		t.Errorf("a failed write is listed: %+v", got)
	}
	store.SetHook(nil)
	segments := write(t, k, 2, func() { k.Answer(Answer{ID: "x-1-0-1", Command: 3}) })
	b := NewBook(store)
	if err := b.Sync(context.Background(), segments); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Item(id); err != nil {
		t.Error(err)
	}
}

func TestKeeperAsksForRoom(t *testing.T) {
	store := memstore.New()
	k := newKeeper(store, "t")
	big := strings.Repeat("x", 1<<20)
	for range 16 {
		l := simple("k")
		l.Record = oneRecord("k", big)
		add(t, k, l)
	}
	if k.Room() {
		t.Fatal("16 MiB leave room")
	}
	ahead := k.Ahead()
	if ahead == nil {
		t.Fatal("nothing is written ahead")
	}
	if err := ahead(context.Background()); err != nil {
		t.Fatal(err)
	}
	k.Settle(nil)
	if !k.Room() {
		t.Error("there is no room after the write")
	}
	if segments := write(t, k, 1, func() {}); len(segments) != 1 || segments[0].Letters != 16 {
		t.Errorf("%+v", segments)
	}
}

// TestCommandsOfManyProcesses appends from many at once: each number is taken
// once, and none is lost.
func TestCommandsOfManyProcesses(t *testing.T) {
	store := memstore.New()
	ctx := context.Background()
	none := func(context.Context) (uint64, error) { return 7, nil }
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 5 {
				c := &Command{Kind: DiscardCommand, IDs: []string{fmt.Sprint(i, j)}, By: "x"}
				if err := AppendCommand(ctx, store, c, none); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	b := NewBook(store)
	if fresh, err := b.ReadCommands(ctx); err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	seen := map[string]bool{}
	for i, number := range b.Numbers() {
		if number != uint64(8+i) {
			t.Errorf("command %d has the number %d", i, number)
		}
		seen[b.commands[number].IDs[0]] = true
	}
	if len(seen) != 40 {
		t.Errorf("%d of 40 commands are there", len(seen))
	}
}

// TestCommandAtADeletedNumber: a process that stood still finds a number free
// that was used and deleted. Its command comes again at a new one.
func TestCommandAtADeletedNumber(t *testing.T) {
	store := memstore.New()
	asked := 0
	deleted := func(context.Context) (uint64, error) {
		asked++
		if asked == 1 {
			return 0, nil
		}
		return 20, nil
	}
	c := &Command{Kind: DiscardCommand, IDs: []string{"a"}}
	if err := AppendCommand(context.Background(), store, c, deleted); err != nil || c.Number != 21 {
		t.Errorf("number %d: %v", c.Number, err)
	}
}

func FuzzDecodeLetter(f *testing.F) {
	f.Add(appendLetter(nil, fullLetter()))
	f.Add(appendAnswer(nil, Answer{ID: "a", Command: 1}))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := decodeLetter(data)
		if err != nil {
			return
		}
		again, err := decodeLetter(appendLetter(nil, l))
		if err != nil {
			t.Fatalf("what was decoded cannot be: %v", err)
		}
		l.Error.Reason, l.Error.Stack = clip(l.Error.Reason, ReasonBytesMax), clip(l.Error.Stack, StackBytesMax)
		if !reflect.DeepEqual(l, again) {
			t.Errorf("got  %+v\nthen %+v", l, again)
		}
	})
}

func FuzzSegment(f *testing.F) {
	b, at := openFrame(appendSegmentHead(nil))
	b = appendLetter(b, fullLetter())
	closeFrame(b, at)
	f.Add(b)
	f.Fuzz(func(t *testing.T, data []byte) {
		store := memstore.New()
		if err := store.Create(context.Background(), "letters/x", data); err != nil {
			t.Fatal(err)
		}
		book := NewBook(store)
		segment := checkpoint.LetterSegment{Object: "letters/x", Bytes: int64(len(data)), Checksum: checksum(data)}
		if err := book.Sync(context.Background(), []checkpoint.LetterSegment{segment}); err != nil {
			t.Fatal(err)
		}
		for _, item := range book.Items(func(*Item) bool { return true }) {
			// The rest of a letter may be malformed still: that is an error, no more.
			if l, err := book.Read(context.Background(), item.ID); err == nil && l.ID != item.ID {
				t.Errorf("%s reads as %s", item.ID, l.ID)
			}
		}
	})
}

func FuzzDecodeCommand(f *testing.F) {
	data, err := encodeCommand(&Command{Kind: EditCommand, IDs: []string{"a"}, By: "x", Patch: &Patch{SetValue: true, Value: []byte("v")}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(commandHead))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decodeCommand(data)
		if err != nil {
			return
		}
		again, err := encodeCommand(c)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeCommand(again); err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("got  %+v (%v)\nwant %+v", got, err, c)
		}
	})
}
