package kafka

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

// sourceLimit bounds whatever a test waits for.
const sourceLimit = 30 * time.Second

func sourceContext(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), sourceLimit)
	tb.Cleanup(cancel)
	return ctx
}

// newCluster is a cluster within this process.
func newCluster(tb testing.TB, options ...kfake.Opt) *kfake.Cluster {
	tb.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, options...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(cluster.Close)
	return cluster
}

// newProducer writes to the partition that a record names.
func newProducer(tb testing.TB, brokers []string, options ...kgo.Opt) *kgo.Client {
	tb.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner())}, options...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(client.Close)
	return client
}

func produce(tb testing.TB, client *kgo.Client, records ...*kgo.Record) {
	tb.Helper()
	if err := client.ProduceSync(sourceContext(tb), records...).FirstErr(); err != nil {
		tb.Fatal(err)
	}
}

// produceNumbers writes the values first..first+count-1 to a partition.
func produceNumbers(tb testing.TB, client *kgo.Client, topic string, partition int32, first, count int) {
	tb.Helper()
	var records []*kgo.Record
	for n := range count {
		records = append(records, &kgo.Record{Topic: topic, Partition: partition, Value: fmt.Append(nil, first+n)})
	}
	produce(tb, client, records...)
}

// sourceConfig is a config of the source for these brokers.
func sourceConfig(tb testing.TB, brokers []string, more map[string]any) connectors.Config {
	tb.Helper()
	settings := map[string]any{"brokers": brokers, "fetch_wait_ms_max": 50, "discover_interval_ms": 1}
	maps.Copy(settings, more)
	text, err := json.Marshal(settings)
	if err != nil {
		tb.Fatal(err)
	}
	return connectors.Config{Job: "job", UID: "in", Parallelism: 1, Settings: text}
}

func openSource(tb testing.TB, config connectors.Config) *source {
	tb.Helper()
	s := newSource()
	if err := s.Open(sourceContext(tb), config); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

func discover(tb testing.TB, s connectors.Source) []connectors.Split {
	tb.Helper()
	splits, _, err := s.Discover(sourceContext(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return splits
}

// reading is a reader under test, and all that it delivered.
type reading struct {
	tb        testing.TB
	reader    connectors.Reader
	positions map[string]connectors.Assignment // as a checkpoint has them
	values    map[string][]string              // by split
	ended     map[string]bool
	lag       map[string]int64
	batches   int
	each      func(split string, v record.View)
}

func openReading(tb testing.TB, s connectors.Source, assignments ...connectors.Assignment) *reading {
	tb.Helper()
	r, err := s.OpenReader(sourceContext(tb), 0)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { r.Close() })
	got := &reading{tb: tb, reader: r, positions: map[string]connectors.Assignment{}, values: map[string][]string{}, ended: map[string]bool{}, lag: map[string]int64{}}
	got.assign(assignments...)
	return got
}

func (r *reading) assign(assignments ...connectors.Assignment) {
	r.tb.Helper()
	for _, a := range assignments {
		r.positions[a.Split.ID] = a
	}
	if err := r.reader.Assign(sourceContext(r.tb), assignments); err != nil {
		r.tb.Fatal(err)
	}
}

// readAllSplits is a reading of all splits of a source, from their start.
func readAllSplits(tb testing.TB, s connectors.Source) *reading {
	tb.Helper()
	return openReading(tb, s, atStart(discover(tb, s))...)
}

func atStart(splits []connectors.Split) []connectors.Assignment {
	assignments := make([]connectors.Assignment, len(splits))
	for i, split := range splits {
		assignments[i] = connectors.Assignment{Split: split}
	}
	return assignments
}

// next takes one delivery and checks it.
func (r *reading) next() error {
	d, err := r.reader.Next(sourceContext(r.tb))
	if err != nil || d.SplitID == "" {
		return err
	}
	a, found := r.positions[d.SplitID]
	if !found || r.ended[d.SplitID] {
		r.tb.Fatalf("a delivery of split %q, which is not assigned", d.SplitID)
	}
	if d.Position == nil {
		r.tb.Fatalf("a delivery of split %s has no position", d.SplitID)
	}
	a.Position = d.Position
	r.positions[d.SplitID] = a
	r.ended[d.SplitID] = d.End
	r.lag[d.SplitID] = d.LagRecords
	if d.Batch == nil {
		return nil
	}
	batch, err := record.Parse(d.Batch)
	if err != nil {
		r.tb.Fatal(err)
	}
	r.batches++
	for c := batch.Records(); c.Next(); {
		r.values[d.SplitID] = append(r.values[d.SplitID], string(c.Record().Value()))
		if r.each != nil {
			r.each(d.SplitID, c.Record())
		}
	}
	return nil
}

// until reads until a condition holds.
func (r *reading) until(what string, holds func() bool) {
	r.tb.Helper()
	for deadline := time.Now().Add(sourceLimit); !holds(); {
		if err := r.next(); err != nil {
			r.tb.Fatalf("until %s: %v", what, err)
		}
		if time.Now().After(deadline) {
			r.tb.Fatalf("%s: not within %v; got %s", what, sourceLimit, r.summary())
		}
	}
}

// failure reads until the reader fails.
func (r *reading) failure() error {
	r.tb.Helper()
	for deadline := time.Now().Add(sourceLimit); time.Now().Before(deadline); {
		if err := r.next(); err != nil {
			return err
		}
	}
	r.tb.Fatal("the reader did not fail")
	return nil
}

func (r *reading) summary() string {
	var text []string
	for _, id := range slices.Sorted(maps.Keys(r.positions)) {
		text = append(text, fmt.Sprintf("%s: %d values, ended %v, lag %d", id, len(r.values[id]), r.ended[id], r.lag[id]))
	}
	return strings.Join(text, "; ")
}

// checkpoint is what a checkpoint keeps of the splits that have not ended.
func (r *reading) checkpoint() []connectors.Assignment {
	var assignments []connectors.Assignment
	for _, id := range slices.Sorted(maps.Keys(r.positions)) {
		if !r.ended[id] {
			a := r.positions[id]
			a.Split.Eager = false
			assignments = append(assignments, a)
		}
	}
	return assignments
}

func numbers(first, count int) []string {
	list := make([]string, count)
	for i := range list {
		list[i] = fmt.Sprint(first + i)
	}
	return list
}

func (r *reading) want(split string, values []string) {
	r.tb.Helper()
	if got := r.values[split]; !slices.Equal(got, values) {
		r.tb.Fatalf("split %s: got %d values %.200q, want %d %.200q", split, len(got), got, len(values), values)
	}
}

// logged collects what is logged while a test runs.
type logged struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func captureLog(tb testing.TB) *logged {
	l := &logged{}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(l, nil)))
	tb.Cleanup(func() { slog.SetDefault(before) })
	return l
}

func (l *logged) Write(text []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(text)
}

func (l *logged) has(text string) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return strings.Contains(l.text.String(), text)
}
