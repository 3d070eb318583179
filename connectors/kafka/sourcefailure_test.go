package kafka

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/turgo-stream/turgo/connectors"
)

// wantFatal checks that an error stops the job and says each of these texts.
func wantFatal(t *testing.T, err error, texts ...string) {
	t.Helper()
	if !connectors.Fatal(err) {
		t.Errorf("error %v does not stop the job", err)
	}
	for _, text := range texts {
		if !strings.Contains(fmt.Sprint(err), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

// A position that retention deleted stops the job, or goes on as configured and
// says so.
func TestAPositionThatRetentionDeleted(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "in"))
	producer := newProducer(t, cluster.ListenAddrs())
	produceNumbers(t, producer, "in", 0, 0, 100)
	settings := map[string]any{"topics": []string{"in"}, "start": "offsets", "start_offsets": map[string]any{"in": map[string]any{"0": 10}}}
	splits := discover(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), settings)))
	if err := cluster.DeleteRecords("in", 0, 60); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		policy string
		first  int
	}{{"stop", -1}, {"earliest", 60}, {"latest", 100}} {
		t.Run(c.policy, func(t *testing.T) {
			log := captureLog(t)
			settings["on_out_of_range"] = c.policy
			r := openReading(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), settings)), atStart(splits)...)
			if c.policy == "stop" {
				wantFatal(t, r.failure(), "topic in partition 0", "position 10 is gone", "the offsets 60 to 100", "retention deleted 50 offsets", "on_out_of_range")
				return
			}
			r.until("no lag", func() bool { lag, found := r.lag["in/0"]; return found && lag == 0 })
			r.want("in/0", numbers(c.first, 100-c.first))
			if !log.has(fmt.Sprintf("skipped=%d", c.first-10)) {
				t.Errorf("the log does not tell what was skipped: %s", log.text.String())
			}
		})
	}
}

// A position behind the end is no reason to wait for records to reach it.
func TestAPositionBehindTheEnd(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "in"))
	produceNumbers(t, newProducer(t, cluster.ListenAddrs()), "in", 0, 0, 10)
	settings := map[string]any{"topics": []string{"in"}, "start": "offsets", "start_offsets": map[string]any{"in": map[string]any{"0": 50}}}
	r := readAllSplits(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), settings)))
	wantFatal(t, r.failure(), "topic in partition 0", "position 50 is gone", "the offsets 0 to 10", "lost 40 offsets")
}

func TestATopicThatVanishes(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "in"))
	produceNumbers(t, newProducer(t, cluster.ListenAddrs()), "in", 0, 0, 10)
	s := openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}}))
	s.missingMax = 300 * time.Millisecond
	r := readAllSplits(t, s)
	r.until("all records", func() bool { return len(r.values["in/0"]) == 10 })
	if err := cluster.DeleteTopic("in"); err != nil {
		t.Fatal(err)
	}
	wantFatal(t, r.failure(), "topic in partition 0 is gone", "read up to offset 10")
	if _, _, err := s.Discover(sourceContext(t)); err != nil {
		t.Errorf("discovery, which cannot tell a loss from a wish, failed first: %v", err)
	}
}

// Another topic of the same name is another topic, even if the job was down
// meanwhile.
func TestATopicThatWasCreatedAgain(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "in"))
	produceNumbers(t, newProducer(t, cluster.ListenAddrs()), "in", 0, 0, 10)
	config := sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}})
	r := readAllSplits(t, openSource(t, config))
	r.until("all records", func() bool { return len(r.values["in/0"]) == 10 })
	if err := cluster.DeleteTopic("in"); err != nil {
		t.Fatal(err)
	}
	if err := cluster.CreateTopic("in", 1, nil); err != nil {
		t.Fatal(err)
	}
	produceNumbers(t, newProducer(t, cluster.ListenAddrs()), "in", 0, 1000, 20)
	wantFatal(t, r.failure(), "topic in was deleted and created again", "read up to offset 10")
	config.Restored = true
	wantFatal(t, openReading(t, openSource(t, config), r.checkpoint()...).failure(), "topic in was deleted and created again")
}

// freePort is a port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// A broker that is away at the start is waited for, and named in the log; Check
// does not wait for ever.
func TestABrokerThatIsAwayAtTheStart(t *testing.T) {
	log := captureLog(t)
	port := freePort(t)
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	s := openSource(t, sourceConfig(t, []string{address}, map[string]any{"topics": []string{"in"}}))
	found := make(chan []connectors.Split, 1)
	go func() {
		splits, _, err := s.Discover(sourceContext(t))
		if err != nil {
			t.Error(err)
		}
		found <- splits
	}()
	for !log.has("topics cannot be listed now") {
		select {
		case <-found:
			t.Fatal("topics were found without a broker")
		case <-time.After(time.Millisecond):
		}
	}
	cluster := newCluster(t, kfake.Ports(port), kfake.SeedTopics(1, "in"))
	produceNumbers(t, newProducer(t, cluster.ListenAddrs()), "in", 0, 0, 10)
	r := openReading(t, s, atStart(<-found)...)
	r.until("all records", func() bool { return len(r.values["in/0"]) == 10 })
}

func TestCheckGivesUpOnABrokerThatIsAway(t *testing.T) {
	ctx, cancel := context.WithTimeout(sourceContext(t), 300*time.Millisecond)
	defer cancel()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
	err := newSource().Check(ctx, sourceConfig(t, []string{address}, map[string]any{"topics": []string{"in"}}))
	if !connectors.Retryable(err) || !strings.Contains(fmt.Sprint(err), "no broker gave an answer") || !strings.Contains(fmt.Sprint(err), "connection refused") {
		t.Errorf("error %v", err)
	}
}

// A broker that dies and comes back costs nothing but time, and is not asked
// without pause meanwhile.
func TestABrokerThatIsAwayForAWhile(t *testing.T) {
	log := captureLog(t)
	port, folder := freePort(t), t.TempDir()
	start := func() *kfake.Cluster {
		return newCluster(t, kfake.Ports(port), kfake.DataDir(folder), kfake.SeedTopics(1, "in"))
	}
	cluster := start()
	produceNumbers(t, newProducer(t, cluster.ListenAddrs()), "in", 0, 0, 100)
	r := readAllSplits(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}})))
	r.until("all records", func() bool { return len(r.values["in/0"]) == 100 })
	cluster.Close()
	r.until("the log tells", func() bool { return log.has("trying again") })
	cluster = start()
	produceNumbers(t, newProducer(t, cluster.ListenAddrs()), "in", 0, 100, 100)
	r.until("the rest", func() bool { return len(r.values["in/0"]) >= 200 })
	r.want("in/0", numbers(0, 200))
	if !log.has("brokers answer again") {
		t.Error("the log does not tell that the broker is back")
	}
}

// Answers that say "not now" are met with pauses, not with the next request.
func TestRepeatedErrorsAreMetWithPauses(t *testing.T) {
	captureLog(t)
	cluster := newCluster(t, kfake.SeedTopics(1, "in"))
	produceNumbers(t, newProducer(t, cluster.ListenAddrs()), "in", 0, 0, 10)
	var refused atomic.Int64
	until := time.Now().Add(700 * time.Millisecond)
	cluster.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		if time.Now().After(until) {
			return nil, nil, false
		}
		cluster.KeepControl()
		refused.Add(1)
		return refuseFetch(request.(*kmsg.FetchRequest), kerr.NotLeaderForPartition), nil, true
	})
	r := readAllSplits(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}})))
	r.until("all records", func() bool { return len(r.values["in/0"]) == 10 })
	if n := refused.Load(); n < 2 || n > 12 {
		t.Errorf("%d requests within 0.7 s of refusals", n)
	}
}

// A broker that refuses a position within its offsets has another log: that is no
// reason to ask for ever.
func TestABrokerThatRefusesAPositionItHas(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "in"))
	produceNumbers(t, newProducer(t, cluster.ListenAddrs()), "in", 0, 0, 10)
	r := readAllSplits(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}})))
	r.until("all records", func() bool { return len(r.values["in/0"]) == 10 })
	cluster.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		return refuseFetch(request.(*kmsg.FetchRequest), kerr.OffsetOutOfRange), nil, true
	})
	wantFatal(t, r.failure(), "topic in partition 0", "refuses position 10", "the offsets 0 to 10", "leader epoch")
}

// A log that was cut and written anew behind our back is not read on in silence.
func TestALogThatWasReplaced(t *testing.T) {
	for _, policy := range []string{"stop", "earliest", "latest"} {
		t.Run(policy, func(t *testing.T) {
			log := captureLog(t)
			cluster := newCluster(t, kfake.SeedTopics(1, "in"))
			produceNumbers(t, newProducer(t, cluster.ListenAddrs()), "in", 0, 0, 10)
			settings := map[string]any{"topics": []string{"in"}, "on_out_of_range": policy}
			r := readAllSplits(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), settings)))
			r.until("all records", func() bool { return len(r.values["in/0"]) == 10 })
			cluster.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
				fetch := request.(*kmsg.FetchRequest)
				if fetch.Topics[0].Partitions[0].FetchOffset != 10 || fetch.Topics[0].Partitions[0].LastFetchedEpoch < 0 {
					return nil, nil, false
				}
				cluster.KeepControl()
				response := refuseFetch(fetch, &kerr.Error{})
				diverging := &response.Topics[0].Partitions[0].DivergingEpoch
				diverging.Epoch, diverging.EndOffset = 0, 4
				return response, nil, true
			})
			switch policy {
			case "stop":
				wantFatal(t, r.failure(), "topic in partition 0", "replaced from offset 4 on", "read up to 10", "earliest (from offset 4)")
			case "earliest":
				r.until("what is there now", func() bool { return len(r.values["in/0"]) >= 16 })
				r.want("in/0", append(numbers(0, 10), numbers(4, 6)...))
			case "latest":
				r.until("the log tells", func() bool { return log.has("going on as on_out_of_range says") })
				produceNumbers(t, newProducer(t, cluster.ListenAddrs()), "in", 0, 10, 5)
				r.until("what is new", func() bool { return len(r.values["in/0"]) >= 15 })
				r.want("in/0", numbers(0, 15))
			}
		})
	}
}

// refuseFetch answers a fetch with an error for each partition.
func refuseFetch(fetch *kmsg.FetchRequest, reason *kerr.Error) *kmsg.FetchResponse {
	response := fetch.ResponseKind().(*kmsg.FetchResponse)
	for _, topic := range fetch.Topics {
		answer := kmsg.NewFetchResponseTopic()
		answer.Topic, answer.TopicID = topic.Topic, topic.TopicID
		for _, p := range topic.Partitions {
			partition := kmsg.NewFetchResponseTopicPartition()
			partition.Partition, partition.ErrorCode = p.Partition, reason.Code
			answer.Partitions = append(answer.Partitions, partition)
		}
		response.Topics = append(response.Topics, answer)
	}
	return response
}

// Leaders move while records are read: each comes once, in order.
func TestLeadersThatMove(t *testing.T) {
	captureLog(t)
	cluster := newCluster(t, kfake.NumBrokers(3), kfake.SeedTopics(4, "in"))
	producer := newProducer(t, cluster.ListenAddrs())
	r := readAllSplits(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}, "fetch_wait_ms_max": 5})))
	const rounds, each = 8, 50
	for round := range rounds {
		for partition := range int32(4) {
			produceNumbers(t, producer, "in", partition, round*each, each)
		}
		cluster.ShufflePartitionLeaders()
		r.until("a round", func() bool {
			return !slices.ContainsFunc([]string{"in/0", "in/1", "in/2", "in/3"}, func(id string) bool { return len(r.values[id]) < (round+1)*each-each/2 })
		})
	}
	r.until("all", func() bool {
		return len(r.values["in/0"])+len(r.values["in/1"])+len(r.values["in/2"])+len(r.values["in/3"]) >= 4*rounds*each
	})
	for partition := range 4 {
		r.want(fmt.Sprint("in/", partition), numbers(0, rounds*each))
	}
}

// No permission is an error that names the topic and the right that is missing.
func TestNoPermission(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "in"), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.Superuser("PLAIN", "admin", "admin-password"), kfake.User("SCRAM-SHA-256", "reader", "reader-password",
			kfake.ACL{Resource: kmsg.ACLResourceTypeTopic, Name: "in", Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: kmsg.ACLOperationDescribe, Allow: true}))
	settings := func(user, password, mechanism string) map[string]any {
		return map[string]any{"topics": []string{"in"}, "sasl": map[string]any{"mechanism": mechanism, "username": user, "password": password}}
	}
	check := func(settings map[string]any) error {
		ctx, cancel := context.WithTimeout(sourceContext(t), time.Second)
		defer cancel()
		return newSource().Check(ctx, sourceConfig(t, cluster.ListenAddrs(), settings))
	}
	if err := check(settings("admin", "admin-password", "plain")); err != nil {
		t.Errorf("the administrator may not read: %v", err)
	}
	wantFatal(t, check(settings("reader", "reader-password", "scram_sha_256")), "topic in", "User:reader", "READ")
	err := check(settings("admin", "wrong-password", "plain"))
	if err == nil || !strings.Contains(fmt.Sprint(err), "sasl") { // this cluster closes the connection; a real one says why
		t.Errorf("error %v", err)
	}
	if strings.Contains(fmt.Sprint(err), "wrong-password") {
		t.Errorf("the password is in the error: %v", err)
	}
	r := readAllSplits(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), settings("reader", "reader-password", "scram_sha_256"))))
	wantFatal(t, r.failure(), "topic in partition 0", "TOPIC_AUTHORIZATION_FAILED", "User:reader", "READ")
}
