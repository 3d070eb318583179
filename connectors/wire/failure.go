package wire

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	v1 "github.com/turgo-stream/turgo/abi/connector/v1"
	"github.com/turgo-stream/turgo/connectors"
)

// ConnectorError is an error that a connector in its own process answered.
type ConnectorError struct{ Message string }

func (e *ConnectorError) Error() string { return e.Message }

// toStatus turns a connector's error into what travels.
func toStatus(err error) error {
	if err == nil {
		return nil
	}
	var config *connectors.ConfigError
	switch {
	case errors.As(err, &config):
		return withFailure(codes.InvalidArgument, &v1.Failure{Kind: v1.Failure_KIND_CONFIG, Field: config.Field, Message: config.Reason})
	case connectors.Fatal(err):
		return withFailure(codes.FailedPrecondition, &v1.Failure{Kind: v1.Failure_KIND_FATAL, Message: err.Error()})
	case connectors.Retryable(err):
		return withFailure(codes.Aborted, &v1.Failure{Kind: v1.Failure_KIND_RETRYABLE, Message: err.Error()})
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, err.Error())
	}
	return withFailure(codes.Unknown, &v1.Failure{Message: err.Error()})
}

func withFailure(code codes.Code, failure *v1.Failure) error {
	result, err := status.New(code, failure.Message).WithDetails(failure)
	if err != nil {
		return status.Error(code, failure.Message)
	}
	return result.Err()
}

// Explain tells why a call failed on its way, where whoever supervises the
// process knows more than the connection: that the process died, say. Other
// errors it returns as they are.
type Explain func(err error) error

// fromStatus turns what came back into the connector's error again. An error
// without a Failure is the connection's own.
func fromStatus(ctx context.Context, err error, explain Explain) error {
	if err == nil {
		return nil
	}
	answer, ok := status.FromError(err)
	if !ok {
		return err
	}
	for _, detail := range answer.Details() {
		failure, ok := detail.(*v1.Failure)
		if !ok {
			continue
		}
		switch failure.Kind {
		case v1.Failure_KIND_CONFIG:
			return &connectors.ConfigError{Field: failure.Field, Reason: failure.Message}
		case v1.Failure_KIND_RETRYABLE:
			return &connectors.RetryableError{Err: &ConnectorError{Message: failure.Message}}
		case v1.Failure_KIND_FATAL:
			return &connectors.FatalError{Err: &ConnectorError{Message: failure.Message}}
		}
		return &ConnectorError{Message: failure.Message}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if explain != nil {
		if explained := explain(err); explained != err {
			return explained
		}
	}
	return fmt.Errorf("wire: %s: %s", answer.Code(), answer.Message())
}
