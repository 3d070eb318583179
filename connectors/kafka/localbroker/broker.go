// Package localbroker runs one real node of Apache Kafka on loopback: for tests,
// and for whoever wants to try a job without a cluster. It needs Java and Maven,
// no container. The jars are fetched once, into the user's cache folder.
package localbroker

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startLimit    = 90 * time.Second
	stopLimit     = 15 * time.Second
	killLimit     = 10 * time.Second
	startAttempts = 3
	heapMiB       = 512

	dataName       = "data"
	propertiesName = "server.properties"
	loggingName    = "log4j2.xml"
	logName        = "broker.log"
)

//go:embed log4j2.xml
var logging []byte

// Broker is one node. Its methods may be called from several goroutines.
type Broker struct {
	options      Options
	installation *installation
	folder       string
	temporary    bool
	archiveTo    string // where to leave an archive of classes; empty = nowhere

	mutex   sync.Mutex
	ports   map[string]int // by listener
	process *process       // nil before the first start
}

// Start starts a broker and returns once it answers. The first start of a user
// fetches the jars.
func Start(ctx context.Context, o Options) (*Broker, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	in, err := install(ctx)
	if err != nil {
		return nil, err
	}
	b, err := newBroker(o, in)
	if err != nil {
		return nil, err
	}
	if err := b.format(ctx); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	for attempt := 1; ; attempt++ {
		err := b.run(ctx)
		if err == nil {
			return b, nil
		}
		// Between the choice of a free port and its use another process may take it.
		if o.Port != 0 || attempt == startAttempts || !b.portTaken() {
			return nil, errors.Join(err, b.Close())
		}
		if err := b.choosePorts(); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
}

// newBroker makes the folder and chooses the ports. Nothing runs yet.
func newBroker(o Options, in *installation) (*Broker, error) {
	b := &Broker{options: o.clone(), installation: in, folder: o.Folder, temporary: o.Folder == ""}
	var err error
	if b.temporary {
		b.folder, err = os.MkdirTemp("", "turgo-kafka-")
	} else if b.folder, err = filepath.Abs(o.Folder); err == nil {
		err = os.MkdirAll(b.folder, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("localbroker: %w", err)
	}
	if err := b.choosePorts(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// The ports that are chosen from lie below those that systems give to outgoing
// connections: a client that dials a broker which is down could otherwise get the
// broker's own port, be connected to itself, and keep the broker from coming back.
const (
	portLowest  = 15000
	portHighest = 32000
	portTries   = 200
)

func (b *Broker) choosePorts() error {
	ports := map[string]int{}
	taken := map[int]bool{}
	for _, listener := range append(b.options.listeners(), controller) {
		if listener == PlainText && b.options.Port != 0 {
			ports[listener] = b.options.Port
			continue
		}
		found := false
		for range portTries {
			port := portLowest + rand.IntN(portHighest-portLowest)
			if found = !taken[port] && free(port); found {
				ports[listener], taken[port] = port, true
				break
			}
		}
		if !found {
			return fmt.Errorf("localbroker: no free port from %d to %d", portLowest, portHighest)
		}
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.ports = ports
	return nil
}

func free(port int) bool {
	listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	listener.Close()
	return true
}

func (b *Broker) data() string { return filepath.Join(b.folder, dataName) }

// format prepares the data folder, unless it holds data.
func (b *Broker) format(ctx context.Context) error {
	if exists(filepath.Join(b.data(), "meta.properties")) {
		return nil
	}
	if err := b.writeFiles(); err != nil {
		return err
	}
	if b.options.plainFormat() && b.installation.formatted != "" {
		if err := os.CopyFS(b.data(), os.DirFS(b.installation.formatted)); err != nil {
			return fmt.Errorf("localbroker: %w", err)
		}
		return nil
	}
	var identity [16]byte
	for i := range identity {
		identity[i] = byte(rand.Uint32())
	}
	identity[0] &= 0x7f // a hyphen at its start would make it an option of the tool
	arguments := []string{"kafka.tools.StorageTool", "format", "-t", clusterID(identity), "-c", filepath.Join(b.folder, propertiesName)}
	for name, level := range b.options.Features {
		arguments = append(arguments, "--feature", fmt.Sprintf("%s=%d", name, level))
	}
	for name, password := range b.options.Users {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			arguments = append(arguments, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, name, password))
		}
	}
	command, err := b.java(ctx, arguments...)
	if err != nil {
		return err
	}
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("localbroker: format storage: %w: %s", err, lastLines(output))
	}
	return nil
}

func (b *Broker) writeFiles() error {
	if b.options.Security && !exists(filepath.Join(b.folder, serverName)) {
		if err := writeCertificates(b.folder); err != nil {
			return err
		}
	}
	b.mutex.Lock()
	text := properties(&b.options, b.folder, b.ports)
	b.mutex.Unlock()
	for name, content := range map[string][]byte{propertiesName: []byte(text), loggingName: logging} {
		if err := os.WriteFile(filepath.Join(b.folder, name), content, 0o600); err != nil {
			return fmt.Errorf("localbroker: %w", err)
		}
	}
	return nil
}

// java is a call of a class of the jars.
func (b *Broker) java(ctx context.Context, arguments ...string) (*exec.Cmd, error) {
	path, err := b.installation.classPath()
	if err != nil {
		return nil, err
	}
	heap := b.options.HeapMiB
	if heap == 0 {
		heap = heapMiB
	}
	flags := []string{
		"-Xms128m", fmt.Sprintf("-Xmx%dm", heap), "-XX:+UseSerialGC",
		"-Dlog4j2.configurationFile=" + filepath.Join(b.folder, loggingName),
	}
	if !b.options.FullCompiler {
		flags = append(flags, "-XX:TieredStopAtLevel=1")
	}
	switch {
	case b.archiveTo != "" && arguments[0] == brokerClass:
		flags = append(flags, "-XX:ArchiveClassesAtExit="+b.archiveTo)
	case b.installation.archive != "":
		flags = append(flags, "-XX:SharedArchiveFile="+b.installation.archive)
	}
	// What is said of the archive is no concern of whoever reads the log.
	flags = append(flags, "-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off", "-cp", path)
	command := exec.CommandContext(ctx, b.installation.java, append(flags, arguments...)...)
	command.WaitDelay = time.Second
	return command, nil
}

const brokerClass = "kafka.Kafka"

// run starts the process and waits until it answers.
func (b *Broker) run(ctx context.Context) error {
	if err := b.writeFiles(); err != nil {
		return err
	}
	// The broker's life does not depend on the context of its start.
	command, err := b.java(context.WithoutCancel(ctx), brokerClass, filepath.Join(b.folder, propertiesName))
	if err != nil {
		return err
	}
	log, err := os.OpenFile(b.LogPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("localbroker: %w", err)
	}
	defer log.Close()
	command.Stdout, command.Stderr = log, log
	command.Dir = b.folder
	temporary := ""
	if b.temporary {
		temporary = b.folder
	}
	p, err := startProcess(command, b.options.Detached, temporary)
	if err != nil {
		return fmt.Errorf("localbroker: start java: %w", err)
	}
	b.mutex.Lock()
	b.process = p
	b.mutex.Unlock()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := awaitReady(ctx, b.Address(PlainText), p.done); err != nil {
		if !p.running() {
			err = p.err
		}
		err = fmt.Errorf("localbroker: the broker on %s did not start: %w%s; the end of its log:\n%s",
			b.Address(PlainText), err, b.javaHint(), b.logTail())
		return errors.Join(err, b.Kill())
	}
	return nil
}

const logTailBytes = 16 << 10

// logTail is the end of the broker's log.
func (b *Broker) logTail() string {
	content, err := os.ReadFile(b.LogPath())
	if err != nil {
		return err.Error()
	}
	return lastLines(content[max(0, len(content)-logTailBytes):])
}

func (b *Broker) portTaken() bool { return strings.Contains(b.logTail(), "Address already in use") }

func (b *Broker) javaHint() string {
	if strings.Contains(b.logTail(), "UnsupportedClassVersionError") {
		return " (" + javaAdvice + ")"
	}
	return ""
}

// Addresses are what clients connect to, in the form that they take.
func (b *Broker) Addresses() []string { return []string{b.Address(PlainText)} }

// Address is host:port of one listener.
func (b *Broker) Address(listener string) string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(b.ports[listener]))
}

// AuthorityPath is the file of the authority that signed the broker's certificate.
func (b *Broker) AuthorityPath() string { return filepath.Join(b.folder, authorityName) }

// ClientCertificatePaths are files of a certificate that a client may show, and of its key.
func (b *Broker) ClientCertificatePaths() (certificate, key string) {
	return filepath.Join(b.folder, clientName), filepath.Join(b.folder, clientKeyName)
}

// LogPath is the broker's log, which grows over restarts.
func (b *Broker) LogPath() string { return filepath.Join(b.folder, logName) }

// Folder holds all files of the broker.
func (b *Broker) Folder() string { return b.folder }

// PID is that of the broker's process, 0 where none runs.
func (b *Broker) PID() int {
	if p := b.current(); p != nil && p.running() {
		return p.command.Process.Pid
	}
	return 0
}

func (b *Broker) current() *process {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.process
}

// Stop ends the broker in good order. Its data stays.
func (b *Broker) Stop() error {
	p := b.current()
	if p == nil || !p.running() {
		return nil
	}
	if err := p.end(syscall.SIGTERM, stopLimit); err != nil {
		return errors.Join(fmt.Errorf("localbroker: %w", err), b.Kill())
	}
	return nil
}

// Kill ends the broker at once, as a crash does. Its data stays.
func (b *Broker) Kill() error {
	p := b.current()
	if p == nil || !p.running() {
		return nil
	}
	if err := p.end(syscall.SIGKILL, killLimit); err != nil {
		return fmt.Errorf("localbroker: %w", err)
	}
	return nil
}

// Restart starts a broker that was stopped or killed, on the same ports and with
// the same data, and returns once it answers.
func (b *Broker) Restart(ctx context.Context) error {
	if b.PID() != 0 {
		return errors.New("localbroker: the broker runs: stop or kill it before it is started again")
	}
	return b.run(ctx)
}

// Close stops the broker, and removes its files where the folder was temporary.
func (b *Broker) Close() error {
	err := b.Stop()
	if b.temporary {
		err = errors.Join(err, os.RemoveAll(b.folder))
	}
	return err
}
