package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/wasm"
)

// faultyGuests run into a limit each, again and again. The first is none: it is
// busy within its limits, and what the others are compared with.
var faultyGuests = []struct {
	name   string
	limits wasm.Limits
}{
	{"passthrough", wasm.Limits{}},
	{"loops", wasm.Limits{}},
	{"spins-on-record", wasm.Limits{RecordFuel: 100_000_000}},
	{"loops-in-host", wasm.Limits{}},
	{"logs-forever", wasm.Limits{}},
	{"fills-all-memory", wasm.Limits{}},
	{"copies-all-memory", wasm.Limits{}},
	{"misses-caches", wasm.Limits{}},
	{"fills-table", wasm.Limits{}},
	{"eats-memory", wasm.Limits{}},
	{"grows-table", wasm.Limits{}},
	{"recurses-wide", wasm.Limits{}},
	{"emits-forever", wasm.Limits{}},
}

const (
	isolationTime = 1500 * time.Millisecond // for each guest
	isolationCall = 400 * time.Millisecond
)

// measureIsolation runs an operator beside faulty ones, in one engine, and
// collects garbage all the while.
func measureIsolation() (err error) {
	engine, err := wasm.NewEngine(wasm.Config{Limits: wasm.Limits{CallDuration: isolationCall}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	honest, longest, least := 0.0, time.Duration(0), 0.0
	worstCollection, worstRate := "", ""
	for i, guest := range faultyGuests {
		calls, collection, err := beside(engine, guest.name, guest.limits)
		if err != nil {
			return fmt.Errorf("%s: %w", guest.name, err)
		}
		if i == 0 {
			honest = calls
			figure("isolation_collection_ms_beside_an_honest_guest", collection.Seconds()*1000, "ms", "")
			continue
		}
		if collection > longest {
			longest, worstCollection = collection, guest.name
		}
		if ratio := calls / honest; worstRate == "" || ratio < least {
			least, worstRate = ratio, guest.name
		}
	}
	turn, slowest, err := longestTurn()
	if err != nil {
		return err
	}
	fmt.Printf("# the longest turn was taken by %s\n", slowest)
	figure("isolation_guest_turn_cpu_ms", turn.Seconds()*1000, "ms", "<= 50")
	fmt.Printf("# the longest collection was beside %s, the lowest rate beside %s\n", worstCollection, worstRate)
	figure("isolation_collection_ms_beside_faulty_guests", longest.Seconds()*1000, "ms", "<= 50")
	figure("isolation_neighbour_rate_ratio", least, "of beside an honest guest", "")
	return nil
}

// longestTurn is the most processor time that a guest takes until it lets the
// host have its turn: for so long a collection may have to wait for it. Unlike
// the time of a collection it does not depend on what else the machine does.
func longestTurn() (longest time.Duration, slowest string, err error) {
	var last, most time.Duration
	now := func() time.Time {
		cpu := threadTime()
		most, last = max(most, cpu-last), cpu
		return time.Now()
	}
	engine, err := wasm.NewEngine(wasm.Config{Limits: wasm.Limits{CallDuration: isolationCall}, Now: now})
	if err != nil {
		return 0, "", err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var builder record.Builder
	builder.Append(record.Record{Value: []byte("x")})
	batch := builder.Finish()
	for _, guest := range faultyGuests[1:] {
		operator, err := openText(engine, guest.name, guest.limits)
		if err != nil {
			return 0, "", err
		}
		last, most = threadTime(), 0
		for range 3 {
			if err := operator.Process(0, batch, abi.WatermarkMin, 1, func(int, record.Batch) {}); err == nil {
				return 0, "", fmt.Errorf("%s did not fail", guest.name)
			}
			last = threadTime() // the reset is the host's time
		}
		if most > longest {
			longest, slowest = most, guest.name
		}
		if err := operator.Close(); err != nil {
			return 0, "", err
		}
	}
	return longest, slowest, nil
}

// beside is how many calls an operator gets done beside a guest, and how long the
// longest collection takes.
func beside(engine *wasm.Engine, guest string, limits wasm.Limits) (calls float64, longest time.Duration, err error) {
	other, err := openText(engine, guest, limits)
	if err != nil {
		return 0, 0, err
	}
	neighbour, err := openText(engine, "passthrough", wasm.Limits{})
	if err != nil {
		return 0, 0, err
	}
	var ends atomic.Bool
	done := make(chan error, 2)
	busy := func(o *wasm.Operator, batch record.Batch, counted *float64) {
		for !ends.Load() {
			err := o.Process(0, batch, abi.WatermarkMin, 1, func(int, record.Batch) {})
			if guest := (*wasm.GuestError)(nil); err != nil && !errors.As(err, &guest) {
				done <- err
				return
			}
			*counted++
			runtime.Gosched()
		}
		done <- nil
	}
	var builder record.Builder
	builder.Append(record.Record{Value: []byte("x")})
	unused := 0.0
	go busy(other, builder.Finish(), &unused)
	go busy(neighbour, boundaryBatch(), &calls)
	for start := time.Now(); time.Since(start) < isolationTime; {
		begin := time.Now()
		runtime.GC()
		longest = max(longest, time.Since(begin))
	}
	ends.Store(true)
	err = errors.Join(<-done, <-done, other.Close(), neighbour.Close())
	return calls, longest, err
}

// openText opens a guest of the runtime's tests, which are in WebAssembly's text form.
func openText(engine *wasm.Engine, name string, limits wasm.Limits) (*wasm.Operator, error) {
	dir, err := os.MkdirTemp("", "turgo-bench-guest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "guest.wasm")
	text, err := exec.Command("wat2wasm", "-o", out, filepath.Join("host", "wasm", "testdata", name+".wat")).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("wat2wasm (make tools installs it): %w\n%s", err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	module, err := engine.Load(context.Background(), name, data)
	if err != nil {
		return nil, err
	}
	return module.Open(context.Background(), wasm.OpenConfig{UID: name, Limits: limits})
}

// threadTime is the processor time of the thread that calls it.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
