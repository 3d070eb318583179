package kafka

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/turgo-stream/turgo/connectors"
)

const (
	startEarliest  = "earliest"
	startLatest    = "latest"
	startTimestamp = "timestamp"
	startCommitted = "committed"
	startOffsets   = "offsets"

	isolationCommitted   = "read_committed"
	isolationUncommitted = "read_uncommitted"

	outOfRangeStop     = "stop"
	outOfRangeEarliest = "earliest"
	outOfRangeLatest   = "latest"

	topicBytesMax = 249
	topicsMax     = 10_000
	groupBytesMax = 1 << 10

	recordsPerSecondMax = 1_000_000_000

	batchBytesDefault = 128 << 10
	batchBytesMin     = 1 << 10
	batchBytesMax     = 16 << 20

	fetchBytesDefault          = 16 << 20
	fetchPartitionBytesDefault = 4 << 20
	fetchBytesMin              = 64 << 10
	fetchBytesMax              = 256 << 20
	fetchWaitDefault           = 250
	fetchWaitMax               = 5_000

	discoverIntervalDefault = 5_000
	discoverIntervalMax     = 24 * 3600 * 1000
)

// sourceSettings is the config of a Kafka source.
type sourceSettings struct {
	connection
	// Topics are names; or TopicPattern is a regular expression (RE2) that the
	// whole name matches.
	Topics       []string `json:"topics"`
	TopicPattern string   `json:"topic_pattern"`
	// Start is where the partitions start that are there when the job starts
	// first. Later ones start at their beginning.
	Start          string                     `json:"start"`
	StartTimestamp string                     `json:"start_timestamp"`
	StartOffsets   map[string]map[int32]int64 `json:"start_offsets"`
	// StartFallback is for partitions without a committed offset, or that
	// start_offsets does not name: earliest (default) or latest.
	StartFallback string `json:"start_fallback"`
	// Group gets the positions after each checkpoint, for tools that show the lag.
	Group     string `json:"group"`
	Isolation string `json:"isolation"`
	// Bounded ends each partition where it ended when the job started first.
	Bounded          bool   `json:"bounded"`
	OnOutOfRange     string `json:"on_out_of_range"`
	RecordsPerSecond uint64 `json:"records_per_second"`

	BatchBytes             int    `json:"batch_bytes"`
	FetchBytesMax          int    `json:"fetch_bytes_max"`
	FetchPartitionBytesMax int    `json:"fetch_partition_bytes_max"`
	FetchBytesMin          int    `json:"fetch_bytes_min"`
	FetchWaitMSMax         int    `json:"fetch_wait_ms_max"`
	DiscoverIntervalMS     uint64 `json:"discover_interval_ms"`

	pattern     *regexp.Regexp
	timestampMS int64
}

func readSourceSettings(config connectors.Config) (*sourceSettings, error) {
	s := &sourceSettings{
		Start: startEarliest, StartFallback: startEarliest, Isolation: isolationCommitted, OnOutOfRange: outOfRangeStop,
		BatchBytes: batchBytesDefault, FetchBytesMax: fetchBytesDefault, FetchPartitionBytesMax: fetchPartitionBytesDefault,
		FetchBytesMin: 1, FetchWaitMSMax: fetchWaitDefault, DiscoverIntervalMS: discoverIntervalDefault,
	}
	if err := connectors.DecodeSettings(config, s); err != nil {
		return nil, err
	}
	for _, validate := range []func() error{s.connection.validate, s.validateTopics, s.validateStart, s.validateReading, s.validateSizes} {
		if err := validate(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *sourceSettings) validateTopics() error {
	switch {
	case len(s.Topics) == 0 && s.TopicPattern == "":
		return configError("topics", "name at least one topic, or give topic_pattern")
	case len(s.Topics) > 0 && s.TopicPattern != "":
		return configError("topics", "topics and topic_pattern exclude each other")
	case len(s.Topics) > topicsMax:
		return configError("topics", "%d topics, at most %d: use topic_pattern", len(s.Topics), topicsMax)
	}
	seen := map[string]bool{}
	for i, topic := range s.Topics {
		field := fmt.Sprintf("topics.%d", i)
		if err := checkTopic(field, topic); err != nil {
			return err
		}
		if seen[topic] {
			return configError(field, "%s is named twice", topic)
		}
		seen[topic] = true
	}
	if s.TopicPattern != "" {
		pattern, err := regexp.Compile(`\A(?:` + s.TopicPattern + `)\z`)
		if err != nil {
			return configError("topic_pattern", "%.256q is no regular expression: %v", s.TopicPattern, err)
		}
		s.pattern = pattern
	}
	return nil
}

// checkTopic checks a name as brokers do.
func checkTopic(field, topic string) error {
	if topic == "" || len(topic) > topicBytesMax || topic == "." || topic == ".." {
		return configError(field, "%.64q has %d characters: a topic's name has 1 to %d", topic, len(topic), topicBytesMax)
	}
	for _, c := range []byte(topic) {
		if !strings.ContainsRune("._-", rune(c)) && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return configError(field, "%.256q holds %q: a topic's name has letters, digits, dot, underscore and hyphen only", topic, c)
		}
	}
	return nil
}

func (s *sourceSettings) validateStart() error {
	switch s.Start {
	case startEarliest, startLatest, startTimestamp, startCommitted, startOffsets:
	default:
		return configError("start", "%.64q is none of %s, %s, %s, %s, %s", s.Start, startEarliest, startLatest, startTimestamp, startCommitted, startOffsets)
	}
	switch {
	case s.StartFallback != startEarliest && s.StartFallback != startLatest:
		return configError("start_fallback", "%.64q is neither %s nor %s", s.StartFallback, startEarliest, startLatest)
	case (s.Start == startTimestamp) != (s.StartTimestamp != ""):
		return configError("start_timestamp", "goes together with start: %s", startTimestamp)
	case (s.Start == startOffsets) != (len(s.StartOffsets) > 0):
		return configError("start_offsets", "goes together with start: %s", startOffsets)
	case s.Start == startCommitted && s.Group == "":
		return configError("group", "is needed for start: %s", startCommitted)
	}
	if s.StartTimestamp != "" {
		at, err := time.Parse(time.RFC3339, s.StartTimestamp)
		if err != nil || at.UnixMilli() < 0 {
			return configError("start_timestamp", "%.64q is no time since 1970 such as 2026-03-01T12:00:00Z", s.StartTimestamp)
		}
		s.timestampMS = at.UnixMilli()
	}
	return s.validateStartOffsets()
}

func (s *sourceSettings) validateStartOffsets() error {
	for topic, partitions := range s.StartOffsets {
		if !s.reads(topic) {
			return configError("start_offsets", "%.256q is not among the topics", topic)
		}
		for partition, offset := range partitions {
			if partition < 0 || offset < 0 {
				return configError("start_offsets."+topic, "partition %d: offset %d: neither may be negative", partition, offset)
			}
		}
	}
	return nil
}

// reads reports whether a topic is one of the source's.
func (s *sourceSettings) reads(topic string) bool {
	if s.pattern != nil {
		return s.pattern.MatchString(topic)
	}
	for _, name := range s.Topics {
		if name == topic {
			return true
		}
	}
	return false
}

func (s *sourceSettings) validateReading() error {
	switch {
	case s.Isolation != isolationCommitted && s.Isolation != isolationUncommitted:
		return configError("isolation", "%.64q is neither %s nor %s", s.Isolation, isolationCommitted, isolationUncommitted)
	case s.OnOutOfRange != outOfRangeStop && s.OnOutOfRange != outOfRangeEarliest && s.OnOutOfRange != outOfRangeLatest:
		return configError("on_out_of_range", "%.64q is none of %s, %s, %s", s.OnOutOfRange, outOfRangeStop, outOfRangeEarliest, outOfRangeLatest)
	case len(s.Group) > groupBytesMax:
		return configError("group", "has %d bytes, at most %d", len(s.Group), groupBytesMax)
	case s.RecordsPerSecond > recordsPerSecondMax:
		return configError("records_per_second", "%d is above %d", s.RecordsPerSecond, recordsPerSecondMax)
	}
	return nil
}

func (s *sourceSettings) validateSizes() error {
	for _, size := range []struct {
		field              string
		value, least, most int
	}{
		{"batch_bytes", s.BatchBytes, batchBytesMin, batchBytesMax},
		{"fetch_bytes_max", s.FetchBytesMax, fetchBytesMin, fetchBytesMax},
		{"fetch_partition_bytes_max", s.FetchPartitionBytesMax, fetchBytesMin, fetchBytesMax},
		{"fetch_bytes_min", s.FetchBytesMin, 1, s.FetchBytesMax},
		{"fetch_wait_ms_max", s.FetchWaitMSMax, 1, fetchWaitMax},
		{"discover_interval_ms", int(min(s.DiscoverIntervalMS, discoverIntervalMax+1)), 1, discoverIntervalMax},
	} {
		if size.value < size.least || size.value > size.most {
			return configError(size.field, "%d is not in %d..%d", size.value, size.least, size.most)
		}
	}
	return nil
}
