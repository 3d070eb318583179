package kafka

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors"
)

func TestErrorsAreClassified(t *testing.T) {
	for _, c := range []struct {
		err  error
		want failureKind
	}{
		{kerr.NotLeaderForPartition, retryable},
		{kerr.CoordinatorNotAvailable, retryable},
		{kerr.UnknownTopicOrPartition, retryable},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, retryable},
		{fmt.Errorf("read: %w", io.ErrUnexpectedEOF), retryable},
		{io.EOF, retryable},
		{context.DeadlineExceeded, retryable},
		{errors.New("unknown broker"), retryable},
		{kerr.TopicAuthorizationFailed, misconfigured},
		{fmt.Errorf("log in: %w", kerr.SaslAuthenticationFailed), misconfigured},
		{&net.OpError{Op: "dial", Err: x509.UnknownAuthorityError{}}, misconfigured},
		{kerr.InvalidProducerEpoch, fatal},
		{kerr.UnsupportedForMessageFormat, fatal},
		{kgo.ErrClientClosed, fatal},
		{context.Canceled, fatal},
		{errors.New("something else"), fatal},
	} {
		if got := classify(c.err); got != c.want {
			t.Errorf("%v is of kind %d, want %d", c.err, got, c.want)
		}
	}
}

// What a user can do something about says what.
func TestErrorsGiveAdvice(t *testing.T) {
	c := &connection{SASL: &saslSettings{Username: "pay"}}
	for _, kind := range []struct {
		err   error
		field string
		text  string
	}{
		{kerr.TopicAuthorizationFailed, "topics", "give User:pay permission on the topic: READ"},
		{kerr.GroupAuthorizationFailed, "group", "give User:pay the permission READ on the group"},
		{kerr.TransactionalIDAuthorizationFailed, "", "give User:pay the permissions WRITE and DESCRIBE on the transactional id"},
		{kerr.ClusterAuthorizationFailed, "", "give User:pay the permission"},
		{kerr.SaslAuthenticationFailed, "sasl", "check the user name"},
		{kerr.UnsupportedSaslMechanism, "sasl.mechanism", "the broker does not offer it"},
		{kerr.InvalidTopicException, "topics", "1 to 249 characters"},
		{x509.HostnameError{Certificate: &x509.Certificate{}, Host: "broker"}, "tls", "check ca, server_name"},
	} {
		err := c.explain("try", kind.err)
		var wrong *connectors.ConfigError
		if !errors.As(err, &wrong) || wrong.Field != kind.field || !strings.Contains(wrong.Reason, kind.text) {
			t.Errorf("%v becomes %v, want advice %q on field %q", kind.err, err, kind.text, kind.field)
		}
	}
	if err := c.explain("try", kerr.NotLeaderForPartition); !connectors.Retryable(err) || connectors.Fatal(err) {
		t.Errorf("a leader that moved: %v", err)
	}
	if err := c.explain("try", errors.New("odd")); connectors.Retryable(err) || connectors.Fatal(err) {
		t.Errorf("an unknown error: %v", err)
	}
}
