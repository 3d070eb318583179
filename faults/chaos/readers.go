package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/faults/ledger"
)

const kcatAdvice = "kcat is missing: apt-get install kcat (macOS: brew install kcat)"

// monitor reads the output while the job runs, as a read_committed consumer
// does, and knows the largest id that it has seen.
type monitor struct {
	client *kgo.Client
	stop   context.CancelFunc
	done   chan struct{}

	mutex   sync.Mutex
	seen    int64
	newest  int64 // largest id; -1 = none
	changed chan struct{}
}

func startMonitor(addresses []string, topic string) (*monitor, error) {
	client, err := kgo.NewClient(append(clientOptions(addresses),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)...)
	if err != nil {
		return nil, fmt.Errorf("chaos: monitor: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &monitor{client: client, stop: stop, done: make(chan struct{}), newest: -1, changed: make(chan struct{})}
	go m.run(ctx)
	return m, nil
}

func (m *monitor) run(ctx context.Context) {
	defer close(m.done)
	for ctx.Err() == nil {
		// Errors are those of a broker that is away; the client goes on by itself.
		fetches := m.client.PollFetches(ctx)
		m.mutex.Lock()
		before := m.seen
		fetches.EachRecord(func(r *kgo.Record) {
			m.seen++
			if id, _, _, err := parseOutput(string(r.Value)); err == nil {
				m.newest = max(m.newest, int64(id))
			}
		})
		if m.seen != before {
			close(m.changed)
			m.changed = make(chan struct{})
		}
		m.mutex.Unlock()
	}
}

func (m *monitor) end() {
	m.stop()
	<-m.done
	m.client.Close()
}

// await waits until the condition holds of what was seen. Whatever is closed or
// fails before ends the wait too.
func (m *monitor) await(ctx context.Context, holds func(seen, newest int64) bool) error {
	for {
		m.mutex.Lock()
		seen, newest, changed := m.seen, m.newest, m.changed
		m.mutex.Unlock()
		if holds(seen, newest) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%w (%d outputs so far, the newest of id %d)", context.Cause(ctx), seen, newest)
		}
	}
}

// readTopic reads a topic from its start to its end with franz-go.
func readTopic(ctx context.Context, addresses []string, topic string, level kgo.IsolationLevel, each func(*kgo.Record) error) error {
	client, err := kgo.NewClient(append(clientOptions(addresses),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(level),
		// A marker of a transaction takes an offset too: without it the end would not be seen.
		kgo.KeepControlRecords(),
	)...)
	if err != nil {
		return fmt.Errorf("chaos: reader: %w", err)
	}
	defer client.Close()
	list := kadm.NewClient(client).ListEndOffsets
	if level == kgo.ReadCommitted() {
		list = kadm.NewClient(client).ListCommittedOffsets
	}
	ends, err := list(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("chaos: reader: end of %s: %w", topic, err)
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("chaos: reader: %s does not come to its end, left are %v: %w", topic, left, context.Cause(ctx))
		}
		var failed error
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
			if !r.Attrs.IsControl() && failed == nil {
				failed = each(r)
			}
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}

// readInputs reads what the job was given. Records of a key stand in one
// partition, so that their order is that of the reading.
func readInputs(ctx context.Context, addresses []string, topic string) ([]ledger.Input, error) {
	var inputs []ledger.Input
	sequences := map[string]uint64{}
	err := readTopic(ctx, addresses, topic, kgo.ReadUncommitted(), func(r *kgo.Record) error {
		id, amount, err := parseInput(string(r.Value))
		if err != nil {
			return err
		}
		key := string(r.Key)
		sequences[key]++
		inputs = append(inputs, ledger.Input{ID: id, Key: key, Sequence: sequences[key], Amount: amount})
		return nil
	})
	return inputs, err
}

// readOutputs is the reader in Go.
func readOutputs(ctx context.Context, addresses []string, topic string) ([]ledger.Output, error) {
	var outputs []ledger.Output
	err := readTopic(ctx, addresses, topic, kgo.ReadCommitted(), func(r *kgo.Record) error {
		id, count, sum, err := parseOutput(string(r.Value))
		if err != nil {
			return err
		}
		outputs = append(outputs, ledger.Output{Partition: r.Partition, Offset: r.Offset, Key: string(r.Key), ID: id, Count: count, Sum: sum})
		return nil
	})
	return outputs, err
}

// readOutputsByKcat is the other reader, which shares no code with Turgo.
func readOutputsByKcat(ctx context.Context, addresses []string, topic string) ([]ledger.Output, error) {
	program, err := exec.LookPath("kcat")
	if err != nil {
		return nil, errors.New("chaos: " + kcatAdvice)
	}
	command := exec.CommandContext(ctx, program, "-b", strings.Join(addresses, ","), "-C", "-t", topic, "-e", "-q",
		"-X", "isolation.level=read_committed", "-f", `%p %o %k %s\n`)
	command.WaitDelay = time.Second
	var complaint bytes.Buffer
	command.Stderr = &complaint
	text, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("chaos: kcat: %w: %s", err, complaint.Bytes())
	}
	var outputs []ledger.Output
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		words := strings.SplitN(lines.Text(), " ", 4)
		if len(words) != 4 {
			return nil, fmt.Errorf("chaos: kcat wrote %q", lines.Text())
		}
		partition, err := strconv.ParseInt(words[0], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("chaos: kcat wrote %q: %w", lines.Text(), err)
		}
		offset, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("chaos: kcat wrote %q: %w", lines.Text(), err)
		}
		id, count, sum, err := parseOutput(words[3])
		if err != nil {
			return nil, err
		}
		outputs = append(outputs, ledger.Output{Partition: int32(partition), Offset: offset, Key: words[2], ID: id, Count: count, Sum: sum})
	}
	return outputs, lines.Err()
}

// sameOutputs checks that two readers saw the same.
func sameOutputs(one, other []ledger.Output) error {
	order := func(a, b ledger.Output) int {
		if a.Partition != b.Partition {
			return int(a.Partition) - int(b.Partition)
		}
		return int(a.Offset - b.Offset)
	}
	one, other = slices.SortedFunc(slices.Values(one), order), slices.SortedFunc(slices.Values(other), order)
	for i := range min(len(one), len(other)) {
		if one[i] != other[i] {
			return fmt.Errorf("chaos: the two readers disagree: one saw %s, the other %s", &one[i], &other[i])
		}
	}
	if len(one) != len(other) {
		return fmt.Errorf("chaos: the two readers disagree: one saw %d outputs, the other %d", len(one), len(other))
	}
	return nil
}

// unfinished tells what is left open on the broker: after a job has stopped in
// good order no transaction may be, and nothing may be held back from readers.
func unfinished(ctx context.Context, addresses []string, topic string) ([]string, error) {
	client, err := kgo.NewClient(clientOptions(addresses)...)
	if err != nil {
		return nil, fmt.Errorf("chaos: %w", err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	listed, err := admin.ListTransactions(ctx, nil, []string{"Ongoing", "PrepareCommit", "PrepareAbort"})
	if err != nil {
		return nil, fmt.Errorf("chaos: list transactions: %w", err)
	}
	var left []string
	for _, t := range listed.Sorted() {
		left = append(left, fmt.Sprintf("transaction %s is %s after the job has stopped", t.TxnID, t.State))
	}
	ends, err := admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("chaos: end of %s: %w", topic, err)
	}
	stable, err := admin.ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = stable.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("chaos: last stable offset of %s: %w", topic, err)
	}
	ends.Each(func(end kadm.ListedOffset) {
		if last, _ := stable.Lookup(topic, end.Partition); last.Offset != end.Offset {
			left = append(left, fmt.Sprintf("partition %d of %s: readers get no further than %d of %d", end.Partition, topic, last.Offset, end.Offset))
		}
	})
	return left, nil
}
