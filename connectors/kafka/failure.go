package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors"
)

// failureKind says what helps against an error.
type failureKind int

const (
	// fatal: nothing that the connector can do.
	fatal failureKind = iota
	// retryable: the same again, later.
	retryable
	// misconfigured: another config, or other permissions at the broker.
	misconfigured
)

// refused are the answers by which a broker says that the client may not do
// what it asked for.
var refused = []error{
	kerr.TopicAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.ClusterAuthorizationFailed,
	kerr.TransactionalIDAuthorizationFailed, kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism,
	kerr.IllegalSaslState, kerr.InvalidTopicException, kerr.SecurityDisabled,
}

// classify tells the kind of an error of the client library or a broker.
func classify(err error) failureKind {
	for _, known := range refused {
		if errors.Is(err, known) {
			return misconfigured
		}
	}
	if certificateError(err) {
		return misconfigured
	}
	var answer *kerr.Error
	if errors.As(err, &answer) {
		if answer.Retriable {
			return retryable
		}
		return fatal
	}
	var network net.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, kgo.ErrClientClosed):
		return fatal
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, net.ErrClosed), errors.As(err, &network), kgo.IsRetryableBrokerErr(err), brokerGone(err):
		return retryable
	}
	return fatal
}

// brokerGone recognizes what the client answers where a broker is none of the
// cluster's, or the cluster's any more: others may be asked for its partitions.
func brokerGone(err error) bool {
	return err != nil && (err.Error() == "unknown broker" || errors.Unwrap(err) != nil && brokerGone(errors.Unwrap(err)))
}

func certificateError(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		authority    x509.UnknownAuthorityError
		hostname     x509.HostnameError
		invalid      x509.CertificateInvalidError
		header       tls.RecordHeaderError
		alert        tls.AlertError
	)
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &hostname) ||
		errors.As(err, &invalid) || errors.As(err, &header) || errors.As(err, &alert)
}

// explain wraps an error by its kind, with what to do where that is known.
// doing is what was tried, such as "list topics".
func (c *connection) explain(doing string, err error) error {
	switch classify(err) {
	case retryable:
		return &connectors.RetryableError{Err: fmt.Errorf("kafka: %s: %w", doing, err)}
	case misconfigured:
		field, advice := c.advice(err)
		return configError(field, "%s: %v; %s", doing, err, advice)
	}
	return fmt.Errorf("kafka: %s: %w", doing, err)
}

// advice tells which field to look at, and what to do.
func (c *connection) advice(err error) (field, advice string) {
	switch {
	case errors.Is(err, kerr.SaslAuthenticationFailed), errors.Is(err, kerr.IllegalSaslState):
		return "sasl", "check the user name, the password and the mechanism"
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return "sasl.mechanism", "the broker does not offer it"
	case certificateError(err):
		return "tls", "check ca, server_name, and that this port of the broker speaks TLS"
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return "topics", "give " + c.principal() + " permission on the topic: READ and DESCRIBE to read, WRITE and DESCRIBE to write (kafka-acls.sh)"
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return "group", "give " + c.principal() + " the permission READ on the group (kafka-acls.sh)"
	case errors.Is(err, kerr.TransactionalIDAuthorizationFailed):
		return "", "give " + c.principal() + " the permissions WRITE and DESCRIBE on the transactional id, by prefix (kafka-acls.sh)"
	case errors.Is(err, kerr.ClusterAuthorizationFailed):
		return "", "give " + c.principal() + " the permission that the request needs on the cluster (kafka-acls.sh)"
	case errors.Is(err, kerr.InvalidTopicException):
		return "topics", "the name of a topic has 1 to 249 characters: letters, digits, dot, underscore, hyphen"
	}
	return "", "ask whoever runs the brokers"
}

func (c *connection) principal() string {
	if c.SASL != nil {
		return "User:" + c.SASL.Username
	}
	if c.TLS != nil && c.TLS.Certificate != "" {
		return "the certificate's principal"
	}
	return "User:ANONYMOUS"
}
