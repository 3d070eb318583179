package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/turgo-stream/turgo/connectors"
)

// Success of an end of a transaction says that the coordinator has decided, not
// that readers see it: for that it writes a marker into each partition, some
// milliseconds later. A broker that dies in between and comes back leaves the
// markers out where it finds a partition without a leader (Apache Kafka 4.3.0 and
// 4.3.1 do, KAFKA-20734), and still calls the transaction complete. Nobody ever sees its records then, and read_committed
// readers of the partition stand still for good. So a commit counts only once its
// markers are known to be written; where they may have been left out, this
// connector looks, and writes them itself.

// States of a transaction as brokers tell them.
const (
	statePrepareCommit  = "PrepareCommit"
	stateCompleteCommit = "CompleteCommit"
)

const (
	markerWaitMin = time.Millisecond
	markerWaitMax = 50 * time.Millisecond
	// markersQuick is less time than any broker needs to come back: markers that are
	// complete so soon after the decision were not left out.
	markersQuick = time.Second
	// partitionsBytesMax bounds the partitions in a committable. Beyond, all of the
	// topic are looked at.
	partitionsBytesMax = 32 << 10
)

// markersError says that markers are missing that this user may not write.
type markersError struct {
	Topic     string
	Partition int32
	Principal string
	Err       error
}

func (e *markersError) Error() string {
	return fmt.Sprintf("kafka: topic %s, partition %d: the broker lost the marker that ends a transaction, so that read_committed readers stand still there, and %s may not write it (%v): "+
		"give it the permission Alter on the cluster (kafka-acls.sh --cluster --operation Alter)", e.Topic, e.Partition, e.Principal, e.Err)
}

// settle waits until the markers of a committed transaction are written. sure
// says that the commit was decided just now, by its first request.
func (c *transactionControl) settle(ctx context.Context, p prepared, sure bool) error {
	started := time.Now()
	client, err := c.client(protocolV2)
	if err != nil {
		return err
	}
	for wait := markerWaitMin; ; wait = min(2*wait, markerWaitMax) {
		described, err := kadm.NewClient(client).DescribeTransactions(ctx, p.TransactionalID)
		if err == nil {
			err = described[p.TransactionalID].Err
		}
		if err != nil {
			return err
		}
		d := described[p.TransactionalID]
		if d.State == stateCompleteCommit {
			break
		}
		if d.State != statePrepareCommit {
			return nil // the id is in use again, which it is only after its markers
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
	if sure && time.Since(started) < markersQuick {
		return nil
	}
	ends := map[int64]transactionEnd{p.ProducerID: {epoch: p.ProducerEpoch, protocol: p.Protocol, commit: true}}
	_, err = c.writeMarkers(ctx, p.Topic, parsePartitions(p.Partitions), ends)
	return err
}

// transactionEnd is how the transaction of a producer id has ended.
type transactionEnd struct {
	epoch    int16 // of the producer in it; -1 = any
	protocol int
	commit   bool
}

// marker is the epoch of the marker that ends it: the second protocol raises it.
func (e transactionEnd) marker(epoch int16) int16 {
	if e.protocol == protocolV2 {
		return epoch + 1
	}
	return epoch
}

// writeMarkers looks for transactions that partitions of a topic hold open
// although they have ended, and ends them there. No partitions = all of them.
func (c *transactionControl) writeMarkers(ctx context.Context, topic string, partitions []int32, ends map[int64]transactionEnd) (written int, err error) {
	client, err := c.client(protocolV2)
	if err != nil {
		return 0, err
	}
	admin := kadm.NewClient(client)
	wanted := kadm.TopicsSet{}
	wanted.Add(topic, partitions...)
	described, err := admin.DescribeProducers(ctx, wanted)
	if err != nil {
		if notAllowed(err) {
			c.rare.warn("kafka: the brokers do not let it be seen whether markers are missing: give this user the permission Read on the topic", "step", c.config.UID, "topic", topic)
			return 0, nil
		}
		return 0, err
	}
	for _, partition := range described[topic].Partitions {
		if partition.Err != nil {
			return written, partition.Err
		}
		for _, producer := range partition.ActiveProducers {
			end, ended := ends[producer.ProducerID]
			if !ended || producer.CurrentTxnStartOffset < 0 || end.epoch >= 0 && end.epoch != producer.ProducerEpoch {
				continue
			}
			if err := c.writeMarker(ctx, admin, producer, end); err != nil {
				return written, err
			}
			written++
			slog.Warn("kafka: the broker had lost the marker that ends a transaction; written now", "step", c.config.UID, "topic", topic,
				"partition", partition.Partition, "producer_id", producer.ProducerID, "epoch", producer.ProducerEpoch, "commit", end.commit)
		}
	}
	return written, nil
}

func (c *transactionControl) writeMarker(ctx context.Context, admin *kadm.Client, producer kadm.DescribedProducer, end transactionEnd) error {
	topics := kadm.TopicsSet{}
	topics.Add(producer.Topic, producer.Partition)
	responses, err := admin.WriteTxnMarkers(ctx, kadm.TxnMarkers{
		ProducerID: producer.ProducerID, ProducerEpoch: end.marker(producer.ProducerEpoch), Commit: end.commit,
		CoordinatorEpoch: max(producer.CoordinatorEpoch, 0), Topics: topics,
	})
	if err == nil {
		err = responses[producer.ProducerID].Topics[producer.Topic].Partitions[producer.Partition].Err
	}
	if errors.Is(err, kerr.ClusterAuthorizationFailed) {
		return &connectors.RetryableError{Err: &markersError{Topic: producer.Topic, Partition: producer.Partition, Principal: c.connection.principal(), Err: err}}
	}
	return err
}

// formatPartitions writes a set of partitions as ranges, such as 0-3,7. Empty =
// too many for a committable.
func formatPartitions(touched []bool) string {
	var text strings.Builder
	for first := 0; first < len(touched); first++ {
		if !touched[first] {
			continue
		}
		last := first
		for last+1 < len(touched) && touched[last+1] {
			last++
		}
		if text.Len() > 0 {
			text.WriteByte(',')
		}
		text.WriteString(strconv.Itoa(first))
		if last > first {
			text.WriteByte('-')
			text.WriteString(strconv.Itoa(last))
		}
		if text.Len() > partitionsBytesMax {
			return ""
		}
		first = last
	}
	return text.String()
}

// partitionsMax bounds the number of a partition that is believed.
const partitionsMax = 1 << 20

// parsePartitions reads ranges. What is none gives no partitions, which is all of
// them: they are only where to look.
func parsePartitions(text string) []int32 {
	var partitions []int32
	if text == "" || len(text) > partitionsBytesMax+64 {
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		low, high, isRange := strings.Cut(part, "-")
		first, err := strconv.ParseUint(low, 10, 31)
		last := first
		if err == nil && isRange {
			last, err = strconv.ParseUint(high, 10, 31)
		}
		if err != nil || last < first || last >= partitionsMax || len(partitions)+int(last-first) >= partitionsMax {
			return nil
		}
		for p := first; p <= last; p++ {
			partitions = append(partitions, int32(p))
		}
	}
	return partitions
}
