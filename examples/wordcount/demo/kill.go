package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

const (
	// runLimit bounds one run of the host.
	runLimit = 10 * time.Minute
	// killDelay is how much longer the host works after a checkpoint before it
	// is killed, so that there is work to lose.
	killDelay = 400 * time.Millisecond
)

// status is what the demonstration reads of a line of turgo run --json.
type status struct {
	State      string `json:"state"`
	RecordsIn  int64  `json:"records_in"`
	Checkpoint *struct {
		Epoch uint64 `json:"epoch"`
	} `json:"checkpoint"`
}

// runAndKill runs the job to its end. On the way it kills the host each time
// that a new checkpoint holds more of the input: an eighth, three eighths, five
// eighths at least.
func runAndKill(p paths, files int) (kills int, err error) {
	for {
		target := -1.0
		if kills < killsWanted {
			target = float64(2*kills+1) / float64(2*killsWanted+2)
		}
		killed, err := runOnce(p, files, target)
		if err != nil || !killed {
			return kills, err
		}
		kills++
		say("killed the host with SIGKILL (%d of %d); starting it again", kills, killsWanted)
	}
}

// runOnce runs the host until it ends, or until it was killed as the newest
// checkpoint held the target, a share of all files. A negative target lets it end.
func runOnce(p paths, files int, target float64) (killed bool, err error) {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return false, err
	}
	defer log.Close()
	host := p.command("run", p.job, "--json")
	host.Stderr = log
	output, err := host.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := host.Start(); err != nil {
		return false, err
	}
	watchdog := time.AfterFunc(runLimit, func() { host.Process.Kill() })
	defer watchdog.Stop()
	watchErr := watch(output, func(s status) error {
		if killed || target < 0 || s.Checkpoint == nil {
			return nil
		}
		share, err := committedShare(p, files)
		if err != nil {
			return err
		}
		if share >= target {
			time.Sleep(killDelay)
			say("checkpoint %d holds %.0f %% of the files, and the host has gone on since", s.Checkpoint.Epoch, 100*share)
			killed = true
			return host.Process.Kill()
		}
		return nil
	})
	waitErr := host.Wait()
	switch {
	case watchErr != nil:
		return false, watchErr
	case killed && waitErr == nil:
		// It ended by itself before the signal reached it.
		return false, nil
	case killed:
		return true, nil
	case waitErr != nil:
		return false, fmt.Errorf("turgo run: %w", waitErr)
	}
	return false, nil
}

// watch reads lines of status until there are no more. After an error it reads
// on without looking, so that the writer is not held up.
func watch(output io.Reader, look func(status) error) error {
	lines := bufio.NewReader(output)
	var failed error
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			// The end, or a last line that the kill cut off.
			return failed
		}
		var s status
		if err := json.Unmarshal(line, &s); err != nil {
			failed = errors.Join(failed, fmt.Errorf("turgo run --json wrote %q: %w", line, err))
		}
		if failed == nil {
			failed = look(s)
		}
	}
}

// committedShare is the share of the files that the newest checkpoint knows as
// read to their end.
func committedShare(p paths, files int) (float64, error) {
	output, err := p.command("checkpoints", "show", p.job, "--json").Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		return 0, fmt.Errorf("turgo checkpoints show: %w", err)
	}
	var manifest struct {
		Sources []struct {
			FinishedCount int `json:"finished_count"`
		} `json:"sources"`
	}
	if err := json.Unmarshal(output, &manifest); err != nil {
		return 0, fmt.Errorf("turgo checkpoints show --json: %w", err)
	}
	finished := 0
	for _, source := range manifest.Sources {
		finished += source.FinishedCount
	}
	return float64(finished) / float64(max(files, 1)), nil
}

// command is a call of turgo with the environment that the job file asks for.
func (p *paths) command(arguments ...string) *exec.Cmd {
	command := exec.Command(p.turgo, arguments...)
	command.Env = append(os.Environ(), "ROOT="+p.root, "OUT="+p.work)
	return command
}
