package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/memstore"
	"github.com/turgo-stream/turgo/host/job"
	"github.com/turgo-stream/turgo/host/plan"
)

// Bounds of a world.
const (
	parallelismMax = 3
	retained       = 2      // checkpoints
	healRoundsMax  = 20_000 // until the job must have come to its end
	notesKept      = 80
)

// Config is what a world is made of.
type Config struct {
	Seed uint64
	// RealState runs the real keyed state over Pebble, in place of a model of it.
	RealState bool
}

// World is one simulated job with everything around it.
type World struct {
	config  Config
	random  *rand.Rand
	now     time.Time
	plans   []*plan.Plan // by parallelism - 1
	input   *input
	user    *user
	store   *memstore.Store
	log     *checkpoint.Log // as last read; nil after a change
	ledgers map[string]*ledger
	hosts   []*host // the last one leads; others live on without knowing better
	acting  *host   // whose code runs now

	hostsBegun int
	beginAt    time.Time
	finished   bool
	violation  error

	rates      [faults]float64
	faultsLeft int
	healing    bool // no more faults
	quiet      bool // the world itself looks at the store

	// Struck counts the faults, Turns the turns, Ends the attempts by how they ended.
	Struck [faults]int
	Turns  int
	Ends   map[string]int
	notes  []string
}

// epoch of the world's clock.
var clockStart = time.UnixMilli(1_700_000_000_000)

// NewWorld makes the world of a seed.
func NewWorld(config Config) (*World, error) {
	w := &World{
		config: config, random: rand.New(rand.NewPCG(config.Seed, 0x5eed)), now: clockStart,
		store: memstore.New(), ledgers: map[string]*ledger{}, Ends: map[string]int{},
	}
	for _, uid := range []string{"out", "raw"} {
		w.ledgers[uid] = newLedger(w, uid)
	}
	for parallelism := range parallelismMax {
		p, err := newPlan(parallelism + 1)
		if err != nil {
			return nil, err
		}
		w.plans = append(w.plans, p)
	}
	w.input = w.drawInput()
	w.user = newUser(w)
	w.drawFaults()
	w.store.SetHook(w.storeFault)
	return w, nil
}

// newPlan is: in -key-> count -> out, and in -rebalance-> raw.
func newPlan(parallelism int) (*plan.Plan, error) {
	return plan.Build(&plan.Job{
		Name: "sim", BaseDir: "/", Parallelism: parallelism, MaxParallelism: 8,
		Checkpoint: plan.Checkpoint{Interval: 200 * time.Millisecond, Timeout: 2 * time.Second, Retained: retained, TolerableFailures: plan.Unlimited},
		Flow: []plan.Step{
			{Kind: plan.Source, UID: "in", Connector: "sim"},
			{Kind: plan.Operator, UID: "count", Module: "sim", OnFailure: plan.OnFailure{Policy: plan.DeadLetterOnFailure}, Inputs: []plan.Input{{From: "in", Edge: plan.Key}}},
			{Kind: plan.Sink, UID: "out", Connector: "sim", Inputs: []plan.Input{{From: "count"}}},
			{Kind: plan.Sink, UID: "raw", Connector: "sim", Inputs: []plan.Input{{From: "in", Edge: plan.Rebalance}}},
		},
	}, func(*plan.Step) (*abi.OperatorDescription, error) { return &counterDescription, nil })
}

// drawInput chooses the splits and their records.
func (w *World) drawInput() *input {
	in := &input{}
	keys := 1 + w.random.IntN(20)
	for i := range 1 + w.random.IntN(7) {
		split := inputSplit{id: fmt.Sprint("split", i)}
		if w.random.IntN(3) == 0 {
			split.fromMS = w.nowMS() + int64(w.random.IntN(3000))
		}
		for range w.random.IntN(60) {
			split.keys = append(split.keys, fmt.Sprint("k", w.random.IntN(keys)))
		}
		in.splits = append(in.splits, split)
	}
	return in
}

func (w *World) split(id string) *inputSplit {
	i := slices.IndexFunc(w.input.splits, func(s inputSplit) bool { return s.id == id })
	return &w.input.splits[i]
}

func (w *World) clock() time.Time { return w.now }
func (w *World) nowMS() int64     { return w.now.UnixMilli() }

// note keeps a line for the report of a failure.
func (w *World) note(format string, arguments ...any) {
	if len(w.notes) == notesKept {
		w.notes = w.notes[1:]
	}
	w.notes = append(w.notes, fmt.Sprintf("turn %d, %v: ", w.Turns, w.now.Sub(clockStart))+fmt.Sprintf(format, arguments...))
}

// violated notes that something happened that never may; the first one counts.
func (w *World) violated(format string, arguments ...any) {
	if w.violation == nil {
		w.violation = fmt.Errorf("turn %d: "+format, append([]any{w.Turns}, arguments...)...)
	}
}

// Run lets the world go through its faults, then heals it, and checks that the
// job comes to its end with the right output.
func (w *World) Run() error {
	for range 200 + w.random.IntN(8000) {
		w.turn()
		if w.violation != nil || w.finished {
			break
		}
	}
	w.heal()
	for _, h := range w.hosts {
		h.close()
	}
	if w.violation != nil {
		return fmt.Errorf("sim: seed %d: %w\n%s", w.config.Seed, w.violation, strings.Join(w.notes, "\n"))
	}
	return nil
}

// turn lets one thing happen.
func (w *World) turn() {
	w.Turns++
	leader := w.leader()
	switch {
	case w.random.IntN(20) == 0:
		w.now = w.now.Add(time.Duration(w.random.IntN(20)) * time.Millisecond)
	case w.strikes(jumpClock):
		w.now = w.now.Add(time.Duration(w.random.IntN(5000)) * time.Millisecond)
	case w.random.IntN(300) == 0:
		w.actOnLetters(false)
	case leader == nil:
		w.beginWhenDue()
	case w.strikes(crashHost):
		w.crash(leader)
	case w.strikes(takeOver):
		w.tryBegin()
	case w.strikes(stopJob):
		leader.attempt.Stop()
	case w.rates[damageCopy] > 0 && w.random.IntN(500) == 0:
		w.damage()
	default:
		h := w.hosts[w.random.IntN(len(w.hosts))]
		h.step(w.random.IntN(h.steps()))
	}
	w.bury()
}

func (w *World) leader() *host {
	if len(w.hosts) == 0 {
		return nil
	}
	return w.hosts[len(w.hosts)-1]
}

// bury crashes the hosts that reached the point of their death.
func (w *World) bury() {
	for _, h := range slices.Clone(w.hosts) {
		if h.dead {
			w.crash(h)
		}
	}
}

func (w *World) crash(h *host) {
	w.note("host %d crashes", h.number)
	w.Ends["crashed"]++
	h.crash()
	w.store.Crash(func(string) bool { return w.random.IntN(2) == 0 })
	w.log = nil
	w.checkStore()
	w.remove(h)
}

// remove takes a host away. Whoever led, the next host begins after a while.
func (w *World) remove(h *host) {
	w.hosts = slices.DeleteFunc(w.hosts, func(other *host) bool { return other == h })
	w.beginAt = w.now.Add(time.Duration(w.random.IntN(300)) * time.Millisecond)
}

func (w *World) beginWhenDue() {
	if w.now.Before(w.beginAt) {
		w.now = w.now.Add(10 * time.Millisecond)
		return
	}
	w.tryBegin()
}

// tryBegin starts a host that means to lead from now on.
func (w *World) tryBegin() {
	disk := vfs.NewCrashableMem()
	p := w.plans[w.random.IntN(len(w.plans))]
	if leader := w.leader(); leader != nil && w.random.IntN(2) == 0 {
		p = leader.plan
	}
	h, err := w.begin(p, disk)
	if err != nil {
		w.note("host %d does not begin: %v", h.number, err)
		w.Ends["not begun"]++
		w.beginAt = w.now.Add(time.Duration(w.random.IntN(300)) * time.Millisecond)
		if refused := (*checkpoint.RefusedError)(nil); errors.As(err, &refused) {
			w.violated("the job may not resume: %v", err)
		}
		return
	}
	w.note("host %d begins as attempt %d with parallelism %d", h.number, h.attempt.Number(), h.plan.Vertices[0].Parallelism)
	w.hosts = append(w.hosts, h)
}

// ended takes the outcome of a host's attempt.
func (w *World) ended(h *host, outcome *job.Outcome) {
	w.note("host %d: %s at checkpoint %d: %v", h.number, outcome.State, outcome.Epoch, outcome.Err)
	w.Ends[string(outcome.State)]++
	switch {
	case outcome.State == job.Finished:
		w.checkFinished(false)
		// Whoever finds letters at the end orders that they are tried again.
		w.finished = !w.actOnLetters(w.healing)
	case outcome.State == job.Stopped:
		w.checkStopped()
	case !outcome.Restart && !errors.Is(outcome.Err, checkpoint.ErrLostLeadership):
		w.violated("host %d fails for good: %v", h.number, outcome.Err)
	case errors.Is(outcome.Err, checkpoint.ErrLostLeadership) && h == w.leader() && !w.challenged(h):
		w.violated("host %d lost a job that nobody else claimed", h.number)
	}
	h.close()
	w.checkStore()
	w.remove(h)
}

// challenged tells whether a host that began later may have claimed the job.
func (w *World) challenged(h *host) bool { return w.hostsBegun > h.number }

// heal ends all faults and lets everybody work in turn until the job is done.
func (w *World) heal() {
	w.healing = true
	w.note("healing")
	for round := 0; w.violation == nil && !w.finished; round++ {
		if round == healRoundsMax {
			w.violated("the job makes no progress: %s", w.standing())
			return
		}
		w.round()
	}
	// Those who do not know yet that they have lost the job must not spoil it.
	for range 200 {
		w.round()
		if len(w.hosts) == 0 {
			break
		}
	}
	if w.violation == nil {
		w.checkFinished(true)
		w.checkStore()
		w.checkAlreadyFinished()
	}
}

func (w *World) round() {
	w.Turns++
	w.now = w.now.Add(10 * time.Millisecond)
	if !w.finished && w.nobodyLeads() && !w.now.Before(w.beginAt) {
		w.tryBegin()
	}
	for _, h := range slices.Clone(w.hosts) {
		for i := 0; !h.dead && i < h.steps(); i++ {
			h.step(i)
		}
	}
	w.bury()
}

// nobodyLeads tells whether every host that lives has lost the job.
func (w *World) nobodyLeads() bool {
	leader := w.leader()
	if leader == nil {
		return true
	}
	return leader.attempt.Number() < w.newestAttempt()
}

func (w *World) standing() string {
	leader := w.leader()
	if leader == nil {
		return "no host runs"
	}
	return fmt.Sprintf("host %d with %+v", leader.number, leader.attempt.Status())
}

// names lists objects, without faults.
func (w *World) names(prefix string) ([]string, error) {
	w.quiet = true
	defer func() { w.quiet = false }()
	return w.store.List(context.Background(), prefix)
}

// openLog reads the log, without faults. It gives the same one until the log
// changes.
func (w *World) openLog() *checkpoint.Log {
	if w.log != nil {
		return w.log
	}
	w.quiet = true
	defer func() { w.quiet = false }()
	log, err := checkpoint.OpenLog(context.Background(), w.store)
	if err != nil {
		w.violated("the log cannot be opened: %v", err)
		return nil
	}
	w.log = log
	return log
}
