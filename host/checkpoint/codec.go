package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Kinds of log entries.
const (
	kindClaim      = "claim"
	kindCheckpoint = "checkpoint"
)

const (
	headMagic = "turgo-log"
	// headLimit bounds the head line.
	headLimit = 160
	// entryMaxBytes bounds one copy of an entry.
	entryMaxBytes = 256 << 20
)

// encodeEntry gives the bytes of one copy: a head line with the format version,
// the kind, the body's length and its SHA-256, then the body, indented JSON.
func encodeEntry(entry Entry) ([]byte, error) {
	kind, value := kindCheckpoint, any(entry.Checkpoint)
	switch {
	case entry.Claim != nil && entry.Checkpoint != nil, entry.Claim == nil && entry.Checkpoint == nil:
		return nil, errors.New("checkpoint: a log entry is either a claim or a checkpoint")
	case entry.Claim != nil:
		kind, value = kindClaim, entry.Claim
	}
	body, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return nil, fmt.Errorf("checkpoint: encode entry: %w", err)
	}
	if len(body) > entryMaxBytes-headLimit {
		return nil, fmt.Errorf("checkpoint: the manifest has %d bytes, at most %d are possible", len(body), entryMaxBytes-headLimit)
	}
	body = append(body, '\n')
	sum := sha256.Sum256(body)
	head := fmt.Sprintf("%s %d %s %d sha256:%s\n", headMagic, Format, kind, len(body), hex.EncodeToString(sum[:]))
	return append([]byte(head), body...), nil
}

// decodeEntry reads one copy of an entry. Any bytes give an entry or an error.
func decodeEntry(data []byte) (Entry, error) {
	end := bytes.IndexByte(data[:min(len(data), headLimit)], '\n')
	if end < 0 {
		return Entry{}, errors.New("there is no head line")
	}
	fields := strings.Split(string(data[:end]), " ")
	if len(fields) != 5 || fields[0] != headMagic {
		return Entry{}, errors.New("the head line is not one of a log entry")
	}
	if fields[1] != strconv.Itoa(Format) {
		return Entry{}, &FormatError{Format: fields[1]}
	}
	body := data[end+1:]
	if length, err := strconv.Atoi(fields[3]); err != nil || length != len(body) {
		return Entry{}, fmt.Errorf("the body has %d bytes, the head line says %s", len(body), fields[3])
	}
	sum := sha256.Sum256(body)
	if fields[4] != "sha256:"+hex.EncodeToString(sum[:]) {
		return Entry{}, errors.New("the checksum differs")
	}
	return decodeBody(fields[2], body)
}

// checksumOf is the checksum in the head line of a copy that is in order.
func checksumOf(data []byte) string {
	head, _, _ := bytes.Cut(data, []byte("\n"))
	_, checksum, _ := bytes.Cut(head, []byte("sha256:"))
	return string(checksum)
}

func decodeBody(kind string, body []byte) (Entry, error) {
	var entry Entry
	var target any
	switch kind {
	case kindClaim:
		entry.Claim = &Claim{}
		target = entry.Claim
	case kindCheckpoint:
		entry.Checkpoint = &Manifest{}
		target = entry.Checkpoint
	default:
		return Entry{}, fmt.Errorf("unknown kind of entry %q", kind)
	}
	if err := json.Unmarshal(body, target); err != nil {
		return Entry{}, fmt.Errorf("the body is not as expected: %w", err)
	}
	if m := entry.Checkpoint; m != nil {
		if err := m.validate(); err != nil {
			return Entry{}, err
		}
	}
	return entry, nil
}

// FormatError tells that an entry was written by another version of Turgo.
type FormatError struct{ Format string }

func (e *FormatError) Error() string {
	return fmt.Sprintf("checkpoint: the log has format %.20q, this version of turgo reads %d", e.Format, Format)
}

// validate checks what later code relies on.
func (m *Manifest) validate() error {
	if m.Epoch == 0 {
		return errors.New("epoch is 0")
	}
	for i := range m.Tasks {
		for _, table := range m.Tasks[i].Tables {
			if table.First > table.Last {
				return fmt.Errorf("table %q has key groups %d to %d", table.Object, table.First, table.Last)
			}
		}
	}
	if err := validateLetters(m.Letters); err != nil {
		return err
	}
	for i := range m.Sources {
		source := &m.Sources[i]
		count := len(source.Finished)
		for _, listed := range source.FinishedObjects {
			if listed.Count < 0 || listed.Count > splitListMaxBytes {
				return fmt.Errorf("source %q: list %q has %d ids", source.UID, listed.Object, listed.Count)
			}
			count += listed.Count
		}
		if count != source.FinishedCount {
			return fmt.Errorf("source %q: %d finished splits are listed, the count is %d", source.UID, count, source.FinishedCount)
		}
	}
	return nil
}
