package exchange_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/exchange"
	"github.com/turgo-stream/turgo/host/keygroup"
)

func nothing() {}

// pipe is an edge of one sending and several receiving subtasks.
type pipe struct {
	outbox  *exchange.Outbox
	inboxes []*exchange.Inbox
}

func newPipe(partitioning exchange.Partitioning, receivers int) *pipe {
	p := &pipe{}
	var channels []*exchange.Channel
	for range receivers {
		c := exchange.NewChannel(nothing, nothing)
		channels = append(channels, c)
		p.inboxes = append(p.inboxes, exchange.NewInbox([]exchange.Input{{Channel: c}}))
	}
	p.outbox = exchange.NewOutbox(partitioning, 128, channels)
	return p
}

// drain takes all that waits for a receiver.
func (p *pipe) drain(receiver int) (keys []string, controls []string) {
	for {
		e, ok := p.inboxes[receiver].Next()
		if !ok {
			return keys, controls
		}
		if e.Kind != exchange.Batch {
			controls = append(controls, e.Kind.String())
			continue
		}
		for r := e.Buffer.Batch.Records(); r.Next(); {
			keys = append(keys, string(r.Record().Key()))
		}
		e.Buffer.Release()
	}
}

func batchOf(keys ...string) record.Batch {
	var b record.Builder
	for _, key := range keys {
		b.Append(record.Record{Key: []byte(key), Value: []byte("v"), Timestamp: record.NoTimestamp})
	}
	return b.Finish()
}

func TestKeyEdgeSendsEachKeyToTheOwnerOfItsGroup(t *testing.T) {
	p := newPipe(exchange.Key, 3)
	for i := range 100 {
		if err := p.outbox.Add(batchOf(fmt.Sprint("key", i), fmt.Sprint("other", i)), exchange.Trace{}); err != nil {
			t.Fatal(err)
		}
	}
	p.outbox.Send(exchange.Element{Kind: exchange.Barrier, Value: 1})
	seen := 0
	for receiver := range p.inboxes {
		keys, controls := p.drain(receiver)
		for _, key := range keys {
			if owner := keygroup.Owner(keygroup.Of([]byte(key), 128), 128, 3); owner != receiver {
				t.Errorf("key %s went to subtask %d, its owner is %d", key, receiver, owner)
			}
		}
		seen += len(keys)
		if fmt.Sprint(controls) != "[barrier]" {
			t.Errorf("subtask %d got controls %v behind the records", receiver, controls)
		}
	}
	if seen != 200 {
		t.Errorf("200 records went in, %d came out", seen)
	}
}

func TestKeyEdgeBlamesTheRecordsWithoutKey(t *testing.T) {
	p := newPipe(exchange.Key, 2)
	var b record.Builder
	b.Append(record.Record{Key: []byte("a")})
	b.Append(record.Record{})
	b.Append(record.Record{Key: []byte("b")})
	b.Append(record.Record{})
	err := p.outbox.Add(b.Finish(), exchange.Trace{})
	var blamed *exchange.RecordError
	if !errors.As(err, &blamed) || fmt.Sprint(blamed.Indexes) != "[1 3]" {
		t.Fatalf("got %v, want an error that blames records 1 and 3", err)
	}
	p.outbox.Flush()
	first, _ := p.drain(0)
	second, _ := p.drain(1)
	if len(first)+len(second) != 2 {
		t.Errorf("the others came out as %v and %v", first, second)
	}
}

func TestBroadcastAndRebalance(t *testing.T) {
	for _, c := range []struct {
		partitioning exchange.Partitioning
		want         string
	}{
		{exchange.Broadcast, "[a b] [a b]"},
		{exchange.Rebalance, "[a] [b]"},
	} {
		p := newPipe(c.partitioning, 2)
		for _, key := range []string{"a", "b"} {
			if err := p.outbox.Add(batchOf(key), exchange.Trace{}); err != nil {
				t.Fatal(err)
			}
		}
		p.outbox.Flush()
		first, _ := p.drain(0)
		second, _ := p.drain(1)
		if got := fmt.Sprint(first, " ", second); got != c.want {
			t.Errorf("partitioning %d: got %s, want %s", c.partitioning, got, c.want)
		}
	}
}

// TestNothingIsLostWhenAChannelIsFull sends far more than a channel holds: the
// rest waits in the outbox, which has no room until it is gone.
func TestNothingIsLostWhenAChannelIsFull(t *testing.T) {
	p := newPipe(exchange.Forward, 1)
	const batches = 5 * exchange.ChannelElements
	for i := range batches {
		if err := p.outbox.Add(batchOf(fmt.Sprint(i)), exchange.Trace{}); err != nil {
			t.Fatal(err)
		}
		p.outbox.Flush()
	}
	if p.outbox.Room() {
		t.Fatal("a full channel shows room")
	}
	var keys []string
	for rounds := 0; !p.outbox.Room(); rounds++ {
		got, _ := p.drain(0)
		keys = append(keys, got...)
		if rounds > batches {
			t.Fatal("the outbox never gets room")
		}
	}
	got, _ := p.drain(0)
	keys = append(keys, got...)
	for i := range batches {
		if i >= len(keys) || keys[i] != fmt.Sprint(i) {
			t.Fatalf("record %d is lost or out of order in %v", i, keys)
		}
	}
}

func BenchmarkKeyPartition(b *testing.B) {
	p := newPipe(exchange.Key, 2)
	var keys []string
	for i := range 1000 {
		keys = append(keys, fmt.Sprintf("key-%012d", i*7919))
	}
	batch := batchOf(keys...)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += len(keys) {
		if err := p.outbox.Add(batch, exchange.Trace{}); err != nil {
			b.Fatal(err)
		}
		p.outbox.Room()
		for _, inbox := range p.inboxes {
			for {
				e, ok := inbox.Next()
				if !ok {
					break
				}
				e.Buffer.Release()
			}
		}
	}
}
