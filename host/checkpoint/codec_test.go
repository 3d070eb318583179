package checkpoint

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func sampleEntries() []Entry {
	return []Entry{
		{Claim: &Claim{Format: Format, Job: "wordcount", JobUUID: "uuid", Attempt: 3, Number: 41, Host: "host", PID: 77}},
		{Checkpoint: &Manifest{
			Format: Format, Job: "wordcount", JobUUID: "uuid", Attempt: 3, Epoch: 12, Number: 42, MaxParallelism: 128,
			Operators: []OperatorInfo{{UID: "count", Vertex: "count", States: []StateInfo{{Name: "total", Kind: "value"}}}},
			Sources:   []SourceSnapshot{{UID: "lines", FinishedCount: 3, Finished: []string{"a"}, FinishedObjects: []SplitList{{Object: "splits/1", Count: 2}}}},
			Tasks: []TaskSnapshot{{
				Task:   TaskID{Vertex: "count", Subtask: 1},
				Tables: []Table{{Object: "tables/1", Bytes: 10, First: 64, Last: 127, Operators: []string{"count"}}},
				Splits: map[string][]SplitPosition{"lines": {{ID: "b", Position: []byte{0, 1, 255}}}},
			}},
			Pending:   []Committable{{Sink: "out", Epoch: 12, ID: "x", Data: []byte("data")}},
			Confirmed: []CommittableName{{Sink: "out", Epoch: 11, ID: "w"}},
		}},
	}
}

func TestEntryRoundTrip(t *testing.T) {
	for _, entry := range sampleEntries() {
		data, err := encodeEntry(entry)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := decodeEntry(data)
		if err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		again, err := encodeEntry(decoded)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, again) {
			t.Errorf("encoded\n%s\ndecoded and encoded\n%s", data, again)
		}
	}
}

func TestEntryHeadIsReadable(t *testing.T) {
	data, err := encodeEntry(sampleEntries()[1])
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(data), "\n")
	if !strings.HasPrefix(head, "turgo-log 1 checkpoint ") {
		t.Errorf("head line %q", head)
	}
	if !strings.Contains(body, `"epoch": 12`) {
		t.Errorf("the body cannot be read by a person:\n%s", body)
	}
}

// TestEveryFlippedBitIsNoticed damages each byte of an entry in turn.
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	for _, entry := range sampleEntries() {
		data, err := encodeEntry(entry)
		if err != nil {
			t.Fatal(err)
		}
		for i := range data {
			damaged := bytes.Clone(data)
			damaged[i] ^= 1
			if _, err := decodeEntry(damaged); err == nil {
				t.Fatalf("byte %d of %d was changed and nobody noticed", i, len(data))
			}
			if _, err := decodeEntry(data[:i]); err == nil {
				t.Fatalf("an entry cut to %d of %d bytes was read", i, len(data))
			}
		}
	}
}

func TestNewerFormatIsNotDamage(t *testing.T) {
	data, err := encodeEntry(sampleEntries()[0])
	if err != nil {
		t.Fatal(err)
	}
	_, err = decodeEntry(bytes.Replace(data, []byte("turgo-log 1 "), []byte("turgo-log 2 "), 1))
	if format := (*FormatError)(nil); !errors.As(err, &format) {
		t.Errorf("got %v, want a FormatError", err)
	}
}

func TestBodyIsValidated(t *testing.T) {
	bodies := map[string]string{
		"no epoch":          `{"epoch":0}`,
		"table upside down": `{"epoch":1,"tasks":[{"tables":[{"object":"t","key_group_first":2,"key_group_last":1}]}]}`,
		"splits miscounted": `{"epoch":1,"sources":[{"uid":"s","finished_count":3,"finished":["a"]}]}`,
		"negative count":    `{"epoch":1,"sources":[{"uid":"s","finished_count":0,"finished":["a"],"finished_objects":[{"object":"o","count":-1}]}]}`,
		"not JSON":          `{`,
		"a list":            `[]`,
	}
	for name, body := range bodies {
		if _, err := decodeBody(kindCheckpoint, []byte(body)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := decodeBody("other", []byte(`{}`)); err == nil {
		t.Error("an unknown kind was accepted")
	}
}

// FuzzDecodeEntry feeds the decoder any bytes, and any body under a good head.
func FuzzDecodeEntry(f *testing.F) {
	for _, entry := range sampleEntries() {
		data, err := encodeEntry(entry)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		_, body, _ := bytes.Cut(data, []byte("\n"))
		f.Add(body)
	}
	f.Add([]byte("turgo-log 1 checkpoint 99999999999999999999 sha256:\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		check := func(entry Entry, err error) {
			if err != nil {
				return
			}
			encoded, err := encodeEntry(entry)
			if err != nil {
				t.Fatalf("what was decoded cannot be encoded: %v", err)
			}
			if _, err := decodeEntry(encoded); err != nil {
				t.Fatalf("what was encoded cannot be decoded: %v", err)
			}
		}
		check(decodeEntry(data))
		check(decodeBody(kindCheckpoint, data))
		check(decodeBody(kindClaim, data))
	})
}
