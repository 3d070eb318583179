package main

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/host/letter"
)

// sampleLetter has all that a file of a letter holds.
func sampleLetter() *letter.Letter {
	one := func(value string) record.Batch {
		var b record.Builder
		b.Append(record.Record{Key: []byte{0, 0xff}, Value: []byte(value), Timestamp: 7})
		return b.Finish()
	}
	return &letter.Letter{
		ID: "count-1-0-3", UID: "count", Kind: letter.Timer, Input: 1, Timer: 2, Record: one("now"), Module: "digest", Entry: "entry",
		Error: letter.Error{Kind: "trap", Code: 5, Reason: "why", Stack: "where"}, Attempts: 2, FirstMS: 10, LastMS: 20,
		Watermark: -3, ProcessingTimeMS: 30, Subtask: 1, Parallelism: 4, Seed: []byte{1, 2, 3}, StateIncomplete: true,
		State: []letter.StateEntry{
			{State: "a", Kind: "value", Value: []byte{0xff, 0}, Version: 3, ExpiresMS: 40},
			{State: "b", Kind: "map", Key: []byte{0xfe}, Value: []byte("text")},
		},
		Edits: []letter.Edit{{By: "ann", AtMS: 15, Command: 9, Original: one("then")}},
	}
}

func TestALetterComesBackFromItsFile(t *testing.T) {
	want := sampleLetter()
	data, err := json.Marshal(viewOf(letter.Item{ID: want.ID, UID: want.UID, Kind: want.Kind, Attempts: want.Attempts, FirstMS: want.FirstMS, LastMS: want.LastMS}, want))
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseLetter(data)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

// FuzzParseLetter: any file gives a letter that can be repeated, or an error.
func FuzzParseLetter(f *testing.F) {
	l := sampleLetter()
	data, err := json.Marshal(viewOf(letter.Item{ID: l.ID, Kind: l.Kind}, l))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"batch":"VFJHQgE="}`))
	f.Add([]byte(`{"state":[{"value":{"base64":7}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseLetter(data)
		if err != nil {
			return
		}
		if _, err := record.Parse(l.Record); err != nil {
			t.Errorf("a letter with a malformed record: %v", err)
		}
	})
}
