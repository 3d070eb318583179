package native

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	goplugin "github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/turgo-stream/turgo/connectors/wire"
)

// deathWait is how long a failed call waits to learn that the process died: the
// connection breaks a moment before the process is gone.
const deathWait = 500 * time.Millisecond

// drainWait is how long an error waits for a dead process's last lines.
const drainWait = 200 * time.Millisecond

// executable is what to run for a connector.
type executable struct {
	path        string
	arguments   []string
	environment []string // NAME=value
	// passOutput gives the process the host's standard output.
	passOutput bool
}

// process is a connector process that serves.
type process struct {
	connector  string
	uid        atomic.Pointer[string] // of the step, once it was opened
	client     *plugin.Client
	runner     *runner
	connection *grpc.ClientConn
	stderr     *tail
	lifeline   *os.File // the host's end; the child ends when it closes
	stopOnce   sync.Once
}

// startProcess starts a connector's process and shakes hands with it.
func startProcess(ctx context.Context, l *Launcher, name string, run executable) (*process, error) {
	p := &process{connector: name, stderr: &tail{}}
	command := exec.Command(run.path, run.arguments...)
	command.Env = append([]string{
		wire.EnvironmentName + "=" + name,
		wire.EnvironmentLogLevel + "=" + l.logLevel(),
	}, run.environment...)
	command.SysProcAttr = diesWithParent()
	passed, err := p.passFiles(command, run, l.output())
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	if p.runner, err = newRunner(command, passed); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	log := l.log().With("connector", name)
	p.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  wire.Handshake,
		VersionedPlugins: map[int]plugin.PluginSet{wire.ProtocolVersion: {wire.PluginName: &wire.Plugin{}}},
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, _ string) (goplugin.Runner, error) {
			// go-plugin tells by the environment where the socket goes.
			command.Env = append(command.Env, spec.Env...)
			return p.runner, nil
		},
		StartTimeout:     l.startTimeout(),
		Stderr:           p.stderr,
		SyncStdout:       &lineLog{log: log, level: slog.LevelInfo},
		SyncStderr:       &lineLog{log: log, level: slog.LevelWarn, also: p.stderr},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger:           &logger{to: log, own: true},
		GRPCDialOptions:  wire.DialOptions(),
		SkipHostEnv:      true,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: socketFolder()},
	})
	if err := p.connect(ctx, l.startTimeout()); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// temporaryMax leaves room for the names of a socket and its folder below it: a path
// of 104 bytes and more is no socket's.
const temporaryMax = 60

// socketFolder is where folders of sockets are made: that for temporary files, unless
// its path is too long.
func socketFolder() string {
	if folder := os.TempDir(); len(folder) <= temporaryMax {
		return folder
	}
	return "/tmp"
}

// passFiles makes the lifeline, and adds the child's end, and what else it gets.
func (p *process) passFiles(command *exec.Cmd, run executable, output *os.File) (passed []*os.File, err error) {
	childEnd, hostEnd, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.lifeline = hostEnd
	pass := func(variable string, file *os.File) {
		command.ExtraFiles = append(command.ExtraFiles, file)
		command.Env = append(command.Env, variable+"="+strconv.Itoa(2+len(command.ExtraFiles)))
	}
	pass(wire.EnvironmentLifeline, childEnd)
	if run.passOutput {
		pass(wire.EnvironmentOutput, output)
	}
	return []*os.File{childEnd}, nil
}

// connect waits for the handshake. Where the caller gives up, the process ends,
// which ends the wait.
func (p *process) connect(ctx context.Context, timeout time.Duration) error {
	type result struct {
		connection *grpc.ClientConn
		err        error
	}
	connected := make(chan result, 1)
	go func() {
		connection, err := p.dispense()
		connected <- result{connection, err}
	}()
	var r result
	select {
	case r = <-connected:
	case <-ctx.Done():
		p.runner.Kill(ctx)
		r = <-connected
		if r.err != nil {
			return ctx.Err()
		}
	}
	if r.err != nil {
		return p.startError(r.err, timeout)
	}
	p.connection = r.connection
	return nil
}

func (p *process) dispense() (*grpc.ClientConn, error) {
	client, err := p.client.Client()
	if err != nil {
		return nil, err
	}
	connection, err := client.Dispense(wire.PluginName)
	if err != nil {
		return nil, err
	}
	return connection.(*grpc.ClientConn), nil
}

// startError tells what kept a process from serving, as plainly as can be known.
func (p *process) startError(err error, timeout time.Duration) error {
	failure := &StartError{Connector: p.connector, Reason: err.Error()}
	if p.runner.pid() == 0 {
		return failure
	}
	if version, found := p.runner.handshake.version(); found && version != strconv.Itoa(wire.ProtocolVersion) {
		return &ProtocolError{Connector: p.connector, Version: version, Wanted: wire.ProtocolVersion}
	}
	_, answered := p.runner.handshake.version()
	switch ended := p.ended(deathWait); {
	case ended && !p.runner.wasKilled():
		failure.Reason = "its process ended before it served"
		failure.State = p.runner.state
	case p.runner.handshake.empty():
		failure.Reason = fmt.Sprintf("it did not answer within %v", timeout)
	case !answered:
		failure.Reason = "it did not answer as a connector does"
	}
	failure.Stderr = p.lastLines()
	return failure
}

// ended reports whether the process ended, or ends within the time.
func (p *process) ended(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.runner.done:
		return true
	case <-timer.C:
		return false
	}
}

// lastLines is the last that a process wrote, once it has ended.
func (p *process) lastLines() string {
	p.runner.awaitDrained()
	return p.stderr.String()
}

// explain turns the failure of a connection into the death of the process,
// where that is the reason.
func (p *process) explain(err error) error {
	if !p.ended(deathWait) {
		return err
	}
	died := &ProcessDiedError{Connector: p.connector, PID: p.runner.pid(), State: p.runner.state, Stderr: p.lastLines()}
	if uid := p.uid.Load(); uid != nil {
		died.UID = *uid
	}
	return died
}

func (p *process) setUID(uid string) { p.uid.Store(&uid) }

// stop lets the process end in good order, and kills it where it does not.
func (p *process) stop() {
	p.stopOnce.Do(func() {
		p.client.Kill()
		p.lifeline.Close()
	})
}
