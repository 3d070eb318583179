package kafka

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/turgo-stream/turgo/connectors"
)

const (
	mechanismPlain       = "plain"
	mechanismScramSHA256 = "scram_sha_256"
	mechanismScramSHA512 = "scram_sha_512"

	clientIDDefault = "turgo"
	// clientIDBytesMax is what Kafka's two-byte length allows, rounded down.
	clientIDBytesMax = 1 << 10
	// secretFileBytesMax bounds a password file.
	secretFileBytesMax = 64 << 10
	// pemFileBytesMax bounds a file of certificates.
	pemFileBytesMax = 4 << 20
	// metadataAgeMin is the least time between two looks for the leaders of partitions.
	metadataAgeMin = 250 * time.Millisecond
	// A client asks again after clientPauseMin, and then twice as long each time.
	clientPauseMin = 100 * time.Millisecond
	clientPauseMax = time.Second
)

// connection is the part of the config that source and sink share: how to
// reach the brokers.
type connection struct {
	// Brokers are HOST:PORT, some of the cluster's; the others are learned.
	Brokers []string `json:"brokers"`
	// ClientID names this client in the brokers' logs and quotas.
	ClientID string        `json:"client_id"`
	TLS      *tlsSettings  `json:"tls"`
	SASL     *saslSettings `json:"sasl"`
}

// tlsSettings turns encryption on, even where it is empty. Paths are relative
// to the job's folder.
type tlsSettings struct {
	// CA is a file of certificates to trust; the system's where it is empty.
	CA string `json:"ca"`
	// Certificate and Key are the client's own, in PEM.
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
	// ServerName is what the broker's certificate must be for, where it is not
	// the name in brokers.
	ServerName string `json:"server_name"`
	// Insecure accepts any certificate.
	Insecure bool `json:"insecure"`
}

// saslSettings logs in. One of the three ways to give the password is used.
type saslSettings struct {
	Mechanism    string `json:"mechanism"`
	Username     string `json:"username"`
	Password     secret `json:"password"`
	PasswordEnv  string `json:"password_env"`
	PasswordFile string `json:"password_file"`
}

// secret is text that does not print.
type secret string

// String hides the text.
func (s secret) String() string { return "(hidden)" }

// GoString hides the text.
func (s secret) GoString() string { return "(hidden)" }

// MarshalJSON hides the text.
func (s secret) MarshalJSON() ([]byte, error) { return []byte(`"(hidden)"`), nil }

func (c *connection) validate() error {
	if len(c.Brokers) == 0 {
		return configError("brokers", "name at least one broker as HOST:PORT")
	}
	for i, broker := range c.Brokers {
		if err := checkAddress(broker); err != nil {
			return configError(fmt.Sprintf("brokers.%d", i), "%.256q: %v; write HOST:PORT", broker, err)
		}
	}
	if len(c.ClientID) > clientIDBytesMax {
		return configError("client_id", "has %d bytes, at most %d", len(c.ClientID), clientIDBytesMax)
	}
	if c.TLS != nil {
		if err := c.TLS.validate(); err != nil {
			return err
		}
	}
	if c.SASL != nil {
		return c.SASL.validate()
	}
	return nil
}

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		var malformed *net.AddrError
		if errors.As(err, &malformed) {
			return errors.New(malformed.Err)
		}
		return err
	}
	if host == "" {
		return errors.New("the host is missing")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("port %q is not in 1..65535", port)
	}
	return nil
}

func (t *tlsSettings) validate() error {
	switch {
	case (t.Certificate == "") != (t.Key == ""):
		return configError("tls.certificate", "certificate and key go together")
	case t.Insecure && t.CA != "":
		return configError("tls.insecure", "accepts any certificate, so that ca has no effect: leave one of them out")
	}
	return nil
}

func (s *saslSettings) validate() error {
	switch s.Mechanism {
	case mechanismPlain, mechanismScramSHA256, mechanismScramSHA512:
	case "":
		return configError("sasl.mechanism", "choose %s, %s or %s", mechanismPlain, mechanismScramSHA256, mechanismScramSHA512)
	default:
		return configError("sasl.mechanism", "%.64q is none of %s, %s, %s", s.Mechanism, mechanismPlain, mechanismScramSHA256, mechanismScramSHA512)
	}
	if s.Username == "" {
		return configError("sasl.username", "is missing")
	}
	given := 0
	for _, set := range []bool{s.Password != "", s.PasswordEnv != "", s.PasswordFile != ""} {
		if set {
			given++
		}
	}
	if given != 1 {
		return configError("sasl", "give one of password_env, password_file and password")
	}
	if s.PasswordEnv != "" && !strings.HasPrefix(s.PasswordEnv, connectors.SecretPrefix) {
		return configError("sasl.password_env", "%.64q must begin with %s: the connector's process gets no other variables", s.PasswordEnv, connectors.SecretPrefix)
	}
	return nil
}

// password reads the password from where it is. Errors never hold it.
func (s *saslSettings) password(baseDir string) (string, error) {
	switch {
	case s.PasswordEnv != "":
		password, found := os.LookupEnv(s.PasswordEnv)
		if !found || password == "" {
			return "", configError("sasl.password_env", "the environment of turgo has no variable %s, or it is empty", s.PasswordEnv)
		}
		return password, nil
	case s.PasswordFile != "":
		text, err := readFile(baseDir, s.PasswordFile, secretFileBytesMax)
		if err != nil {
			return "", configError("sasl.password_file", "%v", err)
		}
		password := strings.TrimRight(string(text), "\r\n")
		if password == "" {
			return "", configError("sasl.password_file", "%s is empty", s.PasswordFile)
		}
		return password, nil
	}
	return string(s.Password), nil
}

func (s *saslSettings) mechanism(baseDir string) (sasl.Mechanism, error) {
	password, err := s.password(baseDir)
	if err != nil {
		return nil, err
	}
	switch s.Mechanism {
	case mechanismScramSHA256:
		return scram.Auth{User: s.Username, Pass: password}.AsSha256Mechanism(), nil
	case mechanismScramSHA512:
		return scram.Auth{User: s.Username, Pass: password}.AsSha512Mechanism(), nil
	}
	return plain.Auth{User: s.Username, Pass: password}.AsMechanism(), nil
}

// config reads the files that the settings name.
func (t *tlsSettings) config(baseDir string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.Insecure}
	if t.CA != "" {
		text, err := readFile(baseDir, t.CA, pemFileBytesMax)
		if err != nil {
			return nil, configError("tls.ca", "%v", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, configError("tls.ca", "%s holds no certificate in PEM form", t.CA)
		}
	}
	if t.Certificate != "" {
		certificate, err := readFile(baseDir, t.Certificate, pemFileBytesMax)
		if err != nil {
			return nil, configError("tls.certificate", "%v", err)
		}
		key, err := readFile(baseDir, t.Key, pemFileBytesMax)
		if err != nil {
			return nil, configError("tls.key", "%v", err)
		}
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			return nil, configError("tls.certificate", "%s with %s: %v", t.Certificate, t.Key, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// readFile reads a small file; a relative path starts at the job's folder.
func readFile(baseDir, path string, bytesMax int64) ([]byte, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(baseDir, path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var text bytes.Buffer
	if _, err := io.Copy(&text, io.LimitReader(file, bytesMax+1)); err != nil {
		return nil, err
	}
	if int64(text.Len()) > bytesMax {
		return nil, fmt.Errorf("%s has more than %d bytes", path, bytesMax)
	}
	return text.Bytes(), nil
}

// options are what every client of this connection is made with. The settings
// are valid.
func (c *connection) options(config connectors.Config) ([]kgo.Opt, error) {
	clientID := c.ClientID
	if clientID == "" {
		clientID = clientIDDefault
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(clientID),
		kgo.SoftwareNameAndVersion("turgo", "1"),
		kgo.DisableClientMetrics(),
		kgo.WithLogger(newClientLog(config)),
		// The client's own defaults of 5 s are the time that work may stand still after
		// a broker has come back.
		kgo.MetadataMinAge(metadataAgeMin),
		kgo.RetryBackoffFn(clientPause),
	}
	if c.TLS != nil {
		tlsConfig, err := c.TLS.config(config.BaseDir)
		if err != nil {
			return nil, err
		}
		options = append(options, kgo.DialTLSConfig(tlsConfig))
	}
	if c.SASL != nil {
		mechanism, err := c.SASL.mechanism(config.BaseDir)
		if err != nil {
			return nil, err
		}
		options = append(options, kgo.SASL(mechanism))
	}
	return options, nil
}

// clientPause is how long a client waits before it asks again, after so many
// failures in a row. It is spread, so that not all clients ask at once.
func clientPause(failures int) time.Duration {
	pause := min(clientPauseMin<<min(max(failures-1, 0), 10), clientPauseMax)
	return pause*4/5 + rand.N(pause*2/5)
}

// warn tells what of the settings is not safe on a network that others use.
func (c *connection) warn(config connectors.Config) {
	if c.TLS != nil && c.TLS.Insecure {
		slog.Warn("kafka: tls.insecure accepts any certificate: whoever is on the way can read and change all", "step", config.UID)
	}
	if c.SASL != nil && c.SASL.Mechanism == mechanismPlain && c.TLS == nil {
		slog.Warn("kafka: sasl.mechanism plain without tls sends the password in clear text", "step", config.UID)
	}
}

// newClient makes a client; it connects when it is first used.
func (c *connection) newClient(config connectors.Config, more ...kgo.Opt) (*kgo.Client, error) {
	options, err := c.options(config)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(options, more...)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return client, nil
}
