package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

// chunk is what one answer of a broker holds of one partition, or news of the
// partition that have to keep their place between such answers.
type chunk struct {
	partition *partition
	broker    *brokerFetch // whose read-ahead it counts for
	size      int          // of data, as it came
	data      []byte       // whole batches that were not begun
	aborted   aborted
	// moveTo is the offset to go on at, where there is no data; -1 = stay.
	moveTo int64
}

// decoder turns the batches of chunks into records. It has one batch in work.
type decoder struct {
	decompress decompressor
	builder    record.Builder
	head       batchHead
	records    []byte        // of the batch in work, not decoded yet
	left       int           // how many those are
	legacy     []*kgo.Record // the same, for a message set
	raw        rawRecord
	extensions []byte
	tooLarge   []connectors.Undecodable // of this delivery
}

func newDecoder() decoder { return decoder{decompress: decompressor{bytesMax: decompressedBytesMax}} }

// begin begins a delivery.
func (d *decoder) begin(memory []byte) {
	d.builder.Reset(memory)
	d.tooLarge = d.tooLarge[:0]
}

// busy reports whether a batch is in work.
func (d *decoder) busy() bool { return d.left > 0 || len(d.legacy) > 0 }

// drop forgets the batch in work.
func (d *decoder) drop() { d.left, d.legacy = 0, nil }

// decode appends records of a chunk to the builder until that holds bytesMax, or
// recordsMax were appended, or the chunk is used up, or the partition has ended.
// The partition's position follows.
func (d *decoder) decode(c *chunk, bytesMax, recordsMax int) error {
	p := c.partition
	for d.builder.Length() < bytesMax && d.builder.Count() < recordsMax && !p.done(p.next) {
		if !d.busy() {
			more, err := d.nextBatch(c)
			if err != nil {
				return p.damaged(err)
			}
			if !more {
				return nil
			}
			continue
		}
		full, err := d.append(p, bytesMax, recordsMax)
		if err != nil {
			return err
		}
		if full {
			return nil
		}
	}
	return nil
}

// nextBatch begins the next batch of a chunk. One that holds nothing for us
// moves the position and leaves no batch in work.
func (d *decoder) nextBatch(c *chunk) (more bool, err error) {
	size, ok, err := batchSize(c.data)
	if err != nil || !ok {
		return false, err
	}
	batch := c.data[:size]
	c.data = c.data[size:]
	if batch[magicOffset] <= magicLegacyMax {
		return true, d.beginLegacy(c.partition, batch)
	}
	if d.head, err = readHead(batch); err != nil {
		return false, err
	}
	p, h := c.partition, &d.head
	if h.lastOffset < p.next {
		return true, nil
	}
	dropped := c.aborted.drops(h)
	if h.control() {
		c.aborted.control(h)
	}
	if dropped || h.control() || h.count == 0 {
		d.passed(p)
		return true, nil
	}
	if d.records, err = d.decompress.decompress(h.records, int(h.attributes&attributeCompression)); err != nil {
		return false, err
	}
	d.left = h.count
	return true, nil
}

// passed moves the position behind the batch in work. Compaction may have
// removed its last records, and markers are no records.
func (d *decoder) passed(p *partition) {
	if p.next <= d.head.lastOffset {
		p.next = d.head.lastOffset + 1
	}
	p.epoch = d.head.leaderEpoch
}

// append decodes records of the batch in work. full says that the builder has no
// room for the next one.
func (d *decoder) append(p *partition, bytesMax, recordsMax int) (full bool, err error) {
	if len(d.legacy) > 0 {
		return d.appendLegacy(p, bytesMax, recordsMax), nil
	}
	h, r := &d.head, &d.raw
	for d.left > 0 && d.builder.Length() < bytesMax && d.builder.Count() < recordsMax {
		rest, err := readRecord(d.records, r)
		if err != nil {
			return false, p.damaged(err)
		}
		offset := h.firstOffset + r.offsetDelta
		if p.done(offset) {
			p.next = p.data.stop
			d.drop()
			return false, nil
		}
		if offset >= p.next {
			timestamp := h.firstTimestamp + r.timestampDelta
			if h.attributes&attributeAppendTime != 0 {
				timestamp = h.maxTimestamp
			}
			if d.extensions, err = appendHeaders(d.extensions[:0], r); err != nil {
				return false, p.damaged(err)
			}
			if d.add(p, offset, timestamp, r.key, r.value) {
				return true, nil
			}
			p.next, p.epoch = offset+1, h.leaderEpoch
		}
		d.records = rest
		d.left--
	}
	if d.left == 0 {
		d.passed(p)
	}
	return false, nil
}

// recordBytesMax is the size of a record in a batch of its own.
const recordBytesMax = record.LengthMax - record.HeaderLength

// tooLargeMax bounds the records of one delivery that are too large: each comes
// with its first bytes.
const tooLargeMax = connectors.UndecodablesBytesMax / (connectors.UndecodableBytesMax + connectors.ReasonBytesMax)

// add appends one record to the builder, unless it has no room for it now. One
// that no batch has room for is handed over as what it is.
func (d *decoder) add(p *partition, offset, timestamp int64, key, value []byte) (full bool) {
	if timestamp == noTimestamp {
		timestamp = record.NoTimestamp
	}
	r := record.Record{Key: key, Value: value, Timestamp: timestamp, Extensions: d.extensions}
	size := r.Length()
	if size <= d.builder.Room() {
		d.builder.Append(r)
		return false
	}
	if size <= recordBytesMax || len(d.tooLarge) >= tooLargeMax {
		return true
	}
	d.tooLarge = append(d.tooLarge, connectors.Undecodable{
		Bytes: bytes.Clone(value[:min(len(value), connectors.UndecodableBytesMax)]), Index: d.builder.Count(),
		Reason: fmt.Sprintf("kafka: topic %s partition %d: the record at offset %d takes %d bytes, and a batch has room for %d", p.topic, p.index, offset, size, recordBytesMax),
	})
	return false
}

// damaged wraps what is wrong with the bytes at the position. Reading again may
// give others, from another broker.
func (p *partition) damaged(err error) error {
	return &connectors.RetryableError{Err: fmt.Errorf("kafka: topic %s partition %d at offset %d: %w", p.topic, p.index, p.next, err)}
}

var errHeaders = errors.New("the headers of a record are malformed")

// appendHeaders encodes the headers of a record as extensions.
func appendHeaders(extensions []byte, r *rawRecord) ([]byte, error) {
	data := r.headers
	for range r.headerCount {
		name, rest, ok := takeBytes(data)
		if !ok || name == nil {
			return extensions, errHeaders
		}
		value, rest, ok := takeBytes(rest)
		if !ok {
			return extensions, errHeaders
		}
		extensions = record.AppendHeader(extensions, name, value)
		data = rest
	}
	if len(data) != 0 {
		return extensions, errHeaders
	}
	return extensions, nil
}

// beginLegacy lets the client library read a message set, which only logs from
// before Kafka 0.11 hold.
func (d *decoder) beginLegacy(p *partition, data []byte) error {
	last := int64(binary.BigEndian.Uint64(data))
	fetched := kmsg.NewFetchResponseTopicPartition()
	fetched.Partition, fetched.RecordBatches = p.index, data
	options := kgo.ProcessFetchPartitionOpts{Offset: p.next, Topic: p.topic, Partition: p.index}
	result, _ := kgo.ProcessFetchPartition(options, &fetched, d.decompress.legacy(), nil)
	if result.Err != nil {
		return result.Err
	}
	d.head = batchHead{firstOffset: last, lastOffset: last, leaderEpoch: -1}
	d.legacy = result.Records
	if len(d.legacy) == 0 {
		d.passed(p)
	}
	return nil
}

func (d *decoder) appendLegacy(p *partition, bytesMax, recordsMax int) (full bool) {
	for len(d.legacy) > 0 && d.builder.Length() < bytesMax && d.builder.Count() < recordsMax {
		r := d.legacy[0]
		if p.done(r.Offset) {
			p.next = p.data.stop
			d.drop()
			return false
		}
		d.extensions = d.extensions[:0]
		timestamp := r.Timestamp.UnixMilli()
		if r.Attrs.TimestampType() < 0 {
			timestamp = noTimestamp
		}
		if d.add(p, r.Offset, timestamp, r.Key, r.Value) {
			return true
		}
		p.next, p.epoch = r.Offset+1, -1
		d.legacy = d.legacy[1:]
	}
	if len(d.legacy) == 0 {
		d.passed(p)
	}
	return false
}

// troubleOf tells what an answer's error asks for; fatal errors are returned.
func troubleOf(code int16) (t trouble, err error) {
	answer := kerr.ErrorForCode(code)
	switch {
	case answer == nil:
		return troubleNone, nil
	case errors.Is(answer, kerr.OffsetOutOfRange):
		return troubleRange, nil
	case errors.Is(answer, kerr.UnknownTopicOrPartition), errors.Is(answer, kerr.UnknownTopicID), errors.Is(answer, kerr.InconsistentTopicID), kerr.IsRetriable(answer):
		return troubleLeader, answer
	}
	return troubleNone, answer
}
