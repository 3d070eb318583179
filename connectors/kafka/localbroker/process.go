package localbroker

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// guardian kills the broker where this process ends without having done so, and
// removes what was temporary: it reads the broker's pid, and then a line that
// only comes if all is in order. It works on all systems, unlike a signal that
// the kernel sends.
const guardian = `read -r pid || exit 0
read -r line && exit 0
kill -9 "$pid" 2>/dev/null
[ -z "$1" ] || rm -rf "$1"`

// process is a broker's process.
type process struct {
	command  *exec.Cmd
	guard    *exec.Cmd
	lifeline io.WriteCloser // to the guardian
	done     chan struct{}
	err      error // how it ended; once done is closed
}

// startProcess starts a command in a group of its own, so that an interruption
// from the terminal does not reach it. temporary is a folder to remove if this
// process is killed; empty = none.
func startProcess(command *exec.Cmd, detached bool, temporary string) (*process, error) {
	p := &process{command: command, done: make(chan struct{})}
	if !detached {
		p.guard = exec.Command("/bin/sh", "-c", guardian, "sh", temporary)
		p.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		var err error
		if p.lifeline, err = p.guard.StdinPipe(); err != nil {
			return nil, err
		}
		if err := p.guard.Start(); err != nil {
			return nil, fmt.Errorf("guardian: %w", err)
		}
	}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		if p.guard != nil {
			err = errors.Join(err, p.lifeline.Close(), p.guard.Wait())
		}
		return nil, err
	}
	if p.guard != nil {
		if _, err := io.WriteString(p.lifeline, strconv.Itoa(command.Process.Pid)+"\n"); err != nil {
			return nil, errors.Join(err, command.Process.Kill(), command.Wait(), p.lifeline.Close(), p.guard.Wait())
		}
	}
	go p.wait()
	return p, nil
}

func (p *process) wait() {
	defer close(p.done)
	p.err = p.command.Wait()
	if p.err == nil {
		p.err = errors.New("exit status 0")
	}
	if p.guard == nil {
		return
	}
	if _, err := io.WriteString(p.lifeline, "ended\n"); err != nil {
		// It has gone by itself, which leaves nothing to release.
		_ = p.guard.Process.Kill()
	}
	p.lifeline.Close()
	_ = p.guard.Wait()
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// end sends a signal and waits until the process is gone.
func (p *process) end(signal os.Signal, within time.Duration) error {
	if err := p.command.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		return fmt.Errorf("process %d did not end within %v after signal %q", p.command.Process.Pid, within, signal)
	}
}
