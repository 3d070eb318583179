package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/exchange"
	"github.com/turgo-stream/turgo/host/wasm"
)

const (
	boundaryRecords = 1000 // in a batch
	boundaryRounds  = 15
	boundaryBatches = 300 // in a round
)

// boundaryBatch has records of 100 bytes, each with a key of its own: the fixed
// part of 28 bytes, a key of 12, a value of 60.
func boundaryBatch() record.Batch {
	var b record.Builder
	value := make([]byte, 60)
	for i := range boundaryRecords {
		b.Append(record.Record{Key: fmt.Appendf(nil, "key-%08d", i), Value: value, Timestamp: int64(i), Origin: uint32(i)})
	}
	return b.Finish()
}

// perRecord is the median CPU time of a record over several rounds, and the
// allocations of a batch, after one round that does not count.
func perRecord(handle func() error) (nanoseconds, allocations float64, err error) {
	var rounds []float64
	var before, after runtime.MemStats
	for round := range boundaryRounds + 1 {
		start, err := cpuNanoseconds()
		if err != nil {
			return 0, 0, err
		}
		if round == 1 {
			runtime.ReadMemStats(&before)
		}
		for range boundaryBatches {
			if err := handle(); err != nil {
				return 0, 0, err
			}
		}
		end, err := cpuNanoseconds()
		if err != nil {
			return 0, 0, err
		}
		if round > 0 {
			rounds = append(rounds, float64(end-start)/(boundaryBatches*boundaryRecords))
		}
	}
	runtime.ReadMemStats(&after)
	return median(rounds), float64(after.Mallocs-before.Mallocs) / (boundaryRounds * boundaryBatches), nil
}

// buildGuest builds an example's operator as a module.
func buildGuest(example string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "turgo-bench-guest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "guest.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, "./examples/"+example+"/operator")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build %s: %w\n%s", example, err, text)
	}
	return os.ReadFile(out)
}

// withGuest opens an example's operator and calls do with it.
func withGuest(example string, config wasm.OpenConfig, do func(*wasm.Operator) error) (err error) {
	data, err := buildGuest(example)
	if err != nil {
		return err
	}
	engine, err := wasm.NewEngine(wasm.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	module, err := engine.Load(context.Background(), example, data)
	if err != nil {
		return err
	}
	operator, err := module.Open(context.Background(), config)
	if err != nil {
		return err
	}
	return errors.Join(do(operator), operator.Close())
}

func measureBoundary() error {
	if err := measurePassThrough(); err != nil {
		return err
	}
	if err := measurePartition(); err != nil {
		return err
	}
	return measureHotState()
}

// measurePassThrough sends batches through a guest that emits each record.
func measurePassThrough() error {
	return withGuest("passthrough", wasm.OpenConfig{UID: "passthrough", Parallelism: 1}, func(o *wasm.Operator) error {
		batch, emitted := boundaryBatch(), 0
		emit := func(_ int, b record.Batch) { emitted += b.Count() }
		nanoseconds, allocations, err := perRecord(func() error {
			return o.Process(0, batch, abi.WatermarkMin, 1, emit)
		})
		if err != nil {
			return err
		}
		if want := (boundaryRounds + 1) * boundaryBatches * boundaryRecords; emitted != want {
			return fmt.Errorf("%d records came through, want %d", emitted, want)
		}
		figure("boundary_pass_through_ns_per_record", nanoseconds, "ns", "<= 120")
		figure("boundary_allocations_per_batch", allocations, "allocations", "<= 5")
		return nil
	})
}

// measurePartition partitions batches by key among two receivers.
func measurePartition() error {
	nothing := func() {}
	channels := []*exchange.Channel{exchange.NewChannel(nothing, nothing), exchange.NewChannel(nothing, nothing)}
	var inboxes []*exchange.Inbox
	for _, c := range channels {
		inboxes = append(inboxes, exchange.NewInbox([]exchange.Input{{Channel: c}}))
	}
	outbox := exchange.NewOutbox(exchange.Key, 128, channels)
	batch, received := boundaryBatch(), 0
	drain := func() {
		for _, inbox := range inboxes {
			for event, found := inbox.Next(); found; event, found = inbox.Next() {
				received += event.Buffer.Batch.Count()
				event.Buffer.Release()
			}
		}
	}
	nanoseconds, _, err := perRecord(func() error {
		err := outbox.Add(batch, exchange.Trace{})
		drain()
		return err
	})
	if err != nil {
		return err
	}
	outbox.Flush()
	drain()
	if want := (boundaryRounds + 1) * boundaryBatches * boundaryRecords; received != want {
		return fmt.Errorf("%d records arrived, want %d", received, want)
	}
	figure("key_partitioning_ns_per_record", nanoseconds, "ns", "<= 60")
	return nil
}

// measureHotState counts a thousand keys in value state, by a guest.
func measureHotState() (err error) {
	h, err := newHeldState()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if err := h.open(h.store, nil); err != nil {
		return err
	}
	config := wasm.OpenConfig{UID: "count", Parallelism: 1, State: h.keyed}
	return withGuest("keyedcount", config, func(o *wasm.Operator) error {
		batch := boundaryBatch()
		nothing := func(int, record.Batch) {}
		nanoseconds, allocations, err := perRecord(func() error {
			return o.Process(0, batch, abi.WatermarkMin, 1, nothing)
		})
		if err != nil {
			return err
		}
		figure("hot_state_ns_per_record", nanoseconds, "ns", "<= 400")
		figure("hot_state_allocations_per_batch", allocations, "allocations", "")
		return nil
	})
}
