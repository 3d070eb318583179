package wasm

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/turgo-stream/turgo/abi/record"
)

// Bounds of what a faulty operator may cost the others of its process. They are
// loose, as machines that run tests are: `go run ./bench isolation` measures.
const (
	collectionMax = time.Second
	residentMax   = 300 << 20 // more than before
	neighbourRuns = 50        // at least
	failuresMax   = 300       // of the faulty one between two calls of its neighbour
)

// faultyOperators are all limits that a guest can run into, with the guest that does.
var faultyOperators = []struct {
	guest  string
	kind   Kind
	limits Limits
	keyed  bool
}{
	{guest: "loops", kind: KindTime},
	{guest: "loops", kind: KindFuel, limits: Limits{CallFuel: 100_000_000}},
	{guest: "spins-on-record", kind: KindFuel, limits: Limits{RecordFuel: 100_000_000}},
	{guest: "loops-in-host", kind: KindTime},
	{guest: "logs-forever", kind: KindTime},
	{guest: "fills-all-memory", kind: KindTime},
	{guest: "copies-all-memory", kind: KindTime},
	{guest: "misses-caches", kind: KindTime},
	{guest: "fills-table", kind: KindTime},
	{guest: "eats-memory", kind: KindMemory},
	{guest: "grows-table", kind: KindTable},
	{guest: "recurses", kind: KindDepth},
	{guest: "recurses-wide", kind: KindDepth},
	{guest: "emits-forever", kind: KindOutput},
	{guest: "emits-nothing-forever", kind: KindOutput},
	{guest: "writes-state", kind: KindState, keyed: true, limits: Limits{StateWrites: 1000}},
}

// While a guest runs into a limit, again and again, another operator of the same
// engine goes on, the garbage collector is not held up, and no memory is kept.
func TestFaultyOperatorsLeaveOthersAlone(t *testing.T) {
	engine := newEngine(t, Config{})
	neighbour := load(t, engine, "passthrough", assemble(t, "passthrough"))
	for _, test := range faultyOperators {
		name := test.guest + ", " + string(test.kind)
		t.Run(name, func(t *testing.T) {
			limits := test.limits
			if limits.CallDuration = time.Minute; test.kind == KindTime {
				limits.CallDuration = 300 * time.Millisecond
			}
			config := OpenConfig{UID: "faulty", Limits: limits}
			if test.keyed {
				config.State = newMemoryState()
			}
			operator, err := load(t, engine, test.guest, assemble(t, test.guest)).Open(context.Background(), config)
			if err != nil {
				t.Fatal(err)
			}
			before := resident(t)
			rate := callsBeside(t, open(t, neighbour, OpenConfig{}), operator, test.kind)
			if err := operator.Close(); err != nil {
				t.Fatal(err)
			}
			runtime.GC()
			if after := resident(t); after > before+residentMax {
				t.Errorf("%d MiB are kept", (after-before)>>20)
			}
			t.Logf("%d calls of the neighbour, %d collections, the longest took %s", rate.calls, rate.collections, rate.longest)
		})
	}
}

type rates struct {
	calls, collections int
	longest            time.Duration
}

// callsBeside runs the neighbour while the faulty operator fails at least twice, and
// counts what the neighbour and the collector get done in that time.
func callsBeside(t *testing.T, neighbour, faulty *Operator, kind Kind) (r rates) {
	t.Helper()
	var failures, collections atomic.Int64
	failed, ended, collected := make(chan error, 1), make(chan struct{}), make(chan time.Duration, 1)
	go func() {
		for {
			select {
			case <-ended:
				failed <- nil
				return
			default:
			}
			err := faulty.Process(0, batchOf("a", "x"), 0, 0, func(int, record.Batch) {})
			var guest *GuestError
			if !errors.As(err, &guest) || guest.Kind != kind {
				failed <- err
				return
			}
			failures.Add(1)
		}
	}()
	go func() {
		longest := time.Duration(0)
		for {
			select {
			case <-ended:
				collected <- longest
				return
			default:
			}
			start := time.Now()
			runtime.GC()
			longest = max(longest, time.Since(start))
			collections.Add(1)
		}
	}()
	batch, seen := benchBatch(), int64(0)
	for r.calls < neighbourRuns || failures.Load() < 2 || collections.Load() < 3 {
		if err := neighbour.Process(0, batch, 0, 0, func(int, record.Batch) {}); err != nil {
			t.Fatal(err)
		}
		r.calls++
		// In units of work, not time: the neighbour is never left waiting for long.
		if now := failures.Load(); now-seen > failuresMax {
			t.Errorf("%d failures between two calls of the neighbour", now-seen)
		} else {
			seen = now
		}
		select {
		case err := <-failed:
			t.Fatalf("the faulty guest: %v, want %s", err, kind)
		default:
		}
		runtime.Gosched()
	}
	close(ended)
	if err := <-failed; err != nil {
		t.Fatalf("the faulty guest: %v, want %s", err, kind)
	}
	r.longest, r.collections = <-collected, int(collections.Load())
	if r.longest > collectionMax {
		t.Errorf("a collection took %s", r.longest)
	}
	return r
}

// resident is how much memory this process has.
func resident(t *testing.T) int64 {
	t.Helper()
	if runtime.GOOS != "linux" {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int64(stats.Sys)
	}
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
