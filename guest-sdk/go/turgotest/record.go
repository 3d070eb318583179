package turgotest

import (
	"bytes"
	"fmt"
	"strings"

	turgo "github.com/turgo-stream/turgo/guest-sdk/go"
)

// Record is a record to send or to expect.
type Record turgo.Record

// KeyValue is an insert with a key and a value, and no timestamp.
func KeyValue(key, value string) Record {
	return Record{Key: []byte(key), Value: []byte(value), Timestamp: turgo.NoTimestamp}
}

// Value is an insert with a value, a null key and no timestamp.
func Value(value string) Record {
	return Record{Value: []byte(value), Timestamp: turgo.NoTimestamp}
}

// At is the record with a timestamp, in milliseconds since the epoch.
func (r Record) At(timestamp int64) Record {
	r.Timestamp = timestamp
	return r
}

// As is the record as another kind of change.
func (r Record) As(kind turgo.Kind) Record {
	r.Kind = kind
	return r
}

// String is the record as a test's message shows it.
func (r Record) String() string {
	var b strings.Builder
	b.WriteString([]string{"", "update_before ", "update_after ", "delete "}[r.Kind&3])
	b.WriteString(part(r.Key) + "=" + part(r.Value))
	if r.Timestamp != turgo.NoTimestamp {
		fmt.Fprintf(&b, " at %d", r.Timestamp)
	}
	if len(r.Extensions) > 0 {
		fmt.Fprintf(&b, " with extensions %x", r.Extensions)
	}
	return b.String()
}

func part(data []byte) string {
	if data == nil {
		return "null"
	}
	return fmt.Sprintf("%q", data)
}

func (r Record) equal(other Record) bool {
	return r.Kind == other.Kind && r.Timestamp == other.Timestamp &&
		(r.Key == nil) == (other.Key == nil) && bytes.Equal(r.Key, other.Key) &&
		(r.Value == nil) == (other.Value == nil) && bytes.Equal(r.Value, other.Value) &&
		bytes.Equal(r.Extensions, other.Extensions)
}
