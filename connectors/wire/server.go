package wire

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/connectors"
)

const streamsService = "turgo.connector.v1.Streams"

// Register serves one connector on a gRPC server.
func Register(to grpc.ServiceRegistrar, connector connectors.Connector) {
	s := &server{connector: connector}
	v1.RegisterConnectorServer(to, s)
	to.RegisterService(&grpc.ServiceDesc{
		ServiceName: streamsService,
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{
			{StreamName: "Read", Handler: handleRead, ServerStreams: true, ClientStreams: true},
			{StreamName: "Write", Handler: handleWrite, ServerStreams: true, ClientStreams: true},
		},
	}, s)
}

// server is the connector's side: it holds the one source or sink of the process.
type server struct {
	v1.UnimplementedConnectorServer
	connector connectors.Connector

	mutex     sync.Mutex
	theSource connectors.Source
	theSink   connectors.Sink
}

func (s *server) source() (connectors.Source, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.connector.Source == nil {
		return nil, status.Errorf(codes.Unimplemented, "connector %q has no source", s.connector.Name)
	}
	if s.theSource == nil {
		s.theSource = s.connector.Source()
	}
	return s.theSource, nil
}

func (s *server) sink() (connectors.Sink, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.connector.Sink == nil {
		return nil, status.Errorf(codes.Unimplemented, "connector %q has no sink", s.connector.Name)
	}
	if s.theSink == nil {
		s.theSink = s.connector.Sink()
	}
	return s.theSink, nil
}

// Describe tells who serves.
func (s *server) Describe(context.Context, *v1.DescribeRequest) (*v1.DescribeResponse, error) {
	return &v1.DescribeResponse{
		Name: s.connector.Name, Version: s.connector.Version,
		Source: s.connector.Source != nil, Sink: s.connector.Sink != nil,
	}, nil
}

// onSource runs a call of the source that answers nothing.
func (s *server) onSource(call func(connectors.Source) error) (*v1.Done, error) {
	source, err := s.source()
	if err != nil {
		return nil, err
	}
	return &v1.Done{}, toStatus(call(source))
}

func (s *server) onSink(call func(connectors.Sink) error) (*v1.Done, error) {
	sink, err := s.sink()
	if err != nil {
		return nil, err
	}
	return &v1.Done{}, toStatus(call(sink))
}

func (s *server) SourceCheck(ctx context.Context, config *v1.Config) (*v1.Done, error) {
	return s.onSource(func(source connectors.Source) error { return source.Check(ctx, configFromWire(config)) })
}

func (s *server) SourceOpen(ctx context.Context, config *v1.Config) (*v1.Done, error) {
	return s.onSource(func(source connectors.Source) error { return source.Open(ctx, configFromWire(config)) })
}

func (s *server) SourceDiscover(_ *v1.DiscoverRequest, stream grpc.ServerStreamingServer[v1.SplitsPage]) error {
	source, err := s.source()
	if err != nil {
		return err
	}
	splits, final, err := source.Discover(stream.Context())
	if err != nil {
		return toStatus(err)
	}
	return pages(splits, splitSize, func(part []connectors.Split, last bool) error {
		return stream.Send(&v1.SplitsPage{Splits: splitsToWire(part), Final: last && final})
	})
}

func (s *server) SourceCheckpointComplete(stream grpc.ClientStreamingServer[v1.PositionsPage, v1.Done]) error {
	var epoch uint64
	var positions []connectors.Assignment
	for {
		page, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		epoch = page.GetEpoch()
		positions = append(positions, assignmentsFromWire(page.GetPositions())...)
	}
	done, err := s.onSource(func(source connectors.Source) error {
		return source.CheckpointComplete(stream.Context(), epoch, positions)
	})
	if err != nil {
		return err
	}
	return stream.SendAndClose(done)
}

func (s *server) SourceClose(context.Context, *v1.CloseRequest) (*v1.Done, error) {
	return s.onSource(func(source connectors.Source) error { return source.Close() })
}

func (s *server) SinkCheck(ctx context.Context, config *v1.Config) (*v1.Done, error) {
	return s.onSink(func(sink connectors.Sink) error { return sink.Check(ctx, configFromWire(config)) })
}

func (s *server) SinkOpen(ctx context.Context, config *v1.Config) (*v1.SinkOpenResponse, error) {
	response := &v1.SinkOpenResponse{}
	_, err := s.onSink(func(sink connectors.Sink) error {
		guarantee, err := sink.Open(ctx, configFromWire(config))
		response.Guarantee = guaranteesToWire[guarantee]
		return err
	})
	return response, err
}

func (s *server) SinkCleanUp(stream grpc.ClientStreamingServer[v1.Committables, v1.Done]) error {
	var keep []connectors.Committable
	for {
		page, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		keep = append(keep, committablesFromWire(page)...)
	}
	done, err := s.onSink(func(sink connectors.Sink) error { return sink.CleanUp(stream.Context(), keep) })
	if err != nil {
		return err
	}
	return stream.SendAndClose(done)
}

func (s *server) SinkCommit(ctx context.Context, committables *v1.Committables) (*v1.CommitResponse, error) {
	var response *v1.CommitResponse
	_, err := s.onSink(func(sink connectors.Sink) error {
		results, err := sink.Commit(ctx, committablesFromWire(committables))
		response = resultsToWire(results)
		return err
	})
	return response, err
}

func (s *server) SinkAbort(ctx context.Context, committables *v1.Committables) (*v1.Done, error) {
	return s.onSink(func(sink connectors.Sink) error { return sink.Abort(ctx, committablesFromWire(committables)) })
}

func (s *server) SinkClose(context.Context, *v1.CloseRequest) (*v1.Done, error) {
	return s.onSink(func(sink connectors.Sink) error { return sink.Close() })
}
