package letter

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/checkpoint"
)

// A segment is a head and frames. The head is the magic "TRGL", the version and
// three zero bytes. A frame is the length of its payload and the payload's
// CRC-32C, both u32 little-endian, and the payload: a letter or an answer.
const (
	segmentMagic   = "TRGL"
	segmentVersion = 1
	segmentHead    = 8
	frameHead      = 8
)

// Bounds of segments.
const (
	// SegmentBytesAim is where a segment is cut: a longer one holds one letter more.
	SegmentBytesAim = 4 << 20
	// SegmentBytesMax bounds a segment that is read: a letter holds its record
	// twice at most.
	SegmentBytesMax = 4*SegmentBytesAim + 2*record.LengthMax + 1<<20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendSegmentHead(b []byte) []byte {
	return append(append(b, segmentMagic...), segmentVersion, 0, 0, 0)
}

// openFrame leaves room for a frame's head; closeFrame fills it.
func openFrame(b []byte) (grown []byte, at int) {
	return append(b, make([]byte, frameHead)...), len(b)
}

func closeFrame(b []byte, at int) {
	payload := b[at+frameHead:]
	binary.LittleEndian.PutUint32(b[at:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[at+4:], crc32.Checksum(payload, castagnoli))
}

// frame reads the frame at an offset of a segment.
func frame(segment []byte, at int) (payload []byte, next int, err error) {
	rest := segment[at:]
	if len(rest) < frameHead {
		return nil, 0, fmt.Errorf("letter: offset %d: %w", at, errShort)
	}
	length := binary.LittleEndian.Uint32(rest)
	if uint64(length) > uint64(len(rest)-frameHead) {
		return nil, 0, fmt.Errorf("letter: offset %d: a frame of %d bytes: %w", at, length, errShort)
	}
	payload = rest[frameHead : frameHead+int(length)]
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(rest[4:]) {
		return nil, 0, fmt.Errorf("letter: offset %d: the frame's checksum differs", at)
	}
	if len(payload) == 0 {
		return nil, 0, fmt.Errorf("letter: offset %d: an empty frame", at)
	}
	return payload, at + frameHead + int(length), nil
}

// Each calls visit for each frame of a segment: with its offset, its payload,
// and the payload's kind. Any bytes give frames or an error.
func each(segment []byte, visit func(at int, payload []byte) error) error {
	if len(segment) < segmentHead || string(segment[:4]) != segmentMagic {
		return errors.New("letter: this is not a segment of letters")
	}
	if segment[4] != segmentVersion {
		return fmt.Errorf("letter: the segment has version %d, this version of turgo reads %d", segment[4], segmentVersion)
	}
	for at := segmentHead; at < len(segment); {
		payload, next, err := frame(segment, at)
		if err != nil {
			return err
		}
		if err := visit(at, payload); err != nil {
			return err
		}
		at = next
	}
	return nil
}

// readSegment reads a segment whole and checks that it is what was written.
func readSegment(ctx context.Context, store checkpoint.Store, s checkpoint.LetterSegment) ([]byte, error) {
	damaged := func(reason string) error {
		return &checkpoint.DamagedError{Names: []string{s.Object}, Reason: reason}
	}
	object, err := store.Open(ctx, s.Object)
	if errors.Is(err, checkpoint.ErrNotExist) {
		return nil, damaged("missing")
	}
	if err != nil {
		return nil, fmt.Errorf("letter: open %s: %w", s.Object, err)
	}
	defer object.Close()
	if object.Size() != s.Bytes || s.Bytes > SegmentBytesMax {
		return nil, damaged(fmt.Sprintf("has %d bytes, the checkpoint says %d", object.Size(), s.Bytes))
	}
	data := make([]byte, s.Bytes)
	if n, err := object.ReadAt(data, 0); err != nil && !(err == io.EOF && n == len(data)) {
		return nil, fmt.Errorf("letter: read %s: %w", s.Object, err)
	}
	if checksum(data) != s.Checksum {
		return nil, damaged("checksum differs from the checkpoint's")
	}
	return data, nil
}

func checksum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// readLetter reads one letter of a segment, whose frame is at an offset.
func readLetter(ctx context.Context, store checkpoint.Store, object string, at int64, length int) (*Letter, error) {
	o, err := store.Open(ctx, object)
	if err != nil {
		return nil, fmt.Errorf("letter: open %s: %w", object, err)
	}
	defer o.Close()
	data := make([]byte, length)
	if n, err := o.ReadAt(data, at); err != nil && !(err == io.EOF && n == len(data)) {
		return nil, fmt.Errorf("letter: read %s: %w", object, err)
	}
	payload, _, err := frame(data, 0)
	if err != nil {
		return nil, &checkpoint.DamagedError{Names: []string{object}, Reason: fmt.Sprintf("at offset %d: %v", at, err)}
	}
	l, err := decodeLetter(payload)
	if err != nil {
		return nil, &checkpoint.DamagedError{Names: []string{object}, Reason: fmt.Sprintf("at offset %d: %v", at, err)}
	}
	return l, nil
}
