package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors/kafka/localbroker"
	"github.com/turgo-stream/turgo/connectors/kafka/localbroker/brokertest"
	"github.com/turgo-stream/turgo/faults/ledger"
)

const testLimit = 2 * time.Minute

// TestReadersSeeWhatIsCommitted checks both readers: they see what is committed,
// nothing that was aborted or is open, and agree; and what is open is found.
func TestReadersSeeWhatIsCommitted(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), testLimit)
	defer cancel()
	broker := brokertest.Start(t, localbroker.Options{})
	addresses := broker.Addresses()
	topic := brokertest.Topic(t, addresses, 2)
	client, err := kgo.NewClient(append(clientOptions(addresses), kgo.DefaultProduceTopic(topic), kgo.TransactionalID("a"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	id := 0
	produce := func(records int) {
		t.Helper()
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for range records {
			id++
			record := &kgo.Record{Key: fmt.Appendf(nil, "k%d", id%7), Value: fmt.Appendf(nil, "%d %d %d", id, 1, -id)}
			if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	end := func(how kgo.TransactionEndTry) {
		t.Helper()
		if err := client.EndTransaction(ctx, how); err != nil {
			t.Fatal(err)
		}
	}
	read := func() []ledger.Output {
		t.Helper()
		one, err := readOutputs(ctx, addresses, topic)
		if err != nil {
			t.Fatal(err)
		}
		other, err := readOutputsByKcat(ctx, addresses, topic)
		if err != nil {
			t.Fatal(err)
		}
		if err := sameOutputs(one, other); err != nil {
			t.Fatal(err)
		}
		if len(one) > 0 && sameOutputs(one, other[1:]) == nil {
			t.Fatal("readers that saw different numbers of outputs agree")
		}
		return one
	}
	produce(20)
	end(kgo.TryCommit)
	produce(10)
	end(kgo.TryAbort)
	produce(5)
	end(kgo.TryCommit)
	outputs := read()
	if len(outputs) != 25 {
		t.Errorf("%d outputs, want the 25 that are committed", len(outputs))
	}
	for _, o := range outputs {
		if o.ID > 20 && o.ID <= 30 {
			t.Errorf("%s was aborted", &o)
		}
		if o.Sum != -int64(o.ID) {
			t.Errorf("%s was read wrong", &o)
		}
	}
	if left, err := unfinished(ctx, addresses, topic); err != nil || len(left) > 0 {
		t.Errorf("before the open transaction: %q, %v", left, err)
	}
	produce(1)
	if n := len(read()); n != 25 {
		t.Errorf("%d outputs with a transaction open", n)
	}
	left, err := unfinished(ctx, addresses, topic)
	if text := strings.Join(left, "\n"); err != nil || !strings.Contains(text, "transaction a is Ongoing") || !strings.Contains(text, "readers get no further") {
		t.Errorf("with a transaction open: %q, %v", left, err)
	}
	end(kgo.TryAbort)
}

// TestLoadOutlivesBroker kills the broker under the producer: each record is
// there once, in the order of its key.
func TestLoadOutlivesBroker(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), testLimit)
	defer cancel()
	broker := brokertest.Start(t, localbroker.Options{})
	topic := brokertest.Topic(t, broker.Addresses(), 3)
	l, err := startLoad(broker.Addresses(), topic, 2000, 1)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		acked := l.acked.Load()
		for l.acked.Load() < acked+500 {
			select {
			case <-ctx.Done():
				t.Fatal("the producer stands still")
			case <-l.failed:
				t.Fatal(*l.failure.Load())
			case <-time.After(tick):
			}
		}
		if err := broker.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := broker.Restart(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.end(ctx); err != nil {
		t.Fatal(err)
	}
	inputs, err := readInputs(ctx, broker.Addresses(), topic)
	if err != nil {
		t.Fatal(err)
	}
	if given := l.next.Load(); uint64(len(inputs)) != given || l.acked.Load() != int64(given) {
		t.Errorf("%d given, %d acknowledged, %d there", given, l.acked.Load(), len(inputs))
	}
	newest := map[string]uint64{}
	seen := map[uint64]bool{}
	for _, in := range inputs {
		if seen[in.ID] || newest[in.Key] > in.ID {
			t.Errorf("id %d of key %s comes again or late", in.ID, in.Key)
		}
		seen[in.ID], newest[in.Key] = true, in.ID
	}
}
