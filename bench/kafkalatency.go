package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	latencyRamp    = 5 * time.Second // at full speed, to learn the rate
	latencySettle  = 3 * time.Second
	latencyMeasure = 12 * time.Second
	latencyTick    = time.Millisecond
)

// measureLatency tells how long after its making a record is seen behind the
// pass-through job, by readers of all and of committed records. The producer
// and both readers share the machine with the job, when its rate is learned too.
func (b *kafkaBench) measureLatency(ctx context.Context) error {
	for _, interval := range []string{"1s", "100ms"} {
		if err := b.latency(ctx, interval); err != nil {
			return err
		}
	}
	return nil
}

func (b *kafkaBench) latency(ctx context.Context, interval string) error {
	input, err := b.topic(ctx, false)
	if err != nil {
		return err
	}
	output, err := b.topic(ctx, false)
	if err != nil {
		return err
	}
	p, err := b.newPaced(input)
	if err != nil {
		return err
	}
	defer p.client.Close()
	if err := p.run(ctx, kafkaWarmUp, time.Second); err != nil {
		return err
	}
	name := "latency-" + interval
	host, err := b.start(ctx, name, fmt.Sprintf(passThroughJob, name, b.brokers[0], input, output, interval, "process"))
	if err != nil {
		return err
	}
	err = b.latencyOf(ctx, p, output, interval)
	return errors.Join(err, host.Kill(), b.remove(context.WithoutCancel(ctx), input, output))
}

func (b *kafkaBench) latencyOf(ctx context.Context, p *paced, output, interval string) error {
	all, err := b.watch(ctx, output, kgo.ReadUncommitted())
	if err != nil {
		return err
	}
	defer all.close()
	committed, err := b.watch(ctx, output, kgo.ReadCommitted())
	if err != nil {
		return err
	}
	defer committed.close()
	before, started := committed.count.Load(), time.Now()
	if err := p.run(ctx, 0, latencyRamp); err != nil {
		return err
	}
	sustained := float64(committed.count.Load()-before) / time.Since(started).Seconds()
	if err := caughtUp(ctx, p, committed); err != nil {
		return err
	}
	rate := int(sustained / 2)
	if err := p.run(ctx, rate, latencySettle); err != nil {
		return err
	}
	from := time.Now()
	if err := p.run(ctx, rate, latencyMeasure); err != nil {
		return err
	}
	to := time.Now()
	if err := errors.Join(caughtUp(ctx, p, committed), caughtUp(ctx, p, all)); err != nil {
		return err
	}
	figure("kafka_latency_"+interval+"_sustained_records_per_second", sustained, "records/s", "")
	figure("kafka_latency_"+interval+"_records_per_second", float64(rate), "records/s", "")
	for _, w := range []struct {
		name string
		seen *watcher
	}{{"uncommitted", all}, {"committed", committed}} {
		delays := w.seen.between(from, to)
		for _, quantile := range []struct {
			name string
			of   float64
		}{{"p50", 0.5}, {"p99", 0.99}, {"p999", 0.999}} {
			figure(fmt.Sprintf("kafka_latency_%s_%s_%s_ms", interval, w.name, quantile.name), delays[int(float64(len(delays)-1)*quantile.of)], "ms", "")
		}
	}
	return nil
}

// caughtUp waits until a reader has seen all that was produced.
func caughtUp(ctx context.Context, p *paced, w *watcher) error {
	for w.count.Load() < p.sent.Load() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("a reader saw %d of %d records: %w", w.count.Load(), p.sent.Load(), context.Cause(ctx))
		case <-time.After(kafkaPoll):
		}
	}
	return w.failed()
}

// paced produces records that begin with the time of their making, in
// microseconds, at a steady rate.
type paced struct {
	client *kgo.Client
	noise  noise
	sent   atomic.Int64
	broken atomic.Pointer[error]
}

func (b *kafkaBench) newPaced(topic string) (*paced, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.brokers...), kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerLinger(2*time.Millisecond), kgo.MaxBufferedRecords(20_000))
	return &paced{client: client, noise: newNoise()}, err
}

// run produces for a while; rate 0 is as fast as it can. What could not be sent in
// its millisecond bears the time at which it should have been.
func (p *paced) run(ctx context.Context, rate int, during time.Duration) error {
	started := time.Now()
	for sent := 0; ; {
		elapsed := time.Since(started)
		if elapsed >= during {
			break
		}
		due := sent + 200
		if rate > 0 {
			due = int(elapsed.Seconds() * float64(rate))
		}
		for ; sent < due; sent++ {
			at := time.Now()
			if rate > 0 {
				at = started.Add(time.Duration(float64(sent) / float64(rate) * float64(time.Second)))
			}
			p.produce(ctx, at)
		}
		if rate > 0 {
			time.Sleep(latencyTick)
		}
	}
	if err := p.client.Flush(ctx); err != nil {
		return err
	}
	if err := p.broken.Load(); err != nil {
		return *err
	}
	return nil
}

func (p *paced) produce(ctx context.Context, at time.Time) {
	i := p.sent.Add(1)
	value := append(binary.BigEndian.AppendUint64(make([]byte, 0, passValueBytes), uint64(at.UnixMicro())), p.noise.value(int(i), passValueBytes-8)...)
	p.client.Produce(ctx, &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
		if err != nil {
			p.broken.CompareAndSwap(nil, &err)
		}
	})
}

// watcher reads a topic and notes when each record was seen.
type watcher struct {
	client *kgo.Client
	cancel context.CancelFunc
	done   chan struct{}
	count  atomic.Int64
	broken atomic.Pointer[error]
	seen   []sighting
}

// sighting is a record's making and its delay, in microseconds.
type sighting struct{ made, delay int64 }

func (b *kafkaBench) watch(ctx context.Context, topic string, isolation kgo.IsolationLevel) (*watcher, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.brokers...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(isolation))
	if err != nil {
		return nil, err
	}
	w := &watcher{client: client, done: make(chan struct{})}
	ctx, w.cancel = context.WithCancel(ctx)
	go w.read(ctx)
	return w, nil
}

func (w *watcher) read(ctx context.Context) {
	defer close(w.done)
	for {
		fetches := w.client.PollFetches(ctx)
		if ctx.Err() != nil {
			return
		}
		if err := fetches.Err(); err != nil {
			w.broken.CompareAndSwap(nil, &err)
			return
		}
		now := time.Now().UnixMicro()
		fetches.EachRecord(func(r *kgo.Record) {
			made := int64(binary.BigEndian.Uint64(r.Value))
			w.seen = append(w.seen, sighting{made, now - made})
		})
		w.count.Add(int64(fetches.NumRecords()))
	}
}

func (w *watcher) failed() error {
	if err := w.broken.Load(); err != nil {
		return *err
	}
	return nil
}

func (w *watcher) close() {
	w.cancel()
	<-w.done
	w.client.Close()
}

// between gives the delays, in milliseconds, of what was made in a span of time, sorted.
func (w *watcher) between(from, to time.Time) (delays []float64) {
	w.cancel()
	<-w.done
	for _, s := range w.seen {
		if s.made >= from.UnixMicro() && s.made < to.UnixMicro() {
			delays = append(delays, float64(s.delay)/1000)
		}
	}
	slices.Sort(delays)
	return delays
}
