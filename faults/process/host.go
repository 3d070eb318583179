// Package process runs turgo run as the process that users run, watches what it
// tells, and kills it: the hand of the fault harnesses.
package process

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/turgo-stream/turgo/host/job"
)

// crashVariable makes turgo run kill itself at a point: see cmd/turgo.
const crashVariable = "TURGO_CRASH_AT"

const (
	killLimit     = 10 * time.Second
	logTailBytes  = 4 << 10
	statusLineMax = 1 << 20
)

// Options say how to run a job.
type Options struct {
	// Program is the path of turgo.
	Program string
	// Job is the path of the job file.
	Job string
	// Arguments stand behind the job.
	Arguments []string
	// Environment is added to this process's own: NAME=value.
	Environment []string
	// CrashAt is a point at which the host kills itself, the CrashCount-th time
	// that it comes there; empty = nowhere.
	CrashAt    job.Point
	CrashCount int
	// Log is the file that standard error is added to.
	Log string
	// OnStatus is called with each line that turgo run --json writes; may be nil.
	OnStatus func(job.Status)
}

// Host is one process of turgo run. Its methods may be called from several
// goroutines.
type Host struct {
	command *exec.Cmd
	log     string
	started time.Time
	done    chan struct{}

	mutex   sync.Mutex
	status  job.Status
	ended   time.Time
	waitErr error
	badLine error
	changed chan struct{} // closed and replaced with each status
}

// Start starts turgo run. The process ends with this one on Linux.
func Start(o Options) (*Host, error) {
	log, err := os.OpenFile(o.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("process: %w", err)
	}
	defer log.Close()
	h := &Host{
		command: exec.Command(o.Program, append([]string{"run", o.Job, "--json"}, o.Arguments...)...),
		log:     o.Log, done: make(chan struct{}), changed: make(chan struct{}),
	}
	h.command.Env = append(os.Environ(), o.Environment...)
	if o.CrashAt != "" {
		h.command.Env = append(h.command.Env, fmt.Sprintf("%s=%s:%d", crashVariable, o.CrashAt, o.CrashCount))
	}
	h.command.Stderr = log
	// A group of its own: an interruption from the terminal is for this process.
	h.command.SysProcAttr = attributes()
	output, err := h.command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("process: %w", err)
	}
	h.started = time.Now()
	if err := h.command.Start(); err != nil {
		return nil, fmt.Errorf("process: start %s: %w", o.Program, err)
	}
	go h.watch(output, o.OnStatus)
	return h, nil
}

// watch reads statuses until the process ends.
func (h *Host) watch(output io.Reader, onStatus func(job.Status)) {
	lines := bufio.NewReaderSize(output, statusLineMax)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			// The end, or a last line that a kill cut off. Whatever is left must not
			// hold the writer up.
			_, _ = io.Copy(io.Discard, output)
			break
		}
		var status job.Status
		if err := json.Unmarshal(line, &status); err != nil {
			h.mutex.Lock()
			h.badLine = fmt.Errorf("process: turgo run --json wrote %.200q: %w", line, err)
			h.mutex.Unlock()
			continue
		}
		h.mutex.Lock()
		h.status = status
		close(h.changed)
		h.changed = make(chan struct{})
		h.mutex.Unlock()
		if onStatus != nil {
			onStatus(status)
		}
	}
	err := h.command.Wait()
	h.mutex.Lock()
	h.waitErr, h.ended = err, time.Now()
	h.mutex.Unlock()
	close(h.done)
}

// PID is the process's number.
func (h *Host) PID() int { return h.command.Process.Pid }

// Started is when the process was started.
func (h *Host) Started() time.Time { return h.started }

// Done is closed once the process has ended.
func (h *Host) Done() <-chan struct{} { return h.done }

// Ended is when the process ended; zero while it runs.
func (h *Host) Ended() time.Time {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.ended
}

// Status is the newest reading; zero before the first.
func (h *Host) Status() job.Status {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.status
}

// Await waits for a status that the condition accepts. It fails where the
// process ends before, or the context does.
func (h *Host) Await(ctx context.Context, accepts func(job.Status) bool) (job.Status, error) {
	for {
		h.mutex.Lock()
		status, changed := h.status, h.changed
		h.mutex.Unlock()
		if accepts(status) {
			return status, nil
		}
		select {
		case <-changed:
		case <-h.done:
			return status, fmt.Errorf("process: the host ended before its status was as wanted: %w", h.Explain())
		case <-ctx.Done():
			return status, fmt.Errorf("process: the host's status is not as wanted, but %+v: %w", status, context.Cause(ctx))
		}
	}
}

// Kill ends the process with SIGKILL and waits until it is gone.
func (h *Host) Kill() error { return h.end(syscall.SIGKILL, killLimit) }

// Stop has the job stop with a checkpoint, and waits for the process's good end.
func (h *Host) Stop(within time.Duration) error {
	if err := h.end(syscall.SIGTERM, within); err != nil {
		return err
	}
	if h.ExitCode() != 0 {
		return fmt.Errorf("process: the host did not stop in good order: %w", h.Explain())
	}
	return nil
}

func (h *Host) end(signal syscall.Signal, within time.Duration) error {
	if err := h.command.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("process: %w", err)
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-h.done:
		return nil
	case <-timer.C:
		return fmt.Errorf("process: host %d did not end within %v after %v; its log is %s", h.PID(), within, signal, h.log)
	}
}

// Killed reports whether the process ended by SIGKILL.
func (h *Host) Killed() bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	var ended *exec.ExitError
	if !errors.As(h.waitErr, &ended) {
		return false
	}
	status, ok := ended.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// ExitCode is that of the ended process; -1 where a signal ended it, or where it runs.
func (h *Host) ExitCode() int {
	select {
	case <-h.done:
		return h.command.ProcessState.ExitCode()
	default:
		return -1
	}
}

// Explain tells how the process ended, with the end of its log.
func (h *Host) Explain() error {
	h.mutex.Lock()
	err := h.waitErr
	if err == nil {
		err = errors.New("exit status 0")
	}
	err = errors.Join(err, h.badLine)
	h.mutex.Unlock()
	tail, readErr := tailOf(h.log)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	return fmt.Errorf("%w; the end of its log, %s:\n%s", err, h.log, tail)
}

// tailOf is the end of a file, from the start of a line.
func tailOf(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, info.Size()-logTailBytes)
	tail, err := io.ReadAll(io.NewSectionReader(file, from, logTailBytes))
	if err != nil {
		return nil, err
	}
	if from > 0 {
		_, tail, _ = bytes.Cut(tail, []byte("\n"))
	}
	return tail, nil
}
