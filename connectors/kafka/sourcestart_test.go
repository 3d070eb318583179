package kafka

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors"
)

// produceAt writes the values 0..count-1, a second apart.
func produceAt(tb testing.TB, client *kgo.Client, topic string, partition int32, begin time.Time, count int) {
	tb.Helper()
	for n := range count {
		produce(tb, client, &kgo.Record{Topic: topic, Partition: partition, Value: fmt.Append(nil, n), Timestamp: begin.Add(time.Duration(n) * time.Second)})
	}
}

func commitGroup(tb testing.TB, client *kgo.Client, group, topic string, partition int32, offset int64) {
	tb.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, partition, offset, -1)
	responses, err := kadm.NewClient(client).CommitOffsets(sourceContext(tb), group, offsets)
	if err = errors.Join(err, responses.Error()); err != nil {
		tb.Fatal(err)
	}
}

// Each start begins where it says; "latest" is what is written from then on.
func TestStarts(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(2, "in"))
	producer := newProducer(t, cluster.ListenAddrs())
	begin := time.UnixMilli(1_700_000_000_000)
	for partition := range int32(2) {
		produceAt(t, producer, "in", partition, begin, 20)
	}
	commitGroup(t, producer, "readers", "in", 0, 12)
	for _, c := range []struct {
		name     string
		settings map[string]any
		first    [2]int // by partition
	}{
		{"default", nil, [2]int{0, 0}},
		{"earliest", map[string]any{"start": "earliest"}, [2]int{0, 0}},
		{"latest", map[string]any{"start": "latest"}, [2]int{20, 20}},
		{"timestamp", map[string]any{"start": "timestamp", "start_timestamp": begin.Add(7 * time.Second).UTC().Format(time.RFC3339)}, [2]int{7, 7}},
		{"timestamp after the end", map[string]any{"start": "timestamp", "start_timestamp": "2060-01-01T00:00:00Z"}, [2]int{20, 20}},
		{"committed", map[string]any{"start": "committed", "group": "readers"}, [2]int{12, 0}},
		{"committed or latest", map[string]any{"start": "committed", "group": "readers", "start_fallback": "latest"}, [2]int{12, 20}},
		{"offsets", map[string]any{"start": "offsets", "start_offsets": map[string]any{"in": map[string]any{"1": 15}}}, [2]int{0, 15}},
		{"offsets or latest", map[string]any{"start": "offsets", "start_offsets": map[string]any{"in": map[string]any{"1": 15}}, "start_fallback": "latest"}, [2]int{20, 15}},
	} {
		t.Run(c.name, func(t *testing.T) {
			settings := map[string]any{"topics": []string{"in"}}
			for field, value := range c.settings {
				settings[field] = value
			}
			r := readAllSplits(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), settings)))
			wanted := 40 - c.first[0] - c.first[1]
			r.until("all before the end", func() bool { return len(r.values["in/0"])+len(r.values["in/1"]) >= wanted })
			r.want("in/0", numbers(c.first[0], 20-c.first[0]))
			r.want("in/1", numbers(c.first[1], 20-c.first[1]))
		})
	}
}

// A start is resolved once: a restart from a checkpoint in which a split has no
// position yet reads what was written since, too.
func TestAStartIsResolvedOnce(t *testing.T) {
	for _, start := range []string{"latest", "timestamp", "committed"} {
		t.Run(start, func(t *testing.T) {
			cluster := newCluster(t, kfake.SeedTopics(1, "in"))
			producer := newProducer(t, cluster.ListenAddrs())
			produceNumbers(t, producer, "in", 0, 0, 10)
			settings := map[string]any{"topics": []string{"in"}, "start": start}
			switch start {
			case "timestamp":
				settings["start_timestamp"] = "2060-01-01T00:00:00Z"
			case "committed":
				settings["group"], settings["start_fallback"] = "readers", "latest"
			}
			config := sourceConfig(t, cluster.ListenAddrs(), settings)
			splits := discover(t, openSource(t, config))
			produceNumbers(t, producer, "in", 0, 10, 5)
			config.Restored = true
			r := openReading(t, openSource(t, config), atStart(splits)...)
			r.until("what came meanwhile", func() bool { return len(r.values["in/0"]) >= 5 })
			r.want("in/0", numbers(10, 5))
		})
	}
}

// A partition or topic that appears later is read from its beginning, whatever
// start says: what it holds was written while the job ran, or was down.
func TestNewPartitionsStartAtTheirBeginning(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "in-a"))
	producer := newProducer(t, cluster.ListenAddrs(), kgo.MetadataMinAge(10*time.Millisecond))
	produceNumbers(t, producer, "in-a", 0, 0, 10)
	config := sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topic_pattern": "in-.*", "start": "latest"})
	s := openSource(t, config)
	r := readAllSplits(t, s)

	if _, err := kadm.NewClient(producer).UpdatePartitions(sourceContext(t), 2, "in-a"); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"in-b", "other", "begin-in-c"} {
		if err := cluster.CreateTopic(topic, 1, nil); err != nil {
			t.Fatal(err)
		}
	}
	late := newProducer(t, cluster.ListenAddrs())
	produceNumbers(t, late, "in-a", 1, 100, 10)
	produceNumbers(t, late, "in-b", 0, 200, 10)
	produceNumbers(t, late, "in-a", 0, 10, 1)

	var ids []string
	for _, split := range discover(t, s) {
		ids = append(ids, split.ID)
		if split.ID != "in-a/0" {
			r.assign(connectors.Assignment{Split: split})
		}
	}
	if want := []string{"in-a/0", "in-a/1", "in-b/0"}; !slices.Equal(ids, want) {
		t.Fatalf("found %q, want %q", ids, want)
	}
	r.until("all", func() bool {
		return len(r.values["in-a/0"]) > 0 && len(r.values["in-a/1"]) >= 10 && len(r.values["in-b/0"]) >= 10
	})
	r.want("in-a/0", numbers(10, 1))
	r.want("in-a/1", numbers(100, 10))
	r.want("in-b/0", numbers(200, 10))

	config.Restored = true
	again := openReading(t, openSource(t, config), atStart(discover(t, openSource(t, config)))...)
	again.until("all from the beginning", func() bool { return len(again.values["in-b/0"]) >= 10 && len(again.values["in-a/0"]) >= 11 })
	again.want("in-a/0", numbers(0, 11))
}

// What a bounded source reads is decided when the job starts first: a restart
// changes neither the ends nor the partitions.
func TestABoundedSourceKeepsItsEndsOverRestarts(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(2, "in"))
	producer := newProducer(t, cluster.ListenAddrs())
	produceNumbers(t, producer, "in", 0, 0, 100)
	produceNumbers(t, producer, "in", 1, 0, 50)
	config := sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}, "bounded": true})
	r := readAllSplits(t, openSource(t, config))
	produceNumbers(t, producer, "in", 0, 100, 100)
	r.until("one split ends", func() bool { return r.ended["in/1"] || r.ended["in/0"] })
	config.Restored = true
	s := openSource(t, config)
	splits, final, err := s.Discover(sourceContext(t))
	if err != nil || !final || len(splits) != 0 {
		t.Errorf("a restart finds %d more splits, final %v, error %v", len(splits), final, err)
	}
	again := openReading(t, s, atStart(discover(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}}))))...)
	again.until("all that is there", func() bool { return len(again.values["in/0"]) >= 200 })
	rest := openReading(t, s, r.checkpoint()...)
	rest.until("the other split ends", func() bool { return rest.ended["in/0"] || r.ended["in/0"] })
	if total := len(r.values["in/0"]) + len(rest.values["in/0"]); total != 100 {
		t.Errorf("%d records before the end, want 100", total)
	}
}

func TestAMissingTopicIsAnErrorWithAdvice(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "in"))
	config := sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in", "nowhere"}})
	s := openSource(t, config)
	_, _, discovered := s.Discover(sourceContext(t))
	for what, err := range map[string]error{"Discover": discovered, "Check": newSource().Check(sourceContext(t), config)} {
		var wrong *connectors.ConfigError
		if !errors.As(err, &wrong) || wrong.Field != "topics" || !strings.Contains(wrong.Reason, "topic nowhere does not exist: create it") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := newSource().Check(sourceContext(t), sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}, "group": "g"})); err != nil {
		t.Errorf("Check of a good config: %v", err)
	}
	if cluster.TopicInfo("nowhere") != nil {
		t.Error("the missing topic was created")
	}
}

// The group learns of positions after a checkpoint, and of where splits ended.
func TestTheGroupLearnsOfCheckpoints(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(2, "in"))
	producer := newProducer(t, cluster.ListenAddrs())
	produceNumbers(t, producer, "in", 0, 0, 100)
	produceNumbers(t, producer, "in", 1, 0, 7)
	s := openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}, "bounded": true, "group": "watch", "batch_bytes": 1024}))
	splits := discover(t, s)
	r := openReading(t, s, atStart(splits)...)
	r.until("one split ends", func() bool { return r.ended["in/1"] && r.positions["in/0"].Position != nil })
	positions := append(r.checkpoint(), connectors.Assignment{Split: connectors.Split{ID: "in/1"}})
	if err := s.tellGroup(sourceContext(t), positions); err != nil {
		t.Fatal(err)
	}
	offsets, err := kadm.NewClient(producer).FetchOffsets(sourceContext(t), "watch")
	if err != nil {
		t.Fatal(err)
	}
	at, err := decodePosition(r.positions["in/0"].Position)
	if err != nil {
		t.Fatal(err)
	}
	for partition, want := range map[int32]int64{0: at.next, 1: 7} {
		if got, found := offsets.Lookup("in", partition); !found || got.At != want {
			t.Errorf("partition %d: the group has %d, want %d", partition, got.At, want)
		}
	}
}
