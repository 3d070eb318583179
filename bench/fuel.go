package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/turgo-stream/turgo/abi"
	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/wasm"
)

// guestBuild is how a guest of bench/guests becomes a module; %s is its file.
type guestBuild struct {
	language string
	tools    []string // any of them, the first that is there
	command  func(tool, out string) *exec.Cmd
	advice   string
}

var guestBuilds = []guestBuild{
	{"c", []string{"clang", "clang-19"}, func(tool, out string) *exec.Cmd {
		return exec.Command(tool, "--target=wasm32", "-nostdlib", "-O2", "-mbulk-memory", "-Wl,--no-entry", "-o", out, "bench/guests/c/guest.c")
	}, "apt-get install clang lld"},
	{"rust", []string{"/usr/bin/rustc", "rustc"}, func(tool, out string) *exec.Cmd {
		command := exec.Command(tool, "--edition", "2021", "--target", "wasm32-unknown-unknown", "-C", "opt-level=3", "-C", "panic=abort",
			"-C", "strip=symbols", "--crate-type", "cdylib", "-o", out, "bench/guests/rust/guest.rs")
		if linker, err := exec.LookPath("wasm-ld-14"); err == nil && tool == "/usr/bin/rustc" {
			command.Args = append(command.Args, "-C", "linker="+linker) // Debian's names its own no other way
		}
		return command
	}, "apt-get install rustc libstd-rust-dev-wasm32 lld-14, or rustup target add wasm32-unknown-unknown"},
	{"go", []string{"go"}, func(tool, out string) *exec.Cmd {
		command := exec.Command(tool, "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", out, "./bench/guests/golang")
		command.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
		return command
	}, "install Go"},
}

// build makes the module of a language; an error tells what is missing.
func (b *guestBuild) build() ([]byte, error) {
	dir, err := os.MkdirTemp("", "turgo-bench-guest-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "guest.wasm")
	for _, tool := range b.tools {
		path, lookError := exec.LookPath(tool)
		if lookError != nil {
			err = errors.Join(err, lookError)
			continue
		}
		text, buildError := b.command(path, out).CombinedOutput()
		if buildError == nil {
			return os.ReadFile(out)
		}
		err = errors.Join(err, fmt.Errorf("%s: %w\n%s", path, buildError, text))
	}
	return nil, fmt.Errorf("the guest in %s cannot be built, run: %s\n%w", b.language, b.advice, err)
}

// fuelRounds are measured for each figure, metered and not in turn.
const fuelRounds = 51

// measureFuel compares guests with and without their limits, in one run.
func measureFuel() error {
	var missing error
	for _, b := range guestBuilds {
		data, err := b.build()
		if err != nil {
			missing = errors.Join(missing, err)
			continue
		}
		for _, work := range []struct {
			operator string
			batches  int // in a round
		}{{"pass", 200}, {"arithmetic", 2}, {"count", 4}} {
			if err := measureFuelOf(b.language, work.operator, data, work.batches); err != nil {
				return err
			}
		}
	}
	return missing
}

func measureFuelOf(language, operator string, data []byte, batches int) (err error) {
	metered, closeMetered, err := openBenchGuest(data, operator, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeMetered()) }()
	plain, closePlain, err := openBenchGuest(data, operator, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closePlain()) }()
	batch := boundaryBatch()
	nothing := func(int, record.Batch) {}
	round := func(o *wasm.Operator) (float64, error) {
		start, err := cpuNanoseconds()
		if err != nil {
			return 0, err
		}
		for range batches {
			if err := o.Process(0, batch, abi.WatermarkMin, 1, nothing); err != nil {
				return 0, err
			}
		}
		end, err := cpuNanoseconds()
		return float64(end-start) / float64(batches*boundaryRecords), err
	}
	var ratios, times []float64
	for i := range fuelRounds + 1 {
		with, err := round(metered)
		if err != nil {
			return err
		}
		without, err := round(plain)
		if err != nil {
			return err
		}
		if i > 0 {
			ratios, times = append(ratios, with/without), append(times, with)
		}
	}
	figure("fuel_"+language+"_"+operator+"_ratio", median(ratios), "of unmetered", "<= 1.15")
	figure("fuel_"+language+"_"+operator+"_ns_per_record", median(times), "ns", "")
	return nil
}

// openBenchGuest opens an operator of a module, with its limits or without.
func openBenchGuest(data []byte, operator string, unmetered bool) (*wasm.Operator, func() error, error) {
	engine, err := wasm.NewEngine(wasm.Config{Unmetered: unmetered})
	if err != nil {
		return nil, nil, err
	}
	module, err := engine.Load(context.Background(), operator, data)
	if err != nil {
		return nil, nil, errors.Join(err, engine.Close())
	}
	o, err := module.Open(context.Background(), wasm.OpenConfig{Operator: operator, UID: operator, Parallelism: 1})
	if err != nil {
		return nil, nil, errors.Join(err, engine.Close())
	}
	return o, func() error { return errors.Join(o.Close(), engine.Close()) }, nil
}
