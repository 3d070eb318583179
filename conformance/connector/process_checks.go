package connector

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/connectors/wire"
)

const (
	// shutdownLimit is how long the host waits after Shutdown before it kills.
	shutdownLimit = 2 * time.Second
	// orphanLimit is how long a connector may outlive its host.
	orphanLimit = 5 * time.Second
	// signalWait is how long a signal may take to end the process, which it must not.
	signalWait = 200 * time.Millisecond
	// stderrBytesMax is how much a connector may say in a run that goes well.
	stderrBytesMax = 1 << 20
	// unknownVersion is one that no connector speaks.
	unknownVersion = "99"
)

func processChecks() []check {
	return []check{
		{GroupProcess, Handshake, nil, checkHandshake},
		{GroupProcess, Versions, []string{Handshake}, checkVersions},
		{GroupProcess, Describe, []string{Handshake}, checkDescribe},
		{GroupProcess, Output, []string{Describe}, checkOutput},
		{GroupProcess, Signals, []string{Describe}, checkSignals},
		{GroupProcess, CleanExit, []string{Describe}, checkCleanExit},
		{GroupProcess, ParentDeath, []string{Describe}, checkParentDeath},
	}
}

func checkHandshake(ctx context.Context, t *trial) error {
	p, err := t.start(ctx)
	if err != nil {
		return err
	}
	info, err := os.Stat(p.address)
	if err != nil || info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s, which the handshake names, is no socket: write the line when the server listens", p.address)
	}
	return nil
}

func checkVersions(ctx context.Context, t *trial) error {
	p, err := t.launch(t.program, startOptions{versions: unknownVersion})
	if err != nil {
		return err
	}
	h, err := p.awaitHandshake(ctx, t.startLimit)
	switch {
	case p.ended(0) || err != nil && p.ended(deathWait):
		// It ended, which is as clear as an answer.
	case err != nil:
		return fmt.Errorf("offered version %s alone: %w; end, or answer with the version that you speak", unknownVersion, err)
	case h.version == unknownVersion:
		return fmt.Errorf("offered version %s alone, it says that it speaks it: answer with the version that you speak, or end", unknownVersion)
	}
	p.release()
	for _, offered := range []string{"1," + unknownVersion, unknownVersion + ",1"} {
		if p, err = t.launch(t.program, startOptions{versions: offered}); err != nil {
			return err
		}
		if h, err = p.awaitHandshake(ctx, t.startLimit); err != nil {
			return fmt.Errorf("offered versions %s: %w", offered, err)
		}
		if h.version != "1" {
			return fmt.Errorf("offered versions %s, it chose %q; version 1 is the one to choose", offered, h.version)
		}
		p.release()
	}
	return nil
}

func (t *trial) describe(ctx context.Context, p *process) (*v1.DescribeResponse, error) {
	callContext, cancel := t.call(ctx)
	defer cancel()
	answer, err := v1.NewConnectorClient(p.connection).Describe(callContext, &v1.DescribeRequest{})
	return answer, t.answered(callContext, p, "Describe", err)
}

func checkDescribe(ctx context.Context, t *trial) error {
	var first *v1.DescribeResponse
	for range 2 { // processes
		p, err := t.start(ctx)
		if err != nil {
			return err
		}
		for range 2 {
			answer, err := t.describe(ctx, p)
			if err != nil {
				return err
			}
			if first == nil {
				first = answer
			}
			if !proto.Equal(first, answer) {
				return fmt.Errorf("the answer to Describe is {%v} and then {%v}: it has to be the same each time", first, answer)
			}
		}
		p.release()
	}
	for what, text := range map[string]string{"name": first.GetName(), "version": first.GetVersion()} {
		if text == "" || len(text) > 256 || !utf8.ValidString(text) {
			return fmt.Errorf("the answer to Describe has the %s %.64q: it has to be 1 to 256 bytes of UTF-8", what, text)
		}
	}
	if t.scenario.Source != nil && !first.GetSource() || t.scenario.Sink != nil && !first.GetSink() {
		return fmt.Errorf("the answer to Describe says source: %v, sink: %v; FILE describes a side that is not served", first.GetSource(), first.GetSink())
	}
	return t.checkSides(ctx, first)
}

// checkSides calls each side that Describe tells of, also one that FILE says nothing
// about: whatever the settings, it has to be there.
func (t *trial) checkSides(ctx context.Context, told *v1.DescribeResponse) error {
	p, err := t.start(ctx)
	if err != nil {
		return err
	}
	config, err := t.config(nil, t.identity(0), 1)
	if err != nil {
		return &SetupError{err}
	}
	client := v1.NewConnectorClient(p.connection)
	for _, side := range []struct {
		name   string
		served bool
		check  func(context.Context, *v1.Config, ...grpc.CallOption) (*v1.Done, error)
	}{{"Source", told.GetSource(), client.SourceCheck}, {"Sink", told.GetSink(), client.SinkCheck}} {
		if !side.served {
			continue
		}
		callContext, cancel := t.call(ctx)
		_, err := side.check(callContext, config)
		cancel()
		if status.Code(err) == codes.Unimplemented {
			return fmt.Errorf("the answer to Describe says %s: true, and %sCheck is not implemented: %s; claim only what is served", strings.ToLower(side.name), side.name, status.Convert(err).Message())
		}
	}
	p.release()
	return nil
}

// checkOutput looks at what an ordinary run writes.
func checkOutput(ctx context.Context, t *trial) error {
	p, err := t.start(ctx)
	if err != nil {
		return err
	}
	// What the calls answer is the matter of other checks.
	_ = t.ordinaryRun(ctx, p)
	t.shutdown(ctx, p)
	p.ended(shutdownLimit)
	p.kill()
	for _, c := range []*capture{p.stdout, p.stderr} {
		select {
		case <-c.done:
		case <-time.After(killWait):
		}
	}
	if _, after := p.stdout.bytes(); after > 0 {
		return fmt.Errorf("%d bytes came on standard output behind the handshake (the last are %q): nobody reads them there, and a full pipe stops the process; write to standard error", after, p.stdout.tail())
	}
	if first, after := p.stderr.bytes(); first+after > stderrBytesMax {
		return fmt.Errorf("%d bytes came on standard error in a run that went well; at most %d are sound: each line is a line of the host's log", first+after, stderrBytesMax)
	}
	return nil
}

// ordinaryRun does a little of what each side is for.
func (t *trial) ordinaryRun(ctx context.Context, p *process) error {
	if _, err := t.describe(ctx, p); err != nil {
		return err
	}
	if t.scenario.Source != nil {
		if err := t.ordinarySource(ctx, p); err != nil {
			return err
		}
	}
	if t.scenario.Sink == nil {
		return nil
	}
	if t.scenario.Source != nil { // one process serves one side
		other, err := t.start(ctx)
		if err != nil {
			return err
		}
		p = other
	}
	return t.ordinarySink(ctx, p)
}

// shutdown tells the process to end, and waits no longer than the host.
func (t *trial) shutdown(ctx context.Context, p *process) {
	ctx, cancel := context.WithTimeout(ctx, shutdownLimit)
	defer cancel()
	p.shutdown(ctx)
}

func checkSignals(ctx context.Context, t *trial) error {
	p, err := t.start(ctx)
	if err != nil {
		return err
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if err := syscall.Kill(-p.command.Process.Pid, signal); err != nil {
			return fmt.Errorf("the process was gone when %v was due: %w", signal, err)
		}
		if p.ended(signalWait) {
			return fmt.Errorf("%v ended the process (%s): ignore it; a terminal sends it to the whole group, and the host, which still needs its connectors to stop in good order, tells them when to end", signal, p.state)
		}
		if _, err := t.describe(ctx, p); err != nil {
			return fmt.Errorf("after %v: %w", signal, err)
		}
	}
	return nil
}

// shutdownTries is how often a slow end is tried again: a machine may be busy with
// other things for a moment, a connector that does not listen never ends.
const shutdownTries = 3

func checkCleanExit(ctx context.Context, t *trial) error {
	for _, busy := range []bool{false, true} {
		what := "a process that only described itself"
		if busy {
			what = "a process that was used"
		}
		ended := false
		for try := 0; try < shutdownTries && !ended; try++ {
			p, err := t.start(ctx)
			if err != nil {
				return err
			}
			if _, err := t.describe(ctx, p); err != nil {
				return err
			}
			if busy {
				_ = t.busy(ctx, p) // what it answers is the matter of other checks
			}
			start := time.Now()
			t.shutdown(ctx, p)
			ended = p.ended(time.Until(start.Add(shutdownLimit)))
			if ended && p.state != "exit status 0" {
				return fmt.Errorf("%s ended with %s after plugin.GRPCController/Shutdown; exit status 0 is due%s", what, p.state, p.lastWords())
			}
			p.rude = true
			p.release()
		}
		if !ended {
			return fmt.Errorf("%s did not end within %v of plugin.GRPCController/Shutdown, %d times: the host would kill it", what, shutdownLimit, shutdownTries)
		}
	}
	return nil
}

// busy opens a side and one stream of it, so that what works behind it runs.
func (t *trial) busy(ctx context.Context, p *process) error {
	if t.scenario.Source != nil {
		s := t.sourceIn(p)
		if err := s.open(ctx, t.identity(0), 1); err != nil {
			return err
		}
		_, err := openStream(ctx, p, "Read", 0, t.options.CallLimit)
		return err
	}
	return t.busySink(ctx, p)
}

// checkParentDeath starts the connector as the child of a shell that holds the
// other end of the lifeline, and kills the shell.
func checkParentDeath(ctx context.Context, t *trial) error {
	folder, err := socketFolder()
	if err != nil {
		return &SetupError{err}
	}
	defer os.RemoveAll(folder)
	p := &process{folder: folder, stdout: newCapture(), stderr: newCapture(), done: make(chan struct{})}
	if err := p.startBelow(t.program); err != nil {
		return &SetupError{fmt.Errorf("start %s below /bin/sh: %w", t.program.path, err)}
	}
	t.started = append(t.started, p)
	if err := p.connect(ctx, t.startLimit); err != nil {
		return err
	}
	if _, err := t.describe(ctx, p); err != nil {
		return err
	}
	// What it answers is the matter of other checks.
	_ = t.busy(ctx, p)
	if err := p.command.Process.Kill(); err != nil { // the shell alone, not its group
		return &SetupError{err}
	}
	// What lives still holds standard error open.
	select {
	case <-p.stderr.done:
		return nil
	case <-time.After(orphanLimit):
		return fmt.Errorf("the host was killed, and %v later the connector, or a process that it started, lives: end when the file descriptor that %s names reads end of file", orphanLimit, wire.EnvironmentLifeline)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// belowScript starts the connector without the lifeline's other end, which is
// file descriptor 9 of the shell alone.
const belowScript = `"$@" 9>&- & wait`

// startBelow starts the connector as a child of a shell.
func (p *process) startBelow(run program) error {
	stdout, stdoutWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdoutWrite.Close()
	stderr, stderrWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stderrWrite.Close()
	childEnd, hostEnd, err := os.Pipe()
	if err != nil {
		return err
	}
	defer childEnd.Close()
	p.lifeline = hostEnd
	p.command = exec.Command("/bin/sh", append([]string{"-c", belowScript, "sh", run.path}, run.arguments...)...)
	p.command.Env = environmentOf(run, startOptions{}, p.folder)
	p.command.Stdout, p.command.Stderr = stdoutWrite, stderrWrite
	p.command.ExtraFiles = []*os.File{childEnd, nil, nil, nil, nil, nil, hostEnd} // 3, 9
	p.command.SysProcAttr = newGroup()
	if err := p.run(); err != nil {
		return errors.Join(err, hostEnd.Close())
	}
	hostEnd.Close() // the shell alone has it now
	go p.stdout.readAll(stdout)
	go p.stderr.readAll(stderr)
	return nil
}

// filesBelow lists what is in a folder, with sizes, so that a change shows.
func filesBelow(folder string) string {
	var list strings.Builder
	_ = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil || path == folder {
			return nil
		}
		relative, _ := filepath.Rel(folder, path)
		if info, err := entry.Info(); err == nil && !entry.IsDir() {
			fmt.Fprintf(&list, "%s (%d bytes)\n", relative, info.Size())
		} else {
			fmt.Fprintf(&list, "%s\n", relative)
		}
		return nil
	})
	return list.String()
}
