package record_test

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/abi/vectors"
)

func readVectors(t testing.TB, name string) []vectors.Vector {
	t.Helper()
	all, err := vectors.Read("../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 5 {
		t.Fatalf("%s holds %d vectors", name, len(all))
	}
	return all
}

var kinds = []string{"insert", "update_before", "update_after", "delete"}

// show is a record as a line of the vectors.
func show(v record.View) string {
	timestamp := "none"
	if v.Timestamp() != record.NoTimestamp {
		timestamp = strconv.FormatInt(v.Timestamp(), 10)
	}
	return fmt.Sprintf("record %s %s %s %s %d %s", vectors.Text(v.Key()), vectors.Text(v.Value()),
		kinds[v.Kind()], timestamp, v.Origin(), vectors.Text(v.Extensions()))
}

// offsetOf is where a *FormatError says that something is wrong.
func offsetOf(t *testing.T, err error) int {
	t.Helper()
	var format *record.FormatError
	if !errors.As(err, &format) {
		t.Fatalf("error %v is not a *FormatError", err)
	}
	return format.Offset
}

func TestParseReadsTheGoldenBatches(t *testing.T) {
	for _, v := range readVectors(t, "batches.txt") {
		t.Run(v.Name, func(t *testing.T) {
			batch, err := record.Parse(v.Bytes)
			if v.Error >= 0 {
				if err == nil {
					t.Fatal("is accepted, and must not be")
				}
				if offset := offsetOf(t, err); offset != v.Error {
					t.Errorf("error at %d, want %d: %v", offset, v.Error, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if batch.Count() != len(v.Lines) {
				t.Fatalf("%d records, want %d", batch.Count(), len(v.Lines))
			}
			i := 0
			for c := batch.Records(); c.Next(); i++ {
				if got, want := show(c.Record()), strings.Join(v.Lines[i], " "); got != want {
					t.Errorf("record %d:\n got %s\nwant %s", i, got, want)
				}
			}
		})
	}
}

func recordOf(v record.View) record.Record {
	return record.Record{Key: v.Key(), Value: v.Value(), Kind: v.Kind(), Timestamp: v.Timestamp(), Origin: v.Origin(), Extensions: v.Extensions()}
}

// A batch with the fixed part of this version is reproduced byte for byte,
// whether its records are appended by their parts or by their bytes.
func TestBuilderReproducesTheGoldenBatches(t *testing.T) {
	for _, v := range readVectors(t, "batches.txt") {
		if v.Error >= 0 {
			continue
		}
		batch, err := record.Parse(v.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		var parts, views record.Builder
		for c := batch.Records(); c.Next(); {
			parts.Append(recordOf(c.Record()))
			views.AppendView(c.Record(), c.Record().Origin())
		}
		fromParts, fromViews := parts.Finish(), views.Finish()
		if !bytes.Equal(fromParts, fromViews) {
			t.Errorf("%s: by parts\n%x\nby views\n%x", v.Name, fromParts, fromViews)
		}
		if v.Name != "longer_fixed_part" && !bytes.Equal(fromParts, v.Bytes) {
			t.Errorf("%s: built\n%x\nwant\n%x", v.Name, fromParts, v.Bytes)
		}
	}
}

func TestParseFrameReadsTheGoldenFrames(t *testing.T) {
	names := []string{"batch", "watermark", "barrier", "idle", "end"}
	for _, v := range readVectors(t, "frames.txt") {
		t.Run(v.Name, func(t *testing.T) {
			var again []byte
			rest, lines := v.Bytes, v.Lines
			for len(rest) > 0 {
				frame, length, _, err := record.ParseFrame(rest)
				if v.Error >= 0 {
					if err == nil {
						t.Fatal("is accepted, and must not be")
					}
					if offset := offsetOf(t, err); offset != v.Error {
						t.Errorf("error at %d, want %d: %v", offset, v.Error, err)
					}
					return
				}
				if err != nil || length == 0 {
					t.Fatalf("length %d, error %v", length, err)
				}
				value := frame.Value
				if frame.Kind == record.FrameBatch {
					value = int64(frame.Batch.Count())
				}
				if got, want := fmt.Sprint("frame ", names[frame.Kind], " ", value), strings.Join(lines[0], " "); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				again = record.AppendFrame(again, frame)
				rest, lines = rest[length:], lines[1:]
			}
			if !bytes.Equal(again, v.Bytes) {
				t.Errorf("written again\n%x\nwant\n%x", again, v.Bytes)
			}
		})
	}
}

func TestAFrameThatIsCutOffTellsWhatItNeeds(t *testing.T) {
	var builder record.Builder
	builder.Append(record.Record{Key: []byte("k"), Value: []byte("v")})
	whole := record.AppendFrame(nil, record.Frame{Kind: record.FrameBatch, Batch: builder.Finish()})
	for n := range whole {
		_, length, need, err := record.ParseFrame(whole[:n])
		if err != nil || length != 0 {
			t.Fatalf("%d of %d bytes: length %d, error %v", n, len(whole), length, err)
		}
		if need <= n || need > len(whole) {
			t.Errorf("%d of %d bytes: it needs %d", n, len(whole), need)
		}
	}
}

func TestExtensionsAreFoundByTheirType(t *testing.T) {
	encoded := record.AppendExtension(nil, 3, []byte("three"))
	encoded = record.AppendExtension(encoded, 7, nil)
	var builder record.Builder
	builder.Append(record.Record{Extensions: encoded})
	batch, err := record.Parse(builder.Finish())
	if err != nil {
		t.Fatal(err)
	}
	c := batch.Records()
	c.Next()
	if data, found := c.Record().Extension(3); !found || string(data) != "three" {
		t.Errorf("extension 3 is %q, %v", data, found)
	}
	if data, found := c.Record().Extension(7); !found || len(data) != 0 {
		t.Errorf("extension 7 is %q, %v", data, found)
	}
	if _, found := c.Record().Extension(2); found {
		t.Error("extension 2 is found, and is not there")
	}
}

func TestABuilderPanicsWhereThereIsNoRoom(t *testing.T) {
	var builder record.Builder
	r := record.Record{Value: make([]byte, builder.Room()-record.FixedLength)}
	builder.Append(r)
	if builder.Room() != 0 {
		t.Fatalf("room for %d bytes is left", builder.Room())
	}
	if _, err := record.Parse(builder.Finish()); err != nil {
		t.Errorf("the largest batch: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a record beyond the limit is taken")
		}
	}()
	builder.Append(record.Record{})
}

func TestABuilderIsUsedAgainWithoutAllocation(t *testing.T) {
	var builder record.Builder
	r := record.Record{Key: []byte("key"), Value: make([]byte, 90), Timestamp: 1}
	buffer := make([]byte, 0, 64<<10)
	allocations := testing.AllocsPerRun(100, func() {
		builder.Reset(buffer)
		for range 100 {
			builder.Append(r)
		}
		buffer = builder.Finish()
	})
	if allocations != 0 {
		t.Errorf("%v allocations for a batch", allocations)
	}
}

func TestParseOutputWantsOriginsOfTheInput(t *testing.T) {
	var builder record.Builder
	for origin := range uint32(3) {
		builder.Append(record.Record{Key: []byte("k"), Origin: origin, Extensions: record.AppendExtension(nil, 2, nil)})
	}
	batch := builder.Finish()
	if _, err := record.ParseOutput(batch, 3); err != nil {
		t.Error(err)
	}
	for count, want := range []int{24 + 16, 24 + 37 + 16, 24 + 2*37 + 16} {
		_, err := record.ParseOutput(batch, count)
		if err == nil {
			t.Fatalf("origins of %d input records are accepted", count)
		}
		if offset := offsetOf(t, err); offset != want {
			t.Errorf("%d input records: error at %d, want %d: %v", count, offset, want, err)
		}
	}
}

func TestAtFindsTheRecordsThatACursorWalks(t *testing.T) {
	var builder record.Builder
	for i := range 20 {
		builder.Append(record.Record{Key: make([]byte, i%3), Value: make([]byte, i), Timestamp: int64(i), Origin: uint32(i)})
	}
	batch := builder.Finish()
	offset := record.HeaderLength
	for c := batch.Records(); c.Next(); {
		if got, want := show(batch.At(offset)), show(c.Record()); got != want {
			t.Errorf("at %d: %s, want %s", offset, got, want)
		}
		offset += batch.At(offset).Length()
	}
	if offset != len(batch) {
		t.Errorf("the records end at %d, the batch at %d", offset, len(batch))
	}
}
