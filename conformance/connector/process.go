package connector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/connectors/wire"
)

const (
	// lineBytesMax bounds the handshake, as the host does.
	lineBytesMax = 4 << 10
	// tailBytesMax is how much of a process's last words a report repeats.
	tailBytesMax = 1 << 10
	// deathWait is how long a failed call waits to learn that the process died.
	deathWait = 300 * time.Millisecond
	// killWait bounds the wait for a process that was killed.
	killWait = 5 * time.Second
)

// program is how to start a connector.
type program struct {
	path        string
	arguments   []string
	environment []string // NAME=value
}

// startOptions vary a start.
type startOptions struct {
	versions string // that are offered; empty = 1
	output   string // file that takes the place of the host's standard output; empty = none
}

// process is a connector's process, started by the suite.
type process struct {
	command  *exec.Cmd
	folder   string   // of its socket
	lifeline *os.File // the host's end
	stdout   *capture
	stderr   *capture
	done     chan struct{} // closed when it has ended
	state    string        // how; read after done
	address  string        // of the handshake
	rude     bool          // whether it is killed at the end, as it does not end by itself

	connection *grpc.ClientConn // nil until connect
	endOnce    sync.Once
}

// startProcess starts a connector, and waits for nothing.
func startProcess(run program, o startOptions) (*process, error) {
	folder, err := socketFolder()
	if err != nil {
		return nil, &SetupError{err}
	}
	p := &process{folder: folder, stdout: newCapture(), stderr: newCapture(), done: make(chan struct{})}
	if err := p.start(run, o); err != nil {
		os.RemoveAll(folder)
		return nil, fmt.Errorf("connector: start %s: %w", run.path, err)
	}
	return p, nil
}

// socketFolderMax leaves room for a socket's name: a path of 104 bytes and more is none.
const socketFolderMax = 64

// socketFolder makes a folder for a socket, for this user alone.
func socketFolder() (string, error) {
	folder, err := os.MkdirTemp("", "turgo-")
	if err != nil || len(folder) <= socketFolderMax {
		return folder, err
	}
	os.Remove(folder)
	return os.MkdirTemp("/tmp", "turgo-")
}

// environmentOf is what the host gives to a connector.
func environmentOf(run program, o startOptions, folder string) []string {
	versions := o.versions
	if versions == "" {
		versions = "1"
	}
	return append([]string{
		wire.Handshake.MagicCookieKey + "=" + wire.Handshake.MagicCookieValue,
		"PLUGIN_PROTOCOL_VERSIONS=" + versions,
		"PLUGIN_UNIX_SOCKET_DIR=" + folder,
		"PLUGIN_MIN_PORT=10000",
		"PLUGIN_MAX_PORT=25000",
		wire.EnvironmentLogLevel + "=INFO",
		wire.EnvironmentLifeline + "=3",
	}, run.environment...)
}

func (p *process) start(run program, o startOptions) error {
	var files []*os.File
	defer func() {
		for _, file := range files {
			file.Close()
		}
	}()
	pipe := func() (read, write *os.File, err error) {
		read, write, err = os.Pipe()
		return read, write, err
	}
	stdout, stdoutWrite, err := pipe()
	if err != nil {
		return err
	}
	files = append(files, stdoutWrite)
	stderr, stderrWrite, err := pipe()
	if err != nil {
		stdout.Close()
		return err
	}
	files = append(files, stderrWrite)
	lifeline, hostEnd, err := pipe()
	if err != nil {
		stdout.Close()
		stderr.Close()
		return err
	}
	files = append(files, lifeline)
	p.command = exec.Command(run.path, run.arguments...)
	p.command.Env = environmentOf(run, o, p.folder)
	p.command.Stdout, p.command.Stderr = stdoutWrite, stderrWrite
	p.command.ExtraFiles = []*os.File{lifeline}
	p.command.SysProcAttr = newGroup()
	if o.output != "" {
		output, err := os.OpenFile(o.output, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err == nil {
			files = append(files, output)
			p.command.ExtraFiles = append(p.command.ExtraFiles, output)
			p.command.Env = append(p.command.Env, wire.EnvironmentOutput+"=4")
		}
	}
	p.lifeline = hostEnd
	if err := p.run(); err != nil {
		stdout.Close()
		stderr.Close()
		hostEnd.Close()
		return err
	}
	go p.stdout.readAll(stdout)
	go p.stderr.readAll(stderr)
	return nil
}

// run starts the process. The kernel's signal at a parent's death goes out when
// the parent's thread ends, so one thread stays with the process.
func (p *process) run() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.command.Start()
		started <- err
		if err != nil {
			return
		}
		p.state = stateOf(p.command.Wait())
		close(p.done)
	}()
	return <-started
}

func stateOf(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "exit status 0"
	case errors.As(err, &exit):
		return exit.String()
	}
	return err.Error()
}

// handshake is the line with which a connector says where it serves.
type handshake struct{ core, version, network, address, protocol string }

// awaitHandshake waits for the line.
func (p *process) awaitHandshake(ctx context.Context, limit time.Duration) (handshake, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	var line string
	select {
	case line = <-p.stdout.line:
	case <-p.done:
		select {
		case line = <-p.stdout.line: // it had written before it ended
		case <-time.After(deathWait):
			return handshake{}, fmt.Errorf("the process ended before it wrote its line (%s)%s", p.state, p.lastWords())
		}
	case <-timer.C:
		return handshake{}, fmt.Errorf("no line on standard output within %v%s", limit, p.lastWords())
	case <-ctx.Done():
		return handshake{}, ctx.Err()
	}
	parts := strings.Split(strings.TrimRight(line, "\r\n"), "|")
	if len(parts) < 5 {
		return handshake{}, fmt.Errorf("the first line on standard output is %.200q; it has to be 1|1|unix|PATH|grpc", line)
	}
	return handshake{parts[0], parts[1], parts[2], parts[3], parts[4]}, nil
}

// problem tells what is wrong with a handshake, empty where nothing is.
func (h *handshake) problem(folder string) string {
	switch {
	case h.core != "1":
		return fmt.Sprintf("the first field of the handshake is %q; it is the version of the handshake, 1", h.core)
	case h.version != "1":
		return fmt.Sprintf("the second field of the handshake is %q; version 1 of the connector protocol was offered", h.version)
	case h.network != "unix" || h.protocol != "grpc":
		return fmt.Sprintf("the handshake says %s and %s; it has to be unix and grpc", h.network, h.protocol)
	case !filepath.IsAbs(h.address) || !within(folder, h.address):
		return fmt.Sprintf("the socket is %q; it has to stand in the folder that PLUGIN_UNIX_SOCKET_DIR names, which is private and removed by the host", h.address)
	}
	return ""
}

func within(folder, path string) bool {
	relative, err := filepath.Rel(folder, path)
	return err == nil && relative != ".." && !strings.HasPrefix(relative, ".."+string(filepath.Separator))
}

// connect waits for the handshake and connects.
func (p *process) connect(ctx context.Context, limit time.Duration) error {
	h, err := p.awaitHandshake(ctx, limit)
	if err != nil {
		return err
	}
	if problem := h.problem(p.folder); problem != "" {
		return errors.New(problem)
	}
	p.address = h.address
	options := append(wire.DialOptions(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", h.address)
		}))
	p.connection, err = grpc.NewClient("passthrough:///connector", options...)
	return err
}

// failed tells of a failed call, with the process's end where it has ended.
func (p *process) failed(call string, err error) error {
	if err == nil {
		return nil
	}
	timer := time.NewTimer(deathWait)
	defer timer.Stop()
	text := err.Error()
	if answer, ok := status.FromError(err); ok {
		text = fmt.Sprintf("%s: %s", answer.Code(), answer.Message())
	}
	select {
	case <-p.done:
		return fmt.Errorf("%s: the process ended (%s): %s%s", call, p.state, text, p.lastWords())
	case <-timer.C:
		return fmt.Errorf("%s: %s%s", call, text, p.lastWords())
	}
}

// lastWords is what the process wrote last to its standard error.
func (p *process) lastWords() string {
	text := strings.TrimSpace(p.stderr.tail())
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	if len(lines) > 6 {
		lines = lines[len(lines)-6:]
	}
	return "; its last output:\n" + strings.Join(lines, "\n")
}

// ended waits for the end of the process.
func (p *process) ended(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-p.done:
		return true
	case <-timer.C:
		return false
	}
}

// kill kills the process and all of its group, as nothing can survive, and
// waits until it is gone.
func (p *process) kill() {
	killGroup(p.command.Process.Pid)
	p.ended(killWait)
}

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) } // it may be gone already

// gentleLimit is how long a process may take to end where that is not what is checked.
const gentleLimit = 500 * time.Millisecond

// gently lets a process end by itself, if it can, so that what a sudden death
// leaves behind is the matter of the checks that kill.
func (p *process) gently() {
	if p.connection == nil || p.ended(0) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), gentleLimit)
	defer cancel()
	p.shutdown(ctx)
	p.ended(gentleLimit)
}

// shutdown tells the process to end. That the connection breaks by it is no error.
func (p *process) shutdown(ctx context.Context) {
	_ = p.connection.Invoke(ctx, "/plugin.GRPCController/Shutdown", &v1.Done{}, &v1.Done{})
}

// release ends the process and frees what the suite holds for it.
func (p *process) release() {
	p.endOnce.Do(func() {
		if !p.rude {
			p.gently()
		}
		if p.connection != nil {
			p.connection.Close()
		}
		p.kill()
		p.lifeline.Close()
		p.stdout.close()
		p.stderr.close()
		os.RemoveAll(p.folder)
	})
}

// capture reads an output: it hands over the first line, counts the rest, and
// keeps the end of it.
type capture struct {
	line chan string // the first line, with its end where it has one

	mutex  sync.Mutex
	file   *os.File
	closed bool
	first  []byte
	told   bool
	after  int64 // bytes behind the first line
	kept   []byte
	done   chan struct{} // closed when all was read
}

func newCapture() *capture { return &capture{line: make(chan string, 1), done: make(chan struct{})} }

func (c *capture) readAll(file *os.File) {
	c.mutex.Lock()
	c.file = file
	closed := c.closed
	c.mutex.Unlock()
	if closed {
		file.Close()
	}
	defer close(c.done)
	buffer := make([]byte, 16<<10)
	for {
		n, err := file.Read(buffer)
		c.take(buffer[:n])
		if err != nil {
			c.mutex.Lock()
			if errors.Is(err, io.EOF) && !c.told && len(c.first) > 0 {
				c.tell()
			}
			c.mutex.Unlock()
			return
		}
	}
}

func (c *capture) take(data []byte) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.kept = append(c.kept, data...)
	if over := len(c.kept) - tailBytesMax; over > 0 {
		c.kept = append(c.kept[:0], c.kept[over:]...)
	}
	for i, b := range data {
		if c.told {
			c.after += int64(len(data) - i)
			return
		}
		if c.first = append(c.first, b); b == '\n' || len(c.first) == lineBytesMax {
			c.tell()
		}
	}
}

func (c *capture) tell() {
	c.told = true
	c.line <- string(c.first)
}

// tail is the end of what was read.
func (c *capture) tail() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return strings.ToValidUTF8(string(c.kept), "\uFFFD")
}

// bytes counts what was read: the first line, and what came behind it.
func (c *capture) bytes() (first, after int64) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return int64(len(c.first)), c.after
}

func (c *capture) close() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.closed = true
	if c.file != nil {
		c.file.Close()
	}
}
