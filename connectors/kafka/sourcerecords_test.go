package kafka

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

// Key, value, timestamp and headers arrive as they were written; null is not
// empty.
func TestRecordsArriveAsTheyWereWritten(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "in"))
	at := time.UnixMilli(1_700_000_000_123)
	produce(t, newProducer(t, cluster.ListenAddrs()),
		&kgo.Record{Topic: "in", Key: []byte("key"), Value: []byte("value"), Timestamp: at},
		&kgo.Record{Topic: "in", Key: []byte("gone"), Value: nil, Timestamp: at.Add(time.Hour)},
		&kgo.Record{Topic: "in", Key: nil, Value: []byte{}, Timestamp: at},
		&kgo.Record{Topic: "in", Key: []byte{}, Value: []byte{0xff, 0}, Timestamp: at.Add(-time.Hour), Headers: []kgo.RecordHeader{
			{Key: "trace", Value: []byte("one")}, {Key: "trace", Value: nil}, {Key: "", Value: []byte{}},
		}},
	)
	r := readAllSplits(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}})))
	text := func(b []byte) string {
		if b == nil {
			return "null"
		}
		return fmt.Sprintf("%q", b)
	}
	var got []string
	r.each = func(_ string, v record.View) {
		line := fmt.Sprintf("%s=%s at %d", text(v.Key()), text(v.Value()), v.Timestamp()-at.UnixMilli())
		for c := v.Headers(); c.Next(); {
			line += fmt.Sprintf(" %s:%s", text(c.Name()), text(c.Value()))
		}
		got = append(got, line)
	}
	r.until("all", func() bool { return len(got) == 4 })
	want := []string{`"key"="value" at 0`, `"gone"=null at 3600000`, `null="" at 0`, `""="\xff\x00" at -3600000 "trace":"one" "trace":null "":""`}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestEveryCompressionIsRead(t *testing.T) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster(t, kfake.SeedTopics(1, "in"))
			producer := newProducer(t, cluster.ListenAddrs(), kgo.ProducerBatchCompression(codec))
			for round := range 3 {
				produceNumbers(t, producer, "in", 0, round*1000, 1000)
			}
			r := readAllSplits(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}})))
			r.until("all", func() bool { return len(r.values["in/0"]) >= 3000 })
			r.want("in/0", numbers(0, 3000))
		})
	}
}

// transact writes values within a transaction.
func transact(tb testing.TB, client *kgo.Client, partition int32, first, count int, end kgo.TransactionEndTry) {
	tb.Helper()
	if err := client.BeginTransaction(); err != nil {
		tb.Fatal(err)
	}
	produceNumbers(tb, client, "in", partition, first, count)
	if err := client.EndTransaction(sourceContext(tb), end); err != nil {
		tb.Fatal(err)
	}
}

// Aborted records are not read, and neither they nor markers keep a bounded split
// from its end, or the lag from 0.
func TestTransactions(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(2, "in"))
	writer := newProducer(t, cluster.ListenAddrs(), kgo.TransactionalID("writer"))
	transact(t, writer, 0, 0, 10, kgo.TryCommit)
	transact(t, writer, 0, 10, 10, kgo.TryAbort)
	transact(t, writer, 0, 20, 10, kgo.TryCommit)
	transact(t, writer, 0, 30, 10, kgo.TryAbort)
	transact(t, writer, 1, 0, 10, kgo.TryAbort) // nothing else
	committed := append(numbers(0, 10), numbers(20, 10)...)
	for _, bounded := range []bool{true, false} {
		t.Run(fmt.Sprint("bounded ", bounded), func(t *testing.T) {
			s := openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}, "bounded": bounded}))
			r := readAllSplits(t, s)
			r.until("the end", func() bool {
				if bounded {
					return r.ended["in/0"] && r.ended["in/1"]
				}
				lag0, found0 := r.lag["in/0"]
				lag1, found1 := r.lag["in/1"]
				return found0 && found1 && lag0 == 0 && lag1 == 0
			})
			r.want("in/0", committed)
			r.want("in/1", nil)
		})
	}
	t.Run("read uncommitted", func(t *testing.T) {
		s := openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}, "bounded": true, "isolation": "read_uncommitted"}))
		r := readAllSplits(t, s)
		r.until("the end", func() bool { return r.ended["in/0"] && r.ended["in/1"] })
		r.want("in/0", numbers(0, 40))
		r.want("in/1", numbers(0, 10))
	})
}

// Records behind an open transaction wait for its end; what a bounded source
// reads ends before it.
func TestAnOpenTransactionIsWaitedFor(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "in"))
	plain := newProducer(t, cluster.ListenAddrs())
	writer := newProducer(t, cluster.ListenAddrs(), kgo.TransactionalID("writer"))
	produceNumbers(t, plain, "in", 0, 0, 10)
	if err := writer.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produceNumbers(t, writer, "in", 0, 10, 10)
	produceNumbers(t, plain, "in", 0, 20, 10)

	bounded := readAllSplits(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}, "bounded": true})))
	bounded.until("the end", func() bool { return bounded.ended["in/0"] })
	bounded.want("in/0", numbers(0, 10))

	r := readAllSplits(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}})))
	r.until("what is before", func() bool { return len(r.values["in/0"]) == 10 && r.lag["in/0"] == 0 })
	if err := writer.EndTransaction(sourceContext(t), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	r.until("the rest", func() bool { return len(r.values["in/0"]) >= 30 })
	r.want("in/0", numbers(0, 30))
}

// A position in the middle of a batch of the log is kept.
func TestPositionsInTheMiddleOfABatch(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "in"))
	produceNumbers(t, newProducer(t, cluster.ListenAddrs(), kgo.ProducerBatchCompression(kgo.ZstdCompression())), "in", 0, 0, 1000)
	config := sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}, "batch_bytes": 1024, "bounded": true})
	var all []string
	assignments := atStart(discover(t, openSource(t, config)))
	for restarts := 0; len(assignments) > 0; restarts++ {
		r := openReading(t, openSource(t, config), assignments...)
		r.until("a batch", func() bool { return r.batches == 1 || r.ended["in/0"] })
		all = append(all, r.values["in/0"]...)
		if assignments = r.checkpoint(); restarts > 100 {
			t.Fatal("no end")
		}
	}
	if !slices.Equal(all, numbers(0, 1000)) {
		t.Errorf("got %d records over the restarts", len(all))
	}
}

// A record that no batch has room for is handed over with where it is; the others
// come as ever.
func TestARecordThatIsTooLarge(t *testing.T) {
	p := &partition{topic: "in", index: 3, data: splitData{stop: offsetNone}}
	d := newDecoder()
	d.begin(nil)
	large := make([]byte, record.LengthMax)
	if d.add(p, 40, 0, nil, []byte("small")) || d.add(p, 41, 0, nil, large) || d.add(p, 42, 0, nil, []byte("small")) {
		t.Fatal("the batch is full")
	}
	if len(d.tooLarge) != 1 || d.builder.Count() != 2 {
		t.Fatalf("%d records too large, %d others", len(d.tooLarge), d.builder.Count())
	}
	got := d.tooLarge[0]
	if got.Index != 1 || len(got.Bytes) != connectors.UndecodableBytesMax || !strings.Contains(got.Reason, "topic in partition 3: the record at offset 41 takes 67108892 bytes") {
		t.Errorf("index %d, %d bytes, reason %q", got.Index, len(got.Bytes), got.Reason)
	}
	// The largest that a batch has room for waits for one of its own.
	largest := large[:recordBytesMax-record.FixedLength]
	if !d.add(p, 43, 0, nil, largest) || len(d.tooLarge) != 1 {
		t.Error("the largest record does not wait")
	}
	d.begin(nil)
	if d.add(p, 43, 0, nil, largest) || d.builder.Count() != 1 || len(d.tooLarge) != 0 {
		t.Error("the largest record is not taken")
	}
	d.begin(nil)
	for range tooLargeMax {
		if d.add(p, 44, 0, nil, large) {
			t.Fatal("full before the limit")
		}
	}
	if !d.add(p, 45, 0, nil, large) {
		t.Error("no limit on records that are too large")
	}
}

// Compaction removes records and leaves gaps, at the end of what a bounded split
// reads, too.
func TestCompactedTopics(t *testing.T) {
	cluster := newCluster(t)
	if err := cluster.CreateTopic("in", 1, map[string]string{"cleanup.policy": "compact"}); err != nil {
		t.Fatal(err)
	}
	producer := newProducer(t, cluster.ListenAddrs())
	for n := range 30 {
		produce(t, producer, &kgo.Record{Topic: "in", Key: fmt.Append(nil, n%3), Value: fmt.Append(nil, n)})
	}
	config := sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}, "bounded": true})
	splits := discover(t, openSource(t, config))
	for n := range 3 {
		produce(t, producer, &kgo.Record{Topic: "in", Key: fmt.Append(nil, n%3), Value: fmt.Append(nil, 100+n)})
	}
	cluster.Compact()
	r := openReading(t, openSource(t, config), atStart(splits)...)
	r.until("the end", func() bool { return r.ended["in/0"] })
	for _, value := range r.values["in/0"] {
		if len(value) == 3 {
			t.Errorf("value %s was written behind the end", value)
		}
	}
	at, err := decodePosition(r.positions["in/0"].Position)
	if err != nil || at.next != 30 {
		t.Errorf("the last position is %d, error %v", at.next, err)
	}
}

// Where compaction removed all records before the end, brokers answer with
// nothing, again and again: a bounded split ends then, and there is no lag.
func TestALogWithNothingBeforeItsEnd(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "in"))
	produceNumbers(t, newProducer(t, cluster.ListenAddrs()), "in", 0, 0, 20)
	cluster.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		fetch := request.(*kmsg.FetchRequest)
		response := fetch.ResponseKind().(*kmsg.FetchResponse)
		for _, topic := range fetch.Topics {
			answer := kmsg.NewFetchResponseTopic()
			answer.Topic, answer.TopicID = topic.Topic, topic.TopicID
			partition := kmsg.NewFetchResponseTopicPartition()
			partition.HighWatermark, partition.LastStableOffset, partition.LogStartOffset = 20, 20, 0
			answer.Partitions = append(answer.Partitions, partition)
			response.Topics = append(response.Topics, answer)
		}
		return response, nil, true
	})
	bounded := readAllSplits(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}, "bounded": true})))
	bounded.until("the end", func() bool { return bounded.ended["in/0"] })
	if at, err := decodePosition(bounded.positions["in/0"].Position); err != nil || at.next != 20 {
		t.Errorf("the last position is %d, error %v", at.next, err)
	}
	endless := readAllSplits(t, openSource(t, sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}})))
	endless.until("no lag", func() bool { lag, found := endless.lag["in/0"]; return found && lag == 0 })
	if at, err := decodePosition(endless.positions["in/0"].Position); err != nil || at.next != 0 {
		t.Errorf("the position of an endless source is %d, error %v", at.next, err)
	}
}

// The rate holds over any time, and what was not used is not saved up.
func TestTheRateLimit(t *testing.T) {
	now := time.Unix(0, 0)
	l := newRateLimit(1000, now)
	total := 0
	for range 1000 {
		now = now.Add(3 * time.Millisecond)
		n, _ := l.allowed(now)
		l.took(n)
		total += n
	}
	if total < 2990 || total > 3000 {
		t.Errorf("%d records in 3 s at 1000 a second", total)
	}
	now = now.Add(time.Hour)
	if n, _ := l.allowed(now); n > 100 {
		t.Errorf("%d records at once after a pause", n)
	}
	slow := newRateLimit(0.1, now)
	if n, wait := slow.allowed(now); n != 0 || wait < 9*time.Second || wait > 11*time.Second {
		t.Errorf("at one in 10 s: %d allowed, wait %v", n, wait)
	}
}

// A limited source waits in Next no longer than others, and heeds a cancel.
func TestALimitedSource(t *testing.T) {
	cluster := newCluster(t, kfake.SeedTopics(1, "in"))
	produceNumbers(t, newProducer(t, cluster.ListenAddrs()), "in", 0, 0, 1000)
	config := sourceConfig(t, cluster.ListenAddrs(), map[string]any{"topics": []string{"in"}, "records_per_second": 200})
	config.Parallelism = 2
	r := readAllSplits(t, openSource(t, config))
	r.until("the first", func() bool { return len(r.values["in/0"]) > 0 })
	begin := time.Now()
	before := len(r.values["in/0"])
	for len(r.values["in/0"]) < before+30 {
		called := time.Now()
		if err := r.next(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(called); took > 2*time.Second {
			t.Fatalf("Next took %v", took)
		}
	}
	// This subtask has half of the rate; some may have gathered at the start.
	if took := time.Since(begin); took < 150*time.Millisecond {
		t.Errorf("30 records within %v at 100 a second", took)
	}
	r.want("in/0", numbers(0, len(r.values["in/0"])))
}

func TestSourceSettingsAreChecked(t *testing.T) {
	for _, c := range []struct{ settings, field string }{
		{`{}`, "brokers"},
		{`{"brokers":["nowhere"],"topics":["in"]}`, "brokers.0"},
		{`{"brokers":["b:0"],"topics":["in"]}`, "brokers.0"},
		{`{"brokers":["b:1"]}`, "topics"},
		{`{"brokers":["b:1"],"topics":["in"],"topic_pattern":"x"}`, "topics"},
		{`{"brokers":["b:1"],"topics":["a/b"]}`, "topics.0"},
		{`{"brokers":["b:1"],"topics":["in","in"]}`, "topics.1"},
		{`{"brokers":["b:1"],"topic_pattern":"("}`, "topic_pattern"},
		{`{"brokers":["b:1"],"topics":["in"],"start":"now"}`, "start"},
		{`{"brokers":["b:1"],"topics":["in"],"start":"timestamp"}`, "start_timestamp"},
		{`{"brokers":["b:1"],"topics":["in"],"start":"timestamp","start_timestamp":"yesterday"}`, "start_timestamp"},
		{`{"brokers":["b:1"],"topics":["in"],"start":"offsets"}`, "start_offsets"},
		{`{"brokers":["b:1"],"topics":["in"],"start":"offsets","start_offsets":{"out":{"0":1}}}`, "start_offsets"},
		{`{"brokers":["b:1"],"topics":["in"],"start":"offsets","start_offsets":{"in":{"0":-1}}}`, "start_offsets.in"},
		{`{"brokers":["b:1"],"topics":["in"],"start":"committed"}`, "group"},
		{`{"brokers":["b:1"],"topics":["in"],"start_fallback":"none"}`, "start_fallback"},
		{`{"brokers":["b:1"],"topics":["in"],"isolation":"none"}`, "isolation"},
		{`{"brokers":["b:1"],"topics":["in"],"on_out_of_range":"skip"}`, "on_out_of_range"},
		{`{"brokers":["b:1"],"topics":["in"],"batch_bytes":1}`, "batch_bytes"},
		{`{"brokers":["b:1"],"topics":["in"],"fetch_wait_ms_max":0}`, "fetch_wait_ms_max"},
		{`{"brokers":["b:1"],"topics":["in"],"records_per_second":99999999999}`, "records_per_second"},
		{`{"brokers":["b:1"],"topics":["in"],"tls":{"certificate":"c.pem"}}`, "tls.certificate"},
		{`{"brokers":["b:1"],"topics":["in"],"sasl":{"mechanism":"none"}}`, "sasl.mechanism"},
		{`{"brokers":["b:1"],"topics":["in"],"sasl":{"mechanism":"plain"}}`, "sasl.username"},
		{`{"brokers":["b:1"],"topics":["in"],"sasl":{"mechanism":"plain","username":"u"}}`, "sasl"},
		{`{"brokers":["b:1"],"topics":["in"],"sasl":{"mechanism":"plain","username":"u","password":"p","password_env":"TURGO_SECRET_P"}}`, "sasl"},
		{`{"brokers":["b:1"],"topics":["in"],"sasl":{"mechanism":"plain","username":"u","password_env":"HOME"}}`, "sasl.password_env"},
		{`{"brokers":["b:1"],"topics":["in"],"unknown":1}`, "unknown"},
	} {
		_, err := readSourceSettings(connectors.Config{Settings: json.RawMessage(c.settings)})
		var wrong *connectors.ConfigError
		if !errors.As(err, &wrong) || wrong.Field != c.field {
			t.Errorf("%s: %v, want an error in %s", c.settings, err, c.field)
		}
	}
}
