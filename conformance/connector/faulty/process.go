package faulty

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
)

// version of the protocol that the connector speaks.
const version = "1"

// Serve serves the connector with a fault, or the sound one for an empty name,
// and ends the process.
func Serve(fault string) {
	if !slices.ContainsFunc(Faults, func(f Fault) bool { return f.Name == fault }) && fault != "" {
		fail("faulty: there is no fault %q", fault)
	}
	c := &connector{fault: fault, ended: make(chan struct{}), slots: make(chan struct{}, slotsMax)}
	if !c.has("obeys_signals") {
		signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	}
	c.watchHost()
	listener, err := net.Listen("unix", c.socket())
	if err != nil {
		fail("faulty: %v", err)
	}
	server := grpc.NewServer(grpc.ForceServerCodecV2(codec{}), grpc.UnknownServiceHandler(c.unknownService),
		grpc.MaxRecvMsgSize(messageBytesMax), grpc.MaxSendMsgSize(messageBytesMax))
	v1.RegisterConnectorServer(server, c)
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "turgo.connector.v1.Streams", HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{
			{StreamName: "Read", Handler: c.read, ServerStreams: true, ClientStreams: true},
			{StreamName: "Write", Handler: c.write, ServerStreams: true, ClientStreams: true},
		},
	}, c)
	c.registerShutdown(server)
	c.shakeHands(listener)
	go server.Serve(listener)
	<-c.ended
	time.Sleep(10 * time.Millisecond) // the answer of Shutdown goes out
	switch {
	case c.has("exits_1"):
		os.Exit(1)
	case c.has("ends_late"):
		time.Sleep(4 * time.Second)
	}
	os.Exit(0)
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

// socket is a path in the folder that the host names.
func (c *connector) socket() string {
	folder := os.Getenv("PLUGIN_UNIX_SOCKET_DIR")
	if c.has("socket_elsewhere") {
		var err error
		if folder, err = os.MkdirTemp("", "faulty-"); err != nil {
			fail("faulty: %v", err)
		}
	}
	return filepath.Join(folder, "socket")
}

func (c *connector) shakeHands(listener net.Listener) {
	offered := strings.Split(os.Getenv("PLUGIN_PROTOCOL_VERSIONS"), ",")
	speaks := version
	switch {
	case c.has("speaks_version_2"):
		speaks = "2"
	case c.has("speaks_any_version"):
		speaks = slices.Max(offered)
	case c.has("hangs_without_common_version") && !slices.Contains(offered, version):
		select {}
	case c.has("greets"):
		fmt.Println("ready")
	}
	fmt.Printf("1|%s|unix|%s|grpc|\n", speaks, listener.Addr())
	if c.has("floods_log") {
		for range 40_000 {
			fmt.Fprintln(os.Stderr, strings.Repeat("x", 60))
		}
	}
}

// watchHost ends the process when the lifeline does.
func (c *connector) watchHost() {
	number, err := strconv.Atoi(os.Getenv("TURGO_CONNECTOR_LIFELINE"))
	if err != nil {
		fail("faulty: a host starts this program")
	}
	syscall.CloseOnExec(number)
	if c.has("survives_host") {
		return
	}
	lifeline := os.NewFile(uintptr(number), "lifeline")
	go func() {
		io.Copy(io.Discard, lifeline)
		os.Exit(1)
	}()
}

// registerShutdown serves the call by which the host says good-bye.
func (c *connector) registerShutdown(server *grpc.Server) {
	shutdown := func(_ any, stream grpc.ServerStream) error {
		var request []byte
		if err := stream.RecvMsg(&request); err != nil {
			return err
		}
		if !c.has("ignores_shutdown") {
			defer c.endOnce.Do(func() { close(c.ended) })
		}
		return stream.SendMsg(&[]byte{})
	}
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "plugin.GRPCController", HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{StreamName: "Shutdown", Handler: shutdown, ServerStreams: true, ClientStreams: true}},
	}, c)
}

// unknownService answers calls of services that the connector does not have.
func (c *connector) unknownService(any, grpc.ServerStream) error {
	if c.has("dies_of_unknown_services") {
		fail("faulty: a service that it does not know")
	}
	return status.Error(codes.Unimplemented, "there is no such service")
}

// startChild starts a process that knows nothing of the host.
func startChild() error {
	child := exec.Command("/bin/sleep", "60")
	child.Stderr = os.Stderr
	return child.Start()
}
