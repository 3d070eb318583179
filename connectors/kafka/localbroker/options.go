package localbroker

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
)

// AddressesVariable names the environment variable by which users put a broker
// of their own in the place of this one: host:port, with commas between several.
const AddressesVariable = "TURGO_KAFKA_BROKERS"

// Named gives the addresses of the broker that the environment names; none where
// it names none.
func Named() []string {
	var addresses []string
	for address := range strings.SplitSeq(os.Getenv(AddressesVariable), ",") {
		if address = strings.TrimSpace(address); address != "" {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

// The listeners that a broker may have. The first is always there.
const (
	PlainText     = "PLAINTEXT"
	SASLPlainText = "SASL_PLAINTEXT"
	TLS           = "SSL"
	SASLTLS       = "SASL_SSL"
	controller    = "CONTROLLER"
)

// Options say what kind of broker is wanted. The zero value is a good one.
type Options struct {
	// Folder takes the broker's data, settings and log, and keeps them. Empty is a
	// temporary one, which Close removes.
	Folder string
	// Port is that of the plain listener; 0 = a free one.
	Port int
	// Partitions is what a topic gets that was made without a number; 0 = 1.
	Partitions int
	// Config overrides settings of server.properties, such as message.max.bytes.
	Config map[string]string
	// Features sets levels of features, such as transaction.version.
	Features map[string]int
	// Security adds the listeners SASLPlainText, TLS and SASLTLS.
	Security bool
	// Users may log in by PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512: name to password.
	Users map[string]string
	// Authorize refuses what no access list allows. The plain listener's user may
	// do all, so that a test can grant rights by it.
	Authorize bool
	// HeapMiB bounds the heap; 0 = 512.
	HeapMiB int
	// FullCompiler takes the slower and better compiler too: for measurements.
	FullCompiler bool
	// Detached lets the broker outlive this process.
	Detached bool
}

var userPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

func (o *Options) validate() error {
	var problems []error
	if o.Port < 0 || o.Port > 65535 {
		problems = append(problems, fmt.Errorf("port %d: it must be 0 to 65535", o.Port))
	}
	if o.HeapMiB != 0 && o.HeapMiB < 128 {
		problems = append(problems, fmt.Errorf("heap of %d MiB: at least 128", o.HeapMiB))
	}
	if len(o.Users) > 0 && !o.Security {
		problems = append(problems, errors.New("users without Security: no listener asks who they are"))
	}
	for name, password := range o.Users {
		if !userPattern.MatchString(name) || !userPattern.MatchString(password) {
			problems = append(problems, fmt.Errorf("user %q: name and password must match %s", name, userPattern))
		}
	}
	for name, value := range o.Config {
		if strings.ContainsAny(name+value, "\n\r\\") || strings.ContainsAny(name, "= :#") {
			problems = append(problems, fmt.Errorf("setting %q=%q: no line ends, no backslashes", name, value))
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("localbroker: %w", errors.Join(problems...))
	}
	return nil
}

// clone is a copy that later changes of the caller's maps do not reach.
func (o Options) clone() Options {
	o.Config, o.Features, o.Users = maps.Clone(o.Config), maps.Clone(o.Features), maps.Clone(o.Users)
	return o
}

// listeners are the names of those that clients may use.
func (o *Options) listeners() []string {
	if !o.Security {
		return []string{PlainText}
	}
	return []string{PlainText, SASLPlainText, TLS, SASLTLS}
}

// plainFormat reports whether storage that was formatted without arguments fits.
func (o *Options) plainFormat() bool { return len(o.Features) == 0 && len(o.Users) == 0 }
