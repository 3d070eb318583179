package kafka

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/turgo-stream/turgo/connectors"
)

const (
	// offsetEarliest is the start of a split that starts at whatever is oldest
	// when it is read first: retention may move that on before.
	offsetEarliest = -2
	// offsetNone is the stop of a split that has no end.
	offsetNone = -1

	splitVersion    = 1
	positionVersion = 1

	splitBytes    = 1 + 16 + 8 + 8
	positionBytes = 1 + 8 + 4
)

// splitID names a partition. Names of topics hold no slash.
func splitID(topic string, partition int32) string {
	return topic + "/" + strconv.Itoa(int(partition))
}

func parseSplitID(id string) (topic string, partition int32, err error) {
	topic, number, found := strings.Cut(id, "/")
	n, err := strconv.ParseInt(number, 10, 32)
	if !found || err != nil || n < 0 || number != strconv.FormatInt(n, 10) || checkTopic("", topic) != nil {
		return "", 0, fmt.Errorf("kafka: split %.64q is not TOPIC/PARTITION", id)
	}
	return topic, int32(n), nil
}

// splitData is what was decided about a partition when it was found first.
type splitData struct {
	topicID [16]byte // zero where the broker has none
	start   int64    // an offset, or offsetEarliest
	stop    int64    // the first offset that is not read, or offsetNone
}

func (s splitData) encode() []byte {
	data := make([]byte, 0, splitBytes)
	data = append(data, splitVersion)
	data = append(data, s.topicID[:]...)
	data = binary.BigEndian.AppendUint64(data, uint64(s.start))
	return binary.BigEndian.AppendUint64(data, uint64(s.stop))
}

func decodeSplitData(data []byte) (s splitData, err error) {
	if len(data) == 0 || data[0] != splitVersion {
		return s, fmt.Errorf("kafka: the split's data %.40x has not version %d: it was written by another version of turgo", data, splitVersion)
	}
	if len(data) != splitBytes {
		return s, fmt.Errorf("kafka: the split's data has %d bytes, want %d", len(data), splitBytes)
	}
	copy(s.topicID[:], data[1:])
	s.start = int64(binary.BigEndian.Uint64(data[17:]))
	s.stop = int64(binary.BigEndian.Uint64(data[25:]))
	if s.start < 0 && s.start != offsetEarliest || s.stop < 0 && s.stop != offsetNone {
		return s, fmt.Errorf("kafka: the split's data has start %d and stop %d, which are no offsets", s.start, s.stop)
	}
	return s, nil
}

// position is where a split stands: the next offset, and the leader epoch of
// the record before it, by which the broker can tell that its log was replaced;
// -1 = unknown.
type position struct {
	next  int64
	epoch int32
}

func (p position) encode() []byte {
	data := make([]byte, 0, positionBytes)
	data = append(data, positionVersion)
	data = binary.BigEndian.AppendUint64(data, uint64(p.next))
	return binary.BigEndian.AppendUint32(data, uint32(p.epoch))
}

func decodePosition(data []byte) (p position, err error) {
	if len(data) == 0 || data[0] != positionVersion {
		return p, fmt.Errorf("kafka: position %.40x has not version %d: it was written by another version of turgo", data, positionVersion)
	}
	if len(data) != positionBytes {
		return p, fmt.Errorf("kafka: the position has %d bytes, want %d", len(data), positionBytes)
	}
	p = position{next: int64(binary.BigEndian.Uint64(data[1:])), epoch: int32(binary.BigEndian.Uint32(data[9:]))}
	if p.next < 0 || p.next == math.MaxInt64 || p.epoch < -1 {
		return p, fmt.Errorf("kafka: the position has offset %d and epoch %d", p.next, p.epoch)
	}
	return p, nil
}

// partition is an assigned split.
type partition struct {
	id    string
	topic string
	index int32
	data  splitData

	// The reader's goroutine owns these.
	position // after what was delivered

	// fetching holds the rest under its mutex.
	leader      int32 // broker, -1 = unknown
	leaderEpoch int32
	fetch       position // of the next fetch
	trouble     trouble
	failures    int   // in a row
	retryMS     int64 // when to look for the leader again
	missingMS   int64 // since when the cluster does not know it; 0 = it does
	endOffset   int64 // of what can be read, as the broker said last; -1 = unknown
	emptyReads  int   // in a row, before the end offset
	ended       bool
}

func newPartition(assignment connectors.Assignment) (*partition, error) {
	topic, index, err := parseSplitID(assignment.Split.ID)
	if err != nil {
		return nil, err
	}
	p := &partition{id: assignment.Split.ID, topic: topic, index: index, leader: -1, leaderEpoch: -1, endOffset: -1}
	if p.data, err = decodeSplitData(assignment.Split.Data); err != nil {
		return nil, fmt.Errorf("%w (split %s)", err, p.id)
	}
	p.position = position{next: p.data.start, epoch: -1}
	if assignment.Position != nil {
		if p.position, err = decodePosition(assignment.Position); err != nil {
			return nil, fmt.Errorf("%w (split %s)", err, p.id)
		}
	}
	p.fetch = p.position
	if p.next == offsetEarliest {
		p.trouble = troubleStart
	}
	return p, nil
}

// bounded reports whether the split has an end.
func (p *partition) bounded() bool { return p.data.stop != offsetNone }

// done reports whether all was read that is before an offset.
func (p *partition) done(next int64) bool { return p.bounded() && next >= p.data.stop }
