package native

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/turgo-stream/turgo/connectors"
	"github.com/turgo-stream/turgo/connectors/wire"
)

// Placement is where a connector runs.
type Placement string

// The placements. The host itself is open to built-in connectors only.
const (
	PlacementProcess Placement = "process"
	PlacementHost    Placement = "host"
)

const (
	startTimeoutDefault  = 10 * time.Second
	restartsMaxDefault   = 3
	restartWindowDefault = time.Minute
)

// Launcher makes sources and sinks of connectors by name. The zero value of
// each field but Builtins is a good default. Its methods may be called from
// several goroutines.
type Launcher struct {
	// Builtins are the connectors of this program. Placed in a process, they are
	// served by this program again, whose main has to call wire.ServeIfAsked.
	Builtins []connectors.Connector
	// Folder holds other connectors: executables with a manifest.
	Folder string
	// Logger takes the connectors' logs.
	Logger *slog.Logger
	// Output takes what built-in connectors write to the host's standard output.
	Output *os.File
	// StartTimeout is how long a process may take until it serves.
	StartTimeout time.Duration
	// RestartsMax is how often one source's process is started again within
	// RestartWindow before its death becomes an error.
	RestartsMax   int
	RestartWindow time.Duration

	mutex     sync.Mutex
	processes map[*process]struct{}
	closed    bool
}

func (l *Launcher) log() *slog.Logger {
	if l.Logger != nil {
		return l.Logger
	}
	return slog.Default()
}

func (l *Launcher) logLevel() string {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn} {
		if l.log().Enabled(context.Background(), level) {
			return level.String()
		}
	}
	return slog.LevelError.String()
}

func orDefault[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

func (l *Launcher) output() *os.File { return orDefault(l.Output, os.Stdout) }

func (l *Launcher) startTimeout() time.Duration {
	return orDefault(l.StartTimeout, startTimeoutDefault)
}

// Names lists the connectors that there are, sorted.
func (l *Launcher) Names() []string {
	names := manifestNames(l.Folder)
	for _, builtin := range l.Builtins {
		names = append(names, builtin.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

const (
	sideSource = "source"
	sideSink   = "sink"
)

func (l *Launcher) unknown(name, side string) error {
	var known []string
	for _, other := range l.Names() {
		if builtin, found := l.builtin(other); found {
			if has(builtin, side) {
				known = append(known, other)
			}
		} else if m, found, err := readManifest(l.Folder, other); found && err == nil && m.has(side) {
			known = append(known, other)
		}
	}
	return &UnknownConnectorError{Name: name, Side: side, Known: known}
}

func (l *Launcher) builtin(name string) (connectors.Connector, bool) {
	for _, builtin := range l.Builtins {
		if builtin.Name == name {
			return builtin, true
		}
	}
	return connectors.Connector{}, false
}

func has(connector connectors.Connector, side string) bool {
	if side == sideSource {
		return connector.Source != nil
	}
	return connector.Sink != nil
}

func (m *Manifest) has(side string) bool {
	if side == sideSource {
		return m.Source
	}
	return m.Sink
}

// Source makes a source of the connector of that name. In a process of its own,
// the process starts now and ends with Close; where it dies in between it is
// started again at the last delivered positions, a few times.
func (l *Launcher) Source(ctx context.Context, name string, placement Placement) (connectors.Source, error) {
	inHost, run, err := l.find(name, sideSource, placement)
	if err != nil {
		return nil, err
	}
	if inHost != nil {
		return inHost.Source(), nil
	}
	return newSource(ctx, l, name, run)
}

// Sink makes a sink of the connector of that name. In a process of its own, the
// process starts now and ends with Close; its death is a *ProcessDiedError.
func (l *Launcher) Sink(ctx context.Context, name string, placement Placement) (connectors.Sink, error) {
	inHost, run, err := l.find(name, sideSink, placement)
	if err != nil {
		return nil, err
	}
	if inHost != nil {
		return inHost.Sink(), nil
	}
	return newSink(ctx, l, name, run)
}

// find tells what to call or to run. Built-in connectors go before others.
func (l *Launcher) find(name, side string, placement Placement) (inHost *connectors.Connector, run executable, err error) {
	if placement != PlacementProcess && placement != PlacementHost {
		return nil, run, fmt.Errorf("native: placement %q is neither process nor host", placement)
	}
	if builtin, found := l.builtin(name); found {
		if !has(builtin, side) {
			return nil, run, l.unknown(name, side)
		}
		if placement == PlacementHost {
			return &builtin, run, nil
		}
		path, err := ownExecutable()
		return nil, executable{path: path, environment: builtinEnvironment(), passOutput: true}, err
	}
	m, found, err := readManifest(l.Folder, name)
	if err != nil {
		return nil, run, err
	}
	if !found || !m.has(side) {
		return nil, run, l.unknown(name, side)
	}
	if placement == PlacementHost {
		return nil, run, fmt.Errorf("native: connector %q is not built in, so it cannot be placed in the host", name)
	}
	run, err = m.executable()
	return nil, run, err
}

// start starts a process and keeps it in mind until it is stopped.
func (l *Launcher) start(ctx context.Context, name string, run executable) (*process, error) {
	p, err := startProcess(ctx, l, name, run)
	if err != nil {
		return nil, err
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.closed {
		go p.stop()
		return nil, fmt.Errorf("native: connector %q: the host is closing", name)
	}
	if l.processes == nil {
		l.processes = map[*process]struct{}{}
	}
	l.processes[p] = struct{}{}
	return p, nil
}

func (l *Launcher) stop(p *process) {
	l.mutex.Lock()
	delete(l.processes, p)
	l.mutex.Unlock()
	p.stop()
}

// Close stops every process that still runs, and starts no others.
func (l *Launcher) Close() error {
	l.mutex.Lock()
	l.closed = true
	running := l.processes
	l.processes = nil
	l.mutex.Unlock()
	var all sync.WaitGroup
	for p := range running {
		all.Go(p.stop)
	}
	all.Wait()
	return nil
}

// describe makes sure that the process serves the side that is wanted.
func describe(ctx context.Context, p *process, side string) error {
	answer, err := wire.Describe(ctx, p.connection, p.explain)
	if err != nil {
		return err
	}
	if side == sideSource && !answer.GetSource() || side == sideSink && !answer.GetSink() {
		return &StartError{Connector: p.connector, Reason: fmt.Sprintf("it serves no %s, though its manifest says so", side)}
	}
	return nil
}
