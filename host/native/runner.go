package native

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// runner starts a connector's process for go-plugin and knows when it has
// ended, at once: it waits for the process, not for its output to close.
type runner struct {
	command *exec.Cmd
	stdout  *os.File
	stderr  *os.File
	passed  []*os.File // ends of pipes that only the child needs

	handshake handshake

	process     atomic.Pointer[os.Process] // nil until it was started
	killed      atomic.Bool                // by Kill
	drained     chan struct{}              // closed when all that it wrote to stderr was read
	drainedOnce sync.Once

	done  chan struct{} // closed when the process has ended
	state string        // how, read after done
}

// newRunner connects the command's output, and nothing to its input.
func newRunner(command *exec.Cmd, passed []*os.File) (*runner, error) {
	stdout, stdoutWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	stderr, stderrWrite, err := os.Pipe()
	if err != nil {
		stdout.Close()
		stdoutWrite.Close()
		return nil, err
	}
	command.Stdin, command.Stdout, command.Stderr = nil, stdoutWrite, stderrWrite
	return &runner{
		command: command, stdout: stdout, stderr: stderr,
		passed: append(passed, stdoutWrite, stderrWrite),
		done:   make(chan struct{}), drained: make(chan struct{}),
	}, nil
}

// Start starts the process. The signal that a parent's death sends on Linux
// goes out when the parent's thread ends, so one thread stays with the process.
func (r *runner) Start(context.Context) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := r.command.Start()
		for _, file := range r.passed {
			file.Close()
		}
		if err != nil {
			r.stdout.Close()
			r.stderr.Close()
			started <- err
			return
		}
		r.process.Store(r.command.Process)
		started <- nil
		r.wait()
	}()
	return <-started
}

func (r *runner) wait() {
	defer close(r.done)
	err := r.command.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		r.state = "it ended by itself"
	case errors.As(err, &exit):
		r.state = exit.String()
	default:
		r.state = err.Error()
	}
}

// Wait waits for the end of the process.
func (r *runner) Wait(context.Context) error {
	<-r.done
	r.stdout.Close()
	r.stderr.Close()
	return nil
}

// Kill ends the process. A child of its own may still hold its output open:
// nobody waits for that.
func (r *runner) Kill(context.Context) error {
	process := r.process.Load()
	if process == nil {
		return nil
	}
	r.killed.Store(true)
	if err := process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-r.done
	r.awaitDrained()
	r.stdout.Close()
	r.stderr.Close()
	return nil
}

// awaitDrained waits until all output to stderr was read, once the process has
// ended. A child of its own may hold it open, so the wait is short.
func (r *runner) awaitDrained() {
	timer := time.NewTimer(drainWait)
	defer timer.Stop()
	select {
	case <-r.drained:
	case <-timer.C:
	}
}

// wasKilled reports whether Kill ended the process, and not the process itself
// a moment before. It has ended.
func (r *runner) wasKilled() bool {
	return r.killed.Load() && r.state == "signal: "+syscall.SIGKILL.String()
}

// pid is the process ID, 0 before the start.
func (r *runner) pid() int {
	if process := r.process.Load(); process != nil {
		return process.Pid
	}
	return 0
}

// Stdout is read for the handshake.
func (r *runner) Stdout() io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(r.stdout, &r.handshake), r.stdout}
}

// Stderr is read for the log.
func (r *runner) Stderr() io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{readerFunc(r.readStderr), r.stderr}
}

type readerFunc func(data []byte) (int, error)

func (read readerFunc) Read(data []byte) (int, error) { return read(data) }

func (r *runner) readStderr(data []byte) (int, error) {
	n, err := r.stderr.Read(data)
	if errors.Is(err, os.ErrClosed) {
		err = io.EOF // closed by Kill
	}
	if err != nil {
		r.drainedOnce.Do(func() { close(r.drained) })
	}
	return n, err
}

// Name is the name under which the lines of the process are logged.
func (r *runner) Name() string { return connectorLogger }

// ID is the process ID.
func (r *runner) ID() string {
	if r.pid() == 0 {
		return ""
	}
	return strconv.Itoa(r.pid())
}

// Diagnose has nothing to add: StartError tells.
func (r *runner) Diagnose(context.Context) string { return "" }

// PluginToHost leaves addresses as they are.
func (r *runner) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin leaves addresses as they are.
func (r *runner) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// handshake keeps the first line of the output, for its protocol version.
type handshake struct {
	mutex sync.Mutex
	line  []byte
}

func (h *handshake) Write(data []byte) (int, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if len(h.line) < 4096 {
		h.line = append(h.line, data...)
	}
	return len(data), nil
}

// version is the protocol version in the handshake; found is false where what
// the process wrote is no handshake.
func (h *handshake) version() (version string, found bool) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	line, _ := bufio.NewReader(strings.NewReader(string(h.line))).ReadString('\n')
	parts := strings.Split(strings.TrimSpace(line), "|")
	if len(parts) < 4 {
		return "", false
	}
	return parts[1], true
}

// empty reports whether nothing was written at all.
func (h *handshake) empty() bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return len(h.line) == 0
}
