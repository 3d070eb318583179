package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors"
)

const (
	// checkTimeout bounds Check: a cluster that is away is an error there.
	checkTimeout = 10 * time.Second
	// requestTimeout bounds one request and its repetitions by the client.
	requestTimeout = 5 * time.Second
	// commitTimeout bounds the commit of group offsets.
	commitTimeout = 5 * time.Second
	// responseBytesMax bounds a broker's answer. A batch that is larger than a
	// fetch asks for comes whole.
	responseBytesMax = 512 << 20
)

// source finds partitions. Each is one split.
type source struct {
	settings  *sourceSettings
	config    connectors.Config
	client    *kgo.Client
	log       rareLog
	clientLog *clientLog // of all clients: what one says, the others say too
	// missingMax is how long a partition may be missing before it counts as gone.
	missingMax time.Duration

	mutex    sync.Mutex
	found    []connectors.Split // by the last discovery, nil before the first
	known    map[string]bool    // ids of found
	nextLook time.Time

	finishedMutex sync.Mutex
	finished      map[string]int64 // where splits ended, by id, until the group is told
}

func newSource() *source { return &source{missingMax: missingMax} }

// Check asks the cluster for what the config names.
func (s *source) Check(ctx context.Context, config connectors.Config) error {
	settings, err := readSourceSettings(config)
	if err != nil {
		return err
	}
	client, err := settings.newClient(config, sourceOptions(newClientLog(config))...)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	checked := &source{settings: settings, config: config, client: client}
	for wait := backOffMin; ; wait = min(2*wait, backOffMax) {
		if err = checked.check(ctx); err == nil || !connectors.Retryable(err) {
			return err
		}
		select {
		case <-time.After(wait):
			continue
		case <-ctx.Done():
			hint := ""
			if errors.Is(err, io.EOF) {
				hint = "; brokers close a connection whose tls or sasl is not what they want"
			}
			return &connectors.RetryableError{Err: fmt.Errorf("kafka: no broker gave an answer within %v: %w%s", checkTimeout, err, hint)}
		}
	}
}

func (s *source) check(ctx context.Context) error {
	topics, err := s.listTopics(ctx, true)
	if err != nil {
		return err
	}
	for i := range topics {
		if !topics[i].readable {
			return configError("topics", "no permission to read topic %s: give %s the permission READ on it (kafka-acls.sh)", topics[i].name, s.settings.principal())
		}
	}
	if s.settings.Group == "" {
		return nil
	}
	_, err = s.groupOffsets(ctx)
	return err
}

// sourceOptions keep requests short: the source itself tries again, so that it
// can say so.
func sourceOptions(log *clientLog) []kgo.Opt {
	return []kgo.Opt{
		kgo.WithLogger(log),
		kgo.RetryTimeout(requestTimeout),
		kgo.RequestRetries(3),
		kgo.BrokerMaxReadBytes(responseBytesMax),
		kgo.DialTimeout(requestTimeout),
	}
}

// Open reads the config. It does not connect: brokers may be away for now.
func (s *source) Open(_ context.Context, config connectors.Config) error {
	settings, err := readSourceSettings(config)
	if err != nil {
		return err
	}
	settings.warn(config)
	s.settings, s.config = settings, config
	s.known, s.finished = map[string]bool{}, map[string]int64{}
	s.clientLog = newClientLog(config)
	s.client, err = settings.newClient(config, sourceOptions(s.clientLog)...)
	return err
}

// OpenReader opens the reader of one subtask.
func (s *source) OpenReader(context.Context, int) (connectors.Reader, error) {
	client, err := s.settings.newClient(s.config, sourceOptions(s.clientLog)...)
	if err != nil {
		return nil, err
	}
	return newReader(s, client), nil
}

// CheckpointComplete gives the positions to the group, for tools that show the
// lag. Nothing here reads them again, so that a failure is a warning.
func (s *source) CheckpointComplete(ctx context.Context, _ uint64, positions []connectors.Assignment) error {
	err := s.tellGroup(ctx, positions)
	if err != nil && !cancelled(ctx, err) {
		s.log.warn("kafka: the group did not learn of a checkpoint, which matters to tools that show its lag only", "step", s.config.UID, "group", s.settings.Group, "reason", err)
	}
	return nil
}

// tellGroup commits positions as offsets of the group.
func (s *source) tellGroup(ctx context.Context, positions []connectors.Assignment) error {
	if s.settings.Group == "" {
		return nil
	}
	offsets := kadm.Offsets{}
	var last []string
	for _, p := range positions {
		topic, index, err := parseSplitID(p.Split.ID)
		if err != nil {
			return err
		}
		at, ok := s.groupPosition(p)
		if !ok {
			continue
		}
		offsets.AddOffset(topic, index, at.next, at.epoch)
		last = append(last, p.Split.ID)
	}
	if len(offsets) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	responses, err := kadm.NewClient(s.client).CommitOffsets(ctx, s.settings.Group, offsets)
	if err == nil {
		err = responses.Error()
	}
	if err != nil {
		return s.settings.explain("commit offsets of group "+s.settings.Group, err)
	}
	s.finishedMutex.Lock()
	defer s.finishedMutex.Unlock()
	for _, id := range last {
		delete(s.finished, id)
	}
	return nil
}

// groupPosition is what a group is told of a split: where it stands, or its
// stop where it was read to the end.
func (s *source) groupPosition(p connectors.Assignment) (at position, ok bool) {
	if p.Position != nil {
		at, err := decodePosition(p.Position)
		return at, err == nil
	}
	s.finishedMutex.Lock()
	defer s.finishedMutex.Unlock()
	stop, ok := s.finished[p.Split.ID]
	return position{next: stop, epoch: -1}, ok
}

// splitFinished notes the stop of a split for the group.
func (s *source) splitFinished(p *partition) {
	if s.settings.Group == "" {
		return
	}
	s.finishedMutex.Lock()
	defer s.finishedMutex.Unlock()
	s.finished[p.id] = p.next
}

// Close closes the connections.
func (s *source) Close() error {
	if s.client != nil {
		s.client.Close()
	}
	return nil
}

// fatalError is an error that a restart would meet again.
func fatalError(format string, args ...any) error {
	return &connectors.FatalError{Err: fmt.Errorf("kafka: "+format, args...)}
}

// cancelled reports whether a call ended because its caller gave up.
func cancelled(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ctx.Err()))
}
