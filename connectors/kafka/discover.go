package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/turgo-stream/turgo/connectors"
)

// Waits between attempts while no broker answers.
const (
	backOffMin = 50 * time.Millisecond
	backOffMax = 2 * time.Second
)

// foundTopic is a topic as the cluster describes it.
type foundTopic struct {
	name       string
	id         [16]byte
	partitions []int32
	readable   bool // the client may read it, as far as the broker told
}

// Discover lists the partitions that exist. The first time it waits until the
// cluster answers; later, what was found before is good enough meanwhile.
func (s *source) Discover(ctx context.Context) ([]connectors.Split, bool, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	first := s.found == nil
	if s.settings.Bounded && (!first || s.config.Restored) {
		// What was found first is in the checkpoint. What is new since is behind
		// the end.
		return s.found, true, nil
	}
	now := time.Now()
	if !first && now.Before(s.nextLook) {
		return s.found, false, nil
	}
	for wait := backOffMin; ; wait = min(2*wait, backOffMax) {
		err := s.look(ctx, first)
		switch {
		case err == nil:
			s.nextLook = now.Add(time.Duration(s.settings.DiscoverIntervalMS) * time.Millisecond)
			return s.found, s.settings.Bounded, nil
		case cancelled(ctx, err) || !connectors.Retryable(err):
			return nil, false, err
		}
		s.log.warn("kafka: topics cannot be listed now; trying again", "step", s.config.UID, "reason", err)
		if !first {
			return s.found, false, nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

// look lists the topics and decides where new partitions start and stop.
func (s *source) look(ctx context.Context, first bool) error {
	ctx, cancel := context.WithTimeout(ctx, 4*requestTimeout)
	defer cancel()
	topics, err := s.listTopics(ctx, first)
	if err != nil {
		return err
	}
	if len(topics) == 0 && s.settings.Bounded {
		return configError("topic_pattern", "no topic matches %s, and a bounded source does not wait for one", s.settings.TopicPattern)
	}
	var fresh []foundTopic
	for _, topic := range topics {
		topic.partitions = slices.DeleteFunc(slices.Clone(topic.partitions), func(index int32) bool {
			return s.known[splitID(topic.name, index)]
		})
		if len(topic.partitions) > 0 {
			fresh = append(fresh, topic)
		}
	}
	splits, err := s.newSplits(ctx, fresh, first && !s.config.Restored)
	if err != nil {
		return err
	}
	if s.found == nil {
		s.found = []connectors.Split{}
	}
	for _, split := range splits {
		s.known[split.ID] = true
	}
	s.found = append(s.found, splits...)
	if len(s.found) > connectors.SplitsMax {
		return fatalError("%d partitions, at most %d can be read", len(s.found), connectors.SplitsMax)
	}
	return nil
}

// newSplits makes splits of new partitions. initial says that they are the ones
// that the job starts with; all others start at their beginning, since whatever
// they hold came while the job ran.
func (s *source) newSplits(ctx context.Context, topics []foundTopic, initial bool) ([]connectors.Split, error) {
	if len(topics) == 0 {
		return nil, nil
	}
	starts := func(string, int32) (int64, error) { return offsetEarliest, nil }
	stops := func(string, int32) (int64, error) { return offsetNone, nil }
	var err error
	if initial {
		if starts, err = s.starts(ctx, topics); err != nil {
			return nil, err
		}
	}
	if s.settings.Bounded {
		if stops, err = s.ends(ctx, topics); err != nil {
			return nil, err
		}
	}
	var splits []connectors.Split
	for _, topic := range topics {
		for _, index := range topic.partitions {
			data := splitData{topicID: topic.id}
			if data.start, err = starts(topic.name, index); err == nil {
				data.stop, err = stops(topic.name, index)
			}
			if err != nil {
				return nil, s.settings.explain(fmt.Sprintf("list offsets of topic %s partition %d", topic.name, index), err)
			}
			splits = append(splits, connectors.Split{ID: splitID(topic.name, index), Data: data.encode(), Eager: true})
		}
	}
	return splits, nil
}

// offsetOf gives an offset of a partition.
type offsetOf func(topic string, partition int32) (int64, error)

// starts resolves the setting start, once: what it gives stays with the splits.
func (s *source) starts(ctx context.Context, topics []foundTopic) (offsetOf, error) {
	earliest := func(string, int32) (int64, error) { return offsetEarliest, nil }
	switch s.settings.Start {
	case startLatest:
		return s.ends(ctx, topics)
	case startTimestamp:
		listed, err := kadm.NewClient(s.client).ListOffsetsAfterMilli(ctx, s.settings.timestampMS, names(topics)...)
		return listedOffsets(listed), s.listFailed(err)
	case startCommitted, startOffsets:
		fallback := offsetOf(earliest)
		if s.settings.StartFallback == startLatest {
			var err error
			if fallback, err = s.ends(ctx, topics); err != nil {
				return nil, err
			}
		}
		if s.settings.Start == startOffsets {
			return s.given(fallback), nil
		}
		return s.committed(ctx, fallback)
	}
	return earliest, nil
}

func (s *source) given(fallback offsetOf) offsetOf {
	return func(topic string, partition int32) (int64, error) {
		if offset, found := s.settings.StartOffsets[topic][partition]; found {
			return offset, nil
		}
		return fallback(topic, partition)
	}
}

// committed reads the group's offsets.
func (s *source) committed(ctx context.Context, fallback offsetOf) (offsetOf, error) {
	responses, err := s.groupOffsets(ctx)
	if err != nil {
		return nil, err
	}
	return func(topic string, partition int32) (int64, error) {
		response, found := responses.Lookup(topic, partition)
		switch {
		case found && response.Err != nil:
			return 0, response.Err
		case found && response.At >= 0:
			return response.At, nil
		}
		return fallback(topic, partition)
	}, nil
}

// groupOffsets are all offsets of the group; none where there is no such group yet.
func (s *source) groupOffsets(ctx context.Context) (kadm.OffsetResponses, error) {
	responses, err := kadm.NewClient(s.client).FetchOffsets(ctx, s.settings.Group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, s.settings.explain("read the offsets of group "+s.settings.Group, err)
	}
	return responses, nil
}

// ends lists where the partitions end, for a reader of this isolation.
func (s *source) ends(ctx context.Context, topics []foundTopic) (offsetOf, error) {
	admin := kadm.NewClient(s.client)
	list := admin.ListCommittedOffsets
	if s.settings.Isolation == isolationUncommitted {
		list = admin.ListEndOffsets
	}
	listed, err := list(ctx, names(topics)...)
	return listedOffsets(listed), s.listFailed(err)
}

// listFailed wraps the first failure of a list of offsets.
func (s *source) listFailed(err error) error {
	if err == nil {
		return nil
	}
	var shards *kadm.ShardErrors
	if errors.As(err, &shards) && len(shards.Errs) > 0 {
		err = shards.Errs[0].Err
	}
	return s.settings.explain("list offsets", err)
}

func listedOffsets(listed kadm.ListedOffsets) offsetOf {
	return func(topic string, partition int32) (int64, error) {
		offset, found := listed.Lookup(topic, partition)
		switch {
		case !found:
			return 0, kerr.UnknownTopicOrPartition
		case offset.Err != nil:
			return 0, offset.Err
		case offset.Offset < 0:
			return 0, kerr.OffsetNotAvailable
		}
		return offset.Offset, nil
	}
}

func names(topics []foundTopic) []string {
	list := make([]string, len(topics))
	for i := range topics {
		list[i] = topics[i].name
	}
	return list
}

// authorizedRead is the bit of READ in the operations that a broker allows.
const authorizedRead = 1 << 3

// listTopics asks for the topics of the config, sorted by name. A named topic
// that is missing is an error where all are wanted; later it is left to its
// reader, which knows whether that is a loss.
func (s *source) listTopics(ctx context.Context, all bool) ([]foundTopic, error) {
	response, err := requestMetadata(ctx, s.client, s.settings.Topics)
	if err != nil {
		return nil, s.settings.explain("list topics", err)
	}
	var topics []foundTopic
	for i := range response.Topics {
		t := &response.Topics[i]
		if t.Topic == nil || s.settings.pattern != nil && (t.IsInternal || !s.settings.pattern.MatchString(*t.Topic)) {
			continue
		}
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			if errors.Is(err, kerr.UnknownTopicOrPartition) {
				if !all {
					continue
				}
				return nil, configError("topics", "topic %s does not exist: create it (kafka-topics.sh --create --topic %s), or correct the name", *t.Topic, *t.Topic)
			}
			return nil, s.settings.explain("describe topic "+*t.Topic, err)
		}
		topic := foundTopic{name: *t.Topic, id: t.TopicID, readable: t.AuthorizedOperations < 0 || t.AuthorizedOperations&authorizedRead != 0}
		for j := range t.Partitions {
			topic.partitions = append(topic.partitions, t.Partitions[j].Partition)
		}
		slices.Sort(topic.partitions)
		topics = append(topics, topic)
	}
	slices.SortFunc(topics, func(a, b foundTopic) int { return strings.Compare(a.name, b.name) })
	return topics, nil
}

// metadataClient is what sends a request to any broker.
type metadataClient interface {
	Request(ctx context.Context, request kmsg.Request) (kmsg.Response, error)
}

// requestMetadata describes topics, all where none is named. It creates none.
func requestMetadata(ctx context.Context, client metadataClient, topics []string) (*kmsg.MetadataResponse, error) {
	request := kmsg.NewPtrMetadataRequest()
	request.AllowAutoTopicCreation = false
	request.IncludeTopicAuthorizedOperations = true
	for _, name := range topics {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = &name
		request.Topics = append(request.Topics, topic)
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	response, err := client.Request(ctx, request)
	if err != nil {
		return nil, err
	}
	return response.(*kmsg.MetadataResponse), nil
}
