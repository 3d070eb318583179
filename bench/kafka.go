package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors/kafka/localbroker"
	"github.com/turgo-stream/turgo/faults/process"
	"github.com/turgo-stream/turgo/host/job"
)

const (
	kafkaPartitions = 4
	kafkaLimit      = 15 * time.Minute // of one group
	kafkaPoll       = 20 * time.Millisecond
	kafkaWarmUp     = 2000 // records that pass before a measurement begins
)

// kafkaBench is what the measurements with Kafka share: a broker, turgo and the
// modules of the examples.
type kafkaBench struct {
	folder  string
	turgo   string
	brokers []string
	broker  int // its process; 0: not ours
	client  *kgo.Client
	admin   *kadm.Client
	topics  int
}

// withKafka gives a measurement a broker, turgo and modules. The broker, the job
// with its connectors and what drives them share the machine.
func withKafka(measure func(*kafkaBench, context.Context) error) func() error {
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), kafkaLimit)
		defer cancel()
		folder, err := os.MkdirTemp("", "turgo-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		b := &kafkaBench{folder: folder, brokers: localbroker.Named()}
		if len(b.brokers) == 0 {
			broker, err := localbroker.Start(ctx, localbroker.Options{FullCompiler: true})
			if err != nil {
				return err
			}
			defer broker.Close()
			b.brokers, b.broker = broker.Addresses(), broker.PID()
		}
		if err := b.build(ctx); err != nil {
			return err
		}
		b.client, err = kgo.NewClient(kgo.SeedBrokers(b.brokers...))
		if err != nil {
			return err
		}
		defer b.client.Close()
		b.admin = kadm.NewClient(b.client)
		return measure(b, ctx)
	}
}

func (b *kafkaBench) build(ctx context.Context) (err error) {
	if b.turgo, err = process.BuildTurgo(ctx, b.folder); err != nil {
		return err
	}
	for _, example := range []string{"passthrough", "payments", "keyedcount"} {
		if _, err := process.BuildModule(ctx, "examples/"+example+"/operator", b.folder, example); err != nil {
			return err
		}
	}
	return nil
}

// topic makes a topic. Where stamped, the broker gives records and markers the
// time at which it took them.
func (b *kafkaBench) topic(ctx context.Context, stamped bool) (string, error) {
	b.topics++
	name := fmt.Sprintf("bench-%d-%d", time.Now().UnixNano(), b.topics)
	config := map[string]*string{}
	if stamped {
		config["message.timestamp.type"] = kadm.StringPtr("LogAppendTime")
	}
	response, err := b.admin.CreateTopic(ctx, kafkaPartitions, 1, config, name)
	if err != nil {
		return "", fmt.Errorf("create topic %s: %w", name, err)
	}
	return response.Topic, response.Err
}

func (b *kafkaBench) remove(ctx context.Context, topics ...string) error {
	_, err := b.admin.DeleteTopics(ctx, topics...)
	return err
}

// kafkaInput holds its records back until they are released: the job runs, and all
// that it is to read becomes visible at once.
type kafkaInput struct {
	topic  string
	count  int
	client *kgo.Client
}

// hold produces records into a transaction that stays open, behind a few that are
// visible.
func (b *kafkaBench) hold(ctx context.Context, topic string, count int, fill func(i int, r *kgo.Record)) (*kafkaInput, error) {
	options := func(more ...kgo.Opt) []kgo.Opt {
		return append(more, kgo.SeedBrokers(b.brokers...), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()),
			kgo.MaxBufferedRecords(100_000), kgo.ProducerLinger(20*time.Millisecond))
	}
	client, err := kgo.NewClient(options()...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	if err := produce(ctx, client, 0, kafkaWarmUp, fill); err != nil {
		return nil, err
	}
	in := &kafkaInput{topic: topic, count: count}
	in.client, err = kgo.NewClient(options(kgo.TransactionalID("hold-"+topic), kgo.TransactionTimeout(10*time.Minute))...)
	if err != nil {
		return nil, err
	}
	if err := in.client.BeginTransaction(); err != nil {
		return nil, err
	}
	return in, produce(ctx, in.client, kafkaWarmUp, count, fill)
}

// produceChunk is how many records are made at once.
const produceChunk = 100_000

func produce(ctx context.Context, client *kgo.Client, from, count int, fill func(i int, r *kgo.Record)) error {
	records := make([]kgo.Record, min(count, produceChunk))
	for end := from + count; from < end; from += len(records) {
		records = records[:min(end-from, len(records))]
		var failed atomic.Pointer[error]
		for i := range records {
			records[i] = kgo.Record{}
			fill(from+i, &records[i])
			client.Produce(ctx, &records[i], func(_ *kgo.Record, err error) {
				if err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			})
		}
		if err := client.Flush(ctx); err != nil {
			return err
		}
		if err := failed.Load(); err != nil {
			return *err
		}
	}
	return nil
}

// release makes the records visible, and tells when.
func (in *kafkaInput) release(ctx context.Context) (time.Time, error) {
	defer in.client.Close()
	at := time.Now()
	return at, in.client.EndTransaction(ctx, kgo.TryCommit)
}

// output is what a topic holds in the end.
type kafkaOutput struct {
	records  int
	lastData time.Time // when the broker took the last record
	visible  time.Time // when it took the last commit
}

// await waits until count records are committed in a topic with timestamps of the
// broker, and no more come, and reads them.
func (b *kafkaBench) await(ctx context.Context, topic string, count int, running func() error) (kafkaOutput, error) {
	for {
		if err := running(); err != nil {
			return kafkaOutput{}, err
		}
		ends, err := b.committed(ctx, topic)
		if err != nil {
			return kafkaOutput{}, err
		}
		sum := int64(0)
		for _, end := range ends {
			sum += end
		}
		if sum > int64(count) {
			out, err := b.readAll(ctx, topic, ends)
			if err != nil || out.records >= count {
				if out.records > count {
					err = fmt.Errorf("topic %s holds %d records, want %d", topic, out.records, count)
				}
				return out, err
			}
		}
		select {
		case <-ctx.Done():
			return kafkaOutput{}, fmt.Errorf("topic %s: %d of %d records are committed: %w", topic, sum, count, context.Cause(ctx))
		case <-time.After(kafkaPoll):
		}
	}
}

// committed gives the end of what is committed, by partition.
func (b *kafkaBench) committed(ctx context.Context, topic string) (map[int32]int64, error) {
	listed, err := b.admin.ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	ends := map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			ends[o.Partition] = o.Offset
		}
	})
	return ends, err
}

// readAll reads committed records, with the markers between them.
func (b *kafkaBench) readAll(ctx context.Context, topic string, ends map[int32]int64) (out kafkaOutput, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.brokers...), kgo.ConsumeTopics(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return out, err
	}
	defer client.Close()
	for len(ends) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return out, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset+1 >= ends[r.Partition] {
				delete(ends, r.Partition)
			}
			if r.Attrs.IsControl() {
				out.visible = later(out.visible, r.Timestamp)
				return
			}
			out.records++
			out.lastData = later(out.lastData, r.Timestamp)
		})
	}
	return out, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// start runs a job file, until stop.
func (b *kafkaBench) start(ctx context.Context, name, text string) (*process.Host, error) {
	path := filepath.Join(b.folder, name+".yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return nil, err
	}
	host, err := process.Start(process.Options{
		Program: b.turgo, Job: path, Log: filepath.Join(b.folder, name+".log"),
		Environment: []string{"TURGO_CACHE=" + filepath.Join(b.folder, "cache")},
	})
	if err != nil {
		return nil, err
	}
	_, err = host.Await(ctx, func(s job.Status) bool {
		return s.State == job.Running && s.RecordsOut >= kafkaWarmUp/2 && s.Checkpoint != nil
	})
	if err != nil {
		return nil, errors.Join(err, host.Kill())
	}
	return host, nil
}

// running tells whether a host still runs.
func running(host *process.Host) func() error {
	return func() error {
		select {
		case <-host.Done():
			return host.Explain()
		default:
			return nil
		}
	}
}
