package wire

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/connectors"
)

// What cannot be decoded arrives with the delivery that it belongs to.
func TestUndecodablesComeWithTheirDelivery(t *testing.T) {
	turn := 0
	s := &scripted{next: func(ctx context.Context) (connectors.Delivery, error) {
		turn++
		d := connectors.Delivery{SplitID: "only", Position: []byte{byte(turn)}, End: turn == 3}
		switch turn {
		case 1:
			d.Undecodable = []connectors.Undecodable{{Bytes: []byte("bad"), Reason: "not good", Index: 0}, {Bytes: nil, Reason: strings.Repeat("x", 5000), Index: 7}}
		case 2:
			d.Batch = oneBatch(10)
		}
		return d, nil
	}}
	reader := readerOf(t, s)
	defer reader.Close()
	if err := reader.Assign(context.Background(), onlySplit); err != nil {
		t.Fatal(err)
	}
	first := nextDelivery(t, reader)
	if first.Batch != nil || len(first.Undecodable) != 2 || string(first.Undecodable[0].Bytes) != "bad" || first.Undecodable[0].Reason != "not good" ||
		first.Undecodable[1].Index != 7 || len(first.Undecodable[1].Reason) != connectors.ReasonBytesMax {
		t.Errorf("%+v", first)
	}
	if second := nextDelivery(t, reader); second.Batch.Count() != 1 || len(second.Undecodable) != 0 {
		t.Errorf("%+v", second)
	}
}

func nextDelivery(t *testing.T, reader connectors.Reader) connectors.Delivery {
	t.Helper()
	for {
		d, err := reader.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if d.SplitID != "" {
			return d
		}
	}
}

// A connector that finds nothing to decode takes no more of the host's memory
// than is allowed.
func TestTooManyUndecodablesAreMalformed(t *testing.T) {
	for name, list := range map[string][]connectors.Undecodable{
		"too many":   make([]connectors.Undecodable, connectors.UndecodablesMax+1),
		"too long":   {{Bytes: make([]byte, connectors.UndecodableBytesMax+1)}},
		"too much":   repeat(connectors.Undecodable{Bytes: make([]byte, connectors.UndecodableBytesMax)}, 17),
		"before all": {{Index: -1}},
	} {
		s := &scripted{next: func(context.Context) (connectors.Delivery, error) {
			return connectors.Delivery{SplitID: "only", Position: []byte("1"), Undecodable: list}, nil
		}}
		reader := readerOf(t, s)
		if err := reader.Assign(context.Background(), onlySplit); err != nil {
			t.Fatal(err)
		}
		var err error
		for err == nil {
			var d connectors.Delivery
			if d, err = reader.Next(context.Background()); d.SplitID != "" {
				t.Errorf("%s: accepted", name)
			}
		}
		if !strings.Contains(err.Error(), "malformed frame") {
			t.Errorf("%s: %v", name, err)
		}
		reader.Close()
	}
}

func repeat(u connectors.Undecodable, n int) (list []connectors.Undecodable) {
	for range n {
		list = append(list, u)
	}
	return list
}

// All that a writer refuses is there when its epoch is prepared.
func TestRefusedRecordsComeBeforeTheyArePrepared(t *testing.T) {
	var waiting []connectors.Refused
	s := &scripted{
		write: func(_ context.Context, batch record.Batch) error {
			for r := batch.Records(); r.Next(); {
				waiting = append(waiting, connectors.Refuse(r.Record(), "too large"))
			}
			return nil
		},
		refused: func() []connectors.Refused { list := waiting; waiting = nil; return list },
		prepare: func(uint64) ([]connectors.Committable, error) {
			waiting = append(waiting, connectors.Refuse(at(oneBatch(3), 0), "late"))
			return nil, nil
		},
	}
	writer := writerOf(t, s)
	defer writer.Close()
	const batches = 100
	var got []connectors.Refused
	for i := range batches {
		if err := writer.Write(context.Background(), oneBatch(i)); err != nil {
			t.Fatal(err)
		}
		got = append(got, writer.(connectors.Refuser).Refused()...)
	}
	if _, err := writer.Prepare(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	got = append(got, writer.(connectors.Refuser).Refused()...)
	if len(got) != batches+1 || got[batches].Reason != "late" {
		t.Fatalf("%d records came back", len(got))
	}
	for i := range batches {
		if got[i].Reason != "too large" || !bytes.Equal(got[i].Record, oneBatch(i)) {
			t.Errorf("record %d came back as %+v", i, got[i])
		}
	}
}

func at(batch record.Batch, index int) record.View {
	records := batch.Records()
	for range index + 1 {
		records.Next()
	}
	return records.Record()
}
