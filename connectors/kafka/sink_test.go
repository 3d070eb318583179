package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What was prepared is visible from its commit on, and not before; an epoch
// without records prepares nothing.
func TestSinkCommitsPreparedEpochs(t *testing.T) {
	cluster := fakeCluster(t, 3, "orders")
	brokers := cluster.ListenAddrs()
	s := openSink(t, sinkConfig(t, brokers, "orders", nil))
	w := openWriter(t, s, 0)
	if got := prepare(t, w, 1); len(got) != 0 {
		t.Fatalf("an empty epoch has committables: %v", got)
	}
	var all []string
	for epoch := uint64(2); epoch < 12; epoch++ {
		values := numbered(string(rune('a'+epoch)), 100)
		write(t, w, values...)
		committables := prepare(t, w, epoch)
		if len(committables) != 1 {
			t.Fatalf("epoch %d: %d committables", epoch, len(committables))
		}
		awaitCommitted(t, brokers, "orders", all)
		if got := len(readAll(t, brokers, "orders", kgo.ReadUncommitted())); got != len(all)+len(values) {
			t.Fatalf("epoch %d: %d records at the broker", epoch, got)
		}
		mustCommit(t, s, committables)
		mustCommit(t, s, committables)
		all = append(all, values...)
		awaitCommitted(t, brokers, "orders", all)
	}
}
