package localbroker_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/turgo-stream/turgo/connectors/kafka/localbroker"
	"github.com/turgo-stream/turgo/connectors/kafka/localbroker/brokertest"
)

// TestSecurity logs in over each listener by each mechanism, and checks that
// access lists hold.
func TestSecurity(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), testLimit)
	defer cancel()
	broker := brokertest.Start(t, localbroker.Options{
		Security: true, Authorize: true, Users: map[string]string{"alice": "secret-1"},
	})
	topic := brokertest.Topic(t, broker.Addresses(), 1)
	authority, err := os.ReadFile(broker.AuthorityPath())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		t.Fatal("no certificate in the authority's file")
	}
	certificate, err := tls.LoadX509KeyPair(broker.ClientCertificatePaths())
	if err != nil {
		t.Fatal(err)
	}
	encrypted := kgo.DialTLSConfig(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})
	alice := scram.Auth{User: "alice", Pass: "secret-1"}
	by := func(m sasl.Mechanism) kgo.Opt { return kgo.SASL(m) }
	ways := map[string][]kgo.Opt{
		"plain":         {kgo.SeedBrokers(broker.Address(localbroker.SASLPlainText)), by(plain.Auth{User: "alice", Pass: "secret-1"}.AsMechanism())},
		"scram-sha-256": {kgo.SeedBrokers(broker.Address(localbroker.SASLPlainText)), by(alice.AsSha256Mechanism())},
		"scram-sha-512": {kgo.SeedBrokers(broker.Address(localbroker.SASLTLS)), by(alice.AsSha512Mechanism()), encrypted},
		"tls": {kgo.SeedBrokers(broker.Address(localbroker.TLS)), kgo.DialTLSConfig(&tls.Config{
			RootCAs: roots, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})},
	}
	for name, options := range ways {
		c := client(t, "", options...)
		if err := c.Ping(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	user := client(t, "", append(ways["scram-sha-256"], kgo.DefaultProduceTopic(topic))...)
	if err := user.ProduceSync(ctx, kgo.StringRecord("x")).FirstErr(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("a user without rights produced: %v", err)
	}
	rights := kadm.NewACLs().Topics(topic).Operations(kadm.OpWrite, kadm.OpDescribe).Allow("User:alice").AllowHosts("*").
		ResourcePatternType(kadm.ACLPatternLiteral)
	created, err := kadm.NewClient(client(t, broker.Address(localbroker.PlainText))).CreateACLs(ctx, rights)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range created {
		if one.Err != nil {
			t.Fatal(one.Err)
		}
	}
	if err := user.ProduceSync(ctx, kgo.StringRecord("x")).FirstErr(); err != nil {
		t.Errorf("a user with rights: %v", err)
	}
}

// TestFeature checks a broker with an older protocol of transactions.
func TestFeature(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), testLimit)
	defer cancel()
	broker := brokertest.Start(t, localbroker.Options{Features: map[string]int{"transaction.version": 1}})
	versions, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, client(t, broker.Address(localbroker.PlainText)))
	if err != nil {
		t.Fatal(err)
	}
	for _, feature := range versions.FinalizedFeatures {
		if feature.Name == "transaction.version" {
			if feature.MaxVersionLevel != 1 {
				t.Errorf("transaction.version is %d", feature.MaxVersionLevel)
			}
			return
		}
	}
	t.Error("the broker names no transaction.version")
}
