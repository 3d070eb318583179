package kafka

import (
	"regexp"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/turgo-stream/turgo/connectors"
)

const (
	partitionerKeyHash    = "key_hash"
	partitionerRoundRobin = "round_robin"

	// Times are in milliseconds.
	transactionTimeoutDefault = 10 * 60 * 1000
	transactionTimeoutMin     = 10 * 1000
	transactionTimeoutMax     = 7 * 24 * 3600 * 1000
	lingerDefault             = 5
	lingerMax                 = 60 * 1000
	// sinkBatchBytesDefault is the broker's own default for the largest batch.
	sinkBatchBytesDefault = 1000012
	sinkBatchBytesMin     = 1 << 10
	sinkBatchBytesMax     = 64 << 20
	// bufferedBytesMin and bufferedRecordsMax bound what waits for the broker, by
	// writer: beyond, Write waits.
	bufferedBytesMin   = 32 << 20
	bufferedRecordsMax = 100_000

	// clientBatchBytes is what the client library counts beside the batch itself.
	clientBatchBytes = 4

	transactionalIDPrefixDefault = "turgo"
)

// sinkSettings is the config of a kafka sink.
type sinkSettings struct {
	connection
	// Topic takes all records. It must exist.
	Topic string `json:"topic"`
	// Partitioner is key_hash (the one of Kafka's own clients) or round_robin.
	Partitioner string `json:"partitioner"`
	// Guarantee is exactly_once or at_least_once.
	Guarantee connectors.Guarantee `json:"guarantee"`
	// TransactionTimeoutMS is how long the broker keeps a transaction that nobody ends.
	TransactionTimeoutMS int64 `json:"transaction_timeout_ms"`
	// TransactionalIDPrefix begins each transactional id, for permissions by prefix.
	TransactionalIDPrefix string `json:"transactional_id_prefix"`
	// Compression is none, gzip, snappy, lz4 or zstd.
	Compression string `json:"compression"`
	// LingerMS is how long a batch waits for more records.
	LingerMS int64 `json:"linger_ms"`
	// BatchBytesMax bounds a batch, and so a record.
	BatchBytesMax int `json:"batch_bytes_max"`
}

var (
	topicName     = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)
	idPrefixWords = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,128}$`)
)

var compressions = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

func readSinkSettings(config connectors.Config) (sinkSettings, error) {
	s := sinkSettings{
		Partitioner: partitionerKeyHash, Guarantee: connectors.ExactlyOnce,
		TransactionTimeoutMS: transactionTimeoutDefault, TransactionalIDPrefix: transactionalIDPrefixDefault,
		Compression: "none", LingerMS: lingerDefault,
		BatchBytesMax: sinkBatchBytesDefault,
	}
	if err := connectors.DecodeSettings(config, &s); err != nil {
		return s, err
	}
	if err := s.connection.validate(); err != nil {
		return s, err
	}
	return s, s.validate()
}

func (s *sinkSettings) validate() error {
	if s.Topic == "" {
		return configError("topic", "name the topic to write to")
	}
	if !isTopicName(s.Topic) {
		return configError("topic", "%.256q is no name of a topic: 1 to 249 characters of letters, digits, dot, underscore, hyphen", s.Topic)
	}
	if s.Partitioner != partitionerKeyHash && s.Partitioner != partitionerRoundRobin {
		return configError("partitioner", "%.64q is none of %s, %s", s.Partitioner, partitionerKeyHash, partitionerRoundRobin)
	}
	if s.Guarantee != connectors.ExactlyOnce && s.Guarantee != connectors.AtLeastOnce {
		return configError("guarantee", "%.64q is none of %s, %s", s.Guarantee, connectors.ExactlyOnce, connectors.AtLeastOnce)
	}
	if t := s.TransactionTimeoutMS; t < transactionTimeoutMin || t > transactionTimeoutMax {
		return configError("transaction_timeout_ms", "%d is not within %d and %d", t, transactionTimeoutMin, transactionTimeoutMax)
	}
	if !idPrefixWords.MatchString(s.TransactionalIDPrefix) {
		return configError("transactional_id_prefix", "%.160q must have 1 to 128 characters of letters, digits, dot, underscore, hyphen", s.TransactionalIDPrefix)
	}
	if _, known := compressions[s.Compression]; !known {
		return configError("compression", "%.64q is none of none, gzip, snappy, lz4, zstd", s.Compression)
	}
	if l := s.LingerMS; l < 0 || l > lingerMax {
		return configError("linger_ms", "%d is not within 0 and %d", l, lingerMax)
	}
	if s.BatchBytesMax < sinkBatchBytesMin || s.BatchBytesMax > sinkBatchBytesMax {
		return configError("batch_bytes_max", "%d is not within %d and %d", s.BatchBytesMax, sinkBatchBytesMin, sinkBatchBytesMax)
	}
	return nil
}

// transactionTimeout is transaction_timeout_ms.
func (s *sinkSettings) transactionTimeout() time.Duration {
	return time.Duration(s.TransactionTimeoutMS) * time.Millisecond
}

func isTopicName(name string) bool { return topicName.MatchString(name) && name != "." && name != ".." }

// producerOptions are what every producing client of the sink is made with.
func (s *sinkSettings) producerOptions() []kgo.Opt {
	partitioner := kgo.StickyKeyPartitioner(nil) // murmur2, as Kafka's own clients hash
	if s.Partitioner == partitionerRoundRobin {
		partitioner = kgo.RoundRobinPartitioner()
	}
	return []kgo.Opt{
		kgo.DefaultProduceTopicAlways(),
		kgo.DefaultProduceTopic(s.Topic),
		kgo.RecordPartitioner(partitioner),
		kgo.ProducerBatchCompression(compressions[s.Compression]),
		kgo.ProducerLinger(time.Duration(s.LingerMS) * time.Millisecond),
		kgo.ProducerBatchMaxBytes(int32(s.BatchBytesMax + clientBatchBytes)),
		kgo.MaxBufferedBytes(max(bufferedBytesMin, 2*s.BatchBytesMax)),
		kgo.MaxBufferedRecords(bufferedRecordsMax),
		kgo.RequiredAcks(kgo.AllISRAcks()),
	}
}
