package kafka

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/turgo-stream/turgo/connectors"
)

// transactionName is what a transactional id tells: whose it is, and the slot.
// Written, its parts stand between slashes and hold none, so that the ids of one
// job or step are never a part of another's.
type transactionName struct {
	Prefix  string
	JobUUID string
	UID     string
	Attempt uint64
	Subtask int
	Slot    int
}

// transactionalIDBytesMax bounds an id that is read. Those that are written are
// shorter: Kafka allows 32767.
const transactionalIDBytesMax = 2 << 10

// String is the transactional id.
func (n transactionName) String() string {
	return fmt.Sprintf("%s/%s/%s/%d/%d/%d", n.Prefix, escapePart(n.JobUUID), escapePart(n.UID), n.Attempt, n.Subtask, n.Slot)
}

// parseTransactionName reads a transactional id. Only what String writes is one.
func parseTransactionName(id string) (transactionName, bool) {
	var n transactionName
	parts := strings.Split(id, "/")
	if len(id) > transactionalIDBytesMax || len(parts) != 6 || !idPrefixWords.MatchString(parts[0]) {
		return n, false
	}
	attempt, err1 := strconv.ParseUint(parts[3], 10, 64)
	subtask, err2 := strconv.ParseUint(parts[4], 10, 31)
	slot, err3 := strconv.ParseUint(parts[5], 10, 31)
	job, ok1 := unescapePart(parts[1])
	uid, ok2 := unescapePart(parts[2])
	if err1 != nil || err2 != nil || err3 != nil || !ok1 || !ok2 {
		return n, false
	}
	n = transactionName{Prefix: parts[0], JobUUID: job, UID: uid, Attempt: attempt, Subtask: int(subtask), Slot: int(slot)}
	return n, n.String() == id
}

// of reports whether the name belongs to this job and step.
func (n transactionName) of(config connectors.Config) bool {
	return n.JobUUID == config.JobUUID && n.UID == config.UID
}

// escapePart writes bytes other than letters, digits, dot, underscore and hyphen
// as %XX, one to one.
func escapePart(text string) string {
	var part strings.Builder
	for i := range len(text) {
		if c := text[i]; isPlain(c) {
			part.WriteByte(c)
		} else {
			fmt.Fprintf(&part, "%%%02X", c)
		}
	}
	return part.String()
}

func isPlain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}

func unescapePart(part string) (string, bool) {
	var text strings.Builder
	for i := 0; i < len(part); i++ {
		c := part[i]
		if c == '%' {
			if i+2 >= len(part) {
				return "", false
			}
			value, err := strconv.ParseUint(part[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			c = byte(value)
			i += 2
		} else if !isPlain(c) {
			return "", false
		}
		text.WriteByte(c)
	}
	return text.String(), true
}

// The versions of the transaction protocol. With the second one, an end of a
// transaction raises the producer's epoch, so that ends can be told apart.
const (
	protocolV1 = 1
	protocolV2 = 2
)

// committableFormat is the version of a committable's encoding.
const committableFormat = 1

// prepared is a committable: a transaction whose records the brokers have, and
// that anyone who knows these numbers can end.
type prepared struct {
	Format          int    `json:"format"`
	TransactionalID string `json:"transactional_id"`
	ProducerID      int64  `json:"producer_id"`
	ProducerEpoch   int16  `json:"producer_epoch"`
	Protocol        int    `json:"protocol"`
	Topic           string `json:"topic"`
	// Partitions are those that it wrote to, as formatPartitions writes them.
	Partitions string `json:"partitions,omitempty"`
}

// encode writes the committable. Its ID is what a person reads in an alarm.
func (p prepared) encode() (connectors.Committable, error) {
	p.Format = committableFormat
	data, err := json.Marshal(p)
	if err != nil {
		return connectors.Committable{}, fmt.Errorf("kafka: %w", err)
	}
	return connectors.Committable{ID: p.id(), Data: data}, nil
}

// id is never used twice: the epoch of a producer id rises with every use of a slot.
func (p prepared) id() string {
	return fmt.Sprintf("topic %s, transactional id %s, producer id %d, epoch %d", p.Topic, p.TransactionalID, p.ProducerID, p.ProducerEpoch)
}

// committableError says that a committable is not one that this sink wrote.
type committableError struct {
	ID     string
	Reason string
}

func (e *committableError) Error() string {
	return fmt.Sprintf("kafka: committable %.512q: %s", e.ID, e.Reason)
}

// decodePrepared reads a committable of this job and step. It comes from the
// checkpoint store, which may hold anything: a transaction of others is refused.
func decodePrepared(committable connectors.Committable, config connectors.Config) (prepared, transactionName, error) {
	var p prepared
	refuse := func(format string, args ...any) (prepared, transactionName, error) {
		return prepared{}, transactionName{}, &committableError{ID: committable.ID, Reason: fmt.Sprintf(format, args...)}
	}
	if len(committable.Data) > connectors.CommittableDataBytesMax {
		return refuse("%d bytes, at most %d", len(committable.Data), connectors.CommittableDataBytesMax)
	}
	decoder := json.NewDecoder(bytes.NewReader(committable.Data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		var version struct{ Format int }
		if json.Unmarshal(committable.Data, &version) == nil && version.Format > committableFormat {
			return refuse("it has format %d, this version of turgo reads up to %d", version.Format, committableFormat)
		}
		return refuse("%v", err)
	}
	if decoder.InputOffset() != int64(len(committable.Data)) {
		return refuse("text behind its end")
	}
	if p.Format != committableFormat {
		return refuse("it has format %d, this version of turgo reads %d", p.Format, committableFormat)
	}
	name, ok := parseTransactionName(p.TransactionalID)
	switch {
	case !ok:
		return refuse("%.256q is no transactional id of this connector", p.TransactionalID)
	case !name.of(config):
		return refuse("transactional id %.256q belongs to another job or step", p.TransactionalID)
	case p.ProducerID < 0 || p.ProducerID == math.MaxInt64 || p.ProducerEpoch < 0:
		return refuse("producer id %d with epoch %d", p.ProducerID, p.ProducerEpoch)
	case p.Protocol != protocolV1 && p.Protocol != protocolV2:
		return refuse("transaction protocol %d, this version of turgo knows %d and %d", p.Protocol, protocolV1, protocolV2)
	case !isTopicName(p.Topic):
		return refuse("%.256q is no name of a topic", p.Topic)
	}
	return p, name, nil
}
