package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// A fetched partition is a row of record batches, big-endian:
//
//	offset  size  what
//	0       8     first offset
//	8       4     length of what follows
//	12      4     leader epoch
//	16      1     magic, 2
//	17      4     CRC-32C of all from byte 21 on
//	21      2     attributes
//	23      4     last offset, from the first one
//	27      8     first timestamp
//	35      8     largest timestamp
//	43      8     producer id
//	51      2     producer epoch
//	53      4     first sequence
//	57      4     count of records
//	61            records, compressed as the attributes say
//
// Message sets, which are older, share the first 12 bytes and the magic's place.
const (
	batchPrefixBytes = 12
	magicOffset      = 16
	batchHeadBytes   = 61
	magicLegacyMax   = 1
	magicBatch       = 2

	attributeCompression   = 0x07
	attributeAppendTime    = 0x08
	attributeTransactional = 0x10
	attributeControl       = 0x20

	// noTimestamp is Kafka's mark of a record without a timestamp.
	noTimestamp = -1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batchHead is the head of one record batch, and its records as they came.
type batchHead struct {
	firstOffset    int64
	lastOffset     int64
	leaderEpoch    int32
	attributes     int16
	firstTimestamp int64
	maxTimestamp   int64
	producerID     int64
	count          int
	records        []byte
}

func (h *batchHead) control() bool       { return h.attributes&attributeControl != 0 }
func (h *batchHead) transactional() bool { return h.attributes&attributeTransactional != 0 }

// wholeBatches is the length of the whole batches that data begins with, the
// offset after the last of them and its leader epoch. Brokers cut the last batch
// off anywhere.
func wholeBatches(data []byte) (length int, next int64, epoch int32, err error) {
	epoch = -1
	for {
		size, ok, err := batchSize(data[length:])
		if err != nil || !ok {
			return length, next, epoch, err
		}
		head := data[length : length+size]
		last := int64(binary.BigEndian.Uint64(head))
		if head[magicOffset] > magicLegacyMax {
			if size < batchHeadBytes {
				return length, next, epoch, fmt.Errorf("a record batch of %d bytes is shorter than its head", size)
			}
			delta := int32(binary.BigEndian.Uint32(head[23:]))
			if delta < 0 {
				return length, next, epoch, fmt.Errorf("the record batch at offset %d has the last offset delta %d", last, delta)
			}
			last += int64(delta)
			epoch = int32(binary.BigEndian.Uint32(head[12:]))
		}
		if last < 0 || last == math.MaxInt64 || last < next-1 {
			return length, next, epoch, fmt.Errorf("a record batch ends at offset %d, behind one that ends at %d", last, next-1)
		}
		next = last + 1
		length += size
	}
}

// batchSize is the size of the batch at the beginning of data; ok is false where
// it is cut off.
func batchSize(data []byte) (size int, ok bool, err error) {
	if len(data) <= magicOffset {
		return 0, false, nil
	}
	length := int32(binary.BigEndian.Uint32(data[8:]))
	if length < magicOffset+1-batchPrefixBytes {
		return 0, false, fmt.Errorf("a record batch has the length %d", length)
	}
	size = batchPrefixBytes + int(length)
	return size, size <= len(data), nil
}

// readHead reads the head of a whole batch of magic 2 and checks its sum.
func readHead(batch []byte) (h batchHead, err error) {
	if magic := batch[magicOffset]; magic != magicBatch {
		return h, fmt.Errorf("a record batch has the unknown version %d", magic)
	}
	if len(batch) < batchHeadBytes {
		return h, fmt.Errorf("a record batch of %d bytes is shorter than its head", len(batch))
	}
	want := binary.BigEndian.Uint32(batch[17:])
	if got := crc32.Checksum(batch[21:], castagnoli); got != want {
		return h, fmt.Errorf("a record batch has the checksum %08x, its head says %08x", got, want)
	}
	h = batchHead{
		firstOffset:    int64(binary.BigEndian.Uint64(batch)),
		leaderEpoch:    int32(binary.BigEndian.Uint32(batch[12:])),
		attributes:     int16(binary.BigEndian.Uint16(batch[21:])),
		firstTimestamp: int64(binary.BigEndian.Uint64(batch[27:])),
		maxTimestamp:   int64(binary.BigEndian.Uint64(batch[35:])),
		producerID:     int64(binary.BigEndian.Uint64(batch[43:])),
		count:          int(int32(binary.BigEndian.Uint32(batch[57:]))),
		records:        batch[batchHeadBytes:],
	}
	h.lastOffset = h.firstOffset + int64(int32(binary.BigEndian.Uint32(batch[23:])))
	if h.count < 0 || h.firstOffset < 0 || h.lastOffset < h.firstOffset {
		return h, fmt.Errorf("a record batch has %d records with offsets %d to %d", h.count, h.firstOffset, h.lastOffset)
	}
	return h, nil
}

// rawRecord is one record within its batch. A nil key or value is null.
type rawRecord struct {
	timestampDelta int64
	offsetDelta    int64
	key, value     []byte
	headers        []byte // encoded
	headerCount    int
}

var errRecord = errors.New("a record is malformed")

// readRecord reads the record at the beginning of data.
func readRecord(data []byte, r *rawRecord) (rest []byte, err error) {
	length, data, ok := takeVarint(data)
	if !ok || length < 0 || length > int64(len(data)) {
		return nil, errRecord
	}
	data, rest = data[:length], data[length:]
	if len(data) < 1 {
		return nil, errRecord
	}
	data = data[1:] // attributes, not used
	if r.timestampDelta, data, ok = takeVarint(data); !ok {
		return nil, errRecord
	}
	if r.offsetDelta, data, ok = takeVarint(data); !ok {
		return nil, errRecord
	}
	if r.key, data, ok = takeBytes(data); !ok {
		return nil, errRecord
	}
	if r.value, data, ok = takeBytes(data); !ok {
		return nil, errRecord
	}
	count, data, ok := takeVarint(data)
	if !ok || count < 0 || count > int64(len(data)) {
		return nil, errRecord
	}
	r.headers, r.headerCount = data, int(count)
	return rest, nil
}

// takeVarint reads a zigzag number.
func takeVarint(data []byte) (value int64, rest []byte, ok bool) {
	if len(data) > 0 && data[0] < 0x80 {
		return int64(data[0]>>1) ^ -int64(data[0]&1), data[1:], true
	}
	raw, n := binary.Uvarint(data)
	if n <= 0 {
		return 0, nil, false
	}
	return int64(raw>>1) ^ -int64(raw&1), data[n:], true
}

// takeBytes reads a byte string, nil where it is null.
func takeBytes(data []byte) (value, rest []byte, ok bool) {
	length, data, ok := takeVarint(data)
	if !ok || length < -1 || length > int64(len(data)) {
		return nil, nil, false
	}
	if length < 0 {
		return nil, data, true
	}
	return data[:length:length], data[length:], true
}

// aborted tells the records of aborted transactions from others, within one
// answer of a broker.
type aborted struct {
	waiting []abortedTransaction // by first offset
	active  map[int64]bool       // producers whose transaction is aborted
}

type abortedTransaction struct {
	producerID  int64
	firstOffset int64
}

// drops reports whether a batch belongs to an aborted transaction. Batches come
// in the order of their offsets.
func (a *aborted) drops(h *batchHead) bool {
	for len(a.waiting) > 0 && a.waiting[0].firstOffset <= h.lastOffset {
		if a.active == nil {
			a.active = map[int64]bool{}
		}
		a.active[a.waiting[0].producerID] = true
		a.waiting = a.waiting[1:]
	}
	return h.transactional() && a.active[h.producerID]
}

// control takes note of a marker, which ends a transaction.
func (a *aborted) control(h *batchHead) {
	var r rawRecord
	if _, err := readRecord(h.records, &r); err != nil || len(r.key) < 4 {
		return
	}
	const markerAbort = 0
	if binary.BigEndian.Uint16(r.key[2:]) == markerAbort {
		delete(a.active, h.producerID)
	}
}
