package record_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
)

func TestHeadersAreWalkedInOrder(t *testing.T) {
	encoded := record.AppendHeader(nil, []byte("trace"), []byte{0x2a})
	encoded = record.AppendExtension(encoded, 7, []byte("other"))
	encoded = record.AppendHeader(encoded, []byte("trace"), nil)
	encoded = record.AppendHeader(encoded, nil, []byte{})
	var builder record.Builder
	builder.Append(record.Record{Key: []byte("k"), Extensions: encoded})
	batch, err := record.Parse(builder.Finish())
	if err != nil {
		t.Fatal(err)
	}
	view := batch.At(record.HeaderLength)
	var got []string
	for c := view.Headers(); c.Next(); {
		got = append(got, fmt.Sprintf("%s=%x null %v", c.Name(), c.Value(), c.Value() == nil))
	}
	want := []string{"trace=2a null false", "trace= null true", "= null false"}
	if !slices.Equal(got, want) {
		t.Errorf("headers %q, want %q", got, want)
	}
	if value, found := view.Header("trace"); !found || value != nil {
		t.Errorf("the last header trace is %x, %v; want null", value, found)
	}
	if _, found := view.Header("none"); found {
		t.Error("a header is found that is not there")
	}
}

// Content of type 1 that is no header is refused, whatever it is.
func TestHeadersAreValidated(t *testing.T) {
	for _, c := range []struct {
		content string
		valid   bool
	}{
		{"", false}, {"\x00\x00\x00", false}, {"\x00\x00\x00\x00", true}, {"\x00\x00\x00\x80", true},
		{"\x01\x00\x00\x00", false}, {"\x01\x00\x00\x00n", true}, {"\x01\x00\x00\x00nv", true},
		{"\x01\x00\x00\x80n", true}, {"\x01\x00\x00\x80nv", false}, {"\xff\xff\xff\xffn", false}, {"\xff\xff\xff\x7fn", false},
	} {
		var builder record.Builder
		builder.Append(record.Record{Extensions: record.AppendExtension(nil, record.ExtensionHeader, []byte(c.content))})
		if _, err := record.Parse(builder.Finish()); (err == nil) != c.valid {
			t.Errorf("content %q: %v, want valid %v", c.content, err, c.valid)
		}
	}
}

func TestHeadersAreAppendedWithoutAllocation(t *testing.T) {
	name, value := []byte("name"), []byte("value")
	encoded := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { encoded = record.AppendHeader(encoded[:0], name, value) }); n != 0 {
		t.Errorf("%v allocations for a header", n)
	}
}
