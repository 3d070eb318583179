package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/connectors/kafka/localbroker"
	"github.com/turgo-stream/turgo/faults/ledger"
	"github.com/turgo-stream/turgo/faults/process"
	"github.com/turgo-stream/turgo/host/job"
)

//go:embed job.yaml
var jobFile []byte

const (
	topicGiven      = "given"
	topicTold       = "told"
	partitionsGiven = 6
	partitionsTold  = 4

	setupLimit   = 5 * time.Minute
	pointLimit   = time.Minute
	stopLimit    = time.Minute
	brokerLimit  = time.Minute
	drainLimit   = 2 * time.Minute
	compareLimit = 5 * time.Minute
)

var errInterrupted = errors.New("chaos: interrupted")

// harness is one run.
type harness struct {
	settings *settings
	outcome  *outcome
	folder   string
	turgo    string

	broker  *localbroker.Broker
	load    *load
	monitor *monitor

	host        *process.Host
	parallelism int
}

// run does a whole run. Where it fails or is interrupted, what was done until
// then is still drained and compared.
func run(ctx context.Context, s *settings) (o *outcome, err error) {
	o = &outcome{Seed: s.seed, recoveries: map[string][]time.Duration{}}
	started := time.Now()
	defer func() { o.elapsed = time.Since(started) }()
	h := &harness{settings: s, outcome: o, parallelism: parallelismFirst}
	if h.folder, err = os.MkdirTemp("", "turgo-chaos-"); err != nil {
		return o, fmt.Errorf("chaos: %w", err)
	}
	defer func() {
		if err == nil && o.exact() && !s.keep {
			err = os.RemoveAll(h.folder)
			return
		}
		fmt.Fprintf(s.out, "logs, checkpoints and the broker's data: %s\n", h.folder)
	}()
	h.say("seed %d: %d kills; the same seed gives the same schedule", s.seed, s.kills)
	if err := h.setUp(ctx); err != nil {
		return o, errors.Join(interruption(ctx, err), h.tearDown())
	}
	killErr := interruption(ctx, h.killAll(ctx))
	if killErr != nil && !errors.Is(killErr, errInterrupted) {
		o.problem(killErr)
	}
	// The comparison is made whatever came before, and though it was interrupted.
	if err := h.compare(context.WithoutCancel(ctx)); err != nil {
		o.problem(err)
	}
	if err := h.tearDown(); err != nil {
		o.problem(err)
	}
	if errors.Is(killErr, errInterrupted) {
		return o, killErr
	}
	return o, nil
}

func interruption(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

func (h *harness) say(format string, args ...any) {
	if !h.settings.json {
		fmt.Fprintf(h.settings.out, format+"\n", args...)
	}
}

// setUp builds the programs, starts broker, load and monitor, and has the job
// tell its first output.
func (h *harness) setUp(ctx context.Context) (err error) {
	limited, cancel := context.WithTimeout(ctx, setupLimit)
	defer cancel()
	if h.turgo = h.settings.turgo; h.turgo == "" {
		if h.turgo, err = process.BuildTurgo(limited, h.folder); err != nil {
			return err
		}
	}
	if _, err := process.BuildModule(limited, "faults/chaos/operator", h.folder, "totals"); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(h.folder, "job.yaml"), jobFile, 0o644); err != nil {
		return fmt.Errorf("chaos: %w", err)
	}
	if h.broker, err = localbroker.Start(ctx, localbroker.Options{Folder: filepath.Join(h.folder, "broker"), Config: map[string]string{
		// A killed broker may come back when its session has ended: soon.
		"broker.session.timeout.ms": "1000", "broker.heartbeat.interval.ms": "200",
	}}); err != nil {
		return err
	}
	if err := h.makeTopics(limited); err != nil {
		return err
	}
	if h.load, err = startLoad(h.broker.Addresses(), topicGiven, h.settings.rate, h.settings.seed); err != nil {
		return err
	}
	if h.monitor, err = startMonitor(h.broker.Addresses(), topicTold); err != nil {
		return err
	}
	if err := h.startHost(nil, h.parallelism); err != nil {
		return err
	}
	return h.awaitOutput(ctx, 0)
}

func (h *harness) makeTopics(ctx context.Context) error {
	client, err := kgo.NewClient(clientOptions(h.broker.Addresses())...)
	if err != nil {
		return fmt.Errorf("chaos: %w", err)
	}
	defer client.Close()
	for topic, partitions := range map[string]int32{topicGiven: partitionsGiven, topicTold: partitionsTold} {
		if _, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, nil, topic); err != nil {
			return fmt.Errorf("chaos: create topic %s: %w", topic, err)
		}
	}
	return nil
}

// startHost starts the job. k is the kill that it is started for; nil = none.
func (h *harness) startHost(k *kill, parallelism int) (err error) {
	o := process.Options{
		Program: h.turgo, Job: filepath.Join(h.folder, "job.yaml"), Log: filepath.Join(h.folder, "host.log"),
		Environment: []string{"PARALLELISM=" + strconv.Itoa(parallelism), "BROKER=" + h.broker.Addresses()[0], "GUARANTEE=" + h.settings.guarantee},
	}
	if k != nil && k.Kind == hostAtPoint {
		o.CrashAt, o.CrashCount = k.Point, k.Count
	}
	h.parallelism = parallelism
	h.host, err = process.Start(o)
	return err
}

// awaitOutput waits until a reader sees output of a record that was given at or
// after this id.
func (h *harness) awaitOutput(ctx context.Context, id uint64) error {
	return h.await(ctx, h.settings.progressLimit, func(_, newest int64) bool { return newest >= int64(id) })
}

// await waits for output, and fails at once where it cannot come any more.
func (h *harness) await(ctx context.Context, limit time.Duration, holds func(seen, newest int64) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(limit, func() { cancel(fmt.Errorf("chaos: the output that is waited for did not come within %v", limit)) })
	defer late.Stop()
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		select {
		case <-h.host.Done():
			cancel(fmt.Errorf("chaos: the host ended by itself: %w", h.host.Explain()))
		case <-h.load.failed:
			cancel(*h.load.failure.Load())
		case <-ctx.Done():
		}
	}()
	err := h.monitor.await(ctx, holds)
	cancel(nil)
	<-watching
	return err
}

// killAll follows the schedule.
func (h *harness) killAll(ctx context.Context) error {
	for i, k := range schedule(h.settings.seed, h.settings.kills) {
		if (k.Point == job.InCommits || k.Point == job.AfterCommits) && h.settings.guarantee != string(connectors.ExactlyOnce) {
			// Such a sink commits nothing.
			k = kill{Kind: hostAtRandom, Parallelism: k.Parallelism}
		}
		took, err := h.killOnce(ctx, &k)
		if err != nil {
			return fmt.Errorf("chaos: kill %d (%s): %w", i+1, &k, err)
		}
		h.outcome.recoveries[k.name()] = append(h.outcome.recoveries[k.name()], took)
		h.say("%3d of %d: %s; new output after %v", i+1, h.settings.kills, &k, took.Round(time.Millisecond))
		if h.settings.json {
			// Standard output may be gone; the run goes on.
			_ = json.NewEncoder(h.settings.out).Encode(map[string]any{"kill": i + 1, "what": k, "new_output_ms": milliseconds(took)})
		}
	}
	return nil
}

// killOnce makes one kill, starts again what was killed, and measures the time
// until new output.
func (h *harness) killOnce(ctx context.Context, k *kill) (time.Duration, error) {
	if k.startsHost() {
		if err := h.host.Stop(stopLimit); err != nil {
			return 0, err
		}
		if err := h.startHost(k, k.parallelismBefore(h.parallelism)); err != nil {
			return 0, err
		}
	}
	killed, err := h.strike(ctx, k)
	if err != nil {
		return 0, err
	}
	h.outcome.Kills++
	// Output of what is given from now on is new, whoever made it.
	id := h.load.next.Load()
	if k.killsHost() {
		if err := h.startHost(nil, k.Parallelism); err != nil {
			return 0, err
		}
	}
	if k.killsBroker() {
		limited, cancel := context.WithTimeout(ctx, brokerLimit)
		defer cancel()
		if err := h.broker.Restart(limited); err != nil {
			return 0, err
		}
		h.outcome.backs = append(h.outcome.backs, time.Since(killed))
	}
	if err := h.awaitOutput(ctx, id); err != nil {
		return 0, err
	}
	return time.Since(killed), nil
}

// strike kills, and tells when.
func (h *harness) strike(ctx context.Context, k *kill) (time.Time, error) {
	if k.Kind == hostAtPoint {
		select {
		case <-h.host.Done():
		case <-time.After(pointLimit):
			return time.Time{}, fmt.Errorf("chaos: the host did not come to the point within %v", pointLimit)
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
		if !h.host.Killed() {
			return time.Time{}, fmt.Errorf("chaos: the host ended by itself: %w", h.host.Explain())
		}
		return h.host.Ended(), nil
	}
	select {
	case <-time.After(k.Delay):
	case <-h.host.Done():
		return time.Time{}, fmt.Errorf("chaos: the host ended by itself: %w", h.host.Explain())
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
	now := time.Now()
	switch k.Kind {
	case connector:
		pids, err := h.host.Connectors()
		if err == nil && len(pids) == 0 {
			err = errors.New("chaos: the host has no connector process")
		}
		if err != nil {
			return now, err
		}
		return now, h.host.KillConnector(pids[k.Connector%len(pids)])
	case brokerKill:
		return now, h.broker.Kill()
	case hostAndBroker:
		return now, errors.Join(h.broker.Kill(), h.host.Kill())
	}
	return now, h.host.Kill()
}

// compare lets the job finish what it was given, and has two readers check it.
func (h *harness) compare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, compareLimit)
	defer cancel()
	if h.broker.PID() == 0 {
		if err := h.broker.Restart(ctx); err != nil {
			return err
		}
	}
	var problems []error
	select {
	case <-h.host.Done():
		// A run that failed may have left it dead; its output must be exact all the same.
		problems = append(problems, h.startHost(nil, h.parallelism))
	default:
	}
	problems = append(problems, h.load.end(ctx))
	inputs, err := readInputs(ctx, h.broker.Addresses(), topicGiven)
	if err != nil {
		return errors.Join(append(problems, err)...)
	}
	if given := int64(len(inputs)); given != h.load.acked.Load() {
		problems = append(problems, fmt.Errorf("chaos: the broker acknowledged %d records and holds %d: this run proves nothing", h.load.acked.Load(), given))
	}
	h.say("%d records were given; waiting for the last of them", len(inputs))
	problems = append(problems,
		h.await(ctx, drainLimit, func(seen, _ int64) bool { return seen >= int64(len(inputs)) }),
		h.host.Stop(stopLimit))
	left, err := unfinished(ctx, h.broker.Addresses(), topicTold)
	problems = append(problems, err)
	for _, one := range left {
		problems = append(problems, errors.New("chaos: "+one))
	}
	return errors.Join(append(problems, h.readAndCheck(ctx, inputs))...)
}

func (h *harness) readAndCheck(ctx context.Context, inputs []ledger.Input) error {
	outputs, err := readOutputs(ctx, h.broker.Addresses(), topicTold)
	if err != nil {
		return err
	}
	others, err := readOutputsByKcat(ctx, h.broker.Addresses(), topicTold)
	if err != nil {
		return err
	}
	for _, seen := range [][]ledger.Output{outputs, others} {
		report, err := ledger.Check(inputs, seen)
		if err != nil {
			return err
		}
		h.outcome.merge(report)
	}
	h.outcome.checked = true
	return sameOutputs(outputs, others)
}

// tearDown ends all processes.
func (h *harness) tearDown() error {
	var problems []error
	if h.host != nil {
		problems = append(problems, h.host.Kill())
	}
	if h.monitor != nil {
		h.monitor.end()
	}
	if h.broker != nil {
		problems = append(problems, h.broker.Stop())
	}
	return errors.Join(problems...)
}
