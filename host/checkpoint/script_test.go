package checkpoint_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/memstore"
)

// TestScripts drives coordinators on one store through the stories in testdata.
// Hosts are named; each has its own log and coordinator. Actions are printed;
// manifests are written when the script says so.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata/scripts", func(t *testing.T, path string) {
		s := &script{t: t, store: memstore.New(), hosts: map[string]*scriptHost{}, facts: defaultFacts()}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t = t
			return s.run(d)
		})
	})
}

func defaultFacts() checkpoint.Facts {
	return checkpoint.Facts{
		Job: "wordcount", MaxParallelism: 128, Sinks: []string{"out"},
		Operators: []checkpoint.OperatorInfo{{UID: "count", States: []checkpoint.StateInfo{{Name: "total", Kind: "value"}}}},
		Vertices: []checkpoint.VertexFacts{
			{UID: "lines", Parallelism: 1, Source: "lines"},
			{UID: "count", Parallelism: 1, Operators: []string{"count"}},
		},
	}
}

type script struct {
	t     *testing.T
	store *memstore.Store
	hosts map[string]*scriptHost
	facts checkpoint.Facts
	now   time.Duration
}

type scriptHost struct {
	log         *checkpoint.Log
	coordinator *checkpoint.Coordinator
	write       *checkpoint.WriteManifest
}

func (s *script) run(d *datadriven.TestData) string {
	if value, ok := argument(d, "at"); ok {
		at, err := time.ParseDuration(value)
		if err != nil {
			d.Fatalf(s.t, "%v", err)
		}
		s.now = at
	}
	var out strings.Builder
	switch d.Cmd {
	case "start":
		s.start(&out, d)
	case "tick":
		s.event(&out, d, checkpoint.Tick{})
	case "ack":
		epoch := checkpoint.Epoch(number(s.t, d, "epoch"))
		s.event(&out, d, checkpoint.TaskAcknowledged{Epoch: epoch, Snapshot: s.snapshot(d)})
	case "decline":
		snapshot := s.snapshot(d)
		e := checkpoint.TaskDeclined{Epoch: checkpoint.Epoch(number(s.t, d, "epoch")), Task: snapshot.Task, Committables: snapshot.Committables, Err: errors.New("no luck")}
		if d.HasArg("full") {
			e.Err = fmt.Errorf("upload: %w", checkpoint.ErrFull)
		}
		s.event(&out, d, e)
	case "barrier":
		s.event(&out, d, checkpoint.BarrierTaken{Epoch: checkpoint.Epoch(number(s.t, d, "epoch")), Task: task(s.t, d)})
	case "ended":
		s.event(&out, d, checkpoint.TaskEnded{Task: task(s.t, d)})
	case "stop":
		s.event(&out, d, checkpoint.StopRequested{})
	case "write":
		s.write(&out, d)
	case "results":
		s.event(&out, d, s.results(d))
	case "crash":
		s.store.Crash(func(string) bool { return d.HasArg("survives") })
		s.hosts = map[string]*scriptHost{}
	case "store":
		names, err := s.store.List(context.Background(), "")
		if err != nil {
			d.Fatalf(s.t, "%v", err)
		}
		for _, name := range names {
			fmt.Fprintln(&out, name)
		}
	case "damage":
		s.damage(&out, d)
	case "status":
		s.status(&out, d)
	case "job":
		s.job(d)
	default:
		d.Fatalf(s.t, "unknown command %q", d.Cmd)
	}
	if out.Len() == 0 {
		return "ok\n"
	}
	return out.String()
}

func (s *script) hostName(d *datadriven.TestData) string {
	if name, ok := argument(d, "host"); ok {
		return name
	}
	return "a"
}

// start opens the log, decides, claims and makes the coordinator of a host.
func (s *script) start(out *strings.Builder, d *datadriven.TestData) {
	ctx := context.Background()
	log, err := checkpoint.OpenLog(ctx, s.store)
	if err != nil {
		fmt.Fprintf(out, "open: %v\n", err)
		return
	}
	options := checkpoint.Options{AllowDroppedState: d.HasArg("allow-dropped-state")}
	if d.HasArg("accept-duplicates-from") {
		options.AcceptDuplicatesFrom = checkpoint.Epoch(number(s.t, d, "accept-duplicates-from"))
	}
	decision := checkpoint.Decide(log.Contents(), s.facts, options)
	printDecision(out, decision)
	if decision.Kind == checkpoint.Refuse || decision.Kind == checkpoint.AlreadyFinished {
		return
	}
	recovered, err := log.Recovered(ctx, decision)
	if err != nil {
		fmt.Fprintf(out, "recover: %v\n", err)
		return
	}
	config := s.config(d)
	config.JobUUID, config.Attempt, config.Operators = "uuid-1", decision.Attempt, decision.Operators
	for _, snapshot := range decision.Tasks {
		config.Tasks = append(config.Tasks, snapshot.Task)
		if snapshot.Task.Vertex == "lines" {
			config.SourceTasks = append(config.SourceTasks, snapshot.Task)
		}
	}
	claim := &checkpoint.Claim{Format: checkpoint.Format, Job: s.facts.Job, JobUUID: "uuid-1", Attempt: decision.Attempt, AcceptDuplicatesFrom: decision.AcceptedDuplicatesFrom}
	claimed, err := log.Append(ctx, checkpoint.Entry{Claim: claim})
	if err != nil {
		fmt.Fprintf(out, "claim: %v\n", err)
		return
	}
	fmt.Fprintf(out, "claimed number %d for attempt %d\n", claimed, decision.Attempt)
	s.hosts[s.hostName(d)] = &scriptHost{log: log, coordinator: checkpoint.NewCoordinator(config, recovered)}
	s.event(out, d, checkpoint.Tick{})
}

func (s *script) config(d *datadriven.TestData) checkpoint.CoordinatorConfig {
	config := checkpoint.CoordinatorConfig{
		Job: s.facts.Job, MaxParallelism: s.facts.MaxParallelism,
		Interval: 10 * time.Second, Timeout: time.Minute, Retain: 2, CommitRetryMin: time.Second,
	}
	if d.HasArg("pause") {
		config.MinPause = time.Duration(number(s.t, d, "pause")) * time.Second
	}
	if d.HasArg("tolerable") {
		config.TolerableFailures = number(s.t, d, "tolerable")
	}
	if d.HasArg("retain") {
		config.Retain = number(s.t, d, "retain")
	}
	return config
}

func (s *script) event(out *strings.Builder, d *datadriven.TestData, event checkpoint.Event) {
	host := s.hosts[s.hostName(d)]
	if host == nil {
		d.Fatalf(s.t, "host %q does not run", s.hostName(d))
	}
	for _, action := range host.coordinator.Step(time.UnixMilli(0).Add(s.now), event) {
		s.act(out, host, action)
	}
}

func (s *script) act(out *strings.Builder, host *scriptHost, action checkpoint.Action) {
	switch a := action.(type) {
	case checkpoint.TriggerBarrier:
		fmt.Fprintf(out, "trigger barrier %d%s\n", a.Epoch, when(a.Final, ", the last one"))
	case checkpoint.AbortEpoch:
		fmt.Fprintf(out, "abort %d: %v\n", a.Epoch, a.Err)
	case checkpoint.WriteManifest:
		host.write = &a
		fmt.Fprintf(out, "write manifest: %s\n", describe(a.Manifest))
		for _, attachment := range a.Attachments {
			fmt.Fprintf(out, "  with %s\n", attachment.Name)
		}
	case checkpoint.Commit:
		fmt.Fprintf(out, "commit %s: %s\n", a.Sink, committables(a.Committables))
	case checkpoint.NotifyComplete:
		fmt.Fprintf(out, "complete %d: %s\n", a.Epoch, positions(a.Positions))
	case checkpoint.DeleteObjects:
		fmt.Fprintf(out, "delete %s\n", strings.Join(a.Names, " "))
		for _, name := range a.Names {
			if err := s.store.Delete(context.Background(), name); err != nil {
				fmt.Fprintf(out, "  %v\n", err)
			}
		}
	case checkpoint.JobFinished:
		fmt.Fprintf(out, "job finished with checkpoint %d\n", a.Epoch)
	case checkpoint.JobStopped:
		fmt.Fprintf(out, "job stopped with checkpoint %d\n", a.Epoch)
	case checkpoint.FailJob:
		fmt.Fprintf(out, "fail job%s: %v\n", when(a.Restart, " and restart"), a.Err)
	default:
		s.t.Fatalf("unknown action %T", action)
	}
}

// write appends the manifest that the coordinator asked for.
func (s *script) write(out *strings.Builder, d *datadriven.TestData) {
	host := s.hosts[s.hostName(d)]
	if host == nil || host.write == nil {
		d.Fatalf(s.t, "there is no manifest to write")
	}
	w := host.write
	host.write = nil
	if fault, ok := argument(d, "fault"); ok {
		s.store.SetHook(faultHook(fault))
		defer s.store.SetHook(nil)
	}
	for i := range w.Manifest.Tasks {
		for _, table := range w.Manifest.Tasks[i].Tables {
			if err := s.store.Upload(context.Background(), table.Object, strings.NewReader("x"), 1); err != nil && !d.HasArg("fault") {
				d.Fatalf(s.t, "%v", err)
			}
		}
	}
	written, err := host.log.Append(context.Background(), checkpoint.Entry{Checkpoint: w.Manifest, Attachments: w.Attachments})
	if d.HasArg("unanswered") {
		return
	}
	if err != nil {
		s.event(out, d, checkpoint.ManifestFailed{Epoch: w.Manifest.Epoch, Err: err})
		return
	}
	fmt.Fprintf(out, "durable as number %d\n", written)
	s.event(out, d, checkpoint.ManifestDurable{Epoch: w.Manifest.Epoch, Number: written})
}

// faultHook fails the creation of manifests.
func faultHook(fault string) func(memstore.Operation) memstore.Fault {
	return func(o memstore.Operation) memstore.Fault {
		first, second := strings.HasSuffix(o.Name, ".a"), strings.HasSuffix(o.Name, ".b")
		switch {
		case o.Kind != memstore.Create:
		case fault == "full" && first, fault == "second copy full" && second:
			return memstore.Full()
		case fault == "lost" && first:
			return memstore.Fault{Err: errors.New("the store did not answer")}
		case fault == "unanswered" && first:
			return memstore.Fault{Err: errors.New("the store did not answer"), Applied: true}
		}
		return memstore.Fault{}
	}
}

func (s *script) damage(out *strings.Builder, d *datadriven.TestData) {
	name, _ := argument(d, "object")
	found := s.store.Damage(name, func(data []byte) []byte {
		switch {
		case d.HasArg("remove"):
			return nil
		case d.HasArg("empty"):
			return []byte{}
		}
		data[len(data)-5] ^= 1
		return data
	})
	if !found {
		fmt.Fprintf(out, "there is no %s\n", name)
	}
}

func (s *script) status(out *strings.Builder, d *datadriven.TestData) {
	host := s.hosts[s.hostName(d)]
	status := host.coordinator.Status()
	completed := checkpoint.Epoch(0)
	if status.Completed != nil {
		completed = status.Completed.Epoch
	}
	fmt.Fprintf(out, "completed %d, current %d (%d of %d tasks), unconfirmed epochs %d, failures %d, assignments %s\n",
		completed, status.Current, status.Acknowledged, status.Tasks, status.UnconfirmedEpochs, status.FailuresInARow,
		map[bool]string{true: "held", false: "free"}[host.coordinator.AssignmentsHeld()])
	if next, ok := host.coordinator.NextTick(); ok {
		fmt.Fprintf(out, "next tick at %v\n", next.Sub(time.UnixMilli(0)))
	}
}

// job changes the facts of the next start.
func (s *script) job(d *datadriven.TestData) {
	s.facts = defaultFacts()
	for _, argument := range d.CmdArgs {
		switch argument.Key {
		case "name":
			s.facts.Job = argument.Vals[0]
		case "max-parallelism":
			s.facts.MaxParallelism = number(s.t, d, "max-parallelism")
		case "parallelism":
			for i := range s.facts.Vertices {
				s.facts.Vertices[i].Parallelism = number(s.t, d, "parallelism")
			}
		case "without-sink":
			s.facts.Sinks = nil
		case "without-source":
			s.facts.Vertices[0].Source = ""
		case "without-count":
			s.facts.Operators = nil
			s.facts.Vertices = s.facts.Vertices[:1]
		case "state-kind":
			s.facts.Operators[0].States[0].Kind = argument.Vals[0]
		case "schema":
			s.facts.Operators[0].States[0].SchemaVersion = uint16(number(s.t, d, "schema"))
		case "states":
			var states []checkpoint.StateInfo
			for _, name := range argument.Vals {
				states = append(states, checkpoint.StateInfo{Name: name, Kind: "value"})
			}
			s.facts.Operators[0].States = states
		case "idempotent":
			s.facts.SinksIdempotent = true
		default:
			d.Fatalf(s.t, "unknown argument %q", argument.Key)
		}
	}
}

// snapshot reads tables=(a,b), splits=(s1@5,s2!), commit=(id,...).
func (s *script) snapshot(d *datadriven.TestData) checkpoint.TaskSnapshot {
	snapshot := checkpoint.TaskSnapshot{Task: task(s.t, d)}
	for _, name := range arguments(d, "tables") {
		snapshot.Tables = append(snapshot.Tables, checkpoint.Table{Object: "tables/" + name, Bytes: 100, Last: 127, Operators: []string{"count"}})
	}
	for _, text := range arguments(d, "splits") {
		position := checkpoint.SplitPosition{ID: strings.TrimSuffix(text, "!"), Finished: strings.HasSuffix(text, "!")}
		if id, at, found := strings.Cut(position.ID, "@"); found {
			position.ID, position.Position = id, []byte(at)
		}
		if snapshot.Splits == nil {
			snapshot.Splits = map[string][]checkpoint.SplitPosition{}
		}
		snapshot.Splits["lines"] = append(snapshot.Splits["lines"], position)
	}
	for _, id := range arguments(d, "commit") {
		snapshot.Committables = append(snapshot.Committables, checkpoint.Committable{Sink: "out", ID: id})
	}
	return snapshot
}

func (s *script) results(d *datadriven.TestData) checkpoint.CommitResults {
	results := checkpoint.CommitResults{Sink: "out"}
	outcomes := map[string]connectors.Outcome{"committed": connectors.Committed, "retry": connectors.CommitRetry, "lost": connectors.CommitLost, "unknown": connectors.CommitUnknown}
	for name, outcome := range outcomes {
		for _, id := range arguments(d, name) {
			results.Results = append(results.Results, connectors.CommitResult{ID: id, Outcome: outcome, Reason: "the sink says so"})
		}
	}
	if d.HasArg("error") {
		results.Err = errors.New("the sink is gone")
	}
	return results
}

func printDecision(out *strings.Builder, d checkpoint.Decision) {
	switch d.Kind {
	case checkpoint.Refuse:
		fmt.Fprintf(out, "refuse: %v\n", d.Err)
		return
	case checkpoint.Fresh:
		fmt.Fprintln(out, "fresh start")
	default:
		fmt.Fprintf(out, "%s: %s\n", d.Kind, describe(d.Manifest))
	}
	for _, warning := range d.Warnings {
		fmt.Fprintf(out, "warning: %s\n", warning)
	}
	for _, snapshot := range d.Tasks {
		if len(snapshot.Tables) == 0 && len(snapshot.Splits) == 0 {
			continue
		}
		fmt.Fprintf(out, "task %s: tables %s, splits %s\n", snapshot.Task, tables(snapshot.Tables), positions(snapshot.Splits))
	}
}

func describe(m *checkpoint.Manifest) string {
	var b strings.Builder
	fmt.Fprintf(&b, "epoch %d", m.Epoch)
	for _, snapshot := range m.Tasks {
		if len(snapshot.Tables) > 0 {
			fmt.Fprintf(&b, ", %s has %s", snapshot.Task, tables(snapshot.Tables))
		}
	}
	for _, source := range m.Sources {
		fmt.Fprintf(&b, ", finished %v", source.Finished)
	}
	if len(m.Pending) > 0 {
		fmt.Fprintf(&b, ", pending %s", committables(m.Pending))
	}
	for _, name := range m.Confirmed {
		fmt.Fprintf(&b, ", confirmed %s", name.ID)
	}
	return b.String() + when(m.Ended, ", input ended") + when(m.Finished, ", finished")
}

func tables(list []checkpoint.Table) string {
	var names []string
	for _, table := range list {
		names = append(names, fmt.Sprintf("%s[%d-%d]", strings.TrimPrefix(table.Object, "tables/"), table.First, table.Last))
	}
	return strings.Join(names, " ")
}

func committables(list []checkpoint.Committable) string {
	var names []string
	for _, c := range list {
		names = append(names, fmt.Sprintf("%s (%d)", c.ID, c.Epoch))
	}
	return strings.Join(names, ", ")
}

func positions(bySource map[string][]checkpoint.SplitPosition) string {
	var parts []string
	for _, uid := range slices.Sorted(maps.Keys(bySource)) {
		for _, p := range bySource[uid] {
			parts = append(parts, p.ID+when(len(p.Position) > 0, "@"+string(p.Position))+when(p.Finished, "!"))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, " ")
}

func when(condition bool, text string) string {
	if condition {
		return text
	}
	return ""
}

func argument(d *datadriven.TestData, key string) (string, bool) {
	values := arguments(d, key)
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

func arguments(d *datadriven.TestData, key string) []string {
	for _, argument := range d.CmdArgs {
		if argument.Key == key {
			return argument.Vals
		}
	}
	return nil
}

func number(t *testing.T, d *datadriven.TestData, key string) int {
	value, _ := argument(d, key)
	n, err := strconv.Atoi(value)
	if err != nil {
		d.Fatalf(t, "%s: %v", key, err)
	}
	return n
}

// task reads task=vertex/subtask.
func task(t *testing.T, d *datadriven.TestData) checkpoint.TaskID {
	value, _ := argument(d, "task")
	vertex, subtask, _ := strings.Cut(value, "/")
	n, err := strconv.Atoi(subtask)
	if err != nil {
		d.Fatalf(t, "task: %v", err)
	}
	return checkpoint.TaskID{Vertex: vertex, Subtask: n}
}
