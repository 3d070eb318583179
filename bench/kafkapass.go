package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/faults/process"
)

const (
	passRecords    = 2_000_000
	passValueBytes = 100
	passRuns       = 3
)

// passThroughJob copies a topic through a guest.
const passThroughJob = `
name: %[1]s
parallelism: 2
checkpoint: {store: ./%[1]s-checkpoints, interval: %[5]s}
flow:
  - source: in
    connector: kafka
    placement: %[6]s
    config: {brokers: ["%[2]s"], topics: ["%[3]s"]}
  - operator: passthrough
    input: in
    module: ./passthrough.wasm
  - sink: out
    input: passthrough
    connector: kafka
    placement: %[6]s
    config: {brokers: ["%[2]s"], topic: "%[4]s"}
`

// passResult is one run of one contender.
type passResult struct {
	rate   float64 // records a second
	job    float64 // CPU nanoseconds a record, of the job's own processes
	broker float64
}

// cpu is all CPU time of a record, the broker's with it.
func (r passResult) cpu() float64 { return r.job + r.broker }

// measurePassThrough compares a job with a plain loop of the same client, one or
// two of them in one process, whichever is faster. They take turns, and medians are
// compared.
func (b *kafkaBench) measurePassThrough(ctx context.Context) error {
	contenders := []struct {
		name string
		run  func(ctx context.Context, in *kafkaInput, out string, number int) (passResult, error)
	}{
		{"plain", b.runPlainLoop(1)},
		{"plain_of_two", b.runPlainLoop(2)},
		{"turgo", b.runPassThrough("process")},
		{"turgo_in_host", b.runPassThrough("host")},
	}
	// A broker that was just started compiles itself for a while.
	if _, err := b.pass(ctx, 0, b.runPlainLoop(1)); err != nil {
		return err
	}
	results := make([][]passResult, len(contenders))
	for number := range passRuns {
		for i, c := range contenders {
			r, err := b.pass(ctx, number, c.run)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			results[i] = append(results[i], r)
		}
	}
	rates := make([]float64, len(contenders))
	for i, c := range contenders {
		rates[i] = medianBy(results[i], func(r passResult) float64 { return r.rate })
		figure("kafka_pass_"+c.name+"_records_per_second", rates[i], "records/s", "")
		figure("kafka_pass_"+c.name+"_cpu_ns_per_record", medianBy(results[i], func(r passResult) float64 { return r.job }), "ns", "")
		if b.broker != 0 {
			figure("kafka_pass_"+c.name+"_broker_cpu_ns_per_record", medianBy(results[i], func(r passResult) float64 { return r.broker }), "ns", "")
		}
	}
	plain := max(rates[0], rates[1])
	if b.broker != 0 {
		cpu := func(i int) float64 { return medianBy(results[i], passResult.cpu) }
		figure("kafka_pass_cpu_ratio_to_plain", cpu(0)/cpu(2), "ratio", "")
		figure("kafka_pass_in_host_cpu_ratio_to_plain", cpu(0)/cpu(3), "ratio", "")
	}
	figure("kafka_pass_ratio_to_plain", rates[2]/plain, "ratio", ">= 0.7")
	figure("kafka_pass_in_host_ratio_to_plain", rates[3]/plain, "ratio", "")
	return nil
}

func medianBy[T any](values []T, of func(T) float64) float64 {
	list := make([]float64, len(values))
	for i, v := range values {
		list[i] = of(v)
	}
	return median(list)
}

// pass gives one contender topics of its own.
func (b *kafkaBench) pass(ctx context.Context, number int, run func(context.Context, *kafkaInput, string, int) (passResult, error)) (passResult, error) {
	input, err := b.topic(ctx, false)
	if err != nil {
		return passResult{}, err
	}
	output, err := b.topic(ctx, true)
	if err != nil {
		return passResult{}, err
	}
	noise := newNoise()
	in, err := b.hold(ctx, input, passRecords, func(i int, r *kgo.Record) { r.Value = noise.value(i, passValueBytes) })
	if err != nil {
		return passResult{}, err
	}
	result, err := run(ctx, in, output, number)
	return result, errors.Join(err, b.remove(context.WithoutCancel(ctx), input, output))
}

func (b *kafkaBench) runPassThrough(placement string) func(context.Context, *kafkaInput, string, int) (passResult, error) {
	return func(ctx context.Context, in *kafkaInput, out string, number int) (passResult, error) {
		name := fmt.Sprintf("pass-%s-%d", placement, number)
		host, err := b.start(ctx, name, fmt.Sprintf(passThroughJob, name, b.brokers[0], in.topic, out, "1s", placement))
		if err != nil {
			return passResult{}, err
		}
		_, result, _, err := b.measured(ctx, in, out, in.count+kafkaWarmUp, jobProcesses(host), running(host))
		return result, errors.Join(err, host.Kill())
	}
}

// jobProcesses gives the host and its connectors.
func jobProcesses(host *process.Host) func() ([]int, error) {
	return func() ([]int, error) {
		pids, err := host.Connectors()
		return append(pids, host.PID()), err
	}
}

// measured releases the input and waits for the output, of count records with
// those that were there before.
func (b *kafkaBench) measured(ctx context.Context, in *kafkaInput, out string, count int, job func() ([]int, error), running func() error) (released time.Time, result passResult, end kafkaOutput, err error) {
	pids, err := job()
	if err != nil {
		return released, result, end, err
	}
	jobBefore, brokerBefore := cpuOf(pids...), cpuOf(b.broker)
	if released, err = in.release(ctx); err != nil {
		return released, result, end, err
	}
	if err := b.awaitCount(ctx, out, count, running); err != nil {
		return released, result, end, err
	}
	jobCPU, brokerCPU := cpuOf(pids...)-jobBefore, cpuOf(b.broker)-brokerBefore
	end, err = b.await(ctx, out, count, running)
	records := float64(in.count)
	return released, passResult{
		rate: records / end.lastData.Sub(released).Seconds(),
		job:  jobCPU * 1e9 / records, broker: brokerCPU * 1e9 / records,
	}, end, err
}

// plainKafkaFlag makes this program the plain loop: its value is a plainPlan.
const plainKafkaFlag = "TURGO_BENCH_PLAIN_KAFKA"

type plainPlan struct {
	Brokers  []string
	In, Out  string
	Sessions int
}

// runPlainLoop runs plain loops in a process of their own.
func (b *kafkaBench) runPlainLoop(sessions int) func(context.Context, *kafkaInput, string, int) (passResult, error) {
	return func(ctx context.Context, in *kafkaInput, out string, _ int) (passResult, error) {
		return b.runPlainProcess(ctx, in, out, sessions)
	}
}

func (b *kafkaBench) runPlainProcess(ctx context.Context, in *kafkaInput, out string, sessions int) (passResult, error) {
	plan, err := json.Marshal(plainPlan{b.brokers, in.topic, out, sessions})
	if err != nil {
		return passResult{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return passResult{}, err
	}
	loop := exec.Command(self)
	loop.Env = append(os.Environ(), plainKafkaFlag+"="+string(plan))
	loop.Stderr = os.Stderr
	stdin, err := loop.StdinPipe()
	if err != nil {
		return passResult{}, err
	}
	if err := loop.Start(); err != nil {
		return passResult{}, err
	}
	running := func() error { return nil }
	err = b.awaitCount(ctx, out, kafkaWarmUp, running)
	var result passResult
	if err == nil {
		_, result, _, err = b.measured(ctx, in, out, in.count+kafkaWarmUp, func() ([]int, error) { return []int{loop.Process.Pid}, nil }, running)
	}
	return result, errors.Join(err, stdin.Close(), loop.Wait())
}

// awaitCount waits until so many offsets are committed, markers among them.
func (b *kafkaBench) awaitCount(ctx context.Context, topic string, count int, running func() error) error {
	for {
		ends, err := b.committed(ctx, topic)
		if err == nil {
			err = running()
		}
		if err != nil {
			return err
		}
		sum := int64(0)
		for _, end := range ends {
			sum += end
		}
		if sum >= int64(count) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("topic %s: %d of %d records are committed: %w", topic, sum, count, context.Cause(ctx))
		case <-time.After(kafkaPoll):
		}
	}
}

// runPlainKafka is what one writes who needs nothing between: consume, produce,
// and each second end a transaction with the offsets in it. It has the settings
// of Turgo's connector, and ends when its input does.
func runPlainKafka(encoded string) error {
	var plan plainPlan
	if err := json.Unmarshal([]byte(encoded), &plan); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	ended := make(chan error, plan.Sessions)
	for number := range plan.Sessions {
		go func() { ended <- plan.session(ctx, number) }()
	}
	var failed error
	for range plan.Sessions {
		failed = errors.Join(failed, <-ended)
	}
	return failed
}

func (p *plainPlan) session(ctx context.Context, number int) error {
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(p.Brokers...), kgo.TransactionalID(fmt.Sprintf("plain-%s-%d", p.Out, number)), kgo.TransactionTimeout(time.Minute),
		kgo.ConsumerGroup("plain-"+p.Out), kgo.ConsumeTopics(p.In), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(16<<20), kgo.FetchMaxPartitionBytes(4<<20), kgo.FetchMaxWait(250*time.Millisecond),
		kgo.DefaultProduceTopic(p.Out), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerLinger(5*time.Millisecond),
		kgo.ProducerBatchMaxBytes(1000012), kgo.MaxBufferedRecords(100_000),
	)
	if err != nil {
		return err
	}
	defer session.Close()
	var failed atomic.Pointer[error]
	promise := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	}
	for ctx.Err() == nil {
		if err := session.Begin(); err != nil {
			return err
		}
		second, over := context.WithTimeout(ctx, time.Second)
		for second.Err() == nil {
			session.PollFetches(second).EachRecord(func(r *kgo.Record) {
				session.Produce(ctx, &kgo.Record{Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp}, promise)
			})
		}
		over()
		if _, err := session.End(context.WithoutCancel(ctx), kgo.TryCommit); err != nil {
			return err
		}
		if err := failed.Load(); err != nil {
			return *err
		}
	}
	return nil
}
