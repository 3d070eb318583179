package sim

import (
	"errors"
	"fmt"
	"strings"

	"github.com/turgo-stream/turgo/host/checkpoint"
	"github.com/turgo-stream/turgo/host/checkpoint/memstore"
)

// fault is a kind of misfortune.
type fault int

// The faults. Each seed has a subset of them, at its own rates.
const (
	crashHost    fault = iota // the machine dies, and what its disk had not made durable
	crashAtPoint              // the same at a named point of a checkpoint's life
	takeOver                  // another host takes the job while the old one lives on
	stopJob                   // a user stops the job, and starts it again later
	stallWorker               // a worker stands still for a while
	jumpClock                 // a long time passes
	failOperator              // an operator's call fails
	breakReader               // a reader has to be opened again
	failWrite                 // a sink's writer fails
	failCommit                // a commit call fails, before or after it took effect
	delayCommit               // a sink asks to commit later
	doubtCommit               // a sink does not know whether a commit took effect
	fillStore                 // the store is full
	failStore                 // the store fails, and nothing was written
	doubtStore                // the store does not say whether it has written
	failRead                  // the store cannot be read
	keepObject                // a deletion fails
	damageCopy                // one copy of the newest entry of the log loses a bit
	faults                    // how many there are
)

var faultNames = [faults]string{
	"crash host", "crash at point", "take over", "stop job", "stall worker", "jump clock", "fail operator", "break reader",
	"fail write", "fail commit", "delay commit", "doubt commit", "fill store", "fail store", "doubt store", "fail read",
	"keep object", "damage copy",
}

// faultRates are how often each fault strikes where it can, at the most.
var faultRates = [faults]float64{
	crashHost: 0.003, crashAtPoint: 0.1, takeOver: 0.002, stopJob: 0.001, stallWorker: 0.01, jumpClock: 0.003, failOperator: 0.03,
	breakReader: 0.05, failWrite: 0.03, failCommit: 0.2, delayCommit: 0.3, doubtCommit: 0.1, fillStore: 0.1, failStore: 0.1,
	doubtStore: 0.1, failRead: 0.02, keepObject: 0.2, damageCopy: 0.005,
}

// strikes tells whether a fault happens now.
func (w *World) strikes(f fault) bool {
	if w.healing || w.quiet || w.rates[f] == 0 || w.faultsLeft == 0 || w.random.Float64() >= w.rates[f] {
		return false
	}
	w.faultsLeft--
	w.Struck[f]++
	w.note("fault: %s", faultNames[f])
	return true
}

// drawFaults chooses the faults of this seed.
func (w *World) drawFaults() {
	w.faultsLeft = w.random.IntN(40)
	for f := range w.rates {
		if w.random.IntN(2) == 0 {
			w.rates[f] = faultRates[f] * w.random.Float64()
		}
	}
	if w.config.RealState {
		// The real state reads the store from goroutines of its own, at times that
		// the seed does not choose.
		w.rates[failRead] = 0
	}
}

// storeFault is the hook of the world's store.
func (w *World) storeFault(o memstore.Operation) memstore.Fault {
	switch o.Kind {
	case memstore.Open, memstore.Read:
		if w.rates[failRead] > 0 && w.strikes(failRead) {
			return memstore.Fault{Err: fmt.Errorf("sim: %s %s: %w", o.Kind, o.Name, errInjected)}
		}
	case memstore.Create, memstore.Upload:
		w.interleave(o.Name)
		switch {
		case w.strikes(fillStore):
			return memstore.Full()
		case w.strikes(failStore):
			return memstore.Fault{Err: fmt.Errorf("sim: %s %s: %w: %w", o.Kind, o.Name, checkpoint.ErrUnchanged, errInjected)}
		case w.strikes(doubtStore):
			return memstore.Fault{Err: fmt.Errorf("sim: %s %s: no answer: %w", o.Kind, o.Name, errInjected), Applied: w.random.IntN(2) == 0}
		}
	case memstore.Delete:
		if w.strikes(keepObject) {
			return memstore.Fault{Err: errInjected, Applied: w.random.IntN(2) == 0}
		}
	}
	return memstore.Fault{}
}

// interleave lets another host's workers run right before an entry of the log is
// created: the narrowest moment of a take-over.
func (w *World) interleave(name string) {
	if w.healing || w.quiet || len(w.hosts) < 2 || !strings.HasSuffix(name, ".a") || w.random.IntN(2) == 0 {
		return
	}
	other := w.hosts[w.random.IntN(len(w.hosts))]
	if other == w.acting || other.busy {
		return
	}
	acting := w.acting
	for _, worker := range other.workers {
		worker.run()
	}
	w.acting = acting
}

// damage flips a bit in one copy of the newest entry.
func (w *World) damage() {
	names, err := w.names("manifest/")
	if err != nil || len(names) < 2 || !strings.HasSuffix(names[len(names)-1], ".b") {
		return // the newest entry has one copy only
	}
	if log := w.openLog(); log != nil {
		if entries := log.Entries(); entries[len(entries)-1].Copies < 2 {
			return // the other copy is damaged already
		}
	}
	if !w.strikes(damageCopy) {
		return
	}
	name := names[len(names)-1-w.random.IntN(2)]
	w.log = nil
	w.store.Damage(name, func(data []byte) []byte {
		data[w.random.IntN(len(data))] ^= 1 << w.random.IntN(8)
		return data
	})
}

// errDead is what a crashed host's calls give; nobody hears it.
var errDead = errors.New("sim: this host has crashed")
