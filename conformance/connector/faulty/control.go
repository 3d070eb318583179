package faulty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
)

// slotsMax is how many readers or writers there may be at once.
const slotsMax = 16

// connector is the one connector of the process. has asks for its fault.
type connector struct {
	v1.UnimplementedConnectorServer
	fault    string
	ended    chan struct{} // closed when the host is done
	endOnce  sync.Once
	slots    chan struct{}
	describe atomic.Int64
	// completed says that a checkpoint was, and no reader has noticed it yet.
	completed atomic.Bool

	mutex  sync.Mutex
	config *v1.Config
	input  settings
	store  *store
}

func (c *connector) has(fault string) bool { return c.fault == fault }

// configError is the refusal of settings.
func (c *connector) configError(field, format string, arguments ...any) error {
	failure := &v1.Failure{Kind: v1.Failure_KIND_CONFIG, Field: field, Message: fmt.Sprintf(format, arguments...)}
	switch {
	case c.has("names_no_field"):
		failure.Field = ""
	case c.has("fails_without_kind"):
		failure.Kind = v1.Failure_KIND_UNSPECIFIED
	}
	result, err := status.New(codes.InvalidArgument, failure.Message).WithDetails(failure)
	if err != nil {
		return err
	}
	return result.Err()
}

// failed gives other errors a status with a Failure.
func failed(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	result, detailErr := status.New(codes.Unknown, err.Error()).WithDetails(&v1.Failure{Message: err.Error()})
	if detailErr != nil {
		return detailErr
	}
	return result.Err()
}

// known refuses fields that a later version of the protocol may have, as no
// connector should.
func (c *connector) known(message proto.Message) error {
	err := unknownIn(message.ProtoReflect())
	switch {
	case err != nil && c.has("dies_of_unknown_fields"):
		panic(err)
	case err != nil && c.has("refuses_unknown_fields"):
		return err
	}
	return nil
}

func unknownIn(message protoreflect.Message) error {
	if len(message.GetUnknown()) > 0 {
		return fmt.Errorf("faulty: %s has a field that it does not know", message.Descriptor().Name())
	}
	var err error
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Message() == nil:
		case field.IsList():
			for i := range value.List().Len() {
				err = errors.Join(err, unknownIn(value.List().Get(i).Message()))
			}
		default:
			err = unknownIn(value.Message())
		}
		return err == nil
	})
	return err
}

// Describe tells who serves.
func (c *connector) Describe(_ context.Context, request *v1.DescribeRequest) (*v1.DescribeResponse, error) {
	answer := &v1.DescribeResponse{Name: "faulty", Version: "1", Source: true, Sink: true}
	switch {
	case c.has("prints"):
		fmt.Println("describing")
	case c.has("describes_anew"):
		answer.Version = strconv.FormatInt(c.describe.Add(1), 10)
	case c.has("denies_source"):
		answer.Source = false
	case c.has("denies_sink"):
		answer.Sink = false
	}
	return answer, failed(c.known(request))
}

// check validates a config and what it names.
func (c *connector) check(config *v1.Config) (settings, error) {
	if err := c.known(config); err != nil {
		return settings{}, failed(err)
	}
	return c.parseSettings(config.GetSettings())
}

// SourceCheck implements the call.
func (c *connector) SourceCheck(ctx context.Context, config *v1.Config) (*v1.Done, error) {
	if c.has("claims_source") {
		return c.UnimplementedConnectorServer.SourceCheck(ctx, config)
	}
	_, err := c.check(config)
	return &v1.Done{}, err
}

// SourceOpen implements the call.
func (c *connector) SourceOpen(_ context.Context, config *v1.Config) (*v1.Done, error) {
	input, err := c.check(config)
	if err != nil {
		return nil, err
	}
	if c.has("leaves_child") {
		if err := startChild(); err != nil {
			return nil, err
		}
	}
	if c.has("trips_over_lock") {
		if _, err := os.Stat(input.lockPath()); err == nil {
			return nil, failed(errors.New("faulty: another process reads already"))
		}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.config, c.input = config, input
	return &v1.Done{}, nil
}

func (c *connector) opened() (*v1.Config, settings, *store) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.config, c.input, c.store
}

// SourceDiscover implements the call.
func (c *connector) SourceDiscover(request *v1.DiscoverRequest, stream grpc.ServerStreamingServer[v1.SplitsPage]) error {
	if err := c.known(request); err != nil {
		return failed(err)
	}
	_, input, _ := c.opened()
	names, err := input.files()
	if err != nil {
		return failed(err)
	}
	page := &v1.SplitsPage{Final: !c.has("never_final")}
	for _, name := range names {
		split := &v1.Split{Id: name}
		if c.has("unstable_ids") {
			split = &v1.Split{Id: name + " " + strconv.Itoa(os.Getpid())}
		}
		page.Splits = append(page.Splits, split)
	}
	if c.has("same_id_twice") && len(names) > 0 {
		page.Splits = append(page.Splits, page.Splits[0])
	}
	return stream.Send(page)
}

// SourceCheckpointComplete implements the call.
func (c *connector) SourceCheckpointComplete(stream grpc.ClientStreamingServer[v1.PositionsPage, v1.Done]) error {
	for pages := 0; ; pages++ {
		page, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = c.known(page)
		}
		if err == nil && pages > 0 && c.has("takes_one_page_of_positions") {
			err = errors.New("faulty: a second page of positions")
		}
		if err != nil {
			return failed(err)
		}
	}
	c.completed.Store(true)
	return stream.SendAndClose(&v1.Done{})
}

// SourceClose implements the call.
func (c *connector) SourceClose(ctx context.Context, request *v1.CloseRequest) (*v1.Done, error) {
	switch {
	case c.has("source_close_hangs"):
		<-ctx.Done()
	case c.has("source_close_fails"):
		return nil, failed(errors.New("faulty: it cannot be closed"))
	}
	return &v1.Done{}, failed(c.known(request))
}

// SinkCheck implements the call.
func (c *connector) SinkCheck(ctx context.Context, config *v1.Config) (*v1.Done, error) {
	if c.has("claims_sink") {
		return c.UnimplementedConnectorServer.SinkCheck(ctx, config)
	}
	output, err := c.check(config)
	if err == nil && c.has("check_leaves_files") {
		err = failed(os.MkdirAll(output.Folder+"/checked", 0o700))
	}
	return &v1.Done{}, err
}

// SinkOpen implements the call.
func (c *connector) SinkOpen(_ context.Context, config *v1.Config) (*v1.SinkOpenResponse, error) {
	output, err := c.check(config)
	if err != nil {
		return nil, err
	}
	store, err := c.openStore(output, config)
	if err != nil {
		return nil, failed(err)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.config, c.input, c.store = config, output, store
	answer := &v1.SinkOpenResponse{Guarantee: v1.Guarantee_GUARANTEE_EXACTLY_ONCE}
	switch {
	case c.has("promises_nothing"):
		answer.Guarantee = v1.Guarantee_GUARANTEE_UNSPECIFIED
	case c.has("promises_less_later"):
		if _, err := os.Stat(output.lockPath()); err == nil {
			answer.Guarantee = v1.Guarantee_GUARANTEE_AT_LEAST_ONCE
		}
		if err := os.WriteFile(output.lockPath(), nil, 0o600); err != nil {
			return nil, failed(err)
		}
	}
	return answer, nil
}

// SinkCleanUp implements the call.
func (c *connector) SinkCleanUp(stream grpc.ClientStreamingServer[v1.Committables, v1.Done]) error {
	keep := map[string]bool{}
	for {
		page, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = c.known(page)
		}
		if err != nil {
			return failed(err)
		}
		for _, committable := range page.GetCommittables() {
			keep[committable.GetId()] = true
		}
	}
	_, _, store := c.opened()
	if err := store.cleanUp(keep); err != nil {
		return failed(err)
	}
	return stream.SendAndClose(&v1.Done{})
}

// SinkCommit implements the call.
func (c *connector) SinkCommit(_ context.Context, committables *v1.Committables) (*v1.CommitResponse, error) {
	_, _, store := c.opened()
	answer := &v1.CommitResponse{}
	if c.has("commits_none_where_one_is") && store.anyVisible(committables) {
		for _, committable := range committables.GetCommittables() {
			answer.Results = append(answer.Results, &v1.CommitResult{Id: committable.GetId(), Outcome: v1.Outcome_OUTCOME_COMMITTED})
		}
		return answer, nil
	}
	for _, committable := range committables.GetCommittables() {
		outcome, err := store.commit(committable.GetId())
		if err != nil {
			return nil, failed(err)
		}
		result := &v1.CommitResult{Id: committable.GetId(), Outcome: outcome}
		if outcome == v1.Outcome_OUTCOME_LOST {
			result.Reason = "nothing is staged under this name"
		}
		answer.Results = append(answer.Results, result)
		if c.has("answers_backwards") {
			last := len(answer.Results) - 1
			copy(answer.Results[1:], answer.Results[:last])
			answer.Results[0] = result
		}
	}
	return answer, failed(c.known(committables))
}

// SinkAbort implements the call.
func (c *connector) SinkAbort(_ context.Context, committables *v1.Committables) (*v1.Done, error) {
	_, _, store := c.opened()
	for _, committable := range committables.GetCommittables() {
		if err := store.abort(committable.GetId()); err != nil {
			return nil, failed(err)
		}
	}
	return &v1.Done{}, failed(c.known(committables))
}

// SinkClose implements the call.
func (c *connector) SinkClose(_ context.Context, request *v1.CloseRequest) (*v1.Done, error) {
	_, _, store := c.opened()
	switch {
	case c.has("sink_close_fails"):
		return nil, failed(errors.New("faulty: it cannot be closed"))
	case c.has("sink_close_drops_prepared"):
		if err := store.dropStaged(func(string) bool { return true }); err != nil {
			return nil, failed(err)
		}
	}
	return &v1.Done{}, failed(c.known(request))
}

// acquire takes one of the slots of readers and writers. Whoever ended in good
// order gives it back; the fault forgets that of a cancelled one.
func (c *connector) acquire(ctx context.Context) (release func(err error), err error) {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return func(err error) {
		if err != nil && c.has("leaks_cancelled_streams") {
			return
		}
		<-c.slots
	}, nil
}

func cut(text string, bytes int) []byte {
	return []byte(strings.ToValidUTF8(text[:min(len(text), bytes)], ""))
}
