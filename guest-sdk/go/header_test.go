//go:build !wasm

package turgo

import (
	"testing"

	"github.com/turgo-stream/turgo/abi/record"
	"github.com/turgo-stream/turgo/guest-sdk/go/internal/hostcall"
)

// headerReader notes what headers it finds.
type headerReader struct {
	output Output
	got    []string
}

func (h *headerReader) Declare(d *Declaration) {
	d.Input("in", h.process)
	h.output = d.Output("out")
}

func (h *headerReader) process(in *Batch) {
	for in.Next() {
		for _, name := range []string{"trace", "gone", "none"} {
			value, found := in.Header(name)
			switch {
			case !found:
				h.got = append(h.got, name+" is missing")
			case value == nil:
				h.got = append(h.got, name+" is null")
			default:
				h.got = append(h.got, name+"="+string(value))
			}
		}
		h.output.Forward()
	}
}

func TestHeadersAreFoundAndPassedOn(t *testing.T) {
	extensions := record.AppendHeader(nil, []byte("trace"), []byte("first"))
	extensions = record.AppendExtension(extensions, 9, []byte("other"))
	extensions = record.AppendHeader(extensions, []byte("gone"), nil)
	extensions = record.AppendHeader(extensions, []byte("trace"), []byte("last"))
	var builder record.Builder
	builder.Append(record.Record{Value: []byte("v"), Extensions: extensions})
	batch := builder.Finish()

	host, h := &emissions{}, &headerReader{}
	i := newInstance(hostcall.Host{Calls: host}, func() Operator { return h })
	copy(i.lend(len(batch)), batch)
	if status := i.process(0, i.argument.bytes[:len(batch)]); status != 0 {
		t.Fatalf("status %d", status)
	}
	want := []string{"trace=last", "gone is null", "none is missing"}
	for n, text := range want {
		if n >= len(h.got) || h.got[n] != text {
			t.Errorf("headers %q, want %q", h.got, want)
			break
		}
	}
	emitted, err := record.Parse(host.batches[0])
	if err != nil {
		t.Fatal(err)
	}
	if got := emitted.At(record.HeaderLength).Extensions(); string(got) != string(extensions) {
		t.Errorf("extensions %x are passed on as %x", extensions, got)
	}
}
