package kafka

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/turgo-stream/turgo/connectors"
)

// CleanUp aborts what earlier attempts of this job and step left open, but what
// is kept, and leaves alone what later attempts, other steps and other jobs have.
func TestCleanUpAbortsOrphansOnly(t *testing.T) {
	onProtocols(t, 1, func(t *testing.T, brokers []string, topic string, protocol int) {
		base := sinkConfig(t, brokers, topic, nil)
		with := func(change func(*connectors.Config)) (s *sink, committable connectors.Committable, value string) {
			config := base
			change(&config)
			s = openSinkWith(t, config, protocol)
			w := openWriter(t, s, 0)
			value = strings.Join([]string{config.JobUUID, config.UID, string(rune('0' + config.Attempt))}, "|")
			write(t, w, value)
			return s, prepare(t, w, 1)[0], value
		}
		at := func(attempt uint64) func(*connectors.Config) {
			return func(c *connectors.Config) { c.Attempt = attempt }
		}
		lost2, orphan2, _ := with(at(2))
		lost4, orphan4, _ := with(at(4))
		_, kept, keptValue := with(at(3))
		later, laterOne, laterValue := with(at(6))
		step, stepOne, stepValue := with(func(c *connectors.Config) { c.Attempt, c.UID = 4, testUID+"b" })
		part, partOne, partValue := with(func(c *connectors.Config) { c.Attempt, c.UID = 4, testUID[:2] })
		job, jobOne, jobValue := with(func(c *connectors.Config) { c.Attempt, c.JobUUID = 4, c.JobUUID+"s" })

		config := base
		config.Attempt = 5
		now := openSinkWith(t, config, protocol)
		if err := now.CleanUp(testContext(t), []connectors.Committable{kept}); err != nil {
			t.Fatal(err)
		}
		if err := now.CleanUp(testContext(t), []connectors.Committable{kept}); err != nil {
			t.Fatalf("a second time: %v", err)
		}
		for s, orphan := range map[*sink]connectors.Committable{lost2: orphan2, lost4: orphan4} {
			results, err := s.Commit(testContext(t), []connectors.Committable{orphan})
			if err != nil || results[0].Outcome != connectors.CommitLost || !strings.Contains(results[0].Reason, idOf(t, s, orphan)) || !strings.Contains(results[0].Reason, topic) {
				t.Errorf("orphan %s: %v, %+v", orphan.ID, err, results)
			}
		}
		mustCommit(t, now, []connectors.Committable{kept})
		mustCommit(t, later, []connectors.Committable{laterOne})
		mustCommit(t, step, []connectors.Committable{stepOne})
		mustCommit(t, part, []connectors.Committable{partOne})
		mustCommit(t, job, []connectors.Committable{jobOne})
		awaitCommitted(t, brokers, topic, []string{keptValue, laterValue, stepValue, partValue, jobValue})
	})
}

// A process of the attempt before that stood still cannot go on with what it
// had, open or idle.
func TestCleanUpFencesAZombie(t *testing.T) {
	onProtocols(t, 1, func(t *testing.T, brokers []string, topic string, protocol int) {
		config := sinkConfig(t, brokers, topic, nil)
		zombie := openSinkWith(t, config, protocol)
		w := openWriter(t, zombie, 0)
		write(t, w, "first")
		first := prepare(t, w, 1)
		mustCommit(t, zombie, first)
		write(t, w, "open")
		if err := w.(*transactionWriter).feed.flush(testContext(t), w.(*transactionWriter).current.client); err != nil {
			t.Fatal(err)
		}
		config.Attempt = 2
		now := openSinkWith(t, config, protocol)
		if err := now.CleanUp(testContext(t), first); err != nil {
			t.Fatal(err)
		}
		err := w.Write(testContext(t), batchOf("late"))
		if err == nil {
			_, err = w.Prepare(testContext(t), 2)
		}
		if err == nil {
			t.Fatal("the zombie prepares an epoch")
		}
		mustCommit(t, now, first)
		awaitCommitted(t, brokers, topic, []string{"first"})
	})
}

// What was committed can be committed again after later attempts have cleaned up
// without naming it: a user may go back to a checkpoint that does.
func TestCleanUpSparesWhatWasCommitted(t *testing.T) {
	onProtocols(t, 1, func(t *testing.T, brokers []string, topic string, protocol int) {
		if strings.Contains(t.Name(), "in_process") {
			return // that cluster does not tell how the last transaction of an id ended
		}
		config := sinkConfig(t, brokers, topic, nil)
		s := openSinkWith(t, config, protocol)
		w := openWriter(t, s, 0)
		var committables []connectors.Committable
		for epoch := range uint64(3) {
			write(t, w, epochPrefix(int(epoch)))
			committables = append(committables, prepare(t, w, epoch+1)...)
		}
		mustCommit(t, s, committables[:2])
		for range 3 {
			config.Attempt++
			if err := openSinkWith(t, config, protocol).CleanUp(testContext(t), nil); err != nil {
				t.Fatal(err)
			}
		}
		mustCommit(t, openSinkWith(t, config, protocol), committables[:2])
		awaitCommitted(t, brokers, topic, []string{"a", "b"})
	})
}

// Brokers that cannot list transactions do not keep a job from its start.
func TestCleanUpWithoutLists(t *testing.T) {
	cluster := fakeCluster(t, 1, "orders", kfake.MaxVersions(withoutLists()))
	s := openSink(t, sinkConfig(t, cluster.ListenAddrs(), "orders", nil))
	if err := s.CleanUp(testContext(t), nil); err != nil {
		t.Fatal(err)
	}
}

// Abort drops prepared output, as often as it is called, and does not take back
// what is committed.
func TestAbort(t *testing.T) {
	onProtocols(t, 1, func(t *testing.T, brokers []string, topic string, protocol int) {
		s := openSinkWith(t, sinkConfig(t, brokers, topic, nil), protocol)
		w := openWriter(t, s, 0)
		write(t, w, "dropped")
		dropped := prepare(t, w, 1)
		write(t, w, "kept")
		kept := prepare(t, w, 2)
		mustCommit(t, s, kept)
		for range 2 {
			if err := s.Abort(testContext(t), append(dropped, kept...)); err != nil {
				t.Fatal(err)
			}
		}
		if got := commit(t, s, dropped); got[0].Outcome != connectors.CommitLost {
			t.Errorf("outcome %d of a commit after an abort", got[0].Outcome)
		}
		write(t, w, "next")
		mustCommit(t, s, prepare(t, w, 3))
		awaitCommitted(t, brokers, topic, []string{"kept", "next"})
	})
}
