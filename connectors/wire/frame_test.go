package wire

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// The bytes of a frame are fixed: connectors in other languages write them too.
func TestFrameBytes(t *testing.T) {
	f := frame{kind: kindDelivery, flags: flagEnd, number: -1, text: []byte("ab"), position: []byte{9}, body: []byte{1, 2, 3}}
	data := make([]byte, f.length())
	f.encode(data)
	want := "06010000" + "02000000" + "01000000" + "03000000" + "ffffffffffffffff" + "6162" + "09" + "010203"
	if got := hex.EncodeToString(data); got != want {
		t.Errorf("bytes %s, want %s", got, want)
	}
}

func TestFrameErrors(t *testing.T) {
	valid := make([]byte, headBytes+2)
	(&frame{kind: kindWrite, body: []byte{1, 2}}).encode(valid)
	change := func(offset int, value byte) []byte {
		data := bytes.Clone(valid)
		data[offset] = value
		return data
	}
	cases := map[string][]byte{
		"empty":             nil,
		"head cut short":    valid[:headBytes-1],
		"body cut short":    valid[:len(valid)-1],
		"more than it says": append(bytes.Clone(valid), 0),
		"kind 0":            change(0, 0),
		"unknown kind":      change(0, byte(kindEnd)),
		"unknown flag":      change(1, 2),
		"reserved":          change(2, 1),
		"long text":         change(7, 0xff),
		"long position":     change(11, 0xff),
		"long body":         change(15, 0xff),
	}
	for name, data := range cases {
		if f, err := parseFrame(data); err == nil {
			t.Errorf("%s: accepted as %+v", name, f)
		}
	}
	if _, err := parseFrame(valid); err != nil {
		t.Error(err)
	}
}

// FuzzFrame: any bytes are a frame that encodes to the same bytes, or an error.
func FuzzFrame(f *testing.F) {
	for _, seed := range []frame{
		{kind: kindOpen, number: 3},
		{kind: kindDelivery, flags: flagEnd, number: -1, text: []byte("split"), position: []byte("12"), body: []byte("batch")},
		{kind: kindPrepared, number: 7, body: []byte{10, 0}},
	} {
		data := make([]byte, seed.length())
		seed.encode(data)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := parseFrame(data)
		if err != nil {
			return
		}
		again := make([]byte, parsed.length())
		parsed.encode(again)
		if !bytes.Equal(again, data) {
			t.Errorf("%x encodes to %x", data, again)
		}
	})
}

func TestBufferPool(t *testing.T) {
	for _, length := range []int{0, 1, 4096, 4097, 65 << 10, 64 << 20, 1<<27 + 1} {
		data := buffers.Get(length)
		if len(*data) != length {
			t.Errorf("Get(%d) gives %d bytes", length, len(*data))
		}
		buffers.Put(data)
	}
}
