package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"syscall"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/connectors/wire"
	"github.com/turgo-stream/turgo/host/native"
)

const (
	wireValueBytes = 100
	wireBatchBytes = 64 << 10
	wireRecords    = 4_000_000 // of one run
	wireWarmUp     = 400_000
	wireRuns       = 5
)

// benchConnectors are what this program serves in processes of its own.
func benchConnectors() []connectors.Connector {
	return []connectors.Connector{{Name: "replay", Version: "1", Source: func() connectors.Source { return replay{} }}}
}

// serveIfAsked turns this process into a connector's, where the host of a
// measurement asked for one.
func serveIfAsked() { wire.ServeIfAsked(benchConnectors()) }

// replay is a source that gives one batch again and again, so that what is
// measured is the way of the batch and not its making.
type replay struct{}

func (replay) Check(context.Context, connectors.Config) error { return nil }
func (replay) Open(context.Context, connectors.Config) error  { return nil }
func (replay) Discover(context.Context) ([]connectors.Split, bool, error) {
	return []connectors.Split{{ID: "replay"}}, true, nil
}
func (replay) OpenReader(context.Context, int) (connectors.Reader, error) {
	var builder record.Builder
	value := make([]byte, wireValueBytes)
	for builder.Length()+record.FixedLength+wireValueBytes <= wireBatchBytes {
		builder.Append(record.Record{Value: value, Timestamp: record.NoTimestamp})
	}
	return &replayReader{batch: builder.Finish()}, nil
}
func (replay) CheckpointComplete(context.Context, uint64, []connectors.Assignment) error { return nil }
func (replay) Close() error                                                              { return nil }

// replayReader tells the CPU time of its process so far as the position.
type replayReader struct{ batch record.Batch }

func (r *replayReader) Assign(context.Context, []connectors.Assignment) error { return nil }
func (r *replayReader) Next(context.Context) (connectors.Delivery, error) {
	cpu, err := cpuNanoseconds()
	if err != nil {
		return connectors.Delivery{}, err
	}
	return connectors.Delivery{SplitID: "replay", Batch: r.batch, Position: binary.LittleEndian.AppendUint64(nil, uint64(cpu)), LagRecords: -1}, nil
}
func (r *replayReader) Close() error { return nil }

// cpuNanoseconds is the CPU time that this process took, user and system.
func cpuNanoseconds() (int64, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return usage.Utime.Nano() + usage.Stime.Nano(), nil
}

// measureWire prints what a record costs on its way from a connector's process
// into the host, in CPU time of both processes.
func measureWire() error {
	launcher := &native.Launcher{Builtins: benchConnectors()}
	defer launcher.Close()
	ctx := context.Background()
	source, err := launcher.Source(ctx, "replay", native.PlacementProcess)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := source.Open(ctx, connectors.Config{UID: "wire"}); err != nil {
		return err
	}
	reader, err := source.OpenReader(ctx, 0)
	if err != nil {
		return err
	}
	defer reader.Close()
	if err := reader.Assign(ctx, []connectors.Assignment{{Split: connectors.Split{ID: "replay"}}}); err != nil {
		return err
	}
	if _, _, err := readRecords(ctx, reader, wireWarmUp); err != nil {
		return err
	}
	var both, hostOnly []float64
	for range wireRuns {
		host, connector, err := readRecords(ctx, reader, wireRecords)
		if err != nil {
			return err
		}
		both = append(both, host+connector)
		hostOnly = append(hostOnly, host)
	}
	figure("wire_cpu_ns_per_record", median(both), "ns", "<= 120")
	figure("wire_cpu_ns_per_record_of_host", median(hostOnly), "ns", "")
	return nil
}

// readRecords reads until it has that many records, and gives the CPU time of
// the two processes for each in nanoseconds.
func readRecords(ctx context.Context, reader connectors.Reader, records int) (host, connector float64, err error) {
	hostBefore, err := cpuNanoseconds()
	if err != nil {
		return 0, 0, err
	}
	first, last, read := int64(0), int64(0), 0
	for read < records {
		delivery, err := reader.Next(ctx)
		if err != nil {
			return 0, 0, err
		}
		if delivery.SplitID == "" {
			continue
		}
		if len(delivery.Position) != 8 {
			return 0, 0, fmt.Errorf("position of %d bytes", len(delivery.Position))
		}
		last = int64(binary.LittleEndian.Uint64(delivery.Position))
		if first == 0 {
			first = last
		}
		read += delivery.Batch.Count()
	}
	hostAfter, err := cpuNanoseconds()
	if err != nil {
		return 0, 0, err
	}
	return float64(hostAfter-hostBefore) / float64(read), float64(last-first) / float64(read), nil
}
