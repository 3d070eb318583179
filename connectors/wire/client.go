package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/connectors"
)

// closeTimeout bounds the good-bye to a connector; then the connection is cut.
const closeTimeout = 5 * time.Second

// Describe asks a connector process who it is. The connector's factories are
// nil where it lacks that side, and not callable otherwise.
func Describe(ctx context.Context, connection grpc.ClientConnInterface, explain Explain) (*v1.DescribeResponse, error) {
	answer, err := v1.NewConnectorClient(connection).Describe(ctx, &v1.DescribeRequest{})
	return answer, fromStatus(ctx, err, explain)
}

// source is a connectors.Source at the other end of a connection.
type source struct {
	connection grpc.ClientConnInterface
	client     v1.ConnectorClient
	explain    Explain
}

// NewSource is the source that a connector process serves. explain may be nil.
func NewSource(connection grpc.ClientConnInterface, explain Explain) connectors.Source {
	return &source{connection: connection, client: v1.NewConnectorClient(connection), explain: explain}
}

func (s *source) Check(ctx context.Context, config connectors.Config) error {
	_, err := s.client.SourceCheck(ctx, configToWire(config))
	return fromStatus(ctx, err, s.explain)
}

func (s *source) Open(ctx context.Context, config connectors.Config) error {
	_, err := s.client.SourceOpen(ctx, configToWire(config))
	return fromStatus(ctx, err, s.explain)
}

func (s *source) Discover(ctx context.Context) ([]connectors.Split, bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.client.SourceDiscover(ctx, &v1.DiscoverRequest{})
	if err != nil {
		return nil, false, fromStatus(ctx, err, s.explain)
	}
	var splits []connectors.Split
	final := false
	for {
		page, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return splits, final, nil
		}
		if err != nil {
			return nil, false, fromStatus(ctx, err, s.explain)
		}
		part, err := splitsFromWire(page.GetSplits())
		if err != nil {
			return nil, false, err
		}
		if splits = append(splits, part...); len(splits) > connectors.SplitsMax {
			return nil, false, fmt.Errorf("wire: the connector found more than %d splits", connectors.SplitsMax)
		}
		final = page.GetFinal()
	}
}

func (s *source) OpenReader(ctx context.Context, subtask int) (connectors.Reader, error) {
	return openReader(ctx, s.connection, subtask, s.explain)
}

func (s *source) CheckpointComplete(ctx context.Context, epoch uint64, positions []connectors.Assignment) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.client.SourceCheckpointComplete(ctx)
	if err != nil {
		return fromStatus(ctx, err, s.explain)
	}
	err = pages(positions, assignmentSize, func(part []connectors.Assignment, _ bool) error {
		return stream.Send(&v1.PositionsPage{Epoch: epoch, Positions: assignmentsToWire(part)})
	})
	if err != nil && !errors.Is(err, io.EOF) { // at io.EOF the answer tells why
		return fromStatus(ctx, err, s.explain)
	}
	_, err = stream.CloseAndRecv()
	return fromStatus(ctx, err, s.explain)
}

func (s *source) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_, err := s.client.SourceClose(ctx, &v1.CloseRequest{})
	return fromStatus(ctx, err, s.explain)
}

// sink is a connectors.Sink at the other end of a connection.
type sink struct {
	connection grpc.ClientConnInterface
	client     v1.ConnectorClient
	explain    Explain
}

// NewSink is the sink that a connector process serves. explain may be nil.
func NewSink(connection grpc.ClientConnInterface, explain Explain) connectors.Sink {
	return &sink{connection: connection, client: v1.NewConnectorClient(connection), explain: explain}
}

func (s *sink) Check(ctx context.Context, config connectors.Config) error {
	_, err := s.client.SinkCheck(ctx, configToWire(config))
	return fromStatus(ctx, err, s.explain)
}

func (s *sink) Open(ctx context.Context, config connectors.Config) (connectors.Guarantee, error) {
	answer, err := s.client.SinkOpen(ctx, configToWire(config))
	if err != nil {
		return "", fromStatus(ctx, err, s.explain)
	}
	return guaranteeFromWire(answer.GetGuarantee())
}

func (s *sink) CleanUp(ctx context.Context, keep []connectors.Committable) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.client.SinkCleanUp(ctx)
	if err != nil {
		return fromStatus(ctx, err, s.explain)
	}
	err = pages(keep, committableSize, func(part []connectors.Committable, _ bool) error {
		return stream.Send(committablesToWire(part))
	})
	if err != nil && !errors.Is(err, io.EOF) {
		return fromStatus(ctx, err, s.explain)
	}
	_, err = stream.CloseAndRecv()
	return fromStatus(ctx, err, s.explain)
}

func (s *sink) OpenWriter(ctx context.Context, subtask int) (connectors.Writer, error) {
	return openWriter(ctx, s.connection, subtask, s.explain)
}

func (s *sink) Commit(ctx context.Context, committables []connectors.Committable) ([]connectors.CommitResult, error) {
	results := make([]connectors.CommitResult, 0, len(committables))
	err := pages(committables, committableSize, func(part []connectors.Committable, _ bool) error {
		answer, err := s.client.SinkCommit(ctx, committablesToWire(part))
		if err != nil {
			return fromStatus(ctx, err, s.explain)
		}
		partResults, err := resultsFromWire(answer, part)
		results = append(results, partResults...)
		return err
	})
	return results, err
}

func (s *sink) Abort(ctx context.Context, committables []connectors.Committable) error {
	return pages(committables, committableSize, func(part []connectors.Committable, _ bool) error {
		_, err := s.client.SinkAbort(ctx, committablesToWire(part))
		return fromStatus(ctx, err, s.explain)
	})
}

func (s *sink) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_, err := s.client.SinkClose(ctx, &v1.CloseRequest{})
	return fromStatus(ctx, err, s.explain)
}
