package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	keysTotal    = 24
	amountMax    = 1000
	tick         = 10 * time.Millisecond
	retryDelay   = 100 * time.Millisecond
	bufferedMax  = 100_000
	flushLimit   = time.Minute
	metadataAge  = 100 * time.Millisecond
	fetchWaitMax = 250 * time.Millisecond
)

// clientOptions make a client that comes back soon after the broker does, and
// never gives up on it.
func clientOptions(addresses []string) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(addresses...),
		kgo.RetryBackoffFn(func(int) time.Duration { return retryDelay }),
		kgo.MetadataMinAge(metadataAge),
		kgo.FetchMaxWait(fetchWaitMax),
	}
}

// load produces records at a steady rate, each with an id of its own, until it
// is told to stop. The client is idempotent: a killed broker doubles nothing.
type load struct {
	client  *kgo.Client
	rate    int
	random  *rand.Rand
	next    atomic.Uint64 // id of the next record
	acked   atomic.Int64
	failure atomic.Pointer[error]
	failed  chan struct{}
	stop    chan struct{}
	done    chan struct{}
}

func startLoad(addresses []string, topic string, rate int, seed uint64) (*load, error) {
	client, err := kgo.NewClient(append(clientOptions(addresses),
		kgo.DefaultProduceTopic(topic),
		// A broker that has just come back may not know its topics yet.
		kgo.UnknownTopicRetries(-1),
		kgo.MaxBufferedRecords(bufferedMax),
		kgo.ProducerLinger(0),
	)...)
	if err != nil {
		return nil, fmt.Errorf("chaos: producer: %w", err)
	}
	l := &load{
		client: client, rate: rate, random: rand.New(rand.NewPCG(seed, 1)),
		failed: make(chan struct{}), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go l.run()
	return l, nil
}

func (l *load) run() {
	defer close(l.done)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	// What the rate owes at this moment, counted from the start.
	start, sent := time.Now(), 0
	for {
		select {
		case <-l.stop:
			return
		case <-l.failed:
			return
		case <-ticker.C:
		}
		for due := int(time.Since(start).Seconds() * float64(l.rate)); sent < due; sent++ {
			l.produce()
		}
	}
}

func (l *load) produce() {
	id := l.next.Add(1) - 1
	key := "key-" + strconv.Itoa(l.random.IntN(keysTotal))
	value := fmt.Appendf(nil, "%d %d", id, l.random.Int64N(2*amountMax+1)-amountMax)
	l.client.Produce(context.Background(), &kgo.Record{Key: []byte(key), Value: value}, func(_ *kgo.Record, err error) {
		if err != nil {
			err = fmt.Errorf("chaos: record %d was not produced: %w", id, err)
			if l.failure.CompareAndSwap(nil, &err) {
				close(l.failed)
			}
			return
		}
		l.acked.Add(1)
	})
}

// end stops, and waits until the broker has acknowledged all.
func (l *load) end(ctx context.Context) error {
	close(l.stop)
	<-l.done
	defer l.client.Close()
	ctx, cancel := context.WithTimeout(ctx, flushLimit)
	defer cancel()
	if err := l.client.Flush(ctx); err != nil {
		return fmt.Errorf("chaos: producer: flush: %w", err)
	}
	if err := l.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// parseInput reads the value of an input.
func parseInput(value string) (id uint64, amount int64, err error) {
	words := strings.Fields(value)
	if len(words) != 2 {
		return 0, 0, fmt.Errorf("chaos: input %q is not ID AMOUNT", value)
	}
	if id, err = strconv.ParseUint(words[0], 10, 64); err != nil {
		return 0, 0, fmt.Errorf("chaos: input %q: %w", value, err)
	}
	if amount, err = strconv.ParseInt(words[1], 10, 64); err != nil {
		return 0, 0, fmt.Errorf("chaos: input %q: %w", value, err)
	}
	return id, amount, nil
}

// parseOutput reads the value of an output.
func parseOutput(value string) (id, count uint64, sum int64, err error) {
	words := strings.Fields(value)
	if len(words) != 3 {
		return 0, 0, 0, fmt.Errorf("chaos: output %q is not ID COUNT SUM", value)
	}
	if id, err = strconv.ParseUint(words[0], 10, 64); err == nil {
		if count, err = strconv.ParseUint(words[1], 10, 64); err == nil {
			sum, err = strconv.ParseInt(words[2], 10, 64)
		}
	}
	if err != nil {
		return 0, 0, 0, fmt.Errorf("chaos: output %q: %w", value, err)
	}
	return id, count, sum, nil
}
