package kafka

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/turgo-stream/turgo/abi/record"
)

// wireBatch encodes a record batch as a broker keeps it.
func wireBatch(first int64, attributes int16, producer int64, records []byte, count int) []byte {
	batch := kmsg.RecordBatch{
		FirstOffset: first, PartitionLeaderEpoch: 5, Magic: 2, Attributes: attributes, LastOffsetDelta: int32(max(0, count-1)),
		FirstTimestamp: 1_700_000_000_000, MaxTimestamp: 1_700_000_000_999, ProducerID: producer, NumRecords: int32(count), Records: records,
	}
	data := batch.AppendTo(nil)
	return seal(data)
}

// seal sets the length and the checksum of a batch.
func seal(data []byte) []byte {
	if len(data) >= batchHeadBytes {
		binary.BigEndian.PutUint32(data[8:], uint32(len(data)-batchPrefixBytes))
		binary.BigEndian.PutUint32(data[17:], crc32.Checksum(data[21:], castagnoli))
	}
	return data
}

// wireRecords encodes records whose values are first, first+1 and so on.
func wireRecords(first, count, valueBytes int) []byte {
	var all []byte
	for n := range count {
		value := fmt.Appendf(nil, "%0*d", valueBytes, first+n)
		r := kmsg.Record{TimestampDelta64: int64(n), OffsetDelta: int32(n), Key: []byte("key"), Value: value}
		body := r.AppendTo(nil)
		r.Length = int32(len(body) - 1) // it was encoded as one byte
		all = r.AppendTo(all)
	}
	return all
}

// decodeAll decodes what a chunk holds, in batches of about bytesMax beyond the
// head of a batch.
func decodeAll(data []byte, p *partition, bytesMax int, transactions ...abortedTransaction) (records []string, err error) {
	d := newDecoder()
	c := &chunk{partition: p, data: data, moveTo: -1, aborted: aborted{waiting: transactions}}
	for len(c.data) > 0 || d.busy() {
		d.begin(nil)
		if err := d.decode(c, bytesMax+record.HeaderLength, math.MaxInt); err != nil {
			return records, err
		}
		batch, err := record.Parse(d.builder.Finish())
		if err != nil {
			return records, err
		}
		for walk := batch.Records(); walk.Next(); {
			v := walk.Record()
			records = append(records, fmt.Sprintf("%x=%x at %d", v.Key(), v.Value(), v.Timestamp()))
		}
	}
	return records, nil
}

func newTestPartition(next int64) *partition {
	return &partition{id: "in/0", topic: "in", data: splitData{start: next, stop: offsetNone}, position: position{next: next, epoch: -1}}
}

func TestWholeBatchesAreToldFromCutOnes(t *testing.T) {
	one, two := wireBatch(10, 0, -1, wireRecords(0, 5, 8), 5), wireBatch(15, 0, -1, wireRecords(5, 3, 8), 3)
	both := append(slices.Clone(one), two...)
	for cut := range both {
		length, next, _, err := wholeBatches(both[:cut])
		wantLength, wantNext := 0, int64(0)
		if cut >= len(one) {
			wantLength, wantNext = len(one), 15
		}
		if err != nil || length != wantLength || next != wantNext {
			t.Fatalf("cut at %d: %d bytes up to offset %d, error %v", cut, length, next, err)
		}
	}
	if length, next, epoch, err := wholeBatches(both); err != nil || length != len(both) || next != 18 || epoch != 5 {
		t.Errorf("%d bytes up to offset %d of epoch %d, error %v", length, next, epoch, err)
	}
}

// A batch with one bit changed is an error, never other records.
func TestDamagedBatchesAreErrors(t *testing.T) {
	whole := wireBatch(10, 0, -1, wireRecords(0, 5, 8), 5)
	want, err := decodeAll(whole, newTestPartition(0), 1<<20)
	if err != nil || len(want) != 5 {
		t.Fatalf("%d records, error %v", len(want), err)
	}
	for bit := 8 * 17; bit < 8*len(whole); bit++ {
		data := slices.Clone(whole)
		data[bit/8] ^= 1 << (bit % 8)
		if _, err := decodeAll(data, newTestPartition(0), 1<<20); err == nil {
			t.Fatalf("bit %d changed, and no error", bit)
		}
	}
}

// TestOurDecoderAgreesWithTheClient compares with what the client library makes
// of the same bytes: transactions, gaps, offsets within batches.
func TestOurDecoderAgreesWithTheClient(t *testing.T) {
	marker := func(offset int64, producer int64, kind byte) []byte {
		r := kmsg.Record{Key: []byte{0, 0, 0, kind}, Value: make([]byte, 6)}
		body := r.AppendTo(nil)
		r.Length = int32(len(body) - 1)
		return wireBatch(offset, attributeControl|attributeTransactional, producer, r.AppendTo(nil), 1)
	}
	log := slices.Concat(
		wireBatch(0, 0, -1, wireRecords(0, 4, 8), 4),
		wireBatch(4, attributeTransactional, 7, wireRecords(4, 4, 8), 4),
		wireBatch(8, attributeTransactional, 8, wireRecords(8, 2, 8), 2),
		marker(10, 7, 0),
		wireBatch(11, attributeTransactional, 7, wireRecords(11, 2, 8), 2),
		marker(13, 8, 1),
		marker(14, 7, 1),
		wireBatch(20, attributeAppendTime, -1, wireRecords(20, 3, 8), 3),
		wireBatch(30, 0, -1, nil, 0),
		wireBatch(31, 0, -1, wireRecords(31, 1, 8), 1),
	)
	for next := range int64(33) {
		for _, bytesMax := range []int{1, 100, 1 << 20} {
			fetched := kmsg.NewFetchResponseTopicPartition()
			fetched.RecordBatches = slices.Clone(log)
			fetched.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: 7, FirstOffset: 4}}
			options := kgo.ProcessFetchPartitionOpts{Offset: next, IsolationLevel: kgo.ReadCommitted(), Topic: "in"}
			theirs, end := kgo.ProcessFetchPartition(options, &fetched, kgo.DefaultDecompressor(), nil)
			if theirs.Err != nil {
				t.Fatal(theirs.Err)
			}
			var want []string
			for _, r := range theirs.Records {
				want = append(want, fmt.Sprintf("%x=%x at %d", r.Key, r.Value, r.Timestamp.UnixMilli()))
			}
			p := newTestPartition(next)
			got, err := decodeAll(log, p, bytesMax, abortedTransaction{7, 4})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) || p.next != end {
				t.Fatalf("from %d: got %q up to %d, want %q up to %d", next, got, p.next, want, end)
			}
		}
	}
}

// Message sets, which are older than record batches, are read too.
func TestMessageSets(t *testing.T) {
	var log []byte
	for n := range 5 {
		m := kmsg.MessageV1{Offset: int64(n), Magic: 1, Timestamp: 1_700_000_000_000, Key: []byte("k"), Value: fmt.Append(nil, n)}
		data := m.AppendTo(nil)
		binary.BigEndian.PutUint32(data[8:], uint32(len(data)-batchPrefixBytes))
		binary.BigEndian.PutUint32(data[12:], crc32.ChecksumIEEE(data[16:]))
		log = append(log, data...)
	}
	p := newTestPartition(2)
	got, err := decodeAll(log, p, 1)
	want := []string{"6b=32 at 1700000000000", "6b=33 at 1700000000000", "6b=34 at 1700000000000"}
	if err != nil || !slices.Equal(got, want) || p.next != 5 {
		t.Errorf("got %q up to %d, error %v", got, p.next, err)
	}
}

// A few bytes must not become gigabytes.
func TestABatchThatDecompressesToTooMuch(t *testing.T) {
	const limit = 1 << 20
	zeros := make([]byte, limit+1)
	codecs := map[int]kgo.CompressionCodec{codecGzip: kgo.GzipCompression(), codecSnappy: kgo.SnappyCompression(), codecLZ4: kgo.Lz4Compression(), codecZstd: kgo.ZstdCompression()}
	for codec, preference := range codecs {
		compressor, err := kgo.DefaultCompressor(preference)
		if err != nil {
			t.Fatal(err)
		}
		for length, allowed := range map[int]bool{limit: true, limit + 1: false} {
			var small bytes.Buffer
			data, _ := compressor.Compress(&small, zeros[:length])
			d := &decompressor{bytesMax: limit}
			if output, err := d.decompress(data, codec); (err == nil) != allowed || allowed && len(output) != length {
				t.Errorf("codec %d: %d bytes became %d, error %v", codec, length, len(output), err)
			}
		}
	}
	for _, lie := range [][]byte{binary.AppendUvarint(nil, limit+1), slices.Concat(xerial, []byte{0, 0, 0, 1, 0, 0, 0, 1}, []byte{0xff, 0xff, 0xff, 0xff})} {
		if _, err := (&decompressor{bytesMax: limit}).decompress(lie, codecSnappy); err == nil {
			t.Errorf("%x: no error", lie)
		}
	}
}

// FuzzRecordBatches decodes whatever a broker may send: an error or records, no
// more memory than allowed, and the position never goes back.
func FuzzRecordBatches(f *testing.F) {
	f.Add(wireBatch(0, 0, -1, wireRecords(0, 3, 8), 3), int64(0))
	f.Add(wireBatch(5, attributeTransactional, 7, wireRecords(0, 3, 8), 3), int64(6))
	f.Add(wireBatch(5, attributeControl, 7, wireRecords(0, 1, 8), 1), int64(0))
	f.Add(wireBatch(5, codecSnappy, 7, []byte{3, 8, 1, 2, 3}, 1), int64(0))
	f.Fuzz(func(t *testing.T, data []byte, next int64) {
		if next < 0 || len(data) > 1<<16 {
			return
		}
		data = seal(slices.Clone(data))
		length, _, _, err := wholeBatches(data)
		if err != nil {
			return
		}
		p := newTestPartition(next)
		if _, err := decodeAll(data[:length], p, 1<<20); err == nil && p.next < next {
			t.Errorf("the position went from %d to %d", next, p.next)
		}
	})
}

// FuzzSplits decodes what a checkpoint may hold: what is accepted is written
// again as it was.
func FuzzSplits(f *testing.F) {
	f.Add(splitData{start: offsetEarliest, stop: offsetNone}.encode(), "in/0")
	f.Add(position{next: 42, epoch: 3}.encode(), "in/12")
	f.Add([]byte{1, 0xff}, "in/01")
	f.Fuzz(func(t *testing.T, data []byte, id string) {
		if s, err := decodeSplitData(data); err == nil && !bytes.Equal(s.encode(), data) {
			t.Errorf("split data %x is written again as %x", data, s.encode())
		}
		if p, err := decodePosition(data); err == nil && !bytes.Equal(p.encode(), data) {
			t.Errorf("position %x is written again as %x", data, p.encode())
		}
		if topic, index, err := parseSplitID(id); err == nil && splitID(topic, index) != id {
			t.Errorf("split %q is %q again", id, splitID(topic, index))
		}
	})
}
