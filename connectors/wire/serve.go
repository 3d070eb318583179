package wire

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/turgo-stream/turgo/connectors"
)

// ProtocolVersion is the version of the wire that this package speaks.
const ProtocolVersion = 1

// Handshake tells a connector process that the host started it.
var Handshake = plugin.HandshakeConfig{
	ProtocolVersion:  ProtocolVersion,
	MagicCookieKey:   "TURGO_CONNECTOR",
	MagicCookieValue: "b3f9a6a1-3d39-4b0e-9a51-1f2f3f2f6d4e",
}

// PluginName is the name under which go-plugin knows the one connector.
const PluginName = "connector"

// What the host tells a connector process through its environment.
const (
	// EnvironmentName selects one of several connectors in one executable.
	EnvironmentName = "TURGO_CONNECTOR_NAME"
	// EnvironmentLifeline is the number of a file descriptor that reads end of
	// file when the host is gone.
	EnvironmentLifeline = "TURGO_CONNECTOR_LIFELINE"
	// EnvironmentOutput is the number of a file descriptor that is the host's
	// standard output.
	EnvironmentOutput = "TURGO_CONNECTOR_OUTPUT"
	// EnvironmentLogLevel is the least level of the log, as slog writes it.
	EnvironmentLogLevel = "TURGO_CONNECTOR_LOG_LEVEL"
)

// Plugin is the go-plugin side of a connector: Server serves it, the host gets
// its connection.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	Connector connectors.Connector
}

// GRPCServer registers the connector.
func (p *Plugin) GRPCServer(_ *plugin.GRPCBroker, to *grpc.Server) error {
	Register(to, p.Connector)
	return nil
}

// GRPCClient gives the connection.
func (p *Plugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, connection *grpc.ClientConn) (any, error) {
	return connection, nil
}

// ServeIfAsked serves a connector and ends the process, if the host started
// this process for that. Otherwise it returns at once. A program that runs
// itself to serve its own connectors calls it before anything else.
func ServeIfAsked(list []connectors.Connector) {
	if os.Getenv(Handshake.MagicCookieKey) == Handshake.MagicCookieValue {
		Serve(list...)
		os.Exit(0)
	}
}

// Serve serves the connector that the host asks for by name, or the only one.
// It returns when the host is done. Where the host dies, so does the process.
func Serve(list ...connectors.Connector) {
	// A signal to the whole group, as from Ctrl-C, is for the host, which tells
	// its connectors when to end.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	if os.Getenv("GOMAXPROCS") == "" {
		// A batch passes through several goroutines here and in the host. The fewer
		// threads share that, the less time goes into waking them: on 2 cores, one
		// thread made the whole way an eighth cheaper. Half of the cores is also what
		// the host's tasks can spare.
		runtime.GOMAXPROCS(max(1, runtime.NumCPU()/2))
	}
	slog.SetDefault(slog.New(logHandler(os.Stderr)))
	if err := watchHost(); err != nil {
		exit(err)
	}
	if file := inherited(EnvironmentOutput, "host output"); file != nil {
		connectors.SetHostOutput(file)
	}
	connector, err := choose(list, os.Getenv(EnvironmentName))
	if err != nil {
		exit(err)
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  Handshake,
		VersionedPlugins: map[int]plugin.PluginSet{ProtocolVersion: {PluginName: &Plugin{Connector: connector}}},
		GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(options, ServerOptions()...)...)
		},
		Logger: hclog.NewNullLogger(),
	})
}

func exit(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func choose(list []connectors.Connector, name string) (connectors.Connector, error) {
	var names []string
	for _, connector := range list {
		if connector.Name == name || name == "" && len(list) == 1 {
			return connector, nil
		}
		names = append(names, connector.Name)
	}
	return connectors.Connector{}, fmt.Errorf("wire: no connector %q in this program, which has %s", name, strings.Join(names, ", "))
}

// inherited is a file that the host passed on, nil where it did not.
func inherited(variable, name string) *os.File {
	number, err := strconv.Atoi(os.Getenv(variable))
	if err != nil || number < 3 {
		return nil
	}
	syscall.CloseOnExec(number)
	return os.NewFile(uintptr(number), name)
}

// watchHost ends the process when the host's end of the lifeline closes, which
// the operating system does however the host ends.
func watchHost() error {
	lifeline := inherited(EnvironmentLifeline, "lifeline")
	if lifeline == nil {
		return fmt.Errorf("wire: %s names no file descriptor: is the host older than this connector?", EnvironmentLifeline)
	}
	go func() {
		io.Copy(io.Discard, lifeline)
		os.Exit(1)
	}()
	return nil
}

// logHandler writes lines as the host's reader of them expects: flat JSON with
// @level, @message and @timestamp.
func logHandler(to io.Writer) slog.Handler {
	var level slog.Level
	if err := level.UnmarshalText([]byte(os.Getenv(EnvironmentLogLevel))); err != nil {
		level = slog.LevelInfo
	}
	return slog.NewJSONHandler(to, &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, attr slog.Attr) slog.Attr {
		if len(groups) > 0 {
			return attr
		}
		switch attr.Key {
		case slog.TimeKey:
			return slog.String("@timestamp", attr.Value.Time().UTC().Format("2006-01-02T15:04:05.000000Z07:00"))
		case slog.LevelKey:
			return slog.String("@level", strings.ToLower(attr.Value.String()))
		case slog.MessageKey:
			return slog.String("@message", attr.Value.String())
		}
		return attr
	}})
}
