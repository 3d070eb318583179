package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/turgo-stream/turgo/connectors"
)

func TestABoundedSourceReadsAllPartitionsAndEnds(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(3, "in"))
	producer := newProducer(t, cluster.ListenAddrs())
	for partition := range int32(2) {
		produceNumbers(t, producer, "in", partition, 1000*int(partition), 500)
	}
	s := openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}, "bounded": true}))
	r := readAllSplits(t, s)
	produceNumbers(t, producer, "in", 0, 5000, 10)
	r.until("all splits end", func() bool { return r.ended["in/0"] && r.ended["in/1"] && r.ended["in/2"] })
	r.want("in/0", numbers(0, 500))
	r.want("in/1", numbers(1000, 500))
	r.want("in/2", nil)
}

// A reader goes on at the position of a checkpoint: nothing is lost, nothing
// comes twice, wherever the checkpoint was taken.
func TestAReaderGoesOnAtItsPosition(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "in"))
	producer := newProducer(t, cluster.ListenAddrs())
	produceNumbers(t, producer, "in", 0, 0, 2000)
	config := sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}, "batch_bytes": 1024})
	r := readAllSplits(t, openSource(t, config))
	r.until("some records", func() bool { return r.batches == 3 })
	assignments, first := r.checkpoint(), r.values["in/0"]
	config.Restored = true
	s := openSource(t, config)
	again := openReading(t, s, assignments...)
	produceNumbers(t, producer, "in", 0, 2000, 100)
	again.until("the rest", func() bool { return len(again.values["in/0"]) >= 2100-len(first) })
	again.want("in/0", numbers(len(first), 2100-len(first)))
	again.until("no lag", func() bool { return again.lag["in/0"] == 0 })
}

var _ connectors.Source = (*source)(nil)
