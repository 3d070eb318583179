package record_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
)

// Any bytes are a batch whose records can be read and written again, or give
// an error whose offset is within them.
func FuzzParse(f *testing.F) {
	for _, v := range readVectors(f, "batches.txt") {
		f.Add(v.Bytes)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		batch, err := record.Parse(data)
		if err != nil {
			var format *record.FormatError
			if !errors.As(err, &format) || format.Offset < 0 || format.Offset > len(data) {
				t.Fatalf("error %v for %d bytes", err, len(data))
			}
			return
		}
		var builder record.Builder
		records, size := 0, record.HeaderLength
		for c := batch.Records(); c.Next(); records++ {
			v := c.Record()
			size += v.Length()
			for e := v.ExtensionCursor(); e.Next(); {
				if e.Type()&record.MustUnderstand != 0 {
					t.Fatalf("extension type %#x is accepted", e.Type())
				}
			}
			builder.Append(recordOf(v))
		}
		if records != batch.Count() || size != len(data) {
			t.Fatalf("%d records of %d bytes, the header says %d of %d", records, size, batch.Count(), len(data))
		}
		again, err := record.Parse(builder.Finish())
		if err != nil {
			t.Fatalf("written again: %v", err)
		}
		for a, b := batch.Records(), again.Records(); a.Next() && b.Next(); {
			if show(a.Record()) != show(b.Record()) {
				t.Fatalf("written again: %s became %s", show(a.Record()), show(b.Record()))
			}
		}
	})
}

// Any bytes are a stream of frames that writes again as it was, up to the first
// frame that is malformed or cut off.
func FuzzParseFrame(f *testing.F) {
	for _, v := range readVectors(f, "frames.txt") {
		f.Add(v.Bytes)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for rest := data; len(rest) > 0; {
			frame, length, need, err := record.ParseFrame(rest)
			if err != nil {
				var format *record.FormatError
				if !errors.As(err, &format) || format.Offset < 0 || format.Offset > len(rest) {
					t.Fatalf("error %v for %d bytes", err, len(rest))
				}
				return
			}
			if length == 0 {
				if need <= len(rest) || need > record.FrameLengthMax {
					t.Fatalf("%d bytes need %d", len(rest), need)
				}
				return
			}
			if again := record.AppendFrame(nil, frame); !bytes.Equal(again, rest[:length]) {
				t.Fatalf("%x is written again as %x", rest[:length], again)
			}
			rest = rest[length:]
		}
	})
}
