package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/turgo-stream/turgo/connectors"
)

// The largest versions of requests that keep a client to the first transaction
// protocol.
const (
	produceVersionV1         = 11
	endTxnVersionV1          = 4
	txnOffsetCommitVersionV1 = 4
)

// protocolOptions keep a client to a transaction protocol. One that may speak
// the second speaks it where the cluster does.
func protocolOptions(protocol int) []kgo.Opt {
	if protocol != protocolV1 {
		return nil
	}
	versions := kversion.Stable()
	versions.SetMaxKeyVersion(int16(kmsg.Produce), produceVersionV1)
	versions.SetMaxKeyVersion(int16(kmsg.EndTxn), endTxnVersionV1)
	versions.SetMaxKeyVersion(int16(kmsg.TxnOffsetCommit), txnOffsetCommitVersionV1)
	return []kgo.Opt{kgo.MaxVersions(versions)}
}

// transactionControl sends requests about transactions by their numbers alone.
// Its clients have no transactional id of their own, so that opening one ends
// nothing. Methods may be called from any goroutine.
type transactionControl struct {
	connection *connection
	config     connectors.Config
	rare       rareLog

	mutex   sync.Mutex
	clients map[int]*kgo.Client // by protocol
	closed  bool
}

func newTransactionControl(connection *connection, config connectors.Config) *transactionControl {
	return &transactionControl{connection: connection, config: config, clients: map[int]*kgo.Client{}}
}

// client is the one for a protocol, made when it is first asked for.
func (c *transactionControl) client(protocol int) (*kgo.Client, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.closed {
		return nil, kgo.ErrClientClosed
	}
	if client := c.clients[protocol]; client != nil {
		return client, nil
	}
	client, err := c.connection.newClient(c.config, protocolOptions(protocol)...)
	if err != nil {
		return nil, err
	}
	c.clients[protocol] = client
	return client, nil
}

func (c *transactionControl) close() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.closed = true
	for _, client := range c.clients {
		client.Close()
	}
	c.clients = nil
}

// end ends a prepared transaction, in the protocol that it was made in. The same
// end may be asked for again: the broker then answers success again, as long as
// nothing else was done with the transactional id.
func (c *transactionControl) end(ctx context.Context, p prepared, commit bool) error {
	client, err := c.client(p.Protocol)
	if err != nil {
		return err
	}
	request := kmsg.NewPtrEndTxnRequest()
	request.TransactionalID = p.TransactionalID
	request.ProducerID = p.ProducerID
	request.ProducerEpoch = p.ProducerEpoch
	request.Commit = commit
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(response.ErrorCode)
}

// Waits between requests while the coordinator ends a transaction.
const (
	concurrentWaitMin = 5 * time.Millisecond
	concurrentWaitMax = 500 * time.Millisecond
)

// fence takes a transactional id away from whoever produces with it, by raising
// its epoch. The broker aborts what was open. Never call it with the id of a
// transaction that may yet be committed.
func (c *transactionControl) fence(ctx context.Context, id string, timeout time.Duration) error {
	client, err := c.client(protocolV2)
	if err != nil {
		return err
	}
	for wait := concurrentWaitMin; ; wait = min(2*wait, concurrentWaitMax) {
		request := kmsg.NewPtrInitProducerIDRequest()
		request.TransactionalID = &id
		request.TransactionTimeoutMillis = int32(timeout.Milliseconds())
		request.ProducerID, request.ProducerEpoch = -1, -1
		response, err := request.RequestWith(ctx, client)
		if err == nil {
			err = kerr.ErrorForCode(response.ErrorCode)
		}
		if !errors.Is(err, kerr.ConcurrentTransactions) {
			return err
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// describe tells in words what the broker knows of a transactional id now.
func (c *transactionControl) describe(ctx context.Context, id string) string {
	client, err := c.client(protocolV2)
	if err != nil {
		return "unknown"
	}
	request := kmsg.NewPtrDescribeTransactionsRequest()
	request.TransactionalIDs = []string{id}
	for _, shard := range client.RequestSharded(ctx, request) {
		response, ok := shard.Resp.(*kmsg.DescribeTransactionsResponse)
		if !ok || shard.Err != nil {
			continue
		}
		for _, state := range response.TransactionStates {
			if err := kerr.ErrorForCode(state.ErrorCode); err != nil {
				return err.Error()
			}
			return fmt.Sprintf("state %s, producer id %d, epoch %d", state.State, state.ProducerID, state.ProducerEpoch)
		}
	}
	return "unknown"
}

// abilities are what the cluster can do, as far as it matters here.
type abilities struct {
	protocol int  // of transactions, that all brokers have agreed on
	lists    bool // transactions can be listed and described, since Kafka 3.0
}

func (c *transactionControl) abilities(ctx context.Context) (abilities, error) {
	can := abilities{protocol: protocolV1}
	client, err := c.client(protocolV2)
	if err != nil {
		return can, err
	}
	response, err := kmsg.NewPtrApiVersionsRequest().RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(response.ErrorCode)
	}
	if err != nil {
		return can, err
	}
	for _, feature := range response.FinalizedFeatures {
		if feature.Name == "transaction.version" && feature.MaxVersionLevel >= 2 {
			can.protocol = protocolV2
		}
	}
	for _, request := range response.ApiKeys {
		if request.ApiKey == int16(kmsg.ListTransactions) {
			can.lists = true
		}
	}
	return can, nil
}

// pause waits, but no longer than the context lives.
func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
