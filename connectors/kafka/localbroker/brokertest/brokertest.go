// Package brokertest gives tests a real broker: the one that the environment
// names, else one of their own that all tests of a program share.
package brokertest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors/kafka/localbroker"
)

const (
	startLimit = 15 * time.Minute // with the jars fetched on the way
	topicLimit = time.Minute
)

// shared starts a broker that ends with the test's process.
var shared = sync.OnceValues(func() ([]string, error) {
	if named := localbroker.Named(); len(named) > 0 {
		return named, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	broker, err := localbroker.Start(ctx, localbroker.Options{})
	if err != nil {
		return nil, err
	}
	return broker.Addresses(), nil
})

// Addresses are those of a broker that all tests of this program share. Topics
// must have names of their own: see Topic.
func Addresses(tb testing.TB) []string {
	tb.Helper()
	addresses, err := shared()
	if err != nil {
		tb.Fatal(err)
	}
	return addresses
}

// Start starts a broker for one test, which ends with it.
func Start(tb testing.TB, o localbroker.Options) *localbroker.Broker {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	broker, err := localbroker.Start(ctx, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := broker.Close(); err != nil {
			tb.Error(err)
		}
	})
	return broker
}

var topics atomic.Int64

// UniqueName is a name for a topic, group or job that no other test has.
func UniqueName(prefix string) string {
	return fmt.Sprintf("%s-%x-%d", prefix, time.Now().UnixNano(), topics.Add(1))
}

// Topic makes a topic of a name of its own.
func Topic(tb testing.TB, addresses []string, partitions int32) string {
	tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addresses...))
	if err != nil {
		tb.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), topicLimit)
	defer cancel()
	name := UniqueName("test")
	if _, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, nil, name); err != nil {
		tb.Fatalf("create topic %s: %v", name, err)
	}
	return name
}
