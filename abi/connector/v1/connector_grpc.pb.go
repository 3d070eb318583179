// The wire between the host and a connector in its own process: all that a
// connector in any language has to know. plugins/sqlite is one in Python; `turgo
// conformance connector` tells what one gets wrong.
//
// # The process
//
// The host starts the connector's executable, one process for each source or
// sink of a step, with these variables in its environment, and few others:
//
//   TURGO_CONNECTOR            b3f9a6a1-3d39-4b0e-9a51-1f2f3f2f6d4e: the host started it
//   TURGO_CONNECTOR_NAME       the connector that is wanted, where the executable has several
//   TURGO_CONNECTOR_LIFELINE   number of a file descriptor: see below
//   TURGO_CONNECTOR_LOG_LEVEL  least level of what to log: DEBUG, INFO, WARN, ERROR
//   PLUGIN_PROTOCOL_VERSIONS   the versions of this protocol that the host speaks: 1
//   PLUGIN_UNIX_SOCKET_DIR     a private folder for the socket; the host removes it
//
// The process serves gRPC, without TLS, on a unix socket in that folder. When it
// listens, within 10 s, it writes one line to its standard output, and nothing else ever:
//
//   1|1|unix|PATH|grpc|
//
// The first number is the version of this line, the second the version of this
// protocol that the connector chose. Where the host offers none that it speaks, it
// ends, or answers with one of its own; the host then tells the user. (This is the
// handshake of github.com/hashicorp/go-plugin, which Go connectors use.)
//
// The lifeline reads end of file when the host is gone, however it ended: then the
// process ends at once, with all that it started. A terminal sends SIGINT, SIGTERM and
// SIGHUP to the whole group: the process ignores them, as the host needs its connectors
// to stop in good order. To end it, the host calls /plugin.GRPCController/Shutdown,
// whose request and answer are empty messages: the process ends with exit code 0
// within 2 s, answered or not; later it is killed. It may be killed at any time.
// Calls of services that are not named here may be answered UNIMPLEMENTED.
//
// Standard error is the log. A line that is a flat JSON object with @level,
// @message and @timestamp keeps its level; others are logged as they are.
//
// Messages are up to 64 MiB and some, so gRPC's limit of 4 MiB has to be raised, to
// 67178520 bytes, in both directions. Fields that a connector does not know
// are skipped. A call that is cancelled ends soon, and so does what it had begun.
//
// # Streams
//
// Control calls are the service below. Records travel beside it, in two
// bidirectional streams whose messages are no protobuf but frames, under the
// content-subtype "turgo-frames" (the answer's may be missing):
//
//   /turgo.connector.v1.Streams/Read    one stream is one reader of a source
//   /turgo.connector.v1.Streams/Write   one stream is one writer of a sink
//
// A frame is a head of 24 bytes, little-endian, and three byte strings:
//
//   offset  size  what
//   0       1     kind
//   1       1     flags: bit 0 of a delivery says that the split has ended
//   2       2     reserved, 0
//   4       4     length of the text
//   8       4     length of the position
//   12      4     length of the body
//   16      8     number, signed
//   24            text, position, body
//
//   kind  name       from       text      position  body         number
//   1     open       host                                        subtask
//   2     opened     connector                                   bytes of credit that it gives (Write)
//   3     credit     receiver                                    bytes of credit
//   4     assign     host                           Assignments  sequence, from 1
//   5     assigned   connector                                   the sequence
//   6     delivery   connector  split ID  position  batch        lag in records, -1 = unknown
//   7     write      host                           batch
//   8     prepare    host                                        epoch
//   9     prepared   connector                      Committables epoch
//   10    undecodable connector reason              bytes        records of the delivery before it
//   11    refused    connector  reason              batch        0
//
// Batches have the layout of abi/SPEC.md, section 6; their origins mean nothing here.
// Assignments and Committables are the messages below. A text has at most 4 KiB and is UTF-8, a position 64 KiB.
//
// The first frame is open, its answer opened. The host half-closes the stream to
// close the reader or writer; the connector then drops what it was about to send,
// and ends the stream with the status OK. A failure ends the stream, or the
// call, with a status whose details hold a Failure.
//
// # Credit
//
// Batches flow by credit, which their receiver gives: for deliveries and their
// undecodables the host, for writes the connector. Each of these frames costs its whole
// length, head included, and at least 4096 bytes. As long as more than 0 of the
// credit is left, a frame may be sent, of whatever size: the rest then falls below 0. An
// undecodable may be sent together with its delivery. The receiver gives back the cost
// of what it has consumed, at once or in portions of up to a quarter of what it gave first.
// The host gives 1 MiB to a reader; a writer gives as much as it likes to have
// on the way, in opened, at least 4096. Without credit the sender waits.
//
// # Read
//
// A delivery is a batch of one assigned split, and the position behind it; the position
// is never empty. A reader that is assigned the split with that position, in this process
// or another, gives the records that follow, each once, in the same order. The
// last delivery of a split has flag 1, with or without a batch; nothing comes of the split
// behind it. Where nothing is to be read, nothing is sent. Splits may be
// assigned at any time; assigned is sent when they were taken, between deliveries.
// There are several readers at a time, one for each subtask; when one has ended, another may be
// opened for the same subtask, and splits may go on there or in another process.
//
// Bytes of which no record could be made come before the delivery that they
// belong to; at most 1024 for one, of 64 KiB each and 1 MiB in all, reasons included.
// Their number is how many records of the delivery stand before them.
//
// # Write
//
// Prepare makes durable, but not visible, what was written since the prepare
// before; prepared names it by committables, at most 1024, none where nothing was
// written. Later, maybe in another process, they are committed or dropped. What was not
// prepared when the stream or the process ends is never seen. A sink that promises less
// than GUARANTEE_EXACTLY_ONCE may make records visible at once. A record
// that the sink does not take comes back alone in a batch, before the prepared
// of its epoch; the others of its batch are written.
// There are several writers at a time; each subtask has one in an attempt, no more.

// Code generated by protoc-gen-go-grpc. DO NOT EDIT.
// versions:
// - protoc-gen-go-grpc v1.6.0
// - protoc             v3.21.12
// source: connector.proto

package connectorv1

import (
	context "context"
	grpc "google.golang.org/grpc"
	codes "google.golang.org/grpc/codes"
	status "google.golang.org/grpc/status"
)

// This is a compile-time assertion to ensure that this generated file
// is compatible with the grpc package it is being compiled against.
// Requires gRPC-Go v1.64.0 or later.
const _ = grpc.SupportPackageIsVersion9

const (
	Connector_Describe_FullMethodName                 = "/turgo.connector.v1.Connector/Describe"
	Connector_SourceCheck_FullMethodName              = "/turgo.connector.v1.Connector/SourceCheck"
	Connector_SourceOpen_FullMethodName               = "/turgo.connector.v1.Connector/SourceOpen"
	Connector_SourceDiscover_FullMethodName           = "/turgo.connector.v1.Connector/SourceDiscover"
	Connector_SourceCheckpointComplete_FullMethodName = "/turgo.connector.v1.Connector/SourceCheckpointComplete"
	Connector_SourceClose_FullMethodName              = "/turgo.connector.v1.Connector/SourceClose"
	Connector_SinkCheck_FullMethodName                = "/turgo.connector.v1.Connector/SinkCheck"
	Connector_SinkOpen_FullMethodName                 = "/turgo.connector.v1.Connector/SinkOpen"
	Connector_SinkCleanUp_FullMethodName              = "/turgo.connector.v1.Connector/SinkCleanUp"
	Connector_SinkCommit_FullMethodName               = "/turgo.connector.v1.Connector/SinkCommit"
	Connector_SinkAbort_FullMethodName                = "/turgo.connector.v1.Connector/SinkAbort"
	Connector_SinkClose_FullMethodName                = "/turgo.connector.v1.Connector/SinkClose"
)

// ConnectorClient is the client API for Connector service.
//
// For semantics around ctx use and closing/ending streaming RPCs, please refer to https://pkg.go.dev/google.golang.org/grpc/?tab=doc#ClientConn.NewStream.
type ConnectorClient interface {
	// Describe tells who serves, before anything else: the same each time.
	Describe(ctx context.Context, in *DescribeRequest, opts ...grpc.CallOption) (*DescribeResponse, error)
	// SourceCheck validates the config and what it names, without side effects. A
	// setting that is wrong, or of a name that the connector does not know, is a Failure of KIND_CONFIG.
	SourceCheck(ctx context.Context, in *Config, opts ...grpc.CallOption) (*Done, error)
	// SourceOpen prepares for use. It is called once, without SourceCheck too.
	SourceOpen(ctx context.Context, in *Config, opts ...grpc.CallOption) (*Done, error)
	// SourceDiscover sends the splits that exist now, in pages; final counts in the
	// last one. It may be called again at any time. IDs are the same in each process.
	SourceDiscover(ctx context.Context, in *DiscoverRequest, opts ...grpc.CallOption) (grpc.ServerStreamingClient[SplitsPage], error)
	// SourceCheckpointComplete tells that a checkpoint with these positions is
	// durable: nobody will ask for what comes before them.
	SourceCheckpointComplete(ctx context.Context, opts ...grpc.CallOption) (grpc.ClientStreamingClient[PositionsPage, Done], error)
	// SourceClose comes after the readers were closed.
	SourceClose(ctx context.Context, in *CloseRequest, opts ...grpc.CallOption) (*Done, error)
	SinkCheck(ctx context.Context, in *Config, opts ...grpc.CallOption) (*Done, error)
	// SinkOpen prepares for use, and tells what the sink promises under this config.
	SinkOpen(ctx context.Context, in *Config, opts ...grpc.CallOption) (*SinkOpenResponse, error)
	// SinkCleanUp receives the committables to keep, in pages. It drops what attempts
	// before Config.attempt prepared for this job_uuid and uid, but those. What later
	// attempts, other steps and other jobs prepared stays. It is called once per
	// start, before any writer opens.
	SinkCleanUp(ctx context.Context, opts ...grpc.CallOption) (grpc.ClientStreamingClient[Committables, Done], error)
	// SinkCommit makes prepared data visible, in this or any other process: it gives a
	// result for each committable, in their order. It may come before any writer opens, for
	// several epochs at once, and again for what was committed before: after a crash the
	// host commits all that its newest checkpoint names.
	SinkCommit(ctx context.Context, in *Committables, opts ...grpc.CallOption) (*CommitResponse, error)
	// SinkAbort drops prepared data. It may come again. What was committed before stays.
	SinkAbort(ctx context.Context, in *Committables, opts ...grpc.CallOption) (*Done, error)
	// SinkClose comes after the writers were closed. What is prepared stays prepared.
	SinkClose(ctx context.Context, in *CloseRequest, opts ...grpc.CallOption) (*Done, error)
}

type connectorClient struct {
	cc grpc.ClientConnInterface
}

func NewConnectorClient(cc grpc.ClientConnInterface) ConnectorClient {
	return &connectorClient{cc}
}

func (c *connectorClient) Describe(ctx context.Context, in *DescribeRequest, opts ...grpc.CallOption) (*DescribeResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(DescribeResponse)
	err := c.cc.Invoke(ctx, Connector_Describe_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *connectorClient) SourceCheck(ctx context.Context, in *Config, opts ...grpc.CallOption) (*Done, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(Done)
	err := c.cc.Invoke(ctx, Connector_SourceCheck_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *connectorClient) SourceOpen(ctx context.Context, in *Config, opts ...grpc.CallOption) (*Done, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(Done)
	err := c.cc.Invoke(ctx, Connector_SourceOpen_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *connectorClient) SourceDiscover(ctx context.Context, in *DiscoverRequest, opts ...grpc.CallOption) (grpc.ServerStreamingClient[SplitsPage], error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	stream, err := c.cc.NewStream(ctx, &Connector_ServiceDesc.Streams[0], Connector_SourceDiscover_FullMethodName, cOpts...)
	if err != nil {
		return nil, err
	}
	x := &grpc.GenericClientStream[DiscoverRequest, SplitsPage]{ClientStream: stream}
	if err := x.ClientStream.SendMsg(in); err != nil {
		return nil, err
	}
	if err := x.ClientStream.CloseSend(); err != nil {
		return nil, err
	}
	return x, nil
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type Connector_SourceDiscoverClient = grpc.ServerStreamingClient[SplitsPage]

func (c *connectorClient) SourceCheckpointComplete(ctx context.Context, opts ...grpc.CallOption) (grpc.ClientStreamingClient[PositionsPage, Done], error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	stream, err := c.cc.NewStream(ctx, &Connector_ServiceDesc.Streams[1], Connector_SourceCheckpointComplete_FullMethodName, cOpts...)
	if err != nil {
		return nil, err
	}
	x := &grpc.GenericClientStream[PositionsPage, Done]{ClientStream: stream}
	return x, nil
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type Connector_SourceCheckpointCompleteClient = grpc.ClientStreamingClient[PositionsPage, Done]

func (c *connectorClient) SourceClose(ctx context.Context, in *CloseRequest, opts ...grpc.CallOption) (*Done, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(Done)
	err := c.cc.Invoke(ctx, Connector_SourceClose_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *connectorClient) SinkCheck(ctx context.Context, in *Config, opts ...grpc.CallOption) (*Done, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(Done)
	err := c.cc.Invoke(ctx, Connector_SinkCheck_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *connectorClient) SinkOpen(ctx context.Context, in *Config, opts ...grpc.CallOption) (*SinkOpenResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(SinkOpenResponse)
	err := c.cc.Invoke(ctx, Connector_SinkOpen_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *connectorClient) SinkCleanUp(ctx context.Context, opts ...grpc.CallOption) (grpc.ClientStreamingClient[Committables, Done], error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	stream, err := c.cc.NewStream(ctx, &Connector_ServiceDesc.Streams[2], Connector_SinkCleanUp_FullMethodName, cOpts...)
	if err != nil {
		return nil, err
	}
	x := &grpc.GenericClientStream[Committables, Done]{ClientStream: stream}
	return x, nil
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type Connector_SinkCleanUpClient = grpc.ClientStreamingClient[Committables, Done]

func (c *connectorClient) SinkCommit(ctx context.Context, in *Committables, opts ...grpc.CallOption) (*CommitResponse, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(CommitResponse)
	err := c.cc.Invoke(ctx, Connector_SinkCommit_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *connectorClient) SinkAbort(ctx context.Context, in *Committables, opts ...grpc.CallOption) (*Done, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(Done)
	err := c.cc.Invoke(ctx, Connector_SinkAbort_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (c *connectorClient) SinkClose(ctx context.Context, in *CloseRequest, opts ...grpc.CallOption) (*Done, error) {
	cOpts := append([]grpc.CallOption{grpc.StaticMethod()}, opts...)
	out := new(Done)
	err := c.cc.Invoke(ctx, Connector_SinkClose_FullMethodName, in, out, cOpts...)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ConnectorServer is the server API for Connector service.
// All implementations must embed UnimplementedConnectorServer
// for forward compatibility.
type ConnectorServer interface {
	// Describe tells who serves, before anything else: the same each time.
	Describe(context.Context, *DescribeRequest) (*DescribeResponse, error)
	// SourceCheck validates the config and what it names, without side effects. A
	// setting that is wrong, or of a name that the connector does not know, is a Failure of KIND_CONFIG.
	SourceCheck(context.Context, *Config) (*Done, error)
	// SourceOpen prepares for use. It is called once, without SourceCheck too.
	SourceOpen(context.Context, *Config) (*Done, error)
	// SourceDiscover sends the splits that exist now, in pages; final counts in the
	// last one. It may be called again at any time. IDs are the same in each process.
	SourceDiscover(*DiscoverRequest, grpc.ServerStreamingServer[SplitsPage]) error
	// SourceCheckpointComplete tells that a checkpoint with these positions is
	// durable: nobody will ask for what comes before them.
	SourceCheckpointComplete(grpc.ClientStreamingServer[PositionsPage, Done]) error
	// SourceClose comes after the readers were closed.
	SourceClose(context.Context, *CloseRequest) (*Done, error)
	SinkCheck(context.Context, *Config) (*Done, error)
	// SinkOpen prepares for use, and tells what the sink promises under this config.
	SinkOpen(context.Context, *Config) (*SinkOpenResponse, error)
	// SinkCleanUp receives the committables to keep, in pages. It drops what attempts
	// before Config.attempt prepared for this job_uuid and uid, but those. What later
	// attempts, other steps and other jobs prepared stays. It is called once per
	// start, before any writer opens.
	SinkCleanUp(grpc.ClientStreamingServer[Committables, Done]) error
	// SinkCommit makes prepared data visible, in this or any other process: it gives a
	// result for each committable, in their order. It may come before any writer opens, for
	// several epochs at once, and again for what was committed before: after a crash the
	// host commits all that its newest checkpoint names.
	SinkCommit(context.Context, *Committables) (*CommitResponse, error)
	// SinkAbort drops prepared data. It may come again. What was committed before stays.
	SinkAbort(context.Context, *Committables) (*Done, error)
	// SinkClose comes after the writers were closed. What is prepared stays prepared.
	SinkClose(context.Context, *CloseRequest) (*Done, error)
	mustEmbedUnimplementedConnectorServer()
}

// UnimplementedConnectorServer must be embedded to have
// forward compatible implementations.
//
// NOTE: this should be embedded by value instead of pointer to avoid a nil
// pointer dereference when methods are called.
type UnimplementedConnectorServer struct{}

func (UnimplementedConnectorServer) Describe(context.Context, *DescribeRequest) (*DescribeResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method Describe not implemented")
}
func (UnimplementedConnectorServer) SourceCheck(context.Context, *Config) (*Done, error) {
	return nil, status.Error(codes.Unimplemented, "method SourceCheck not implemented")
}
func (UnimplementedConnectorServer) SourceOpen(context.Context, *Config) (*Done, error) {
	return nil, status.Error(codes.Unimplemented, "method SourceOpen not implemented")
}
func (UnimplementedConnectorServer) SourceDiscover(*DiscoverRequest, grpc.ServerStreamingServer[SplitsPage]) error {
	return status.Error(codes.Unimplemented, "method SourceDiscover not implemented")
}
func (UnimplementedConnectorServer) SourceCheckpointComplete(grpc.ClientStreamingServer[PositionsPage, Done]) error {
	return status.Error(codes.Unimplemented, "method SourceCheckpointComplete not implemented")
}
func (UnimplementedConnectorServer) SourceClose(context.Context, *CloseRequest) (*Done, error) {
	return nil, status.Error(codes.Unimplemented, "method SourceClose not implemented")
}
func (UnimplementedConnectorServer) SinkCheck(context.Context, *Config) (*Done, error) {
	return nil, status.Error(codes.Unimplemented, "method SinkCheck not implemented")
}
func (UnimplementedConnectorServer) SinkOpen(context.Context, *Config) (*SinkOpenResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method SinkOpen not implemented")
}
func (UnimplementedConnectorServer) SinkCleanUp(grpc.ClientStreamingServer[Committables, Done]) error {
	return status.Error(codes.Unimplemented, "method SinkCleanUp not implemented")
}
func (UnimplementedConnectorServer) SinkCommit(context.Context, *Committables) (*CommitResponse, error) {
	return nil, status.Error(codes.Unimplemented, "method SinkCommit not implemented")
}
func (UnimplementedConnectorServer) SinkAbort(context.Context, *Committables) (*Done, error) {
	return nil, status.Error(codes.Unimplemented, "method SinkAbort not implemented")
}
func (UnimplementedConnectorServer) SinkClose(context.Context, *CloseRequest) (*Done, error) {
	return nil, status.Error(codes.Unimplemented, "method SinkClose not implemented")
}
func (UnimplementedConnectorServer) mustEmbedUnimplementedConnectorServer() {}
func (UnimplementedConnectorServer) testEmbeddedByValue()                   {}

// UnsafeConnectorServer may be embedded to opt out of forward compatibility for this service.
// Use of this interface is not recommended, as added methods to ConnectorServer will
// result in compilation errors.
type UnsafeConnectorServer interface {
	mustEmbedUnimplementedConnectorServer()
}

func RegisterConnectorServer(s grpc.ServiceRegistrar, srv ConnectorServer) {
	// If the following call panics, it indicates UnimplementedConnectorServer was
	// embedded by pointer and is nil.  This will cause panics if an
	// unimplemented method is ever invoked, so we test this at initialization
	// time to prevent it from happening at runtime later due to I/O.
	if t, ok := srv.(interface{ testEmbeddedByValue() }); ok {
		t.testEmbeddedByValue()
	}
	s.RegisterService(&Connector_ServiceDesc, srv)
}

func _Connector_Describe_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(DescribeRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(ConnectorServer).Describe(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: Connector_Describe_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(ConnectorServer).Describe(ctx, req.(*DescribeRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _Connector_SourceCheck_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(Config)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(ConnectorServer).SourceCheck(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: Connector_SourceCheck_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(ConnectorServer).SourceCheck(ctx, req.(*Config))
	}
	return interceptor(ctx, in, info, handler)
}

func _Connector_SourceOpen_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(Config)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(ConnectorServer).SourceOpen(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: Connector_SourceOpen_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(ConnectorServer).SourceOpen(ctx, req.(*Config))
	}
	return interceptor(ctx, in, info, handler)
}

func _Connector_SourceDiscover_Handler(srv interface{}, stream grpc.ServerStream) error {
	m := new(DiscoverRequest)
	if err := stream.RecvMsg(m); err != nil {
		return err
	}
	return srv.(ConnectorServer).SourceDiscover(m, &grpc.GenericServerStream[DiscoverRequest, SplitsPage]{ServerStream: stream})
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type Connector_SourceDiscoverServer = grpc.ServerStreamingServer[SplitsPage]

func _Connector_SourceCheckpointComplete_Handler(srv interface{}, stream grpc.ServerStream) error {
	return srv.(ConnectorServer).SourceCheckpointComplete(&grpc.GenericServerStream[PositionsPage, Done]{ServerStream: stream})
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type Connector_SourceCheckpointCompleteServer = grpc.ClientStreamingServer[PositionsPage, Done]

func _Connector_SourceClose_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(CloseRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(ConnectorServer).SourceClose(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: Connector_SourceClose_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(ConnectorServer).SourceClose(ctx, req.(*CloseRequest))
	}
	return interceptor(ctx, in, info, handler)
}

func _Connector_SinkCheck_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(Config)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(ConnectorServer).SinkCheck(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: Connector_SinkCheck_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(ConnectorServer).SinkCheck(ctx, req.(*Config))
	}
	return interceptor(ctx, in, info, handler)
}

func _Connector_SinkOpen_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(Config)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(ConnectorServer).SinkOpen(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: Connector_SinkOpen_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(ConnectorServer).SinkOpen(ctx, req.(*Config))
	}
	return interceptor(ctx, in, info, handler)
}

func _Connector_SinkCleanUp_Handler(srv interface{}, stream grpc.ServerStream) error {
	return srv.(ConnectorServer).SinkCleanUp(&grpc.GenericServerStream[Committables, Done]{ServerStream: stream})
}

// This type alias is provided for backwards compatibility with existing code that references the prior non-generic stream type by name.
type Connector_SinkCleanUpServer = grpc.ClientStreamingServer[Committables, Done]

func _Connector_SinkCommit_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(Committables)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(ConnectorServer).SinkCommit(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: Connector_SinkCommit_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(ConnectorServer).SinkCommit(ctx, req.(*Committables))
	}
	return interceptor(ctx, in, info, handler)
}

func _Connector_SinkAbort_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(Committables)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(ConnectorServer).SinkAbort(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: Connector_SinkAbort_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(ConnectorServer).SinkAbort(ctx, req.(*Committables))
	}
	return interceptor(ctx, in, info, handler)
}

func _Connector_SinkClose_Handler(srv interface{}, ctx context.Context, dec func(interface{}) error, interceptor grpc.UnaryServerInterceptor) (interface{}, error) {
	in := new(CloseRequest)
	if err := dec(in); err != nil {
		return nil, err
	}
	if interceptor == nil {
		return srv.(ConnectorServer).SinkClose(ctx, in)
	}
	info := &grpc.UnaryServerInfo{
		Server:     srv,
		FullMethod: Connector_SinkClose_FullMethodName,
	}
	handler := func(ctx context.Context, req interface{}) (interface{}, error) {
		return srv.(ConnectorServer).SinkClose(ctx, req.(*CloseRequest))
	}
	return interceptor(ctx, in, info, handler)
}

// Connector_ServiceDesc is the grpc.ServiceDesc for Connector service.
// It's only intended for direct use with grpc.RegisterService,
// and not to be introspected or modified (even as a copy)
var Connector_ServiceDesc = grpc.ServiceDesc{
	ServiceName: "turgo.connector.v1.Connector",
	HandlerType: (*ConnectorServer)(nil),
	Methods: []grpc.MethodDesc{
		{
			MethodName: "Describe",
			Handler:    _Connector_Describe_Handler,
		},
		{
			MethodName: "SourceCheck",
			Handler:    _Connector_SourceCheck_Handler,
		},
		{
			MethodName: "SourceOpen",
			Handler:    _Connector_SourceOpen_Handler,
		},
		{
			MethodName: "SourceClose",
			Handler:    _Connector_SourceClose_Handler,
		},
		{
			MethodName: "SinkCheck",
			Handler:    _Connector_SinkCheck_Handler,
		},
		{
			MethodName: "SinkOpen",
			Handler:    _Connector_SinkOpen_Handler,
		},
		{
			MethodName: "SinkCommit",
			Handler:    _Connector_SinkCommit_Handler,
		},
		{
			MethodName: "SinkAbort",
			Handler:    _Connector_SinkAbort_Handler,
		},
		{
			MethodName: "SinkClose",
			Handler:    _Connector_SinkClose_Handler,
		},
	},
	Streams: []grpc.StreamDesc{
		{
			StreamName:    "SourceDiscover",
			Handler:       _Connector_SourceDiscover_Handler,
			ServerStreams: true,
		},
		{
			StreamName:    "SourceCheckpointComplete",
			Handler:       _Connector_SourceCheckpointComplete_Handler,
			ClientStreams: true,
		},
		{
			StreamName:    "SinkCleanUp",
			Handler:       _Connector_SinkCleanUp_Handler,
			ClientStreams: true,
		},
	},
	Metadata: "connector.proto",
}
