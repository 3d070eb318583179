package kafka

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors"
)

// What was prepared is visible from its commit on, and not before; an epoch
// without records prepares nothing; a commit that is asked for again succeeds.
func TestSinkCommitsPreparedEpochs(t *testing.T) {
	onProtocols(t, 3, func(t *testing.T, brokers []string, topic string, protocol int) {
		s := openSinkWith(t, sinkConfig(t, brokers, topic, nil), protocol)
		w := openWriter(t, s, 0)
		if got := prepare(t, w, 1); len(got) != 0 {
			t.Fatalf("an empty epoch has committables: %v", got)
		}
		var all []string
		ids := map[string]bool{}
		for epoch := uint64(2); epoch < 14; epoch++ {
			values := numbered(string(rune('a'+epoch)), 100)
			write(t, w, values...)
			committables := prepare(t, w, epoch)
			if len(committables) != 1 {
				t.Fatalf("epoch %d: %d committables", epoch, len(committables))
			}
			ids[idOf(t, s, committables[0])] = true
			awaitCommitted(t, brokers, topic, all)
			if got := len(readAll(t, brokers, topic, kgo.ReadUncommitted())); got != len(all)+len(values) {
				t.Fatalf("epoch %d: %d records at the broker, want %d", epoch, got, len(all)+len(values))
			}
			mustCommit(t, s, committables)
			mustCommit(t, s, committables)
			all = append(all, values...)
			awaitCommitted(t, brokers, topic, all)
		}
		if len(ids) > slotsKept+1 {
			t.Errorf("12 epochs took %d transactional ids", len(ids))
		}
	})
}

// Epochs that wait for their commit have transactional ids of their own, however
// many they are, and none of them holds readers back once all are committed, in
// whatever order.
func TestSinkPreparesManyEpochs(t *testing.T) {
	onProtocols(t, 1, func(t *testing.T, brokers []string, topic string, protocol int) {
		s := openSinkWith(t, sinkConfig(t, brokers, topic, nil), protocol)
		w := openWriter(t, s, 0)
		var all []string
		var waiting []connectors.Committable
		ids := map[string]bool{}
		for round := range 2 {
			for epoch := range uint64(10) {
				values := numbered(string(rune('a'+round))+string(rune('a'+epoch)), 3)
				write(t, w, values...)
				waiting = append(waiting, prepare(t, w, epoch+1)...)
				all = append(all, values...)
			}
			for _, c := range waiting {
				ids[idOf(t, s, c)] = true
			}
			if len(ids) != 10*(round+1) {
				t.Fatalf("round %d: %d transactional ids for prepared epochs", round, len(ids))
			}
			slices.Reverse(waiting)
			mustCommit(t, s, waiting)
			waiting = waiting[:0]
			awaitCommitted(t, brokers, topic, all)
		}
	})
}

// A slot is not used again while its transaction may be committed once more: an
// attempt that dies after a commit, before a manifest records it, leaves a
// committable that the next attempt must be able to commit.
func TestCommitOfEarlierAttemptAfterSlotsMovedOn(t *testing.T) {
	onProtocols(t, 1, func(t *testing.T, brokers []string, topic string, protocol int) {
		config := sinkConfig(t, brokers, topic, nil)
		s := openSinkWith(t, config, protocol)
		s.kept = 1 // slots are used again as soon as they may be
		w := openWriter(t, s, 0)
		ids := map[string]bool{}
		var unrecorded []connectors.Committable
		var all []string
		for epoch := range uint64(20) {
			values := numbered(string(rune('a'+epoch)), 3)
			write(t, w, values...)
			committables := prepare(t, w, epoch+1)
			ids[idOf(t, s, committables[0])] = true
			// The host may die now. Its newest manifest is that of the epoch before,
			// which names the epoch before that as well, if the host took in the answer
			// to its commit late.
			mustCommit(t, openSinkWith(t, config, protocol), unrecorded)
			mustCommit(t, s, committables)
			all = append(all, values...)
			unrecorded = append(unrecorded, committables...)
			if len(unrecorded) > 2 {
				unrecorded = unrecorded[1:]
			}
		}
		awaitCommitted(t, brokers, topic, all)
		if len(ids) > 6 {
			t.Errorf("20 epochs took %d transactional ids: slots were not used again", len(ids))
		}
	})
}

// At least once: what Prepare has waited for is there, at once, without commits.
func TestSinkAtLeastOnce(t *testing.T) {
	onClusters(t, 3, func(t *testing.T, brokers []string, topic string) {
		config := sinkConfig(t, brokers, topic, map[string]any{"guarantee": "at_least_once"})
		s := &sink{}
		guarantee, err := s.Open(testContext(t), config)
		if err != nil || guarantee != connectors.AtLeastOnce {
			t.Fatalf("guarantee %q, %v", guarantee, err)
		}
		t.Cleanup(func() { s.Close() })
		if err := s.CleanUp(testContext(t), nil); err != nil {
			t.Fatal(err)
		}
		w := openWriter(t, s, 0)
		values := numbered("v", 1000)
		write(t, w, values...)
		if got := prepare(t, w, 1); len(got) != 0 {
			t.Fatalf("committables: %v", got)
		}
		slices.Sort(values)
		if got := valuesOf(readAll(t, brokers, topic, kgo.ReadUncommitted())); !slices.Equal(got, values) {
			t.Fatalf("%d records, want %d", len(got), len(values))
		}
	})
}
