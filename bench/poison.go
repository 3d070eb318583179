package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/turgo-stream/turgo/faults/poison/records"
	"github.com/turgo-stream/turgo/faults/process"
)

const (
	poisonRuns     = 3
	poisonKeys     = 1000
	poisonSeed     = 1
	poisonInterval = "1s"
)

// poisonCounts are the records of a run: so many that it takes some seconds.
var poisonCounts = map[records.Guest]int{records.C: 1_000_000, records.Go: 500_000}

// poisonParts are the parts of a thousand records that trap, the clean run first.
var poisonParts = []int{0, 1, 10, 100}

// measurePoison runs the job of faults/poison over records of which some trap,
// with dead letters and exactly-once checkpoints, as whole processes. What the
// process takes to start is measured by a run over one record, and left out.
func measurePoison() error {
	dir, err := os.MkdirTemp("", "turgo-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	turgo, err := process.BuildTurgo(context.Background(), dir)
	if err != nil {
		return err
	}
	for _, guest := range records.Guests {
		module, err := records.BuildGuest(context.Background(), guest, dir)
		if err != nil {
			return err
		}
		if err := measurePoisonGuest(filepath.Join(dir, string(guest)), turgo, module, guest); err != nil {
			return err
		}
	}
	return nil
}

func measurePoisonGuest(dir, turgo, module string, guest records.Guest) error {
	folders := map[int]string{}
	for _, part := range append([]int{-1}, poisonParts...) {
		plan := records.Plan{Seed: poisonSeed, Count: poisonCounts[guest], Keys: poisonKeys, Poison: part, Traps: true}
		if part < 0 {
			plan.Count, plan.Poison = 1, 0
		}
		folders[part] = filepath.Join(dir, fmt.Sprint(part))
		if err := writePoison(folders[part], plan); err != nil {
			return err
		}
	}
	walls, cpus, start := map[int][]float64{}, map[int][]float64{}, []usage{}
	for range poisonRuns {
		for _, part := range append([]int{-1}, poisonParts...) {
			u, err := runPoison(turgo, folders[part], records.Job{Guest: guest, Module: module, Parallelism: 2, Interval: poisonInterval})
			if err != nil {
				return err
			}
			if part < 0 {
				start = append(start, u)
				continue
			}
			walls[part] = append(walls[part], u.wall-start[len(start)-1].wall)
			cpus[part] = append(cpus[part], u.cpuSeconds-start[len(start)-1].cpuSeconds)
		}
	}
	clean, cleanCPU := median(walls[0]), median(cpus[0])
	figure(fmt.Sprintf("poison_%s_records_per_second", guest), float64(poisonCounts[guest])/clean, "records/s", "")
	for _, part := range poisonParts[1:] {
		name := strings.ReplaceAll(fmt.Sprintf("poison_%s_%g_percent", guest, float64(part)/10), ".", "_")
		goal := ""
		if guest == records.C && part == 10 {
			goal = ">= 0.5"
		}
		figure(name+"_throughput", clean/median(walls[part]), "ratio", goal)
		// On a machine that does other things as well, this one is the steadier.
		figure(name+"_cpu_throughput", cleanCPU/median(cpus[part]), "ratio", goal)
		failures := float64(poisonCounts[guest]) * float64(part) / 1000
		figure(name+"_cpu_per_failure", (median(cpus[part])-cleanCPU)*1e6/failures, "us", "")
	}
	return nil
}

// writePoison writes the input of a job into its folder.
func writePoison(folder string, plan records.Plan) error {
	list, err := records.Make(plan)
	if err != nil {
		return err
	}
	input := filepath.Join(folder, "input")
	if err := os.MkdirAll(input, 0o755); err != nil {
		return err
	}
	return records.Append(input, list)
}

// runPoison runs the job anew and measures the process.
func runPoison(turgo, folder string, job records.Job) (usage, error) {
	for _, old := range []string{"output", "checkpoints"} {
		if err := os.RemoveAll(filepath.Join(folder, old)); err != nil {
			return usage{}, err
		}
	}
	file := filepath.Join(folder, "job.yaml")
	if err := os.WriteFile(file, job.File(), 0o644); err != nil {
		return usage{}, err
	}
	cmd := exec.Command(turgo, "run", file, "--json")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	u, err := timed(cmd)
	if err != nil {
		return u, fmt.Errorf("turgo run: %w\n%s", err, stderr.Bytes())
	}
	return u, nil
}
