package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	millionRecords  = 1_000_000
	millionAccounts = 10_000
	millionRuns     = 3
)

// millionJob lets each payment pass once and counts those of each account.
const millionJob = `
name: %[1]s
parallelism: 2
checkpoint: {store: ./%[1]s-checkpoints, interval: 250ms}
flow:
  - source: payments
    connector: kafka
    placement: %[5]s
    config: {brokers: ["%[2]s"], topics: ["%[3]s"]}
  - operator: dedup
    input: {from: payments, edge: key}
    module: ./payments.wasm
  - operator: keyedcount
    input: {from: dedup, edge: key}
    module: ./keyedcount.wasm
    config: {updates: true}
  - sink: counts
    input: keyedcount
    connector: kafka
    placement: %[5]s
    config: {brokers: ["%[2]s"], topic: "%[4]s"}
`

// measureMillion takes the time that a running job needs for a million records,
// until a reader of committed records sees the last of what comes of them.
func (b *kafkaBench) measureMillion(ctx context.Context) error {
	// A broker that was just started compiles itself for a while.
	if _, _, err := b.million(ctx, "host", -1); err != nil {
		return err
	}
	for _, placement := range []string{"process", "host"} {
		var seconds, cpu, broker []float64
		for number := range millionRuns {
			s, r, err := b.million(ctx, placement, number)
			if err != nil {
				return err
			}
			seconds, cpu, broker = append(seconds, s), append(cpu, r.job), append(broker, r.broker)
		}
		name, goal := "kafka_million", "<= 1"
		if placement == "host" {
			name, goal = "kafka_million_in_host", ""
		}
		figure(name+"_seconds", median(seconds), "s", goal)
		figure(name+"_cpu_ns_per_record", median(cpu), "ns", "")
		if b.broker != 0 {
			figure(name+"_broker_cpu_ns_per_record", median(broker), "ns", "")
		}
	}
	return nil
}

// payment is the i-th record: one in ten repeats one of a while ago.
func payment(i int, r *kgo.Record) {
	id := i
	if i%10 == 9 {
		id = max(0, i-5000) / 10 * 10
	}
	r.Key = fmt.Appendf(nil, "p-%07d", id)
	r.Value = fmt.Appendf(nil, `{"account":"account-%05d","amount":%d}`, id*7919%millionAccounts, id%100_000)
}

func (b *kafkaBench) million(ctx context.Context, placement string, number int) (float64, passResult, error) {
	input, err := b.topic(ctx, false)
	if err != nil {
		return 0, passResult{}, err
	}
	output, err := b.topic(ctx, true)
	if err != nil {
		return 0, passResult{}, err
	}
	in, err := b.hold(ctx, input, millionRecords, payment)
	if err != nil {
		return 0, passResult{}, err
	}
	expected := distinctPayments(kafkaWarmUp + millionRecords)
	name := fmt.Sprintf("million-%s-%d", placement, number+1)
	host, err := b.start(ctx, name, fmt.Sprintf(millionJob, name, b.brokers[0], input, output, placement))
	if err != nil {
		return 0, passResult{}, err
	}
	released, result, end, err := b.measured(ctx, in, output, expected, jobProcesses(host), running(host))
	err = errors.Join(err, host.Kill(), b.remove(context.WithoutCancel(ctx), input, output))
	return end.visible.Sub(released).Seconds(), result, err
}

// distinctPayments is how many of the first n records are no repetition.
func distinctPayments(n int) (distinct int) {
	seen := make([]bool, n)
	var r kgo.Record
	for i := range n {
		payment(i, &r)
		id := 0
		for _, digit := range r.Key[2:] {
			id = id*10 + int(digit-'0')
		}
		if !seen[id] {
			seen[id] = true
			distinct++
		}
	}
	return distinct
}
