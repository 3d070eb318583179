package localbroker

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	readyRetry = 50 * time.Millisecond
	readyCall  = 2 * time.Second
)

// errEnded tells that the process ended while it was waited for.
var errEnded = errors.New("its process ended")

// awaitReady waits until a broker answers a request for metadata, and names
// itself in the answer. An open port alone says nothing.
func awaitReady(ctx context.Context, address string, ended <-chan struct{}) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.RetryTimeout(readyCall), kgo.RequestRetries(0),
		kgo.DialTimeout(readyCall))
	if err != nil {
		return fmt.Errorf("localbroker: %w", err)
	}
	defer client.Close()
	retry := time.NewTicker(readyRetry)
	defer retry.Stop()
	for {
		if err = askMetadata(ctx, client); err == nil {
			return nil
		}
		select {
		case <-ended:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
		case <-retry.C:
		}
	}
}

func askMetadata(ctx context.Context, client *kgo.Client) error {
	ctx, cancel := context.WithTimeout(ctx, readyCall)
	defer cancel()
	answer, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client)
	if err != nil {
		return err
	}
	if len(answer.Brokers) == 0 || answer.ControllerID < 0 {
		return errors.New("no broker is registered yet")
	}
	return nil
}

// clusterID writes an identity as the storage tool takes it.
func clusterID(identity [16]byte) string { return base64.RawURLEncoding.EncodeToString(identity[:]) }
