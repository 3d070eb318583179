package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connect serves a connector on a socket and gives the host's connection.
func connect(t *testing.T, connector connectors.Connector) *grpc.ClientConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(ServerOptions()...)
	Register(server, connector)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	connection, err := grpc.NewClient("unix:"+path, append(DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return connection
}

// scripted is a source and sink whose calls are functions.
type scripted struct {
	next    func(ctx context.Context) (connectors.Delivery, error)
	assign  func(assignments []connectors.Assignment) error
	write   func(ctx context.Context, batch record.Batch) error
	prepare func(epoch uint64) ([]connectors.Committable, error)
	refused func() []connectors.Refused
	closed  atomic.Int32
}

type scriptedSource struct {
	connectors.Source
	*scripted
}

type scriptedReader struct{ *scripted }

func (s scriptedSource) OpenReader(context.Context, int) (connectors.Reader, error) {
	return scriptedReader{s.scripted}, nil
}
func (s scriptedReader) Assign(_ context.Context, assignments []connectors.Assignment) error {
	if s.assign == nil {
		return nil
	}
	return s.assign(assignments)
}
func (s scriptedReader) Next(ctx context.Context) (connectors.Delivery, error) { return s.next(ctx) }
func (s scriptedReader) Close() error                                          { s.closed.Add(1); return nil }

type scriptedSink struct {
	connectors.Sink
	*scripted
}

type scriptedWriter struct{ *scripted }

func (s scriptedSink) OpenWriter(context.Context, int) (connectors.Writer, error) {
	return scriptedWriter{s.scripted}, nil
}
func (s scriptedWriter) Write(ctx context.Context, batch record.Batch) error {
	return s.write(ctx, batch)
}
func (s scriptedWriter) Prepare(_ context.Context, epoch uint64) ([]connectors.Committable, error) {
	return s.prepare(epoch)
}
func (s scriptedWriter) Refused() []connectors.Refused {
	if s.refused == nil {
		return nil
	}
	return s.refused()
}
func (s scriptedWriter) Close() error { s.closed.Add(1); return nil }

func (s *scripted) connector() connectors.Connector {
	return connectors.Connector{
		Name:   "scripted",
		Source: func() connectors.Source { return scriptedSource{scripted: s} },
		Sink:   func() connectors.Sink { return scriptedSink{scripted: s} },
	}
}

func oneBatch(bytes int) record.Batch {
	var builder record.Builder
	builder.Append(record.Record{Value: make([]byte, bytes), Timestamp: record.NoTimestamp})
	return builder.Finish()
}

var onlySplit = []connectors.Assignment{{Split: connectors.Split{ID: "only"}}}

func readerOf(t *testing.T, s *scripted) connectors.Reader {
	t.Helper()
	connection := connect(t, s.connector())
	reader, err := NewSource(connection, nil).OpenReader(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return reader
}

func writerOf(t *testing.T, s *scripted) connectors.Writer {
	t.Helper()
	connection := connect(t, s.connector())
	writer, err := NewSink(connection, nil).OpenWriter(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return writer
}

// A batch that is none stops at the host's door, with the place in the error.
func TestMalformedBatchIsRefused(t *testing.T) {
	s := &scripted{next: func(context.Context) (connectors.Delivery, error) {
		bad := oneBatch(100)
		bad[30] = 0xff
		return connectors.Delivery{SplitID: "only", Batch: bad, Position: []byte("1")}, nil
	}}
	reader := readerOf(t, s)
	defer reader.Close()
	if err := reader.Assign(context.Background(), onlySplit); err != nil {
		t.Fatal(err)
	}
	var err error
	for err == nil {
		_, err = reader.Next(context.Background())
	}
	var format *record.FormatError
	if !errors.As(err, &format) {
		t.Error(err)
	}
}

// A source may read ahead only as far as its credit; more follows as the host reads.
func TestReadAheadIsBounded(t *testing.T) {
	made := atomic.Int64{}
	batch := oneBatch(100 << 10)
	s := &scripted{next: func(context.Context) (connectors.Delivery, error) {
		made.Add(1)
		return connectors.Delivery{SplitID: "only", Batch: batch, Position: []byte("1")}, nil
	}}
	reader := readerOf(t, s)
	defer reader.Close()
	if err := reader.Assign(context.Background(), onlySplit); err != nil {
		t.Fatal(err)
	}
	atMost := int64(windowBytes/len(batch) + 1)
	for read := range int64(100) {
		delivery, err := reader.Next(context.Background())
		if err != nil || delivery.SplitID != "only" {
			t.Fatalf("%+v, %v", delivery, err)
		}
		if ahead := made.Load() - read; ahead > atMost+1 {
			t.Fatalf("%d batches ahead, at most %d are allowed", ahead, atMost+1)
		}
	}
}

func TestSlowSourceGivesEmptyDeliveries(t *testing.T) {
	s := &scripted{next: func(ctx context.Context) (connectors.Delivery, error) {
		<-ctx.Done()
		return connectors.Delivery{}, ctx.Err()
	}}
	reader := readerOf(t, s)
	if err := reader.Assign(context.Background(), onlySplit); err != nil {
		t.Fatal(err)
	}
	inner, ok := reader.(*clientReader)
	if !ok {
		t.Fatalf("a %T", reader)
	}
	if delivery, err := reader.Next(context.Background()); err != nil || delivery.SplitID != "" {
		t.Errorf("%+v, %v", delivery, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := reader.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if delivery, err := reader.Next(context.Background()); err != nil || delivery.SplitID != "" {
		t.Errorf("after a cancelled call: %+v, %v", delivery, err)
	}
	inner.patience = 20 * time.Millisecond
	if err := reader.Close(); err == nil || !strings.Contains(err.Error(), "in time") {
		t.Errorf("closing a source that hangs: %v", err)
	}
}

func TestReaderErrorsKeepTheirKind(t *testing.T) {
	for _, given := range []error{
		&connectors.ConfigError{Field: "a.b", Reason: "is wrong"},
		&connectors.RetryableError{Err: errors.New("broker is away")},
		&connectors.FatalError{Err: errors.New("records are gone")},
		io.EOF,
	} {
		s := &scripted{next: func(context.Context) (connectors.Delivery, error) { return connectors.Delivery{}, given }}
		reader := readerOf(t, s)
		if err := reader.Assign(context.Background(), onlySplit); err != nil {
			t.Fatal(err)
		}
		var err error
		for err == nil {
			_, err = reader.Next(context.Background())
		}
		var config *connectors.ConfigError
		if err.Error() != given.Error() || connectors.Retryable(err) != connectors.Retryable(given) || connectors.Fatal(err) != connectors.Fatal(given) || errors.As(err, &config) != errors.As(given, &config) {
			t.Errorf("%#v arrives as %#v", given, err)
		}
		reader.Close()
		if s.closed.Load() != 1 {
			t.Errorf("%v: the reader was closed %d times", given, s.closed.Load())
		}
	}
}

// More assignments than fit one frame arrive, all of them.
func TestManyAssignments(t *testing.T) {
	const splits = 20_000
	got := map[string]bool{}
	s := &scripted{
		assign: func(assignments []connectors.Assignment) error {
			for _, a := range assignments {
				got[a.Split.ID] = a.Position != nil && len(a.Position) == 0
			}
			return nil
		},
		next: func(context.Context) (connectors.Delivery, error) { return connectors.Delivery{}, nil },
	}
	var assignments []connectors.Assignment
	for i := range splits {
		assignments = append(assignments, connectors.Assignment{
			Split: connectors.Split{ID: strings.Repeat("x", 100) + string(rune(0x4e00+i))}, Position: []byte{},
		})
	}
	reader := readerOf(t, s)
	if err := reader.Assign(context.Background(), assignments); err != nil {
		t.Fatal(err)
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	for _, a := range assignments {
		if !got[a.Split.ID] {
			t.Fatalf("split %s did not arrive, or without its empty position", a.Split.ID)
		}
	}
}

// A slow sink holds its writer back; an impatient one gets its context's error.
func TestWriterIsHeldBack(t *testing.T) {
	release := make(chan struct{})
	s := &scripted{
		write: func(ctx context.Context, _ record.Batch) error {
			select {
			case <-release:
			case <-ctx.Done():
			}
			return nil
		},
		prepare: func(epoch uint64) ([]connectors.Committable, error) {
			return []connectors.Committable{{ID: "c", Data: []byte{byte(epoch)}}}, nil
		},
	}
	writer := writerOf(t, s)
	batch := oneBatch(100 << 10)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	written := 0
	for err := error(nil); err == nil; written++ {
		err = writer.Write(ctx, batch)
	}
	if most := windowBytes/len(batch) + 2; written > most {
		t.Errorf("%d batches went ahead, at most %d may", written, most)
	}
	close(release)
	for range 100 {
		if err := writer.Write(context.Background(), batch); err != nil {
			t.Fatal(err)
		}
	}
	committables, err := writer.Prepare(context.Background(), 5)
	if err != nil || len(committables) != 1 || committables[0].Data[0] != 5 {
		t.Errorf("Prepare: %v, %v", committables, err)
	}
	if err := writer.Close(); err != nil || s.closed.Load() != 1 {
		t.Errorf("Close: %v, closed %d times", err, s.closed.Load())
	}
}

func TestWriterErrorShowsLater(t *testing.T) {
	s := &scripted{
		write:   func(context.Context, record.Batch) error { return errors.New("the disk is full") },
		prepare: func(uint64) ([]connectors.Committable, error) { return nil, nil },
	}
	writer := writerOf(t, s)
	defer writer.Close()
	batch := oneBatch(10)
	err := writer.Write(context.Background(), batch)
	if err == nil {
		_, err = writer.Prepare(context.Background(), 1)
	}
	if err == nil || err.Error() != "the disk is full" {
		t.Error(err)
	}
	if err := writer.Write(context.Background(), batch); err == nil {
		t.Error("a broken writer takes another batch")
	}
}

// A connector without a source says so.
func TestMissingSide(t *testing.T) {
	connection := connect(t, connectors.Connector{Name: "nothing"})
	_, err := NewSource(connection, nil).OpenReader(context.Background(), 0)
	if err == nil || !strings.Contains(err.Error(), `connector "nothing" has no source`) {
		t.Error(err)
	}
	if _, err := NewSink(connection, nil).Open(context.Background(), connectors.Config{}); err == nil || !strings.Contains(err.Error(), "has no sink") {
		t.Error(err)
	}
}

// What a connector hands over is held to the limits at the host's door.
func TestLimits(t *testing.T) {
	big := make([]byte, connectors.CommittableDataBytesMax+1)
	for _, given := range [][]connectors.Committable{
		{{ID: "big", Data: big}}, {{ID: ""}}, {{ID: strings.Repeat("x", connectors.CommittableIDBytesMax+1)}}, make([]connectors.Committable, connectors.CommittablesMax+1),
	} {
		s := &scripted{prepare: func(uint64) ([]connectors.Committable, error) { return given, nil }}
		writer := writerOf(t, s)
		if got, err := writer.Prepare(context.Background(), 1); err == nil || !strings.Contains(err.Error(), "allowed") {
			t.Errorf("%d committables arrive, %v", len(got), err)
		}
		writer.Close()
	}
	for _, given := range []connectors.Delivery{
		{SplitID: strings.Repeat("x", connectors.SplitIDBytesMax+1)}, {SplitID: "\xff"},
		{SplitID: "only", Position: make([]byte, connectors.PositionBytesMax+1)},
	} {
		s := &scripted{next: func(context.Context) (connectors.Delivery, error) { return given, nil }}
		reader := readerOf(t, s)
		if err := reader.Assign(context.Background(), onlySplit); err != nil {
			t.Fatal(err)
		}
		var err error
		for err == nil {
			_, err = reader.Next(context.Background())
		}
		var frame *FrameError
		if !errors.As(err, &frame) {
			t.Errorf("%.20s: %v", given.SplitID, err)
		}
		reader.Close()
	}
	if _, err := splitsFromWire(splitsToWire([]connectors.Split{{ID: "x", Data: big}})); err == nil {
		t.Error("a split with too much data is accepted")
	}
}
