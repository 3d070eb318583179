package letter

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/turgo-stream/turgo/abi/record"
)

// outputBytesMax bounds the key and the value of the original record in a
// letter that is written as a record.
const outputBytesMax = 1 << 20

// outputForm is a letter as the value of a record.
type outputForm struct {
	ID               string `json:"id"`
	UID              string `json:"uid"`
	Kind             Kind   `json:"kind"`
	Input            int    `json:"input"`
	Timer            *int   `json:"timer,omitempty"`
	Key              any    `json:"key"`
	Value            any    `json:"value"`
	ValueBytes       int    `json:"value_bytes"`
	Timestamp        *int64 `json:"timestamp"`
	Source           string `json:"source,omitempty"`
	Split            string `json:"split,omitempty"`
	Position         any    `json:"position,omitempty"`
	Index            int    `json:"index"`
	Module           string `json:"module,omitempty"`
	Entry            string `json:"entry,omitempty"`
	Error            Error  `json:"error"`
	Attempts         int    `json:"attempts"`
	FirstMS          int64  `json:"first_ms"`
	LastMS           int64  `json:"last_ms"`
	Watermark        int64  `json:"watermark"`
	ProcessingTimeMS int64  `json:"processing_time_ms"`
	Subtask          int    `json:"subtask"`
	Parallelism      int    `json:"parallelism"`
}

// base64Form is bytes that are no text.
type base64Form struct {
	Base64 []byte `json:"base64"`
}

// outputText is text as text, other bytes as base64, null as null. A long one
// is cut.
func outputText(b []byte) any {
	switch b = b[:min(len(b), outputBytesMax)]; {
	case b == nil:
		return nil
	case utf8.Valid(b):
		return string(b)
	}
	return base64Form{b}
}

// AsRecord writes the letter as a batch of one record, for the output of dead
// letters: the original key and timestamp, and as value the letter as JSON,
// without state.
func (l *Letter) AsRecord(b *record.Builder) (record.Batch, error) {
	records := l.Record.Records()
	records.Next()
	original := records.Record()
	form := outputForm{
		ID: l.ID, UID: l.UID, Kind: l.Kind, Input: l.Input, Key: outputText(original.Key()), Value: outputText(original.Value()),
		ValueBytes: len(original.Value()), Source: l.Place.Source, Split: l.Place.Split, Index: l.Place.Index, Module: l.Module, Entry: l.Entry,
		Error: l.Error, Attempts: l.Attempts, FirstMS: l.FirstMS, LastMS: l.LastMS, Watermark: l.Watermark, ProcessingTimeMS: l.ProcessingTimeMS,
		Subtask: l.Subtask, Parallelism: l.Parallelism,
	}
	if l.Kind == Timer {
		form.Timer = &l.Timer
	}
	if timestamp := original.Timestamp(); timestamp != record.NoTimestamp {
		form.Timestamp = &timestamp
	}
	if l.Place.Position != nil {
		form.Position = outputText(l.Place.Position)
	}
	var value bytes.Buffer
	encoder := json.NewEncoder(&value)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(form); err != nil {
		return nil, err
	}
	key := original.Key()
	if len(key) > outputBytesMax {
		key = key[:outputBytesMax]
	}
	b.Reset(nil)
	b.Append(record.Record{Key: key, Value: bytes.TrimSuffix(value.Bytes(), []byte("\n")), Timestamp: original.Timestamp()})
	return b.Finish(), nil
}
