package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/turgo-stream/turgo/host/job"
)

// kind is what a kill hits.
type kind string

const (
	hostAtPoint  kind = "host_at_point"
	hostStarting kind = "host_starting"
	hostAtRandom kind = "host_at_random"
	connector    kind = "connector"
	brokerKill   kind = "broker"
	// The host is started again while the broker is still away.
	hostAndBroker kind = "host_and_broker"
)

// kill is one step of the schedule.
type kill struct {
	Kind kind `json:"kind"`
	// Point and Count are for hostAtPoint: the Count-th time at the point after the
	// host's start.
	Point job.Point `json:"point,omitempty"`
	Count int       `json:"count,omitempty"`
	// Delay is how long after new output was seen the kill comes; of hostStarting,
	// how long after the start.
	Delay time.Duration `json:"delay_ns"`
	// Connector chooses one of the connector processes, modulo their number.
	Connector int `json:"connector"`
	// Parallelism is that of the job when the host is started after this kill.
	Parallelism int `json:"parallelism"`
}

// name is what the figures call the kill: its point, or else its kind.
func (k *kill) name() string {
	if k.Kind == hostAtPoint {
		return string(k.Point)
	}
	return string(k.Kind)
}

// killsHost reports whether the host ends by this kill.
func (k *kill) killsHost() bool { return k.Kind != connector && k.Kind != brokerKill }

// killsBroker reports whether the broker ends by this kill.
func (k *kill) killsBroker() bool { return k.Kind == brokerKill || k.Kind == hostAndBroker }

// startsHost reports whether the kill needs a host that was started for it.
func (k *kill) startsHost() bool { return k.Kind == hostAtPoint || k.Kind == hostStarting }

// parallelismBefore is that of a host which is started for this kill, while the
// job's is now.
func (k *kill) parallelismBefore(now int) int {
	if k.Point == job.InCommits {
		// With one subtask there is one committable, and no middle.
		return max(now, 2)
	}
	return now
}

// String tells the kill in a line.
func (k *kill) String() string {
	switch k.Kind {
	case hostAtPoint:
		return fmt.Sprintf("host at %s, time %d; then parallelism %d", k.Point, k.Count, k.Parallelism)
	case hostStarting:
		return fmt.Sprintf("host %v after its start; then parallelism %d", k.Delay, k.Parallelism)
	case hostAtRandom:
		return fmt.Sprintf("host after %v; then parallelism %d", k.Delay, k.Parallelism)
	case hostAndBroker:
		return fmt.Sprintf("host and broker after %v; then parallelism %d", k.Delay, k.Parallelism)
	case connector:
		return fmt.Sprintf("connector process %d after %v", k.Connector, k.Delay)
	}
	return fmt.Sprintf("broker after %v", k.Delay)
}

const (
	parallelismFirst = 2
	parallelismMax   = 3
	countMax         = 3
	delayMax         = 800 * time.Millisecond
	startDelayMax    = 600 * time.Millisecond
	connectorMax     = 1 << 16
)

// points are those that this job passes: no letter of it is submitted again.
var points = []job.Point{
	job.DuringRestore, job.BeforePrepare, job.AfterPrepare, job.AfterManifest, job.InCommits, job.AfterCommits,
}

// deck holds each kind of kill as often as it should come; one after another is
// dealt, so that even a short run meets all of them.
func deck() []kill {
	var cards []kill
	for _, point := range points {
		cards = append(cards, kill{Kind: hostAtPoint, Point: point})
	}
	for _, k := range []kind{hostStarting, hostAtRandom, hostAtRandom, connector, connector, brokerKill, brokerKill, hostAndBroker} {
		cards = append(cards, kill{Kind: k})
	}
	return cards
}

// schedule is a pure function of the seed.
func schedule(seed uint64, kills int) []kill {
	random := rand.New(rand.NewPCG(seed, 0x7475_7267_6f))
	parallelism := parallelismFirst
	list := make([]kill, 0, kills)
	for len(list) < kills {
		cards := deck()
		random.Shuffle(len(cards), func(i, j int) { cards[i], cards[j] = cards[j], cards[i] })
		for _, k := range cards[:min(len(cards), kills-len(list))] {
			// Every number is drawn for every kill, used or not.
			count, delay, startDelay := 1+random.IntN(countMax), random.Int64N(int64(delayMax)), random.Int64N(int64(startDelayMax))
			changes, other := random.IntN(3) == 0, 1+random.IntN(parallelismMax)
			k.Connector = random.IntN(connectorMax)
			switch k.Kind {
			case hostAtPoint:
				if k.Count = count; k.Point == job.DuringRestore {
					k.Count = 1
				}
			case hostStarting:
				k.Delay = time.Duration(startDelay).Round(time.Millisecond)
			default:
				k.Delay = time.Duration(delay).Round(time.Millisecond)
			}
			if k.killsHost() {
				parallelism = k.parallelismBefore(parallelism)
				if changes {
					parallelism = other
				}
			}
			k.Parallelism = parallelism
			list = append(list, k)
		}
	}
	return list
}
