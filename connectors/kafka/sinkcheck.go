package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/turgo-stream/turgo/connectors"
)

// sinkCheckTimeout bounds one round of questions to the brokers.
const sinkCheckTimeout = 15 * time.Second

// checkBroker makes sure that the topic is there, may be written to, and takes
// batches of the configured size, and that the brokers allow the configured
// transaction_timeout_ms. It changes nothing. What the brokers do not let this user
// read is not checked: the first transaction then tells.
func checkBroker(ctx context.Context, s *sinkSettings, client *kgo.Client) error {
	brokers, err := checkSinkTopic(ctx, s, client)
	if err != nil {
		return err
	}
	admin := kadm.NewClient(client)
	if limit, found, err := intConfig(admin.DescribeTopicConfigs(ctx, s.Topic))("max.message.bytes"); err != nil {
		return s.explain("read the config of topic "+s.Topic, err)
	} else if found && limit.value < int64(s.BatchBytesMax) {
		return configError("batch_bytes_max", "%d is more than topic %s takes, max.message.bytes %d: lower batch_bytes_max, or raise the topic's max.message.bytes (kafka-configs.sh)",
			s.BatchBytesMax, s.Topic, limit.value)
	}
	if s.Guarantee != connectors.ExactlyOnce {
		return nil
	}
	limit, found, err := intConfig(admin.DescribeBrokerConfigs(ctx, brokers...))("transaction.max.timeout.ms")
	if err != nil {
		return s.explain("read the config of the brokers", err)
	}
	wanted := s.transactionTimeout()
	if allowed := time.Duration(limit.value) * time.Millisecond; found && allowed < wanted {
		return configError("transaction_timeout_ms", "%v is more than broker %s allows, transaction.max.timeout.ms %d (%v): lower transaction_timeout_ms, or raise transaction.max.timeout.ms at the brokers. It must cover the longest outage after which the job is to go on without loss",
			wanted, limit.of, limit.value, allowed)
	}
	return nil
}

// topicWait is how long a topic may take to be known to all brokers once it was
// created.
const topicWait = 3 * time.Second

// checkSinkTopic asks for the topic and what this user may do with it. It gives the brokers.
func checkSinkTopic(ctx context.Context, s *sinkSettings, client *kgo.Client) (brokers []int32, err error) {
	for deadline, wait := time.Now().Add(topicWait), readyWaitMin; ; wait *= 2 {
		brokers, err = askForTopic(ctx, s, client)
		if !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return brokers, err
		}
		if time.Now().Add(wait).After(deadline) || pause(ctx, wait) != nil {
			return nil, configError("topic", "%s does not exist at %v: create it (kafka-topics.sh --create --topic %s --partitions N), or correct its name. The sink does not create it, as the number of partitions decides which keys stay together",
				s.Topic, s.Brokers, s.Topic)
		}
	}
}

// askForTopic asks once. A topic that is not known is kerr.UnknownTopicOrPartition.
func askForTopic(ctx context.Context, s *sinkSettings, client *kgo.Client) (brokers []int32, err error) {
	request := kmsg.NewPtrMetadataRequest()
	request.AllowAutoTopicCreation = false
	request.IncludeTopicAuthorizedOperations = true
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = &s.Topic
	request.Topics = append(request.Topics, topic)
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return nil, s.explain("ask for topic "+s.Topic, err)
	}
	for _, broker := range response.Brokers {
		brokers = append(brokers, broker.NodeID)
	}
	if len(response.Topics) != 1 {
		return nil, fmt.Errorf("kafka: asked for topic %s, the broker told of %d topics", s.Topic, len(response.Topics))
	}
	switch err := kerr.ErrorForCode(response.Topics[0].ErrorCode); {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return nil, err
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return nil, s.lacks("DESCRIBE")
	case err != nil:
		return nil, s.explain("ask for topic "+s.Topic, err)
	}
	// The brokers answer the smallest number where they do not tell.
	const writeOperation = 4
	if may := response.Topics[0].AuthorizedOperations; may != -1<<31 && may&(1<<writeOperation) == 0 {
		return nil, s.lacks("WRITE")
	}
	return brokers, nil
}

// lacks says which permission on the topic is missing.
func (s *sinkSettings) lacks(operation string) error {
	return configError("topic", "%s lacks the permission %s on topic %s: kafka-acls.sh --add --allow-principal %s --operation Write --operation Describe --topic %s",
		s.principal(), operation, s.Topic, s.principal(), s.Topic)
}

// setting is a number in the config of a topic or broker.
type setting struct {
	of    string
	value int64
}

// intConfig finds the smallest value of a setting. found is false where the
// brokers do not let it be read.
func intConfig(configs kadm.ResourceConfigs, err error) func(name string) (smallest setting, found bool, err error) {
	return func(name string) (smallest setting, found bool, _ error) {
		if err != nil {
			if notAllowed(err) {
				return smallest, false, nil
			}
			return smallest, false, err
		}
		for _, resource := range configs {
			if resource.Err != nil && !notAllowed(resource.Err) {
				return smallest, false, resource.Err
			}
			for _, c := range resource.Configs {
				if c.Key != name || c.Value == nil {
					continue
				}
				value, err := strconv.ParseInt(*c.Value, 10, 64)
				if err == nil && (!found || value < smallest.value) {
					smallest, found = setting{of: resource.Name, value: value}, true
				}
			}
		}
		return smallest, found, nil
	}
}

// notAllowed reports whether a broker may not tell its config to this user, or cannot.
func notAllowed(err error) bool {
	return errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.ClusterAuthorizationFailed) || errors.Is(err, kerr.UnsupportedVersion)
}
